//! The JSON Schema of the document, for editors, from the table that the reading itself goes by.

use serde_json::{Map, Value as Json, json};
use weir_core::config::DOCUMENT;
use weir_core::config::shape::{Presence, Shape, Value};

/// The schema as JSON text. Members of later versions are not in it, so an editor marks them as the reading refuses them.
#[must_use]
pub fn schema() -> String {
    let mut schema = object(&DOCUMENT);
    if let Json::Object(members) = &mut schema {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("Weir document, version 1"));
    }
    format!("{schema:#}\n")
}

fn object(shape: &Shape) -> Json {
    let now = || shape.members.iter().filter(|member| member.presence != Presence::Later);
    let described = now().map(|member| {
        let mut schema = value(&member.value);
        if let Json::Object(members) = &mut schema {
            members.insert("description".to_owned(), json!(member.about));
        }
        (member.name.to_owned(), schema)
    });
    let required: Vec<&str> = now().filter(|member| member.presence == Presence::Required).map(|member| member.name).collect();
    let properties: Map<String, Json> = described.collect();
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn value(value_of: &Value) -> Json {
    match value_of {
        Value::Text => json!({ "type": "string", "minLength": 1 }),
        Value::Flag => json!({ "type": "boolean" }),
        Value::Count(least, most) => either(json!({ "type": "integer", "minimum": least, "maximum": most }), "^[0-9]+(_[0-9]+)*$"),
        Value::Size(least, most) => {
            either(json!({ "type": "integer", "minimum": least, "maximum": most }), "^[0-9]+(_[0-9]+)*(B|KiB|MiB|GiB)?$")
        }
        Value::Duration => json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$" }),
        Value::Usd => either(json!({ "type": "number", "minimum": 0 }), "^[0-9]+(_[0-9]+)*(\\.[0-9]+)?$"),
        Value::Url => json!({ "type": "string", "pattern": "^https?://" }),
        Value::Choice(now, _) => json!({ "enum": now }),
        Value::List(entry, may_be_empty) => json!({ "type": "array", "minItems": i32::from(!may_be_empty), "items": value(entry) }),
        Value::Object(shape) => object(shape),
        Value::Named(entry) => json!({ "type": "object", "minProperties": 1, "additionalProperties": value(entry) }),
        Value::Any => json!({}),
    }
}

/// A number, or text that means one.
fn either(number: Json, pattern: &str) -> Json {
    json!({ "anyOf": [number, { "type": "string", "pattern": pattern }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_what_the_document_has() {
        let schema: Json = serde_json::from_str(&schema()).unwrap();
        let properties = &schema["properties"];
        assert_eq!(schema["required"], json!(["version", "providers", "models"]));
        assert!(properties.get("policies").is_none(), "a member of a later version");
        assert_eq!(properties["models"]["items"]["properties"]["targets"]["minItems"], 1);
        assert_eq!(properties["providers"]["additionalProperties"]["properties"]["kind"]["enum"][0], "openai");
        assert_eq!(properties["caps"]["additionalProperties"], false);
    }
}

//! The reference of the document, printed from the table that the reading itself goes by.

use std::fmt::Write as _;

use weir_core::config::DOCUMENT;
use weir_core::config::shape::{Member, Presence, Shape, Value};
use weir_core::providers::{Base, Kind, OutputLimit, vertex_endpoint};

/// Every member of the document as a table in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from("| Member | Holds | |\n|---|---|---|\n");
    // Writing into a string cannot fail.
    let _infallible = write_shape(&DOCUMENT, "", &mut text);
    text
}

/// Every kind of provider as a table in Markdown: what a document may leave out.
#[must_use]
pub fn kinds() -> String {
    let mut text = String::from("| `kind` | `endpoint` | `speaks` | `auth.api_key.header` | `dialect` |\n|---|---|---|---|---|\n");
    for kind in Kind::all() {
        let preset = kind.preset();
        let needed = || "has to be given".to_owned();
        let own = preset.endpoint.map(str::to_owned).or_else(|| preset.aws.map(|service| service.endpoint("REGION")));
        let own = own.or_else(|| (preset.base == Base::Vertex).then(|| vertex_endpoint("LOCATION")));
        let endpoint = own.map_or_else(needed, |url| format!("`{url}`"));
        let header = preset.api_key_header.map_or_else(needed, |header| format!("`{header}`"));
        let speaks: Vec<String> = preset.speaks.iter().map(|format| format!("`{format}`")).collect();
        let limit = match preset.dialect.output_limit {
            OutputLimit::MaxCompletionTokens => "max_completion_tokens",
            OutputLimit::MaxTokens => "max_tokens",
        };
        let (role, usage) = (preset.dialect.developer_role, preset.dialect.include_usage);
        let mut dialect = format!("`output_limit: {limit}`, `developer_role: {role}`, `include_usage: {usage}`");
        for rejected in preset.dialect.rejects {
            dialect.push_str(&format!(", no `{rejected}`"));
        }
        for (format, own) in preset.dialect.renames {
            dialect.push_str(&format!(", `{own}` for `{format}`"));
        }
        // Writing into a string cannot fail.
        let _infallible = writeln!(text, "| `{}` | {endpoint} | {} | {header} | {dialect} |", preset.name, speaks.join(", "));
    }
    text
}

fn write_shape(shape: &Shape, path: &str, text: &mut String) -> std::fmt::Result {
    for member in shape.members {
        let path = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
        writeln!(text, "| `{path}` | {} | {} |", holds(member), member.about)?;
        write_below(&member.value, &path, text)?;
    }
    Ok(())
}

fn write_below(value: &Value, path: &str, text: &mut String) -> std::fmt::Result {
    match value {
        Value::Object(shape) => write_shape(shape, path, text),
        Value::List(entry, _) => write_below(entry, &format!("{path}[]"), text),
        Value::Named(entry) => write_below(entry, &format!("{path}.NAME"), text),
        Value::Text
        | Value::Flag
        | Value::Count(..)
        | Value::Size(..)
        | Value::Duration
        | Value::Usd
        | Value::Url
        | Value::Choice(..)
        | Value::Any => Ok(()),
    }
}

fn holds(member: &Member) -> String {
    match member.presence {
        Presence::Required => format!("{}, required", value(&member.value)),
        Presence::Optional => value(&member.value),
        Presence::Later => "*not supported by this version*".to_owned(),
    }
}

fn value(value_of: &Value) -> String {
    match value_of {
        Value::Text => "text".to_owned(),
        Value::Flag => "`true` or `false`".to_owned(),
        Value::Count(least, most) if least == most => format!("`{least}`"),
        Value::Count(..) => "number".to_owned(),
        Value::Size(..) => "size".to_owned(),
        Value::Duration => "time".to_owned(),
        Value::Usd => "dollars".to_owned(),
        Value::Url => "URL".to_owned(),
        Value::Choice(now, later) => {
            let now: Vec<String> = now.iter().map(|word| format!("`{word}`")).collect();
            let later: Vec<String> = later.iter().map(|word| format!("`{word}`")).collect();
            let later = if later.is_empty() { String::new() } else { format!(" (later: {})", later.join(", ")) };
            format!("{}{later}", now.join(", "))
        }
        Value::List(entry, _) => format!("list: {}", value(entry)),
        Value::Object(_) => "object".to_owned(),
        Value::Named(_) => "object for each name".to_owned(),
        Value::Any => String::new(),
    }
}

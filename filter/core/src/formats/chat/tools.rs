//! Tools, the choice among them, and the shape of the answer's text.

use crate::formats::shape::{Fault, place, type_of};
use crate::hub::{InputGrammar, OutputFormat, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Json, Kind, Str};

/// Reads `tools`.
pub(super) fn decode_tools<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Tool<'b>>, Fault> {
    let mut tools = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        let at = cursor.offset();
        let kind = type_of(cursor)?;
        let wanted = match &kind {
            None => "function",
            Some(kind) if kind.is("function") => "function",
            Some(kind) if kind.is("custom") => "custom",
            Some(_) => {
                tools.push(Tool { at: place(at), cache: None, kind: ToolKind::Hosted(cursor.raw()?) });
                continue;
            }
        };
        let (mut cache, mut found) = (None, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.into_plain() {
                "cache_control" if !cursor.null()? => cache = Some(cursor.raw()?),
                "cache_control" => {}
                name if name == wanted => found = Some(decode_tool(cursor, wanted == "custom")?),
                _ => cursor.skip()?,
            }
        }
        tools.push(Tool { at: place(at), cache, kind: found.ok_or(Fault::missing(at, wanted))? });
    }
    Ok(tools)
}

/// Reads the older `functions`, whose elements are what `tools` has in `function`.
pub(super) fn decode_functions<'b>(cursor: &mut Cursor<'b>) -> Result<Vec<Tool<'b>>, Fault> {
    let mut tools = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        let at = place(cursor.offset());
        tools.push(Tool { at, cache: None, kind: decode_tool(cursor, false)? });
    }
    Ok(tools)
}

/// Reads `tool_choice`, or the older `function_call`, which is an object with a name alone.
pub(super) fn decode_choice<'b>(cursor: &mut Cursor<'b>) -> Result<ToolChoice<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? == Kind::String {
        return match &*cursor.string()?.plain() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            // The second is Mistral's word.
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(Fault::wrong(at, "it must be none, auto, required or an object that names a tool")),
        };
    }
    let kind = type_of(cursor)?;
    let known = kind.as_ref().is_none_or(|kind| kind.is("function") || kind.is("custom") || kind.is("allowed_tools"));
    if !known {
        return Ok(ToolChoice::Hosted(cursor.raw()?));
    }
    let mut choice = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "name" if kind.is_none() => choice = Some(ToolChoice::Named(cursor.string()?)),
            "function" | "custom" => choice = Some(ToolChoice::Named(decode_name(cursor)?)),
            "allowed_tools" => choice = Some(decode_allowed(cursor)?),
            _ => cursor.skip()?,
        }
    }
    choice.ok_or(Fault::missing(at, "function"))
}

/// Reads `response_format`.
pub(super) fn decode_output<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let at = cursor.offset();
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    let mut output = match &*kind.plain() {
        "text" => Some(OutputFormat::Text),
        "json_object" => Some(OutputFormat::Json),
        "json_schema" => None,
        _ => return Err(Fault::wrong(at, "its type must be text, json_object or json_schema")),
    };
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("json_schema") && output.is_none() {
            output = Some(decode_schema(cursor)?);
        } else {
            cursor.skip()?;
        }
    }
    output.ok_or(Fault::missing(at, "json_schema"))
}

fn decode_tool<'b>(cursor: &mut Cursor<'b>, custom: bool) -> Result<ToolKind<'b>, Fault> {
    let at = cursor.offset();
    let (mut tool_name, mut description, mut parameters, mut strict, mut grammar) = (None, None, None, None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if cursor.null()? {
            continue;
        }
        match &*name.into_plain() {
            "name" => tool_name = Some(cursor.string()?),
            "description" => description = Some(cursor.string()?),
            "parameters" => parameters = Some(cursor.raw()?),
            "strict" => strict = Some(cursor.boolean()?),
            "format" => grammar = decode_grammar(cursor)?,
            _ => cursor.skip()?,
        }
    }
    let name = tool_name.ok_or(Fault::missing(at, "name"))?;
    Ok(if custom { ToolKind::Custom { name, description, grammar } } else { ToolKind::Function { name, description, parameters, strict } })
}

/// Reads the `format` of a custom tool; a free text has no grammar.
fn decode_grammar<'b>(cursor: &mut Cursor<'b>) -> Result<Option<InputGrammar<'b>>, Fault> {
    let mut grammar = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if !name.is("grammar") || cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        let at = cursor.offset();
        let (mut syntax, mut definition) = (None, None);
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match &*name.into_plain() {
                "syntax" => syntax = Some(cursor.string()?),
                "definition" => definition = Some(cursor.string()?),
                _ => cursor.skip()?,
            }
        }
        let syntax = syntax.ok_or(Fault::missing(at, "syntax"))?;
        grammar = Some(InputGrammar { syntax, definition: definition.ok_or(Fault::missing(at, "definition"))? });
    }
    Ok(grammar)
}

fn decode_name<'b>(cursor: &mut Cursor<'b>) -> Result<Str<'b>, Fault> {
    let at = cursor.offset();
    let mut found = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("name") {
            found = Some(cursor.string()?);
        } else {
            cursor.skip()?;
        }
    }
    found.ok_or(Fault::missing(at, "name"))
}

fn decode_allowed<'b>(cursor: &mut Cursor<'b>) -> Result<ToolChoice<'b>, Fault> {
    let (mut names, mut required) = (Vec::new(), false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "mode" => required = cursor.string()?.is("required"),
            "tools" => {
                cursor.enter_array()?;
                while cursor.element()? {
                    let at = cursor.offset();
                    match decode_choice(cursor)? {
                        ToolChoice::Named(name) => names.push(name),
                        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Allowed { .. } | ToolChoice::Hosted(_) => {
                            return Err(Fault::wrong(at, "it must name a tool"));
                        }
                    }
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(ToolChoice::Allowed { names, required })
}

fn decode_schema<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let at = cursor.offset();
    let (mut schema_name, mut description, mut schema, mut strict) = (None, None, None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if cursor.null()? {
            continue;
        }
        match &*name.into_plain() {
            "name" => schema_name = Some(cursor.string()?),
            "description" => description = Some(cursor.string()?),
            "schema" => schema = Some(cursor.raw()?),
            "strict" => strict = Some(cursor.boolean()?),
            _ => cursor.skip()?,
        }
    }
    let schema = Json::Value(schema.ok_or(Fault::missing(at, "schema"))?);
    Ok(OutputFormat::JsonSchema { name: schema_name, description, schema, strict })
}

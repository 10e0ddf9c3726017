//! Tools, the choice among them, and the shape of the answer's text.

use crate::formats::openai::tools::{
    Named, choice_of_word, decode_allowed, decode_hosted, decode_language, decode_schema, is_own_choice, output_type,
};
use crate::formats::shape::{Fault, place, string_member, type_of};
use crate::hub::{InputGrammar, OutputFormat, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Kind, Str};

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
                tools.push(decode_hosted(cursor)?);
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
                "type" => cursor.skip()?,
                _ => cursor.leave()?,
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
        let word = cursor.string()?;
        // It is Mistral's for `required`.
        return if word.is("any") { Ok(ToolChoice::Required) } else { choice_of_word(at, &word.plain()) };
    }
    let kind = type_of(cursor)?;
    if !kind.as_ref().is_none_or(is_own_choice) {
        return Ok(ToolChoice::Hosted(cursor.raw()?));
    }
    let mut choice = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "name" if kind.is_none() => choice = Some(ToolChoice::Named(cursor.string()?)),
            "function" | "custom" => choice = Some(ToolChoice::Named(decode_name(cursor)?)),
            "allowed_tools" => choice = Some(decode_allowed(cursor, allowed)?),
            _ => cursor.skip()?,
        }
    }
    choice.ok_or(Fault::missing(at, "function"))
}

/// Reads `response_format`.
pub(super) fn decode_output<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let at = cursor.offset();
    let mut output = output_type(cursor)?;
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
    let (mut named, mut grammar) = (Named::default(), None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let name = name.into_plain();
        if cursor.null()? || named.take(&name, "parameters", cursor)? {
            continue;
        }
        if name == "format" {
            grammar = decode_grammar(cursor)?;
        } else {
            cursor.leave()?;
        }
    }
    if custom { named.custom(at, grammar) } else { named.function(at) }
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
        let (syntax, definition) = decode_language(cursor)?;
        let syntax = syntax.ok_or(Fault::missing(at, "syntax"))?;
        grammar = Some(InputGrammar { syntax, definition: definition.ok_or(Fault::missing(at, "definition"))? });
    }
    Ok(grammar)
}

fn decode_name<'b>(cursor: &mut Cursor<'b>) -> Result<Str<'b>, Fault> {
    let at = cursor.offset();
    string_member(cursor, "name")?.ok_or(Fault::missing(at, "name"))
}

/// Reads one of the tools among which the model may choose.
fn allowed<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, Fault> {
    let at = cursor.offset();
    match decode_choice(cursor)? {
        ToolChoice::Named(name) => Ok(Some(name)),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Allowed { .. } | ToolChoice::Hosted(_) => {
            Err(Fault::wrong(at, "it must name a tool"))
        }
    }
}

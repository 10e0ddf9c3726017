//! What the model may call, and whether it must.

use super::decode::Decoded;
use super::schema;
use super::wire::{list, member, word};
use crate::formats::Span;
use crate::formats::shape::{Fault, place};
use crate::hub::{Extension, Field, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Raw, Str};

/// Reads `tools`: objects that hold functions, and tools that Google runs.
pub(super) fn decode_tools<'b>(cursor: &mut Cursor<'b>, decoded: &mut Decoded<'b>) -> Result<(), Fault> {
    list(cursor, |cursor| {
        cursor.enter_object()?;
        while let Some((name, at)) = member(cursor)? {
            if name == "functionDeclarations" {
                list(cursor, |cursor| function(cursor, decoded))?;
            } else {
                let kind = ToolKind::Hosted(cursor.raw()?);
                decoded.request.tools.push(Tool { at: place(at), cache: None, kind });
            }
        }
        Ok(())
    })
}

fn function<'b>(cursor: &mut Cursor<'b>, decoded: &mut Decoded<'b>) -> Result<(), Fault> {
    let start = cursor.offset();
    let (mut called, mut description, mut parameters) = (None, None, None);
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        match &*name {
            "name" => called = Some(cursor.string()?),
            "description" => description = Some(cursor.string()?).filter(|text| !text.is_empty()),
            "parameters" | "parametersJsonSchema" => {
                if parameters.replace(note_schema(cursor, decoded)?).is_some() {
                    return Err(Fault::wrong(at, "a function can have one schema of its parameters only"));
                }
            }
            _ => {
                cursor.skip()?;
                decoded.request.extensions.push(Extension { at: place(at), field: Field::ToolHint });
            }
        }
    }
    let name = called.filter(|name| !name.is_empty()).ok_or(Fault::missing(start, "name"))?;
    let kind = ToolKind::Function { name, description, parameters, strict: None };
    decoded.request.tools.push(Tool { at: place(start), cache: None, kind });
    Ok(())
}

/// Reads a schema, and notes where it stands if it is written as only this format does.
pub(super) fn note_schema<'b>(cursor: &mut Cursor<'b>, decoded: &mut Decoded<'b>) -> Result<Raw<'b>, Fault> {
    let at = cursor.offset();
    let schema = cursor.raw()?;
    if schema::plain(schema).is_some() {
        decoded.schemas.push(Span { start: place(at), end: place(cursor.passed()) });
    }
    Ok(schema)
}

/// Reads `toolConfig`.
pub(super) fn decode_config<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    cursor.enter_object()?;
    while let Some((name, at)) = member(cursor)? {
        if name == "functionCallingConfig" {
            request.tool_choice = calling(cursor)?;
        } else {
            cursor.skip()?;
            request.extensions.push(Extension { at: place(at), field: Field::Extension });
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Auto,
    Any,
    None,
}

fn calling<'b>(cursor: &mut Cursor<'b>) -> Result<Option<ToolChoice<'b>>, Fault> {
    const MODES: [(&str, Mode); 4] = [("AUTO", Mode::Auto), ("ANY", Mode::Any), ("NONE", Mode::None), ("VALIDATED", Mode::Auto)];
    let (mut mode, mut names) = (None, Vec::new());
    cursor.enter_object()?;
    while let Some((name, _)) = member(cursor)? {
        match &*name {
            "mode" => mode = word(cursor, &MODES)?,
            "allowedFunctionNames" => list(cursor, |cursor| {
                names.push(cursor.string()?);
                Ok(())
            })?,
            _ => cursor.skip()?,
        }
    }
    Ok(mode.map(|mode| match (mode, names.len()) {
        (Mode::None, _) => ToolChoice::None,
        (Mode::Auto, 0) => ToolChoice::Auto,
        (Mode::Any, 0) => ToolChoice::Required,
        (Mode::Any, 1) => ToolChoice::Named(names.pop().unwrap_or_else(Str::default)),
        (Mode::Auto | Mode::Any, _) => ToolChoice::Allowed { names, required: mode == Mode::Any },
    }))
}

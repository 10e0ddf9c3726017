//! Tools and the choice among them, as Messages clients write them.

use crate::formats::shape::{Fault, object, place, type_of};
use crate::hub::{Extension, Field, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Raw, Str};

/// Reads `tools`. A tool that the model shall find only by the provider's own search is no tool for anybody else.
pub(super) fn decode_tools<'b>(cursor: &mut Cursor<'b>, extensions: &mut Vec<Extension>) -> Result<Vec<Tool<'b>>, Fault> {
    let mut tools = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        let at = cursor.offset();
        let kind = type_of(cursor)?;
        if kind.is_some_and(|kind| !kind.is("custom")) {
            tools.push(Tool { at: place(at), cache: None, kind: ToolKind::Hosted(cursor.raw()?) });
            continue;
        }
        tools.extend(Draft::read(cursor, extensions)?.tool(at, extensions)?);
    }
    Ok(tools)
}

/// Reads `tool_choice`, and whether only one tool may be called at once.
pub(super) fn decode_choice<'b>(cursor: &mut Cursor<'b>) -> Result<(ToolChoice<'b>, bool), Fault> {
    let at = cursor.offset();
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    let (mut named, mut serial) = (None, false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "name" if !cursor.null()? => named = Some(cursor.string()?),
            "disable_parallel_tool_use" if !cursor.null()? => serial = cursor.boolean()?,
            "name" | "disable_parallel_tool_use" => {}
            _ => cursor.skip()?,
        }
    }
    let choice = match &*kind.plain() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(named.ok_or(Fault::missing(at, "name"))?),
        _ => return Err(Fault::wrong(at, "its type must be auto, any, tool or none")),
    };
    Ok((choice, serial))
}

/// The members of one tool, in whatever order they came.
#[derive(Default)]
struct Draft<'b> {
    name: Option<Str<'b>>,
    description: Option<Str<'b>>,
    parameters: Option<Raw<'b>>,
    strict: Option<bool>,
    cache: Option<Raw<'b>>,
    deferred: bool,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>, extensions: &mut Vec<Extension>) -> Result<Self, Fault> {
        let mut draft = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let at = cursor.offset();
            if cursor.null()? {
                continue;
            }
            match &*name.into_plain() {
                "name" => draft.name = Some(cursor.string()?),
                "description" => draft.description = Some(cursor.string()?),
                "input_schema" => draft.parameters = Some(object(cursor)?),
                "strict" => draft.strict = Some(cursor.boolean()?),
                "cache_control" => draft.cache = Some(cursor.raw()?),
                "defer_loading" => draft.deferred = cursor.boolean()?,
                "type" => cursor.skip()?,
                "eager_input_streaming" => {
                    cursor.skip()?;
                    extensions.push(Extension { at: place(at), field: Field::ToolStreaming });
                }
                _ => {
                    cursor.skip()?;
                    extensions.push(Extension { at: place(at), field: Field::ToolHint });
                }
            }
        }
        Ok(draft)
    }

    fn tool(self, at: usize, extensions: &mut Vec<Extension>) -> Result<Option<Tool<'b>>, Fault> {
        let name = self.name.ok_or(Fault::missing(at, "name"))?;
        if self.deferred {
            extensions.push(Extension { at: place(at), field: Field::DeferredTool });
            return Ok(None);
        }
        let parameters = Some(self.parameters.ok_or(Fault::missing(at, "input_schema"))?);
        let kind = ToolKind::Function { name, description: self.description, parameters, strict: self.strict };
        Ok(Some(Tool { at: place(at), cache: self.cache, kind }))
    }
}

//! Tools, the choice among them, and the shape of an answer: what OpenAI's two formats write alike, only nested otherwise.

use crate::formats::shape::{Fault, object, place, type_of};
use crate::hub::{InputGrammar, OutputFormat, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Json, Raw, Str};

/// What a function, a custom tool and a schema say of themselves.
#[derive(Debug, Default)]
pub struct Named<'b> {
    /// The name.
    pub name: Option<Str<'b>>,
    description: Option<Str<'b>>,
    schema: Option<Raw<'b>>,
    strict: Option<bool>,
}

impl<'b> Named<'b> {
    /// Takes the member `name` if it is one of these; `schema` is what the schema is called. `null` is no value.
    ///
    /// # Errors
    /// The member is of another type.
    pub fn take(&mut self, name: &str, schema: &str, cursor: &mut Cursor<'b>) -> Result<bool, Fault> {
        match name {
            "name" => self.name = Some(cursor.string()?),
            "description" => self.description = Some(cursor.string()?),
            "strict" => self.strict = Some(cursor.boolean()?),
            name if name == schema => self.schema = Some(object(cursor)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A function, which stands at byte `at`.
    ///
    /// # Errors
    /// It has no name.
    pub fn function(self, at: usize) -> Result<ToolKind<'b>, Fault> {
        let name = self.name.ok_or(Fault::missing(at, "name"))?;
        Ok(ToolKind::Function { name, description: self.description, parameters: self.schema, strict: self.strict })
    }

    /// A tool that takes free text.
    ///
    /// # Errors
    /// It has no name.
    pub fn custom(self, at: usize, grammar: Option<InputGrammar<'b>>) -> Result<ToolKind<'b>, Fault> {
        Ok(ToolKind::Custom { name: self.name.ok_or(Fault::missing(at, "name"))?, description: self.description, grammar })
    }

    /// The shape of an answer.
    ///
    /// # Errors
    /// It has no schema.
    pub fn output(self, at: usize) -> Result<OutputFormat<'b>, Fault> {
        let schema = Json::Value(self.schema.ok_or(Fault::missing(at, "schema"))?);
        Ok(OutputFormat::JsonSchema { name: self.name, description: self.description, schema, strict: self.strict })
    }
}

/// Reads the object of a schema: its name, what it is, and the schema itself.
///
/// # Errors
/// A member is of another type, or there is no schema.
pub fn decode_schema<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let at = cursor.offset();
    let mut named = Named::default();
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        let name = name.into_plain();
        if cursor.null()? || named.take(&name, "schema", cursor)? {
            continue;
        }
        // Where the schema stands beside it, the type was read before.
        if name == "type" {
            cursor.skip()?;
        } else {
            cursor.leave()?;
        }
    }
    named.output(at)
}

/// What an object says that its `type` decides: `None` where it holds a schema, too. The cursor stays.
///
/// # Errors
/// It has no type, or one that the formats don't know.
pub fn output_type<'b>(cursor: &mut Cursor<'b>) -> Result<Option<OutputFormat<'b>>, Fault> {
    let at = cursor.offset();
    match &*type_of(cursor)?.ok_or(Fault::missing(at, "type"))?.plain() {
        "text" => Ok(Some(OutputFormat::Text)),
        "json_object" => Ok(Some(OutputFormat::Json)),
        "json_schema" => Ok(None),
        _ => Err(Fault::wrong(at, "its type must be text, json_object or json_schema")),
    }
}

/// Reads the language of a custom tool's input: syntax and definition, as far as they are there.
///
/// # Errors
/// One of them is no string.
pub fn decode_language<'b>(cursor: &mut Cursor<'b>) -> Result<(Option<Str<'b>>, Option<Str<'b>>), Fault> {
    let (mut syntax, mut definition) = (None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "syntax" => syntax = Some(cursor.string()?),
            "definition" => definition = Some(cursor.string()?),
            _ => cursor.skip()?,
        }
    }
    Ok((syntax, definition))
}

/// A choice that is one word, which stands at byte `at`.
///
/// # Errors
/// It is another word.
pub fn choice_of_word<'b>(at: usize, word: &str) -> Result<ToolChoice<'b>, Fault> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(Fault::wrong(at, "it must be none, auto, required or an object that names a tool")),
    }
}

/// Whether a choice of this type names tools of the client's own, not one that the provider would run.
#[must_use]
pub fn is_own_choice(kind: &Str<'_>) -> bool {
    kind.is("function") || kind.is("custom") || kind.is("allowed_tools")
}

/// Reads a choice among some tools; `names` reads one of them.
///
/// # Errors
/// A member is of another type.
pub fn decode_allowed<'b>(
    cursor: &mut Cursor<'b>,
    mut name_of: impl FnMut(&mut Cursor<'b>) -> Result<Option<Str<'b>>, Fault>,
) -> Result<ToolChoice<'b>, Fault> {
    let (mut names, mut required) = (Vec::new(), false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "mode" => {
                let at = cursor.offset();
                required = match &*cursor.string()?.plain() {
                    "required" => true,
                    "auto" => false,
                    _ => return Err(Fault::wrong(at, "it must be auto or required")),
                };
            }
            "tools" => {
                cursor.enter_array()?;
                while cursor.element()? {
                    names.extend(name_of(cursor)?);
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(ToolChoice::Allowed { names, required })
}

/// A tool of the provider's own, which nobody interprets.
///
/// # Errors
/// It is not JSON.
pub fn decode_hosted<'b>(cursor: &mut Cursor<'b>) -> Result<Tool<'b>, Fault> {
    let at = place(cursor.offset());
    Ok(Tool { at, cache: None, kind: ToolKind::Hosted(cursor.raw()?) })
}

//! Tools, the choice among them, and the shape of the answer's text.

use crate::formats::shape::{Fault, place, type_of};
use crate::hub::{Extension, Field, InputGrammar, OutputFormat, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Json, Kind, Raw, Str};

/// What stands between a namespace and the function in it where one name must say both.
pub(super) const BETWEEN: &str = "__";

/// The one name of a function in a namespace.
pub(super) fn joined(namespace: &Str<'_>, name: &Str<'_>) -> Str<'static> {
    let mut joined = namespace.clone().into_owned();
    joined.push(&Str::from_plain(BETWEEN));
    joined.push(name);
    joined
}

/// Reads `tools` into the request; an earlier value of the member is forgotten.
pub(super) fn decode_tools<'b>(cursor: &mut Cursor<'b>, request: &mut Request<'b>) -> Result<(), Fault> {
    request.tools.clear();
    request.extensions.retain(|extension| !matches!(extension.field, Field::Namespace | Field::ToolHint | Field::DeferredTool));
    cursor.enter_array()?;
    while cursor.element()? {
        decode_tool(cursor, None, request)?;
    }
    Ok(())
}

fn decode_tool<'b>(cursor: &mut Cursor<'b>, namespace: Option<&Str<'b>>, request: &mut Request<'b>) -> Result<(), Fault> {
    let at = cursor.offset();
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    let kind = match &*kind.plain() {
        "function" => {
            let draft = Draft::read(cursor)?;
            if draft.hinted {
                request.extensions.push(Extension { at: place(at), field: Field::ToolHint });
            }
            if draft.deferred {
                // The model is to find it by the provider's own search, which another provider does not have.
                request.extensions.push(Extension { at: place(at), field: Field::DeferredTool });
                return Ok(());
            }
            draft.function(at, namespace)?
        }
        "custom" => Draft::read(cursor)?.custom(at, namespace)?,
        "namespace" if namespace.is_none() => return decode_namespace(cursor, at, request),
        _ => ToolKind::Hosted(cursor.raw()?),
    };
    request.tools.push(Tool { at: place(at), cache: None, kind });
    Ok(())
}

fn decode_namespace<'b>(cursor: &mut Cursor<'b>, at: usize, request: &mut Request<'b>) -> Result<(), Fault> {
    request.extensions.push(Extension { at: place(at), field: Field::Namespace });
    let mut ahead = cursor.clone();
    let namespace = member_name(&mut ahead)?.ok_or(Fault::missing(at, "name"))?;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if !name.is("tools") || cursor.peek()? != Kind::Array {
            cursor.skip()?;
            continue;
        }
        cursor.enter_array()?;
        while cursor.element()? {
            decode_tool(cursor, Some(&namespace), request)?;
        }
    }
    Ok(())
}

/// The members of one tool.
#[derive(Default)]
struct Draft<'b> {
    name: Option<Str<'b>>,
    description: Option<Str<'b>>,
    parameters: Option<Raw<'b>>,
    strict: Option<bool>,
    grammar: Option<InputGrammar<'b>>,
    /// `defer_loading`.
    deferred: bool,
    /// It says more than a name, a schema and what it does.
    hinted: bool,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>) -> Result<Self, Fault> {
        let mut draft = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if cursor.null()? {
                continue;
            }
            match &*name.into_plain() {
                "name" => draft.name = Some(cursor.string()?),
                "description" => draft.description = Some(cursor.string()?),
                "parameters" => draft.parameters = Some(cursor.raw()?),
                "strict" => draft.strict = Some(cursor.boolean()?),
                "format" => draft.grammar = decode_grammar(cursor)?,
                "defer_loading" => draft.deferred = cursor.boolean()?,
                "output_schema" | "allowed_callers" | "async" => {
                    cursor.skip()?;
                    draft.hinted = true;
                }
                _ => cursor.skip()?,
            }
        }
        Ok(draft)
    }

    fn function(self, at: usize, namespace: Option<&Str<'b>>) -> Result<ToolKind<'b>, Fault> {
        let name = named(self.name, at, namespace)?;
        Ok(ToolKind::Function { name, description: self.description, parameters: self.parameters, strict: self.strict })
    }

    fn custom(self, at: usize, namespace: Option<&Str<'b>>) -> Result<ToolKind<'b>, Fault> {
        let name = named(self.name, at, namespace)?;
        Ok(ToolKind::Custom { name, description: self.description, grammar: self.grammar })
    }
}

fn named<'b>(name: Option<Str<'b>>, at: usize, namespace: Option<&Str<'b>>) -> Result<Str<'b>, Fault> {
    let name = name.ok_or(Fault::missing(at, "name"))?;
    Ok(namespace.map_or(name.clone(), |namespace| joined(namespace, &name)))
}

/// Reads the `format` of a custom tool; a free text has no grammar.
fn decode_grammar<'b>(cursor: &mut Cursor<'b>) -> Result<Option<InputGrammar<'b>>, Fault> {
    let (mut syntax, mut definition) = (None, None);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "syntax" => syntax = Some(cursor.string()?),
            "definition" => definition = Some(cursor.string()?),
            _ => cursor.skip()?,
        }
    }
    Ok(syntax.zip(definition).map(|(syntax, definition)| InputGrammar { syntax, definition }))
}

/// Reads `tool_choice`.
pub(super) fn decode_choice<'b>(cursor: &mut Cursor<'b>) -> Result<ToolChoice<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? == Kind::String {
        return match &*cursor.string()?.plain() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(Fault::wrong(at, "it must be none, auto, required or an object that names a tool")),
        };
    }
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    match &*kind.plain() {
        "function" | "custom" => Ok(ToolChoice::Named(member_name(cursor)?.ok_or(Fault::missing(at, "name"))?)),
        "allowed_tools" => decode_allowed(cursor),
        _ => Ok(ToolChoice::Hosted(cursor.raw()?)),
    }
}

/// The `name` of the object that comes next, which is passed.
fn member_name<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Str<'b>>, Fault> {
    let mut found = None;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("name") {
            found = Some(cursor.string()?);
        } else {
            cursor.skip()?;
        }
    }
    Ok(found)
}

/// Reads a choice among some tools. Those that the provider would run have no name, and are not offered to another one anyway.
fn decode_allowed<'b>(cursor: &mut Cursor<'b>) -> Result<ToolChoice<'b>, Fault> {
    let (mut names, mut required) = (Vec::new(), false);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match &*name.into_plain() {
            "mode" => required = cursor.string()?.is("required"),
            "tools" => {
                cursor.enter_array()?;
                while cursor.element()? {
                    names.extend(member_name(cursor)?);
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(ToolChoice::Allowed { names, required })
}

/// Reads `text.format`.
pub(super) fn decode_output<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let at = cursor.offset();
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    match &*kind.plain() {
        "text" => {
            cursor.skip()?;
            return Ok(OutputFormat::Text);
        }
        "json_object" => {
            cursor.skip()?;
            return Ok(OutputFormat::Json);
        }
        "json_schema" => {}
        _ => return Err(Fault::wrong(at, "its type must be text, json_object or json_schema")),
    }
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

//! Tools, the choice among them, and the shape of the answer's text.

use crate::formats::openai::tools::{Named, choice_of_word, decode_allowed, decode_language, decode_schema, output_type};
use crate::formats::shape::{Fault, place, string_member, type_of};
use crate::hub::{Extension, Field, InputGrammar, OutputFormat, Request, Tool, ToolChoice, ToolKind};
use crate::json::{Cursor, Kind, Str};

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
            let draft = Draft::read(cursor, namespace)?;
            if draft.hinted {
                request.extensions.push(Extension { at: place(at), field: Field::ToolHint });
            }
            if draft.deferred {
                // The model is to find it by the provider's own search, which another provider does not have.
                request.extensions.push(Extension { at: place(at), field: Field::DeferredTool });
                return Ok(());
            }
            draft.named.function(at)?
        }
        "custom" => {
            let draft = Draft::read(cursor, namespace)?;
            draft.named.custom(at, draft.grammar)?
        }
        "namespace" if namespace.is_none() => return decode_namespace(cursor, at, request),
        _ => ToolKind::Hosted(cursor.raw()?),
    };
    request.tools.push(Tool { at: place(at), cache: None, kind });
    Ok(())
}

fn decode_namespace<'b>(cursor: &mut Cursor<'b>, at: usize, request: &mut Request<'b>) -> Result<(), Fault> {
    request.extensions.push(Extension { at: place(at), field: Field::Namespace });
    let mut ahead = cursor.clone();
    let namespace = string_member(&mut ahead, "name")?.ok_or(Fault::missing(at, "name"))?;
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

/// What one tool says of itself.
#[derive(Default)]
struct Draft<'b> {
    named: Named<'b>,
    grammar: Option<InputGrammar<'b>>,
    /// `defer_loading`.
    deferred: bool,
    /// It says more than a name, a schema and what it does.
    hinted: bool,
}

impl<'b> Draft<'b> {
    fn read(cursor: &mut Cursor<'b>, namespace: Option<&Str<'b>>) -> Result<Self, Fault> {
        let mut draft = Self::default();
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let name = name.into_plain();
            if cursor.null()? || draft.named.take(&name, "parameters", cursor)? {
                continue;
            }
            match &*name {
                "format" => draft.grammar = decode_grammar(cursor)?,
                "defer_loading" => draft.deferred = cursor.boolean()?,
                "output_schema" | "allowed_callers" | "async" => {
                    cursor.skip()?;
                    draft.hinted = true;
                }
                _ => cursor.skip()?,
            }
        }
        if let (Some(namespace), Some(name)) = (namespace, &mut draft.named.name) {
            *name = joined(namespace, name);
        }
        Ok(draft)
    }
}

/// Reads the `format` of a custom tool; a free text has no grammar.
fn decode_grammar<'b>(cursor: &mut Cursor<'b>) -> Result<Option<InputGrammar<'b>>, Fault> {
    let (syntax, definition) = decode_language(cursor)?;
    Ok(syntax.zip(definition).map(|(syntax, definition)| InputGrammar { syntax, definition }))
}

/// Reads `tool_choice`.
pub(super) fn decode_choice<'b>(cursor: &mut Cursor<'b>) -> Result<ToolChoice<'b>, Fault> {
    let at = cursor.offset();
    if cursor.peek()? == Kind::String {
        return choice_of_word(at, &cursor.string()?.plain());
    }
    let kind = type_of(cursor)?.ok_or(Fault::missing(at, "type"))?;
    match &*kind.plain() {
        "function" | "custom" => Ok(ToolChoice::Named(string_member(cursor, "name")?.ok_or(Fault::missing(at, "name"))?)),
        // Those that the provider would run have no name, and are not offered to another one anyway.
        "allowed_tools" => decode_allowed(cursor, |cursor| string_member(cursor, "name")),
        _ => Ok(ToolChoice::Hosted(cursor.raw()?)),
    }
}

/// Reads `text.format`.
pub(super) fn decode_output<'b>(cursor: &mut Cursor<'b>) -> Result<OutputFormat<'b>, Fault> {
    let Some(output) = output_type(cursor)? else { return decode_schema(cursor) };
    cursor.skip()?;
    Ok(output)
}

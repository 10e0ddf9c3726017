//! A whole Converse request into the hub, borrowed.

use super::blocks::{self, Place};
use super::scan::Scan;
use super::{settings, tools};
use crate::formats::shape::{self, Fault, place};
use crate::hub::{Field, Message, PartKind, Rejection, Request, Role};

/// The members of a request. What is in none of the arms of [`read`] is nobody else's.
const MEMBERS: [&str; 13] = [
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "promptVariables",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
    "outputConfig",
    "additionalModelResponseFieldPaths",
    "projectIdentifier",
];

/// Reads a request to this model.
pub(in super::super) fn decode<'b>(model: &str, body: &'b [u8], stream: bool) -> Result<Request<'b>, Rejection> {
    let text = shape::text(body)?;
    // A prompt that the service keeps has the messages.
    let prompt = model.starts_with("arn:") && model.contains(":prompt/");
    // The format always sends usage.
    let mut request = Request { stream, include_usage: true, ..Request::default() };
    read(text, &mut request, prompt).map_err(|fault| fault.rejection(text))?;
    Ok(request)
}

/// Reads the request in one whose tokens shall only be counted.
pub(in super::super) fn decode_counted(body: &[u8]) -> Result<Request<'_>, Rejection> {
    let text = shape::text(body)?;
    counted(text).map_err(|fault| fault.rejection(text))
}

fn counted(text: &str) -> Result<Request<'_>, Fault> {
    let mut request = Request { include_usage: true, ..Request::default() };
    let mut scan = Scan::of(text);
    let (top, mut found) = (scan.cursor.offset(), false);
    scan.structure(&["input"], &mut |scan, _, at| {
        let whose = scan.union(&["converse", "invokeModel"], &mut |scan, name, at| match name {
            "converse" => members(scan, &mut request, at, false),
            _ => Err(Fault::wrong(at, "only a provider of this format counts the body of another operation")),
        })?;
        found = true;
        whose.ok_or(Fault::missing(at, "converse"))
    })?;
    scan.cursor.end()?;
    scan.settle(&mut request);
    if found { Ok(request) } else { Err(Fault::missing(top, "input")) }
}

fn read<'b>(text: &'b str, request: &mut Request<'b>, prompt: bool) -> Result<(), Fault> {
    let mut scan = Scan::of(text);
    let top = scan.cursor.offset();
    members(&mut scan, request, top, prompt)?;
    scan.cursor.end()?;
    scan.settle(request);
    Ok(())
}

/// Reads the members of a request, which begins at `top`; a `prompt` of the service's may have its messages.
fn members<'b>(scan: &mut Scan<'b>, request: &mut Request<'b>, top: usize, prompt: bool) -> Result<(), Fault> {
    scan.structure(&MEMBERS, &mut |scan, name, at| match name {
        "messages" => scan.list(&mut |scan, at| {
            request.messages.push(message(scan, at)?);
            Ok(())
        }),
        "system" => {
            request.system_instructions = blocks::content(scan, Place::System)?;
            Ok(())
        }
        "toolConfig" => tools::decode(scan, at, request),
        "inferenceConfig" => settings::inference(scan, request),
        "additionalModelRequestFields" => settings::additional(scan, request),
        "outputConfig" => settings::output(scan, request),
        "requestMetadata" => {
            request.metadata = Some(settings::labels(scan)?);
            Ok(())
        }
        "serviceTier" => {
            request.service_tier = Some(settings::tier(scan, at)?);
            Ok(())
        }
        "performanceConfig" => settings::performance(scan),
        "guardrailConfig" => scan.note(at, Field::Guardrail),
        "promptVariables" => scan.note(at, Field::StoredPrompt),
        _ => scan.note(at, Field::Extension),
    })?;
    if request.messages.is_empty() && !prompt {
        return Err(Fault::missing(top, "messages"));
    }
    Ok(())
}

fn message<'b>(scan: &mut Scan<'b>, at: usize) -> Result<Message<'b>, Fault> {
    let (mut role, mut parts, cited) = (None, None, scan.citations.len());
    scan.structure(&["role", "content"], &mut |scan, name, _| {
        if name == "role" {
            role = Some(match scan.word(&["user", "assistant", "system"])? {
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => Role::System,
            });
        } else {
            parts = Some(blocks::content(scan, Place::Message)?);
        }
        Ok(())
    })?;
    let role = role.ok_or(Fault::missing(at, "role"))?;
    let parts = parts.ok_or(Fault::missing(at, "content"))?;
    if role != Role::Assistant {
        scan.uncite(cited);
    }
    if role == Role::System && parts.iter().any(|part| !matches!(part.kind, PartKind::Text(_) | PartKind::Opaque(_))) {
        return Err(Fault::wrong(at, "an instruction can hold text only"));
    }
    Ok(Message { at: place(at), role, name: None, parts })
}

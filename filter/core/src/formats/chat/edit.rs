//! What a passing chat request must say otherwise: the model, the wish for usage, and what the provider's dialect spells differently.

use super::outline::{DEVELOPER, noted};
use super::target::untaken;
use crate::formats::members;
use crate::formats::shape::{Fault, place};
use crate::formats::{Onward, Outline, Span};
use crate::hub::{ErrorKind, Fate, Losses, Rejection};
use crate::json::{Cursor, JsonError, Splices, utf8};
use crate::names::FormatId;
use crate::providers::{Dialect, OutputLimit};

/// Notes the splices of one request.
pub(super) fn edit(
    outline: &Outline,
    body: &[u8],
    onward: &Onward<'_>,
    splices: &mut Splices,
    losses: &mut Losses,
) -> Result<(), Rejection> {
    members::edit(outline, body, onward, splices);
    members::remove(body, &outline.foreign, "", splices);
    let max_completion_tokens = onward.dialect.output_limit == OutputLimit::MaxCompletionTokens;
    if let Some(limit) = outline.output_limit.filter(|limit| limit.completion != max_completion_tokens) {
        splices.replace(limit.name, if max_completion_tokens { "\"max_completion_tokens\"" } else { "\"max_tokens\"" });
    }
    let ask_usage = outline.stream && onward.dialect.include_usage && !outline.include_usage;
    let rename_developer = !onward.dialect.developer_role && noted(outline.memo.as_deref(), DEVELOPER);
    let odd = !onward.dialect.rejects.is_empty() || !onward.dialect.renames.is_empty();
    if !ask_usage && !rename_developer && !odd {
        return Ok(());
    }
    let text = utf8(body).unwrap_or_default();
    if odd {
        respell(text, &onward.dialect, splices, losses)?;
    }
    if ask_usage {
        include_usage(outline, text, splices).map_err(|fault| fault.rejection(text))?;
    }
    if rename_developer {
        system_for_developer(text, splices).map_err(|fault| fault.rejection(text))?;
    }
    Ok(())
}

/// Takes out the members that the provider answers with 400, and writes those that it calls otherwise as it does.
fn respell(text: &str, dialect: &Dialect, splices: &mut Splices, losses: &mut Losses) -> Result<(), Rejection> {
    let broken = |error: JsonError| Fault::from(error).rejection(text);
    let mut cursor = Cursor::of_text(text);
    let mut untaken_members = Vec::new();
    cursor.enter_object().map_err(broken)?;
    loop {
        let before = cursor.offset();
        let Some(name) = cursor.member().map_err(broken)? else { break };
        let start = before.saturating_add(text.get(before..).and_then(|rest| rest.find('"')).unwrap_or(0));
        let named = cursor.passed();
        let value = cursor.raw().map_err(broken)?;
        let name = name.into_plain();
        match dialect.spelled(&name) {
            Some(own) if own == name => {}
            Some(own) => {
                let end = text.get(start..named).and_then(|between| between.rfind('"')).map_or(named, |at| start.saturating_add(at + 1));
                splices.replace(Span { start: place(start), end: place(end) }, format!("\"{own}\""));
            }
            None => {
                // What asks for what happens anyway is no loss.
                if !matches!((&*name, value.as_str()), (_, "null") | ("n", "1") | ("logprobs", "false")) {
                    let field = untaken(&name);
                    if losses.record(field, FormatId::Chat) == Fate::Refuse {
                        let sentence = format!("{name}: the provider of this model does not take this");
                        return Err(Rejection::new(ErrorKind::Unsupported, sentence).code("unsupported_by_target").at(name));
                    }
                }
                untaken_members.push(Span { start: place(start), end: place(cursor.passed()) });
            }
        }
    }
    members::remove(text.as_bytes(), &untaken_members, "", splices);
    Ok(())
}

/// Puts `include_usage: true` into the client's options, or options into the request.
fn include_usage(outline: &Outline, text: &str, splices: &mut Splices) -> Result<(), Fault> {
    let Some(options) = outline.stream_options else {
        let behind = text.find('{').map_or(0, |at| at + 1);
        splices.replace(insertion(behind), "\"stream_options\":{\"include_usage\":true},");
        return Ok(());
    };
    let start = options.range().map_or(0, |range| range.start);
    let mut cursor = Cursor::at(text, start);
    if cursor.null()? {
        splices.replace(options, "{\"include_usage\":true}");
        return Ok(());
    }
    cursor.enter_object()?;
    let behind = cursor.passed();
    let (mut said, mut members) = (false, false);
    while let Some(name) = cursor.member()? {
        members = true;
        let value = cursor.offset();
        cursor.skip()?;
        if name.is("include_usage") {
            said = true;
            splices.replace(Span { start: place(value), end: place(cursor.passed()) }, "true");
        }
    }
    if !said {
        splices.replace(insertion(behind), if members { "\"include_usage\":true," } else { "\"include_usage\":true" });
    }
    Ok(())
}

/// Writes the role `system` where the client wrote `developer`, which servers with chat templates of their own refuse.
fn system_for_developer(text: &str, splices: &mut Splices) -> Result<(), Fault> {
    let mut cursor = Cursor::of_text(text);
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if !name.is("messages") {
            cursor.skip()?;
            continue;
        }
        cursor.enter_array()?;
        while cursor.element()? {
            cursor.enter_object()?;
            while let Some(name) = cursor.member()? {
                let start = cursor.offset();
                let raw = cursor.raw()?;
                if name.is("role") && raw.cursor().string().is_ok_and(|role| role.is(DEVELOPER)) {
                    splices.replace(Span { start: place(start), end: place(cursor.passed()) }, "\"system\"");
                }
            }
        }
    }
    Ok(())
}

fn insertion(at: usize) -> Span {
    Span { start: place(at), end: place(at) }
}

//! What a passing chat request must say otherwise: the model, the wish for usage, and what the provider's dialect spells differently.

use super::outline::DEVELOPER;
use crate::formats::members;
use crate::formats::shape::{Fault, place};
use crate::formats::{Onward, Outline, Span};
use crate::hub::Rejection;
use crate::json::{Cursor, Splices, utf8};
use crate::providers::OutputLimit;

/// Notes the splices of one request.
pub(super) fn edit(outline: &Outline, body: &[u8], onward: &Onward<'_>, splices: &mut Splices) -> Result<(), Rejection> {
    members::edit(outline, body, onward, splices);
    let max_completion_tokens = onward.dialect.output_limit == OutputLimit::MaxCompletionTokens;
    if let Some(limit) = outline.output_limit.filter(|limit| limit.completion != max_completion_tokens) {
        splices.replace(limit.name, if max_completion_tokens { "\"max_completion_tokens\"" } else { "\"max_tokens\"" });
    }
    let ask_usage = outline.stream && onward.dialect.include_usage && !outline.include_usage;
    let rename_developer = !onward.dialect.developer_role && outline.memo.as_deref() == Some(DEVELOPER);
    if !ask_usage && !rename_developer {
        return Ok(());
    }
    let text = utf8(body).unwrap_or_default();
    if ask_usage {
        include_usage(outline, text, splices).map_err(|fault| fault.rejection(text))?;
    }
    if rename_developer {
        system_for_developer(text, splices).map_err(|fault| fault.rejection(text))?;
    }
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

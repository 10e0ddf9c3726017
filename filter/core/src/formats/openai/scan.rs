//! What the scans of OpenAI's two formats look for alike: tools, the choice among them, and media that some provider refuses.

use super::tools::is_own_choice;
use crate::formats::Outline;
use crate::formats::media::media_type;
use crate::formats::shape::Fault;
use crate::hub::{Capability, Field};
use crate::json::{Cursor, Kind, Str};

/// Scans `tools`: each of them may be a namespace of others.
///
/// # Errors
/// It is no list.
pub fn tools(cursor: &mut Cursor<'_>, outline: &mut Outline) -> Result<(), Fault> {
    cursor.enter_array()?;
    while cursor.element()? {
        outline.uses.note(Capability::Tools, true);
        if cursor.peek()? != Kind::Object {
            cursor.skip()?;
            continue;
        }
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            let kind = cursor.peek()?;
            if name.is("type") && kind == Kind::String {
                let custom = cursor.string()?.is("custom");
                outline.note(Field::CustomTool, custom);
            } else if name.is("tools") && kind == Kind::Array {
                tools(cursor, outline)?;
            } else {
                cursor.skip()?;
            }
        }
    }
    Ok(())
}

/// Scans `tool_choice`.
///
/// # Errors
/// It is not JSON.
pub fn tool_choice(cursor: &mut Cursor<'_>, outline: &mut Outline) -> Result<(), Fault> {
    if cursor.peek()? != Kind::Object {
        return Ok(cursor.skip()?);
    }
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        if name.is("type") && cursor.peek()? == Kind::String {
            let own = is_own_choice(&cursor.string()?);
            outline.note(Field::HostedToolChoice, !own);
        } else {
            cursor.skip()?;
        }
    }
    Ok(())
}

/// Notes what a medium is by its address; whether that holds the medium itself.
pub fn is_data(url: &Str<'_>, outline: &mut Outline) -> bool {
    let Some(mime) = media_type(url) else { return false };
    match &*mime.plain() {
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" => {}
        mime if mime.starts_with("image/") => outline.note(Field::ImageType, true),
        mime if mime.starts_with("audio/") => outline.note(Field::Audio, true),
        mime if mime.starts_with("video/") => outline.note(Field::Video, true),
        "" | "application/pdf" => {}
        _ => outline.note(Field::DocumentType, true),
    }
    true
}

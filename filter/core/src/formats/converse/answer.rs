//! A whole Converse answer as the hub's. It has no id and no model: both stand elsewhere.

use super::{said, usage};
use crate::hub::{Answer, Choice, ErrorKind, Failure, Finish, Likelihood, PartKind};
use crate::json::{Cursor, JsonError, Kind};

/// Reads a whole answer.
///
/// # Errors
/// The body is no Converse answer.
pub(super) fn decode(body: &[u8]) -> Result<Answer<'_>, Failure> {
    let unreadable = |error: JsonError| Failure::new(ErrorKind::BadGateway, format!("the provider's answer can't be read: {error}"));
    let (answer, found) = read(body).map_err(unreadable)?;
    if !found {
        return Err(Failure::new(ErrorKind::BadGateway, "the provider's answer has no message"));
    }
    if answer.choices.iter().all(|choice| choice.parts.is_empty() && choice.finish.is_broken()) {
        return Err(Failure::wordless());
    }
    Ok(answer)
}

/// The answer, and whether there is a message in it.
fn read(body: &[u8]) -> Result<(Answer<'_>, bool), JsonError> {
    let (mut answer, mut parts, mut citations, mut finish, mut found) = (Answer::default(), Vec::new(), Vec::new(), None, false);
    let mut cursor = Cursor::new(body)?;
    cursor.enter_object()?;
    while let Some(name) = cursor.member()? {
        match name.as_escaped() {
            "output" if cursor.peek()? == Kind::Object => {
                cursor.enter_object()?;
                while let Some(name) = cursor.member()? {
                    if name.is("message") && cursor.peek()? == Kind::Object {
                        found = true;
                        cursor.enter_object()?;
                        while let Some(name) = cursor.member()? {
                            if name.is("content") && cursor.peek()? == Kind::Array {
                                said::content(&mut cursor, &mut parts, &mut citations, &mut answer.met)?;
                            } else {
                                cursor.skip()?;
                            }
                        }
                    } else {
                        cursor.skip()?;
                    }
                }
            }
            "stopReason" if cursor.peek()? == Kind::String => finish = Some(said::finish(cursor.string()?)),
            "usage" => answer.usage = usage::read(cursor.raw()?),
            "serviceTier" if cursor.peek()? == Kind::Object => {
                cursor.enter_object()?;
                while let Some(name) = cursor.member()? {
                    if name.is("type") && cursor.peek()? == Kind::String {
                        answer.service_tier = Some(cursor.string()?);
                    } else {
                        cursor.skip()?;
                    }
                }
            }
            _ => cursor.skip()?,
        }
    }
    cursor.end()?;
    let calls = parts.iter().any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
    let finish = finish.unwrap_or(Finish::Stop).settled(calls);
    answer.choices.push(Choice { index: 0, parts, citations, likelihood: Likelihood::default(), finish });
    Ok((answer, found))
}

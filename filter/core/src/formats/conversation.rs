//! What stays the same from one request of a conversation to the next, in whatever format: the ground of affinity.
//!
//! Only requests of routes with affinity are looked at, once more and shallowly: members of the request itself, and its first turns.

use crate::json::{Cursor, JsonError, Kind};
use crate::routing::{Mark, hash, mixed};

/// How much of each piece of a prompt counts. Prompts differ early, and a cache needs a beginning in common, not the whole.
const BEGINNING: usize = 4096;

/// The hash by which a request's conversation is known; `None` where it does not have the mark. A body that can't be read has none.
#[must_use]
pub fn conversation(body: &[u8], mark: Mark) -> Option<u64> {
    let mut cursor = Cursor::new(body).ok()?;
    match mark {
        Mark::CacheKey => text(&mut cursor, &["prompt_cache_key"]).ok()?,
        Mark::User => text(&mut cursor, &["user", "safety_identifier", "metadata"]).ok()?,
        Mark::Prompt => opening(&mut cursor).ok()?,
    }
}

/// The first of these members that holds text; of an object (`metadata`) its `user_id`.
fn text(cursor: &mut Cursor<'_>, names: &[&str]) -> Result<Option<u64>, JsonError> {
    cursor.enter_object()?;
    let mut found = None;
    while let Some(name) = cursor.member()? {
        if !names.iter().any(|one| name.is(one)) {
            cursor.skip()?;
            continue;
        }
        let value = match cursor.peek()? {
            Kind::String => Some(hash(cursor.string()?.as_escaped().as_bytes())),
            Kind::Object if name.is("metadata") => text(cursor, &["user_id"])?,
            _ => {
                cursor.skip()?;
                None
            }
        };
        found = found.or(value);
    }
    Ok(found)
}

/// The instructions and the first turns up to the user's first one.
fn opening(cursor: &mut Cursor<'_>) -> Result<Option<u64>, JsonError> {
    cursor.enter_object()?;
    let (mut sum, mut turns) = (0_u64, false);
    while let Some(name) = cursor.member()? {
        // Members may come in any order, so their hashes are added up.
        if name.is("system") || name.is("instructions") || name.is("system_instruction") || name.is("systemInstruction") {
            sum = sum.wrapping_add(beginning(cursor.raw()?.as_str()));
        } else if name.is("messages") || name.is("input") || name.is("contents") {
            turns = true;
            sum = sum.wrapping_add(first_turns(cursor)?);
        } else {
            cursor.skip()?;
        }
    }
    Ok(turns.then(|| mixed(sum)))
}

fn first_turns(cursor: &mut Cursor<'_>) -> Result<u64, JsonError> {
    if cursor.peek()? != Kind::Array {
        return Ok(beginning(cursor.raw()?.as_str()));
    }
    cursor.enter_array()?;
    let (mut sum, mut open) = (0_u64, true);
    while cursor.element()? {
        let turn = cursor.raw()?.as_str();
        if open {
            sum = mixed(sum).wrapping_add(beginning(turn));
            open = !is_users(turn);
        }
    }
    Ok(sum)
}

fn is_users(turn: &str) -> bool {
    let role = |turn: &str| -> Result<bool, JsonError> {
        let mut cursor = Cursor::new(turn.as_bytes())?;
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if name.is("role") && cursor.peek()? == Kind::String {
                return Ok(cursor.string()?.is("user"));
            }
            cursor.skip()?;
        }
        Ok(false)
    };
    role(turn).unwrap_or(true)
}

fn beginning(text: &str) -> u64 {
    let bytes = text.as_bytes();
    hash(bytes.get(..BEGINNING).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str, mark: Mark) -> Option<u64> {
        conversation(body.as_bytes(), mark)
    }

    #[test]
    fn a_conversation_that_goes_on_keeps_its_hash() {
        for (one, next, other) in [
            (
                r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"Hi"}],"model":"m"}"#,
                r#"{"model":"n","messages":[{"role":"system","content":"s"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"},{"role":"user","content":"x"}]}"#,
                r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"Ho"}],"model":"m"}"#,
            ),
            (
                r#"{"system":"s","messages":[{"role":"user","content":"Hi"}]}"#,
                r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}],"system":"s"}"#,
                r#"{"system":"t","messages":[{"role":"user","content":"Hi"}]}"#,
            ),
            (r#"{"input":"Hi","instructions":"s"}"#, r#"{"instructions":"s","input":"Hi","stream":true}"#, r#"{"input":"Ho"}"#),
        ] {
            assert!(of(one, Mark::Prompt).is_some());
            assert_eq!(of(one, Mark::Prompt), of(next, Mark::Prompt), "{next}");
            assert_ne!(of(one, Mark::Prompt), of(other, Mark::Prompt), "{other}");
        }
    }

    #[test]
    fn marks_that_are_missing_or_no_text_are_none() {
        for (body, mark, some) in [
            (r#"{"user":"u"}"#, Mark::User, true),
            (r#"{"metadata":{"user_id":"u"}}"#, Mark::User, true),
            (r#"{"metadata":{"a":"u"}}"#, Mark::User, false),
            (r#"{"user":null}"#, Mark::User, false),
            (r#"{"prompt_cache_key":"k"}"#, Mark::CacheKey, true),
            (r#"{"prompt_cache_key":7}"#, Mark::CacheKey, false),
            (r#"{"model":"m"}"#, Mark::Prompt, false),
            ("{", Mark::Prompt, false),
        ] {
            assert_eq!(of(body, mark).is_some(), some, "{body} {mark:?}");
        }
    }
}

//! Flags for beta features of Claude's API, as each service that carries it wants them.

use crate::formats::Beside;
use crate::formats::crossing::Crossing;
use crate::hub::{Field, Rejection, Request};
use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str};
use std::collections::BTreeSet;

/// The member in which Bedrock wants them, whichever of its APIs is called.
pub const MEMBER: &str = "anthropic_beta";

/// The flags that Bedrock's documentation names for Claude models: it answers a request with any other one with 400.
const BEDROCK: [&str; 11] = [
    "computer-use-2024-10-22",
    "computer-use-2025-01-24",
    "token-efficient-tools-2025-02-19",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "dev-full-thinking-2025-05-14",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "tool-search-tool-2025-10-19",
    "tool-examples-2025-10-29",
];

/// Reads the member: a list of flags. Whether it is one is what this gives back.
///
/// # Errors
/// It is not JSON.
pub fn read<'b>(list: Raw<'b>, flags: &mut Vec<Str<'b>>) -> Result<bool, JsonError> {
    let mut cursor: Cursor<'b> = list.cursor();
    if cursor.peek()? != Kind::Array {
        return Ok(list.is_vacant());
    }
    let mut read = true;
    cursor.enter_array()?;
    while cursor.element()? {
        if cursor.peek()? == Kind::String {
            flags.push(cursor.string()?);
        } else {
            read = false;
            cursor.skip()?;
        }
    }
    Ok(read)
}

/// Adds the flags of lists with commas that are not there yet.
pub fn add(lists: impl Iterator<Item = impl AsRef<str>>, flags: &mut Vec<String>) {
    let mut known: BTreeSet<String> = flags.iter().cloned().collect();
    for list in lists {
        for flag in list.as_ref().split(',').map(str::trim).filter(|flag| !flag.is_empty()) {
            if known.insert(flag.to_owned()) {
                flags.push(flag.to_owned());
            }
        }
    }
}

/// Those that Bedrock takes, and whether there are others.
#[must_use]
pub fn on_bedrock(flags: Vec<String>) -> (Vec<String>, bool) {
    let (taken, others): (Vec<String>, Vec<String>) = flags.into_iter().partition(|flag| BEDROCK.contains(&&**flag));
    (taken, !others.is_empty())
}

/// Writes the member, where there are any.
pub fn encode(flags: &[String], out: &mut Out) {
    if !flags.is_empty() {
        out.key(MEMBER);
        out.open_array();
        flags.iter().for_each(|flag| out.plain(flag));
        out.close_array();
    }
}

/// Writes the flags of a request that is translated for a Claude model on Bedrock, whatever it said them in.
///
/// # Errors
/// Bedrock takes not all of them, and nothing may be lost.
pub fn translate(request: &Request<'_>, beside: &Beside<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    let mut flags = Vec::new();
    add(beside.betas.iter(), &mut flags);
    add(request.betas.iter().map(Str::plain), &mut flags);
    let (taken, others) = on_bedrock(flags);
    encode(&taken, out);
    if others {
        crossing.meet(Field::BetaFlag)?;
    }
    Ok(())
}

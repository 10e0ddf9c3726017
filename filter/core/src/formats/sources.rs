//! The sources of an answer, whatever the format: how a list of them is read, and which pages are named already.

use crate::hub::{Citation, Cited};
use crate::json::{JsonError, Kind, Raw};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Most pages that are remembered.
const MAX_NAMED: usize = 1024;

/// Reads a list of sources by a format's reader of one, which knows none for what nobody else has. Whether there was such a one is what it
/// gives back.
///
/// # Errors
/// The list is not JSON.
pub fn read_all<'b>(
    list: Raw<'b>,
    read: impl Fn(Raw<'b>) -> Result<Option<Citation<'b>>, JsonError>,
    found: &mut Vec<Citation<'b>>,
) -> Result<bool, JsonError> {
    if list.kind() != Kind::Array {
        return Ok(!list.is_vacant());
    }
    let mut foreign = false;
    let mut cursor = list.cursor();
    cursor.enter_array()?;
    while cursor.element()? {
        match read(cursor.raw()?)? {
            Some(citation) => found.push(citation),
            None => foreign = true,
        }
    }
    Ok(foreign)
}

/// Pages that were named, by the hashes of their addresses: servers that search list them once more beside the answer.
#[derive(Clone, Debug, Default)]
pub struct Named(BTreeSet<u64>);

impl Named {
    /// Notes a source.
    pub fn note(&mut self, citation: &Citation<'_>) {
        if self.0.len() < MAX_NAMED {
            self.0.extend(address(citation));
        }
    }

    /// Whether its page was named.
    #[must_use]
    pub fn has(&self, citation: &Citation<'_>) -> bool {
        address(citation).is_some_and(|address| self.0.contains(&address))
    }
}

fn address(citation: &Citation<'_>) -> Option<u64> {
    let Cited::Page(address) = &citation.source else { return None };
    let mut hasher = DefaultHasher::new();
    address.plain().hash(&mut hasher);
    Some(hasher.finish())
}

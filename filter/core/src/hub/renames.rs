//! Names of tools that a target could not be told as the client spells them, to be undone in the answer.

use std::collections::BTreeMap;

/// The tools of one request that its target knows by another name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renames(BTreeMap<Box<str>, Box<str>>);

impl Renames {
    /// Notes that the target was told `sent` (plain) for the client's `own` (plain). Whether it could be: no other tool has the name.
    pub fn insert(&mut self, sent: &str, own: &str) -> bool {
        match self.own(sent) {
            Some(known) => known == own,
            None => {
                self.0.insert(sent.into(), own.into());
                true
            }
        }
    }

    /// The client's name of the tool that the target calls `sent`; `None` where both call it the same.
    #[must_use]
    pub fn own(&self, sent: &str) -> Option<&str> {
        self.0.get(sent).map(|own| &**own)
    }

    /// Whether every tool has the name that the client gave it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_means_one_tool() {
        let mut renames = Renames::default();
        assert!(renames.is_empty() && renames.insert("a_1", "a.b") && renames.insert("a_1", "a.b"));
        assert!(!renames.insert("a_1", "a b"));
        assert_eq!((renames.own("a_1"), renames.own("b")), (Some("a.b"), None));
    }
}

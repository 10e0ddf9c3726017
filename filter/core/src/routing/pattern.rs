//! A model name that is exact or holds `*`.

use std::fmt;

/// What a route answers to: a whole name, or a text in which each `*` stands for any characters, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Matches itself alone.
    Exact(Box<str>),
    /// Has at least one `*`.
    Glob(Box<str>),
}

impl Pattern {
    /// Reads a name as documents write it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.contains('*') { Self::Glob(text.into()) } else { Self::Exact(text.into()) }
    }

    /// The text as the document has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Glob(text) => text,
        }
    }

    /// Whether `name` is one of those that the pattern stands for. Linear in the name for each `*`; nothing is allocated.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => **text == *name,
            Self::Glob(text) => glob(text, name),
        }
    }

    /// Whether every name that `other` stands for is one of this pattern's. A `*` of `other` can only be met by a `*` here, because names hold none.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.matches(other.as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first piece must begin the name, the last must end it, and those between are found one after another, each as early as it can be.
fn glob(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return name.ends_with(piece);
        }
        let Some((_, after)) = name.split_once(piece) else { return false };
        name = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_documents_say() {
        for (pattern, name, expected) in [
            ("smart", "smart", true),
            ("smart", "smarter", false),
            ("*", "", true),
            ("*", "anything", true),
            ("llama-*", "llama-3", true),
            ("llama-*", "llama-", true),
            ("llama-*", "llama", false),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-2", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a**b", "ab", true),
            ("ab*ba", "aba", false),
            ("*é*", "caféx", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn covering_needs_a_star_for_a_star() {
        for (wide, narrow, expected) in [
            ("*", "llama-*", true),
            ("llama-*", "llama-*", true),
            ("llama-*", "llama-3*", true),
            ("llama-3", "llama-*", false),
            ("a*", "*", false),
        ] {
            assert_eq!(Pattern::new(wide).covers(&Pattern::new(narrow)), expected, "{wide} {narrow}");
        }
    }
}

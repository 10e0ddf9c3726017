//! The head of a request as formats read it: its path and query, and what a path asks for.

/// What a path of a client format asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// An answer of a model.
    Generate,
    /// How many tokens a request has, without an answer.
    CountTokens,
}

/// The path of a request, with its query. The client's credential is no longer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'h> {
    path: &'h str,
}

impl<'h> Head<'h> {
    /// The head of a request for this path.
    #[must_use]
    pub const fn new(path: &'h str) -> Self {
        Self { path }
    }

    /// The path without its query.
    #[must_use]
    pub fn bare(self) -> &'h str {
        self.path.split(['?', '#']).next().unwrap_or_default()
    }

    /// The value of a parameter of the query, as it came; where it is repeated, the first.
    #[must_use]
    pub fn parameter(self, name: &str) -> Option<&'h str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(one, _)| *one == name).map(|(_, value)| value)
    }
}

/// A segment of a path without its percent escapes; what is no escape stays, and bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let escape = behind.get(..2).filter(|_| first == b'%').and_then(|digits| core::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A text as one segment of a path: everything but the unreserved characters of RFC 3986 (section 2.3) is escaped.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            segment.extend(
                [byte >> 4, byte & 15]
                    .into_iter()
                    .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
                    .map(|digit| digit.to_ascii_uppercase()),
            );
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_taken_apart() {
        let head = Head::new("/v1/x:y?alt=sse&b=&c#d");
        assert_eq!(
            (head.bare(), head.parameter("alt"), head.parameter("b"), head.parameter("c")),
            ("/v1/x:y", Some("sse"), Some(""), None)
        );
        assert_eq!(Head::new("/v1").parameter("alt"), None);
    }

    #[test]
    fn segments_and_back() {
        for text in ["", "us.anthropic.claude-x:0", "a/b c%é", "~-._"] {
            assert_eq!(decoded(&encoded(text)), text);
        }
        assert_eq!(encoded("claude:0/é"), "claude%3A0%2F%C3%A9");
        assert_eq!(decoded("a%3ab%zz%4"), "a:b%zz%4");
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }
}

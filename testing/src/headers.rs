//! A header map that adds, replaces and removes as Envoy's does.

use std::fmt;

/// Headers or trailers: lower-case names, values as bytes, pseudo-headers first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderMap {
    entries: Vec<(String, Vec<u8>)>,
}

/// Headers of which Envoy holds one value only: adding a second joins the two with a comma.
const SINGLE: [&str; 8] = [":authority", ":method", ":path", ":scheme", ":status", "content-length", "content-type", "user-agent"];

impl HeaderMap {
    /// An empty map.
    pub fn new() -> HeaderMap {
        HeaderMap::default()
    }

    /// The first value of `name`, if it is UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first value of `name`. (Envoy returns the first to a filter too, whatever else there is.)
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        let name = name.to_ascii_lowercase();
        self.entries.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_slice())
    }

    /// Every value of `name`, lossily as text.
    pub fn all(&self, name: &str) -> Vec<String> {
        let name = name.to_ascii_lowercase();
        self.entries.iter().filter(|(n, _)| *n == name).map(|(_, v)| String::from_utf8_lossy(v).into_owned()).collect()
    }

    /// A response's headers as HTTP/1.1 has them.
    pub(crate) fn on_the_wire(&self) -> String {
        let fields = self.iter().filter(|(name, _)| !name.starts_with(':'));
        let fields: String = fields.map(|(name, value)| format!("{name}: {}\r\n", String::from_utf8_lossy(value))).collect();
        format!("HTTP/1.1 {}\r\n{fields}\r\n", self.get(":status").unwrap_or_default())
    }

    /// The announced length of a body; `None` if there is none, or none that can be read.
    pub(crate) fn announced(&self) -> Option<usize> {
        self.get("content-length").and_then(|length| length.parse().ok())
    }

    /// Whether there is a header of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get_bytes(name).is_some()
    }

    /// Adds a value beside those that are there.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let (name, value) = (name.to_ascii_lowercase(), value.as_ref());
        if SINGLE.contains(&name.as_str())
            && let Some((_, old)) = self.entries.iter_mut().find(|(n, _)| *n == name)
        {
            old.push(b',');
            old.extend_from_slice(value);
            return;
        }
        let at = if name.starts_with(':') {
            self.entries.iter().position(|(n, _)| !n.starts_with(':')).unwrap_or(self.entries.len())
        } else {
            self.entries.len()
        };
        self.entries.insert(at, (name, value.to_vec()));
    }

    /// Puts this value in the place of all that are there.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Removes every value of `name`.
    pub fn remove(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        self.entries.retain(|(n, _)| *n != name);
    }

    /// Names and values in the order in which a filter sees them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|(n, v)| (n.as_str(), v.as_slice()))
    }

    /// How many headers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.add(name.as_ref(), value);
        }
        map
    }
}

impl fmt::Display for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {}", String::from_utf8_lossy(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_pseudo_headers_stand_first() {
        let mut map: HeaderMap = [("X-A", "1"), (":path", "/")].into_iter().collect();
        map.add("x-a", "2");
        assert_eq!(map.to_string(), ":path: /, x-a: 1, x-a: 2");
        assert_eq!(map.get("X-a"), Some("1"));
        map.set("x-a", "3");
        assert_eq!(map.all("x-a"), ["3"]);
        map.remove("X-A");
        assert!(!map.contains("x-a"));
    }

    #[test]
    fn a_second_content_length_joins_the_first() {
        let mut map: HeaderMap = [("content-length", "1")].into_iter().collect();
        map.add("Content-Length", "2");
        assert_eq!(map.get("content-length"), Some("1,2"));
    }
}

//! What a response repeats of its request: typed clients demand the members, so a translated answer says them as the provider's would.

use super::tools::joined;
use crate::formats::Asked;
use crate::json::{Cursor, JsonError, Kind, Out, Raw, Str, on_one_line};

/// The members of a request that its response repeats, and what stands in the place of those that the request does not have.
const MEMBERS: &[(&str, &str)] = &[
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "null"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// Members of the memo that are no echo.
const CIPHER: &str = "cipher";

/// Longest memo, in bytes: a response is told three times in a stream, and with tools of more than this the answer would be mostly echo.
const MAX: usize = 256 << 10;

/// Collects the members while a request is scanned.
#[derive(Debug, Default)]
pub(super) struct Collected<'b>(Vec<(&'static str, Raw<'b>)>);

impl<'b> Collected<'b> {
    /// Takes a member's value if it is one of those; a later value of the same member replaces the earlier.
    pub(super) fn take(&mut self, name: &str, value: Raw<'b>) {
        let Some(&(name, _)) = MEMBERS.iter().find(|(member, _)| *member == name) else { return };
        self.0.retain(|(one, _)| *one != name);
        self.0.push((name, value));
    }

    /// The memo: an object of these members, and of whether the client can bring back ciphertext of the model's thinking.
    pub(super) fn memo(&self, cipher: bool) -> Box<str> {
        let mut out = Out::default();
        out.open_object();
        out.key(CIPHER);
        out.boolean(cipher);
        for (name, value) in &self.0 {
            if out.len().saturating_add(value.as_str().len()) <= MAX {
                out.key(name);
                out.verbatim(&on_one_line(value.as_str()));
            }
        }
        out.close_object();
        out.into_string().into()
    }
}

/// What the writer of an answer reads of the memo.
#[derive(Clone, Debug)]
pub(super) struct Echo {
    /// Whether ciphertext of the model's thinking goes to the client.
    pub cipher: bool,
    /// The members of a response that repeat the request, from the first name to the last value.
    pub members: String,
    /// The tools that stand in a namespace: the name that other formats know them by, the namespace, and their own name.
    namespaces: Vec<[Str<'static>; 3]>,
}

impl Echo {
    pub(super) fn of(asked: &Asked) -> Self {
        let memo = asked.memo.as_deref().unwrap_or("{}");
        let value = |name: &str| member(memo, name);
        let mut out = Out::default();
        for (name, default) in MEMBERS {
            out.key(name);
            match value(name) {
                Some(value) if value.as_str() != "null" => out.raw(value),
                Some(_) | None => out.verbatim(default),
            }
        }
        // A memo is made of what was read before, so nothing in it fails.
        let namespaces = value("tools").and_then(|tools| namespaces(tools).ok()).unwrap_or_default();
        Self { cipher: value(CIPHER).is_some_and(|value| value.as_str() == "true"), members: out.into_string(), namespaces }
    }

    /// The namespace and the name of a tool, as the client calls it.
    pub(super) fn split(&self, name: &Str<'_>) -> (Option<Str<'static>>, Str<'static>) {
        match self.namespaces.iter().find(|[joined, ..]| joined == name) {
            Some([_, namespace, name]) => (Some(namespace.clone()), name.clone()),
            None => (None, name.clone().into_owned()),
        }
    }
}

/// The tools of all namespaces in `tools`.
fn namespaces(tools: Raw<'_>) -> Result<Vec<[Str<'static>; 3]>, JsonError> {
    let mut found = Vec::new();
    let mut cursor = tools.cursor();
    cursor.enter_array()?;
    while cursor.element()? {
        let (mut namespace, mut inner) = (Str::default(), Vec::new());
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            match (name.as_escaped(), cursor.peek()?) {
                ("name", Kind::String) => namespace = cursor.string()?,
                ("tools", Kind::Array) => inner = names(&mut cursor)?,
                _ => cursor.skip()?,
            }
        }
        found.extend(inner.into_iter().map(|name| [joined(&namespace, &name), namespace.clone().into_owned(), name.into_owned()]));
    }
    Ok(found)
}

fn names<'m>(cursor: &mut Cursor<'m>) -> Result<Vec<Str<'m>>, JsonError> {
    let mut names = Vec::new();
    cursor.enter_array()?;
    while cursor.element()? {
        cursor.enter_object()?;
        while let Some(name) = cursor.member()? {
            if name.is("name") && cursor.peek()? == Kind::String {
                names.push(cursor.string()?);
            } else {
                cursor.skip()?;
            }
        }
    }
    Ok(names)
}

fn member<'m>(memo: &'m str, name: &str) -> Option<Raw<'m>> {
    let mut cursor = Cursor::of_text(memo);
    cursor.enter_object().ok()?;
    while let Some(member) = cursor.member().ok()? {
        let value = cursor.raw().ok()?;
        if Str::is(&member, name) {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(memo: Option<Box<str>>) -> Asked {
        Asked { model: "m".into(), stream: false, include_usage: true, now: 1, latency: 0, memo }
    }

    #[test]
    fn what_was_asked_is_repeated_and_the_rest_has_its_default() {
        let mut collected = Collected::default();
        for (name, value) in [("temperature", "0.10"), ("tools", "[1]"), ("tools", "[2]"), ("input", "\"x\""), ("user", "null")] {
            collected.take(name, Raw::parse(value).unwrap());
        }
        let echo = Echo::of(&asked(Some(collected.memo(true))));
        let value: serde_json::Value = serde_json::from_str(&format!("{{{}}}", echo.members)).unwrap();
        assert!(echo.cipher);
        assert_eq!(
            (value["tools"][0].as_u64(), value["tool_choice"].as_str(), value.as_object().unwrap().len()),
            (Some(2), Some("auto"), 16)
        );
        assert!(echo.members.contains("\"temperature\":0.10"), "numbers keep their text");
        assert!(!Echo::of(&asked(None)).cipher);
    }

    #[test]
    fn what_is_too_long_is_not_repeated() {
        let mut collected = Collected::default();
        let long = format!("\"{}\"", "x".repeat(MAX));
        collected.take("instructions", Raw::parse(&long).unwrap());
        collected.take("top_p", Raw::parse("1").unwrap());
        assert!(Echo::of(&asked(Some(collected.memo(false)))).members.starts_with("\"instructions\":null,"));
    }
}

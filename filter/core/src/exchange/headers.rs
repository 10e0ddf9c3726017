//! Header maps as the host hands them over, and what of them may travel on.

use crate::config::LimitService;
use crate::formats::Reply;
use crate::formats::messages::Carrier;
use crate::names::{self, FormatId};
use core::fmt;
use core::ops::Range;

/// A header map: pairs in the order in which they came, names in lower case, pseudo headers included.
///
/// All texts stand in one buffer as the host hands them over (`name NUL value NUL`), so that a map is read and copied without an
/// allocation for each of them. What was removed stays in the buffer, and no pair leads to it.
#[derive(Clone, Default)]
pub struct Headers {
    text: String,
    pairs: Vec<Pair>,
}

/// Where a pair stands in the buffer: the offset of its name, and the lengths of both texts.
#[derive(Clone, Copy)]
struct Pair {
    at: usize,
    name: usize,
    value: usize,
}

impl Pair {
    const fn name(self) -> Range<usize> {
        self.at..self.at.saturating_add(self.name)
    }

    const fn value(self) -> Range<usize> {
        let at = self.at.saturating_add(self.name).saturating_add(1);
        at..at.saturating_add(self.value)
    }

    /// Both texts, each with its zero byte.
    const fn whole(self) -> Range<usize> {
        self.at..self.value().end.saturating_add(1)
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Headers {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), pairs: Vec::new() }
    }

    /// The headers of a reply. As the head of an answer they begin with `:status` and say how long the body is; a local reply gets both
    /// from the host.
    #[must_use]
    pub fn of_reply(reply: &Reply, whole: bool) -> Self {
        let mut headers = Self::new();
        if whole {
            headers.push(":status", &reply.status.to_string());
        }
        for (name, value) in &reply.headers {
            headers.push(name, value);
        }
        if whole {
            headers.push("content-length", &reply.body.len().to_string());
        }
        headers
    }

    /// The headers of a call to the rate-limit service, whose body has `length` bytes.
    #[must_use]
    pub fn of_call(service: &LimitService, length: usize) -> Self {
        let mut headers = Self::new();
        headers.push(":method", "POST");
        headers.push(":path", &service.endpoint.base_path);
        headers.push(":authority", &service.endpoint.authority);
        headers.push("content-type", "application/json");
        headers.push("content-length", &length.to_string());
        headers
    }

    /// Reads the host's form of a header map: a count, the sizes of all names and values (u32 little-endian), then the texts,
    /// each with a zero byte behind it (proxy-wasm ABI 0.2.1, "header map" serialisation). A map that is cut short gives the
    /// pairs that are whole; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn from_pairs(mut bytes: Vec<u8>) -> Self {
        let word = |at: usize| -> Option<usize> {
            let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(four)).ok()
        };
        let count = word(0).unwrap_or(0).min(bytes.len());
        let head = count.saturating_mul(8).saturating_add(4);
        let mut at = head;
        let mut pairs = Vec::with_capacity(count);
        for place in 0..count {
            let sizes = place.saturating_mul(8).saturating_add(4);
            let Some((name, value)) = word(sizes).zip(word(sizes.saturating_add(4))) else { break };
            let pair = Pair { at, name, value };
            at = pair.whole().end;
            if at > bytes.len() {
                break;
            }
            pairs.push(pair);
        }
        // Numbers are no text.
        if let Some(numbers) = bytes.get_mut(..head) {
            numbers.fill(0);
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self { text, pairs },
            Err(error) => {
                let text = |range| String::from_utf8_lossy(error.as_bytes().get(range).unwrap_or_default());
                let mut headers = Self::new();
                for pair in pairs {
                    headers.push(&text(pair.name()), &text(pair.value()));
                }
                headers
            }
        }
    }

    /// The host's form of the map; the reverse of [`Headers::from_pairs`].
    #[must_use]
    pub fn to_pairs(&self) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let size: usize = self.pairs.iter().map(|pair| pair.whole().len().saturating_add(8)).sum();
        let mut bytes = Vec::with_capacity(size.saturating_add(4));
        bytes.extend_from_slice(&word(self.pairs.len()));
        for pair in &self.pairs {
            bytes.extend_from_slice(&word(pair.name));
            bytes.extend_from_slice(&word(pair.value));
        }
        for pair in &self.pairs {
            bytes.extend_from_slice(self.text.as_bytes().get(pair.whole()).unwrap_or_default());
        }
        bytes
    }

    /// The value of a header; where it is repeated, the first.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|pair| self.is_called(pair, name)).map(|pair| self.at(pair.value()))
    }

    /// Every value of a header, in the order in which they came.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.pairs.iter().filter(move |pair| self.is_called(pair, name)).map(|pair| self.at(pair.value()))
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (self.at(pair.name()), self.at(pair.value())))
    }

    /// Appends a pair.
    pub fn push(&mut self, name: &str, value: &str) {
        if self.pairs.capacity() == 0 {
            // Room for what a request or an answer has, so that it is asked for once.
            self.pairs.reserve(16);
            self.text.reserve(512);
        }
        self.pairs.push(Pair { at: self.text.len(), name: name.len(), value: value.len() });
        for text in [name, value] {
            self.text.push_str(text);
            self.text.push('\0');
        }
    }

    /// Gives a header this value alone.
    pub fn set(&mut self, name: &str, value: &str) {
        self.retain(|one| one != name);
        self.push(name, value);
    }

    /// Those of a provider's answer that may reach a client.
    #[must_use]
    pub fn passing(&self) -> Self {
        let mut headers = self.clone();
        headers.retain(|name| !stays_behind(name));
        headers
    }

    /// Keeps the pairs whose name passes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let text = &self.text;
        self.pairs.retain(|pair| keep(text.get(pair.name()).unwrap_or_default()));
    }

    fn at(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn is_called(&self, pair: &Pair, name: &str) -> bool {
        pair.name == name.len() && self.at(pair.name()) == name
    }
}

/// Headers in which clients carry their credentials, in every vendor's form. They never leave the gateway.
const CREDENTIALS: [&str; 7] =
    ["authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-amz-security-token"];

/// Whether a request header must not leave the gateway position.
#[must_use]
pub fn stays_in_gateway(name: &str) -> bool {
    CREDENTIALS.contains(&name) || name.starts_with(names::HEADER_PREFIX)
}

/// Whether a client's request header goes to a provider that speaks `format`: an allow-list, so that what nobody thought of stays here.
#[must_use]
pub fn goes_onward(name: &str, format: FormatId, carrier: Carrier) -> bool {
    let own: &[&str] = match format {
        FormatId::Chat | FormatId::Responses => &["openai-beta", "idempotency-key"],
        FormatId::Messages => carrier.headers(),
        FormatId::Converse | FormatId::Gemini => &[],
    };
    matches!(name, "accept" | "user-agent") || own.contains(&name)
}

/// Whether a client's request header goes along with a request that nobody reads: what describes its body and its conditions.
#[must_use]
pub fn goes_along(name: &str) -> bool {
    matches!(name, "accept" | "user-agent" | "content-type" | "content-length" | "content-encoding" | "range" | "idempotency-key")
        || name.starts_with("if-")
        || name == "openai-beta"
        || name == "anthropic-version"
        || name == "anthropic-beta"
}

/// Whether a provider's answer header must not reach a client: cookies, organisations, and what belongs to the provider's own transport.
#[must_use]
fn stays_behind(name: &str) -> bool {
    matches!(
        name,
        "set-cookie"
            | "openai-organization"
            | "openai-project"
            | "anthropic-organization-id"
            | "anthropic-workspace-id"
            | "alt-svc"
            | "strict-transport-security"
            | "server"
            | "via"
            | "nel"
            | "report-to"
            | "reporting-endpoints"
            | "connection"
            | "keep-alive"
            | "x-envoy-upstream-service-time"
    ) || name.starts_with("cf-")
        || name.starts_with(names::HEADER_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_back() {
        let mut map = Headers::new();
        map.push(":path", "/v1/x?y=1");
        map.push("a", "");
        map.push("a", "é");
        let bytes = map.to_pairs();
        assert_eq!(Headers::from_pairs(bytes.clone()), map);
        for cut in 0..bytes.len() {
            assert!(Headers::from_pairs(bytes[..cut].to_vec()).iter().count() <= 3);
        }
        assert_eq!(Headers::from_pairs(vec![0xff; 16]).iter().count(), 0);
    }

    #[test]
    fn what_is_no_text_is_replaced_and_what_was_removed_is_gone() {
        let mut map = Headers::new();
        map.push("a", "x~y");
        map.push("long", &"v".repeat(300));
        let mut bytes = map.to_pairs();
        let at = bytes.iter().position(|byte| *byte == b'~').unwrap();
        bytes[at] = 0xff;
        let mut read = Headers::from_pairs(bytes);
        assert_eq!((read.first("a"), read.first("long").map(str::len)), (Some("x\u{fffd}y"), Some(300)));
        read.set("long", "1");
        read.retain(|name| name != "a");
        assert_eq!(read.iter().collect::<Vec<_>>(), [("long", "1")]);
        assert!(!read.to_pairs().windows(2).any(|pair| pair == b"vv"));
    }

    #[test]
    fn credentials_stay() {
        for name in ["authorization", "x-api-key", "x-weir-reply", "cookie"] {
            assert!(stays_in_gateway(name) && !goes_onward(name, FormatId::Chat, Carrier::Own) && !goes_along(name), "{name}");
        }
    }
}

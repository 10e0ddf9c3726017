//! Header maps as the host hands them over, and what of them may travel on.

use crate::config::LimitService;
use crate::formats::Reply;
use crate::names::{self, FormatId};

/// A header map: pairs in the order in which they came, names in lower case, pseudo headers included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The headers of a reply. As the head of an answer they begin with `:status` and say how long the body is; a local reply gets both
    /// from the host.
    #[must_use]
    pub fn of_reply(reply: &Reply, whole: bool) -> Self {
        let mut headers = Self::new();
        if whole {
            headers.push(":status", reply.status.to_string());
        }
        for (name, value) in &reply.headers {
            headers.push(*name, value.clone());
        }
        if whole {
            headers.push("content-length", reply.body.len().to_string());
        }
        headers
    }

    /// The headers of a call to the rate-limit service, whose body has `length` bytes.
    #[must_use]
    pub fn of_call(service: &LimitService, length: usize) -> Self {
        let mut headers = Self::new();
        headers.push(":method", "POST");
        headers.push(":path", &*service.endpoint.base_path);
        headers.push(":authority", &*service.endpoint.authority);
        headers.push("content-type", "application/json");
        headers.push("content-length", length.to_string());
        headers
    }

    /// Reads the host's form of a header map: a count, the sizes of all names and values (u32 little-endian), then the texts,
    /// each with a zero byte behind it (proxy-wasm ABI 0.2.1, "header map" serialisation). A map that is cut short gives the
    /// pairs that are whole; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn from_pairs(bytes: &[u8]) -> Self {
        let word = |at: usize| -> Option<usize> {
            let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(four)).ok()
        };
        let count = word(0).unwrap_or(0).min(bytes.len());
        let mut at = count.saturating_mul(8).saturating_add(4);
        let mut text = |length: usize| -> Option<String> {
            let end = at.checked_add(length)?;
            let value = String::from_utf8_lossy(bytes.get(at..end)?).into_owned();
            at = end.checked_add(1)?;
            Some(value)
        };
        let mut pairs = Vec::with_capacity(count);
        for pair in 0..count {
            let sizes = pair.saturating_mul(8).saturating_add(4);
            let Some((name, value)) = word(sizes).zip(word(sizes.saturating_add(4))) else { break };
            let Some(name) = text(name) else { break };
            let Some(value) = text(value) else { break };
            pairs.push((name, value));
        }
        Self(pairs)
    }

    /// The host's form of the map; the reverse of [`Headers::from_pairs`].
    #[must_use]
    pub fn to_pairs(&self) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        let size: usize = self.0.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(10)).sum();
        let mut bytes = Vec::with_capacity(size.saturating_add(4));
        bytes.extend_from_slice(&word(self.0.len()));
        for (name, value) in &self.0 {
            bytes.extend_from_slice(&word(name.len()));
            bytes.extend_from_slice(&word(value.len()));
        }
        for (name, value) in &self.0 {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(0);
        }
        bytes
    }

    /// The value of a header; where it is repeated, the first.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Appends a pair.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// Gives a header this value alone.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.retain(|(one, _)| one != name);
        self.push(name, value);
    }

    /// Keeps the pairs whose name passes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
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
pub fn goes_onward(name: &str, format: FormatId) -> bool {
    let own: &[&str] = match format {
        FormatId::Chat | FormatId::Responses => &["openai-beta", "idempotency-key"],
        FormatId::Messages => &["anthropic-version", "anthropic-beta"],
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
pub fn stays_behind(name: &str) -> bool {
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
        assert_eq!(Headers::from_pairs(&bytes), map);
        for cut in 0..bytes.len() {
            assert!(Headers::from_pairs(&bytes[..cut]).iter().count() <= 3);
        }
        assert_eq!(Headers::from_pairs(&[0xff; 16]).iter().count(), 0);
    }

    #[test]
    fn credentials_stay() {
        for name in ["authorization", "x-api-key", "x-weir-reply", "cookie"] {
            assert!(stays_in_gateway(name) && !goes_onward(name, FormatId::Chat) && !goes_along(name), "{name}");
        }
    }
}

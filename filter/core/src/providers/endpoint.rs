//! The endpoint of a provider or service: a base URL, taken apart once.

use std::fmt;

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS; the certificate must be for the host.
    Https,
}

impl Scheme {
    /// The value of `:scheme`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none (RFC 9110, 4.2).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// A name or an address; an IPv6 address stands without brackets. In lower case.
    pub host: Box<str>,
    /// The port, whether the URL named it or not.
    pub port: u16,
    /// The path in front of every operation, without a slash at its end; empty for the root.
    pub base_path: Box<str>,
    /// `host`, with `:port` where it is not the scheme's own; an IPv6 address in brackets. The value of `:authority`.
    pub authority: Box<str>,
}

/// Why a text is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointFault {
    /// It does not begin with `http://` or `https://`.
    Scheme,
    /// There is no host, or it holds what no host name or address can hold.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// A user or password stands in front of the host.
    UserInfo,
    /// A query or fragment follows the path.
    Query,
    /// The path holds a control character, a space or a character outside of ASCII.
    Path,
}

impl fmt::Display for EndpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a URL that begins with http:// or https:// is needed",
            Self::Host => "the URL needs a host: a name of letters, digits, dots and hyphens, or an IP address (IPv6 in brackets)",
            Self::Port => "the port must be a number from 1 to 65535",
            Self::UserInfo => "credentials do not belong in a URL: use auth",
            Self::Query => "an endpoint takes no query and no fragment",
            Self::Path => "the path may hold no space, no control character and nothing outside of ASCII",
        })
    }
}

impl Endpoint {
    /// Takes a base URL apart.
    ///
    /// # Errors
    /// The first fault found, from left to right.
    pub fn parse(url: &str) -> Result<Self, EndpointFault> {
        let (scheme, rest) = if let Some(rest) = url.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = url.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(EndpointFault::Scheme);
        };
        if rest.contains(['?', '#']) {
            return Err(EndpointFault::Query);
        }
        let (location, path) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        if location.contains('@') {
            return Err(EndpointFault::UserInfo);
        }
        let (host, port) = split_port(location)?;
        let port = match port {
            Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or(EndpointFault::Port)?,
            None => scheme.default_port(),
        };
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointFault::Path);
        }
        let host = host.to_ascii_lowercase();
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let authority = if port == scheme.default_port() { shown } else { format!("{shown}:{port}") };
        Ok(Self { scheme, host: host.into(), port, base_path: path.trim_end_matches('/').into(), authority: authority.into() })
    }

    /// The version of the API with which the path ends: `v1`, `v1beta`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        let (_, last) = self.base_path.rsplit_once('/')?;
        last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit())).then_some(last)
    }

    /// Whether the host is an address, so that nothing has to be resolved.
    #[must_use]
    pub fn is_address(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok()
    }
}

/// The host (brackets removed, characters checked) and the text of the port.
fn split_port(location: &str) -> Result<(&str, Option<&str>), EndpointFault> {
    if let Some(rest) = location.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(EndpointFault::Host)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| EndpointFault::Host)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(EndpointFault::Host),
        };
    }
    let (host, port) = match location.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (location, None),
    };
    // The longest name that DNS can carry (RFC 1035, 2.3.4).
    let named = !host.is_empty() && host.len() <= 253;
    let spelt = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if named && spelt { Ok((host, port)) } else { Err(EndpointFault::Host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (Scheme, String, u16, String, String) {
        let endpoint = Endpoint::parse(url).unwrap();
        (endpoint.scheme, endpoint.host.into(), endpoint.port, endpoint.base_path.into(), endpoint.authority.into())
    }

    #[test]
    fn a_base_url_is_taken_apart() {
        assert_eq!(
            parts("https://api.openai.com/v1/"),
            (Scheme::Https, "api.openai.com".into(), 443, "/v1".into(), "api.openai.com".into())
        );
        assert_eq!(parts("http://127.0.0.1:8000"), (Scheme::Http, "127.0.0.1".into(), 8000, String::new(), "127.0.0.1:8000".into()));
        assert_eq!(parts("https://[::1]:8443/a/b"), (Scheme::Https, "::1".into(), 8443, "/a/b".into(), "[::1]:8443".into()));
        assert_eq!(parts("http://Host.EXAMPLE:80/"), (Scheme::Http, "host.example".into(), 80, String::new(), "host.example".into()));
    }

    #[test]
    fn a_version_is_the_last_part_of_the_path() {
        for (url, version) in [
            ("https://api.openai.com/v1/", Some("v1")),
            ("https://generativelanguage.googleapis.com/v1beta", Some("v1beta")),
            ("https://api.anthropic.com", None),
            ("http://x/v1/a", None),
            ("http://x/vertex", None),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().version(), version, "{url}");
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for (url, fault) in [
            ("api.openai.com", EndpointFault::Scheme),
            ("ftp://x", EndpointFault::Scheme),
            ("http://", EndpointFault::Host),
            ("http:///v1", EndpointFault::Host),
            ("http://a b", EndpointFault::Host),
            ("http://::1", EndpointFault::Host),
            ("http://[::1", EndpointFault::Host),
            ("http://[::1]8", EndpointFault::Host),
            ("http://[fe80::1%eth0]", EndpointFault::Host),
            ("http://x:", EndpointFault::Port),
            ("http://x:0", EndpointFault::Port),
            ("http://x:65536", EndpointFault::Port),
            ("http://me:key@x", EndpointFault::UserInfo),
            ("http://x/a?b", EndpointFault::Query),
            ("http://x/a b", EndpointFault::Path),
            ("http://x/a\u{e9}", EndpointFault::Path),
        ] {
            assert_eq!(Endpoint::parse(url), Err(fault), "{url}");
        }
    }
}

//! Who picks the provider where the head of a request has to go before its body is known: the document's `standalone`.

use crate::providers::ProviderId;

/// What of a request's head says the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picker {
    /// A header (lower case) that holds the provider's name.
    Header(Box<str>),
    /// The beginning of the path, the longest first; each begins with a slash and has none at its end.
    Prefix(Vec<(Box<str>, ProviderId)>),
    /// The host that the client asked, in lower case, without its port.
    Host(Vec<(Box<str>, ProviderId)>),
    /// Always the same.
    Constant(ProviderId),
}

/// What a request's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked<'h> {
    /// The name of a provider, as the client wrote it.
    Named(&'h str),
    /// A provider; the path of the operation, where something of the request's stands in front of it.
    Provider(ProviderId, Option<&'h str>),
    /// Nothing.
    Nobody,
}

impl Picker {
    /// Asks a request's head; `header` answers for the first value of a header, pseudo headers included.
    pub fn pick<'h>(&self, header: impl Fn(&str) -> Option<&'h str>) -> Picked<'h> {
        match self {
            Self::Header(name) => header(name).map_or(Picked::Nobody, Picked::Named),
            Self::Prefix(prefixes) => {
                let path = header(":path").unwrap_or_default();
                let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.starts_with('/'));
                let found = prefixes.iter().find_map(|(prefix, provider)| Some((*provider, below(prefix)?)));
                found.map_or(Picked::Nobody, |(provider, rest)| Picked::Provider(provider, Some(rest)))
            }
            Self::Host(hosts) => {
                let host = header(":authority").map(without_port).unwrap_or_default();
                let found = hosts.iter().find(|(name, _)| name.eq_ignore_ascii_case(host));
                found.map_or(Picked::Nobody, |(_, provider)| Picked::Provider(*provider, None))
            }
            Self::Constant(provider) => Picked::Provider(*provider, None),
        }
    }

    /// Whether some request can have this provider.
    #[must_use]
    pub fn reaches(&self, provider: ProviderId) -> bool {
        match self {
            Self::Header(_) => true,
            Self::Prefix(named) | Self::Host(named) => named.iter().any(|(_, one)| *one == provider),
            Self::Constant(one) => *one == provider,
        }
    }

    /// Whether clients pick a provider by naming this host.
    #[must_use]
    pub fn asks_host(&self, host: &str) -> bool {
        matches!(self, Self::Host(hosts) if hosts.iter().any(|(name, _)| name.eq_ignore_ascii_case(host)))
    }

    /// What a client is told whose request picks nobody.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Header(name) => format!("the request must name its provider in the header {name}"),
            Self::Prefix(_) => "no provider stands at this path".to_owned(),
            Self::Host(_) => "no provider stands under this host name".to_owned(),
            Self::Constant(_) => String::new(),
        }
    }
}

/// A host without its port; the colons of an IPv6 address stand in brackets.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick<'h>(picker: &Picker, name: &'static str, value: &'h str) -> Picked<'h> {
        picker.pick(|asked| (asked == name).then_some(value))
    }

    #[test]
    fn each_form_reads_its_own_part_of_the_head() {
        let (one, two) = (ProviderId(0), ProviderId(1));
        assert_eq!(pick(&Picker::Header("x-p".into()), "x-p", "a"), Picked::Named("a"));
        assert_eq!(pick(&Picker::Header("x-p".into()), "x-q", "a"), Picked::Nobody);
        let prefixes = Picker::Prefix(vec![("/a/b".into(), two), ("/a".into(), one)]);
        assert_eq!(pick(&prefixes, ":path", "/a/b/v1/x?q"), Picked::Provider(two, Some("/v1/x?q")));
        assert_eq!(pick(&prefixes, ":path", "/a/v1/x"), Picked::Provider(one, Some("/v1/x")));
        for path in ["/ab/v1", "/a", "/a?/v1", ""] {
            assert_eq!(pick(&prefixes, ":path", path), Picked::Nobody, "{path}");
        }
        let hosts = Picker::Host(vec![("a.example".into(), one)]);
        for authority in ["a.example", "A.example:8080", "a.example:"] {
            assert_eq!(pick(&hosts, ":authority", authority), Picked::Provider(one, None), "{authority}");
        }
        for authority in ["b.example", "[::1]:80", "a.example:80:80", ""] {
            assert_eq!(pick(&hosts, ":authority", authority), Picked::Nobody, "{authority}");
        }
        assert_eq!(pick(&Picker::Constant(two), "", ""), Picked::Provider(two, None));
        assert!(prefixes.reaches(two) && !hosts.reaches(two) && !Picker::Constant(one).reaches(two));
    }
}

//! Where a proxy of the mesh gets the module.

use std::fmt;

use crate::quote::quoted;

/// A module that is pinned: what a proxy loads never changes under a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Module {
    /// A file in the proxy's container.
    File(String),
    /// A URL that the proxy's agent fetches (`oci`, `http`, `https`), and the SHA-256 of the image or file.
    Url {
        /// With its scheme.
        url: String,
        /// 64 hexadecimal digits in lower case.
        sha256: String,
    },
}

/// Why it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleFault {
    /// Neither a file nor a URL that Istio fetches.
    Scheme,
    /// Nothing says what has to be found there.
    Unpinned,
    /// No SHA-256.
    Digest,
}

impl fmt::Display for ModuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "--module is oci://REGISTRY/IMAGE@sha256:DIGEST, http(s)://HOST/PATH or file:///PATH",
            Self::Unpinned => "a module from elsewhere has to be pinned: --sha256 HEX, or oci://…@sha256:HEX",
            Self::Digest => "a SHA-256 is 64 hexadecimal digits in lower case",
        })
    }
}

impl Module {
    /// Reads `--module` and `--sha256`.
    ///
    /// # Errors
    /// See [`ModuleFault`].
    pub fn parse(url: &str, sha256: Option<&str>) -> Result<Self, ModuleFault> {
        if let Some(path) = url.strip_prefix("file://").filter(|path| path.starts_with('/')) {
            return Ok(Self::File(path.to_owned()));
        }
        if !["oci://", "http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(ModuleFault::Scheme);
        }
        let of_image = url.starts_with("oci://").then(|| url.split_once("@sha256:")).flatten().map(|(_, digest)| digest);
        let sha256 = of_image.or(sha256).ok_or(ModuleFault::Unpinned)?;
        let spelt = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
        if spelt { Ok(Self::Url { url: url.to_owned(), sha256: sha256.to_owned() }) } else { Err(ModuleFault::Digest) }
    }

    /// As Envoy's `code`. The agent takes the URL out and puts the path of what it has fetched in its place; the cluster is never used.
    pub(super) fn code(&self) -> String {
        match self {
            Self::File(path) => format!("{{ local: {{ filename: {} }} }}", quoted(path)),
            Self::Url { url, sha256 } => {
                let uri = quoted(url);
                format!("{{ remote: {{ http_uri: {{ uri: {uri}, timeout: 30s, cluster: \"_\" }}, sha256: {} }} }}", quoted(sha256))
            }
        }
    }

    /// The URL and SHA-256 of a `WasmPlugin`.
    pub(super) fn reference(&self) -> (String, String) {
        match self {
            Self::File(path) => (format!("file://{path}"), String::new()),
            Self::Url { url, sha256 } => (url.clone(), sha256.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pinned_module_is_taken() {
        let digest = "0".repeat(64);
        assert_eq!(Module::parse("file:///etc/weir/weir.wasm", None), Ok(Module::File("/etc/weir/weir.wasm".to_owned())));
        let image = format!("oci://registry.example/weir@sha256:{digest}");
        assert_eq!(Module::parse(&image, None), Ok(Module::Url { url: image.clone(), sha256: digest.clone() }));
        assert!(Module::parse("https://example/weir.wasm", Some(&digest)).is_ok());
        for (url, sha256, fault) in [
            ("weir.wasm", None, ModuleFault::Scheme),
            ("file://weir.wasm", None, ModuleFault::Scheme),
            ("oci://registry.example/weir:1", None, ModuleFault::Unpinned),
            ("https://example/weir.wasm", Some("AB"), ModuleFault::Digest),
        ] {
            assert_eq!(Module::parse(url, sha256), Err(fault), "{url}");
        }
    }
}

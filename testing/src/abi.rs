//! The numbers of the Proxy-Wasm ABI 0.2.x, and the block in which it passes header maps.

use std::fmt;

/// What a host call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Status {
    /// The call did what it says.
    Ok = 0,
    /// No such header, property, key, buffer or function.
    NotFound = 1,
    /// A wrong argument, or the right one in the wrong phase (a header map that is not there).
    BadArgument = 2,
    /// A value that has no byte form (a whole namespace of properties).
    SerializationFailure = 3,
    /// Bytes that could not be parsed.
    ParseFailure = 4,
    /// A bad expression.
    BadExpression = 5,
    /// A pointer outside of the linear memory.
    InvalidMemoryAccess = 6,
    /// Nothing to take.
    Empty = 7,
    /// Somebody else wrote in between.
    CasMismatch = 8,
    /// The result is of another kind.
    ResultMismatch = 9,
    /// The host could not do it.
    InternalFailure = 10,
    /// The connection broke.
    BrokenConnection = 11,
    /// The host does not have this.
    Unimplemented = 12,
}

impl Status {
    /// Every status, for tests that try each of them.
    pub const ALL: [Status; 13] = [
        Status::Ok,
        Status::NotFound,
        Status::BadArgument,
        Status::SerializationFailure,
        Status::ParseFailure,
        Status::BadExpression,
        Status::InvalidMemoryAccess,
        Status::Empty,
        Status::CasMismatch,
        Status::ResultMismatch,
        Status::InternalFailure,
        Status::BrokenConnection,
        Status::Unimplemented,
    ];
}

/// What a filter answers to a headers, body or trailers callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Continue,
    /// Stop here until something continues the stream.
    Pause,
}

impl Action {
    pub(crate) fn from_abi(value: u32) -> Action {
        if value == 0 { Action::Continue } else { Action::Pause }
    }
}

/// Which header map a host call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapKind {
    /// The request's headers.
    RequestHeaders,
    /// The request's trailers.
    RequestTrailers,
    /// The response's headers.
    ResponseHeaders,
    /// The response's trailers.
    ResponseTrailers,
    /// Initial metadata of the answer to a gRPC callout.
    RpcMetadata,
    /// Trailing metadata of the answer to a gRPC callout.
    RpcTrailers,
    /// Headers of the answer to an HTTP callout.
    CalloutHeaders,
    /// Trailers of the answer to an HTTP callout.
    CalloutTrailers,
}

impl MapKind {
    pub(crate) fn from_abi(value: u32) -> Option<MapKind> {
        Some(match value {
            0 => MapKind::RequestHeaders,
            1 => MapKind::RequestTrailers,
            2 => MapKind::ResponseHeaders,
            3 => MapKind::ResponseTrailers,
            4 => MapKind::RpcMetadata,
            5 => MapKind::RpcTrailers,
            6 => MapKind::CalloutHeaders,
            7 => MapKind::CalloutTrailers,
            _ => return None,
        })
    }
}

impl fmt::Display for MapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MapKind::RequestHeaders => "request headers",
            MapKind::RequestTrailers => "request trailers",
            MapKind::ResponseHeaders => "response headers",
            MapKind::ResponseTrailers => "response trailers",
            MapKind::RpcMetadata => "gRPC metadata",
            MapKind::RpcTrailers => "gRPC trailers",
            MapKind::CalloutHeaders => "callout headers",
            MapKind::CalloutTrailers => "callout trailers",
        })
    }
}

/// Which buffer a host call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// The request's body.
    RequestBody,
    /// The response's body.
    ResponseBody,
    /// The body of the answer to an HTTP callout.
    CalloutBody,
    /// The message of a gRPC callout's answer.
    RpcMessage,
    /// `vm_config.configuration`.
    VmConfiguration,
    /// The plugin's configuration; there only while the plugin is started or configured.
    PluginConfiguration,
}

impl BufferKind {
    pub(crate) fn from_abi(value: u32) -> Option<BufferKind> {
        Some(match value {
            0 => BufferKind::RequestBody,
            1 => BufferKind::ResponseBody,
            4 => BufferKind::CalloutBody,
            5 => BufferKind::RpcMessage,
            6 => BufferKind::VmConfiguration,
            7 => BufferKind::PluginConfiguration,
            _ => return None,
        })
    }
}

impl fmt::Display for BufferKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BufferKind::RequestBody => "request body",
            BufferKind::ResponseBody => "response body",
            BufferKind::CalloutBody => "callout body",
            BufferKind::RpcMessage => "gRPC message",
            BufferKind::VmConfiguration => "vm configuration",
            BufferKind::PluginConfiguration => "plugin configuration",
        })
    }
}

/// One of the two directions of an HTTP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the provider.
    Request,
    /// From the provider to the client.
    Response,
}

impl Way {
    pub(crate) fn from_abi(value: u32) -> Option<Way> {
        match value {
            0 => Some(Way::Request),
            1 => Some(Way::Response),
            _ => None,
        }
    }
}

/// Log levels, in the order of the ABI.
pub const LOG_LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];

/// Name and value pairs in the ABI's block: count, sizes, then NUL-terminated names and values.
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let pairs: Vec<_> = pairs.into_iter().collect();
    let mut out = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in &pairs {
        out.extend_from_slice(&(name.len() as u32).to_le_bytes());
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        out.extend_from_slice(name);
        out.push(0);
        out.extend_from_slice(value);
        out.push(0);
    }
    out
}

/// The pairs of such a block, or `None` when sizes and bytes disagree.
pub fn decode_pairs(block: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    if block.is_empty() {
        return Some(Vec::new());
    }
    let word = |at: usize| Some(u32::from_le_bytes(block.get(at..at.checked_add(4)?)?.try_into().ok()?) as usize);
    let count = word(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut pairs = Vec::new();
    for i in 0..count {
        let (name_size, value_size) = (word(4 + i * 8)?, word(8 + i * 8)?);
        let name = block.get(at..at.checked_add(name_size)?)?;
        at += name_size + 1;
        let value = block.get(at..at.checked_add(value_size)?)?;
        at += value_size + 1;
        pairs.push((name.to_vec(), value.to_vec()));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back() {
        let block = encode_pairs([(b"a".as_slice(), b"1".as_slice()), (b"bb", b"")]);
        assert_eq!(decode_pairs(&block), Some(vec![(b"a".to_vec(), b"1".to_vec()), (b"bb".to_vec(), Vec::new())]));
        assert_eq!(decode_pairs(&block[..block.len() - 2]), None);
        assert_eq!(decode_pairs(&[]), Some(Vec::new()));
        assert_eq!(decode_pairs(&[255, 255, 255, 255]), None);
    }
}

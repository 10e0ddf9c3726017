//! Properties: what the test set, filter state, and what follows from plugin and headers.

use crate::abi::Status;
use crate::headers::HeaderMap;
use crate::state::{Context, State, Stream};

/// The value at `path`, whose segments are joined by NUL.
///
/// # Errors
/// `NotFound`; `SerializationFailure` for a whole namespace.
pub(crate) fn read(state: &mut State, path: &str) -> Result<Vec<u8>, Status> {
    if matches!(path, "filter_state" | "xds") {
        return Err(Status::SerializationFailure);
    }
    let id = state.subject();
    let root = state.root_of(id);
    let vm_id = state.vm_id.clone();
    if let Some(value) = state.root(root).and_then(|root| match path {
        "plugin_name" => Some(root.plugin.name.clone()),
        "plugin_root_id" => Some(root.plugin.root_id.clone()),
        "plugin_vm_id" => Some(vm_id),
        _ => None,
    }) {
        return Ok(value.into_bytes());
    }
    match state.contexts.get(&id) {
        Some(Context::Stream(stream)) => of_stream(stream, path).ok_or(Status::NotFound),
        Some(Context::Root(_)) | None => Err(Status::NotFound),
    }
}

fn of_stream(stream: &Stream, path: &str) -> Option<Vec<u8>> {
    let info = stream.info.borrow();
    if let Some(key) = path.strip_prefix("filter_state\0") {
        return info.filter_state.get(key).cloned();
    }
    if let Some(value) = stream.own.get(path).or_else(|| info.properties.get(path)) {
        return Some(value.clone());
    }
    if path == "response\0flags" {
        return Some(info.flags.to_le_bytes().to_vec());
    }
    let from_headers = match path.split_once('\0') {
        Some(("request", name)) => info.request_headers.as_ref().and_then(|map| of_request(&map.borrow(), name)),
        Some(("response", name)) => info.response_headers.as_ref().and_then(|map| of_response(&map.borrow(), name)),
        Some(_) | None => None,
    };
    from_headers.or_else(|| info.filter_state.get(&format!("wasm.{path}")).cloned())
}

fn of_request(map: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let path = || map.get(":path").map(str::to_owned);
    let text = match name {
        "path" => path()?,
        "url_path" => path()?.split('?').next().unwrap_or_default().to_owned(),
        "query" => path()?.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default(),
        "host" => map.get(":authority")?.to_owned(),
        "method" => map.get(":method")?.to_owned(),
        "scheme" => map.get(":scheme")?.to_owned(),
        "id" => map.get("x-request-id")?.to_owned(),
        "referer" => map.get("referer")?.to_owned(),
        "useragent" => map.get("user-agent")?.to_owned(),
        "protocol" => "HTTP/1.1".to_owned(),
        other => map.get(other.strip_prefix("headers\0")?)?.to_owned(),
    };
    Some(text.into_bytes())
}

fn of_response(map: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    if name == "code" {
        return Some(map.get(":status")?.parse::<u64>().ok()?.to_le_bytes().to_vec());
    }
    map.get_bytes(name.strip_prefix("headers\0")?).map(<[u8]>::to_vec)
}

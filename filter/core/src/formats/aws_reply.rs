//! Errors and the list of models in the form of AWS's REST protocol, as clients of Bedrock are told them, whichever format it carries.

use crate::formats::Reply;
use crate::framing::event_stream::write_exception;
use crate::hub::{ErrorKind, Rejection};
use crate::json::Out;
use std::borrow::Cow;

/// What begins the sentence about a prompt that is too long.
const TOO_LONG: &str = "Input is too long for requested model.";

/// The exception of what the service has no operation for.
const UNKNOWN: &str = "UnknownOperationException";

/// The whole reply to a client, whose SDK chooses the class of its exception by the header.
pub fn reply(error: &Rejection) -> Reply {
    let (status, name) = exception(error);
    let mut headers = vec![("content-type", "application/json".to_owned()), ("x-amzn-errortype", name.to_owned())];
    if let Some(seconds) = error.retry_after {
        headers.push(("retry-after", seconds.to_string()));
    }
    Reply { status, headers, body: encode(error).into_bytes() }
}

/// The message that ends a stream, of which the service has five.
pub fn event(error: &Rejection, out: &mut Vec<u8>) {
    let name = match error.kind {
        ErrorKind::InvalidRequest
        | ErrorKind::ContextLength
        | ErrorKind::ContentFiltered
        | ErrorKind::Unsupported
        | ErrorKind::NotFound
        | ErrorKind::MethodNotAllowed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::UnsupportedMediaType => "validationException",
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted => "throttlingException",
        ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::NotReady => "serviceUnavailableException",
        ErrorKind::Internal => "internalServerException",
        ErrorKind::Unauthenticated
        | ErrorKind::PermissionDenied
        | ErrorKind::Timeout
        | ErrorKind::RequestTimeout
        | ErrorKind::BadGateway
        | ErrorKind::UpstreamCredential => "modelStreamErrorException",
    };
    write_exception(name, encode(error).as_bytes(), out);
}

/// The list of models, as the service's control plane has it.
pub fn models(names: &mut dyn Iterator<Item = &str>) -> Reply {
    let mut out = Out::default();
    out.constant(r#"{"modelSummaries":["#);
    for name in names {
        out.open_object();
        for member in ["modelId", "modelName"] {
            out.key(member);
            out.plain(name);
        }
        out.key("modelArn");
        out.plain(&format!("arn:aws:bedrock:::foundation-model/{name}"));
        out.close_object();
    }
    out.verbatim("]}");
    Reply { status: 200, headers: vec![("content-type", "application/json".to_owned())], body: out.into_bytes() }
}

fn encode(error: &Rejection) -> Out {
    let mut out = Out::default();
    out.open_object();
    out.key("message");
    out.plain(&sentence(error));
    out.close_object();
    out
}

/// The sentence, which in this format is the only place for the member that is wrong.
fn sentence(error: &Rejection) -> Cow<'_, str> {
    match (error.kind, &error.param) {
        // It may quote the provider's own sentence about a credential that is not the client's.
        (ErrorKind::UpstreamCredential, _) => "the provider refused the gateway's credential".into(),
        (ErrorKind::ContextLength, _) if !error.message.starts_with(TOO_LONG) => format!("{TOO_LONG} {}", error.message).into(),
        (ErrorKind::InvalidRequest | ErrorKind::Unsupported, Some(param)) if !error.message.contains(param.as_str()) => {
            format!("{param}: {}", error.message).into()
        }
        _ => error.message.as_str().into(),
    }
}

/// Status and exception by kind of error.
fn exception(error: &Rejection) -> (u16, &'static str) {
    const REQUEST: &str = "ValidationException";
    match error.kind {
        ErrorKind::InvalidRequest
        | ErrorKind::Unsupported
        | ErrorKind::ContextLength
        | ErrorKind::ContentFiltered
        | ErrorKind::Conflict => (400, REQUEST),
        ErrorKind::QuotaExhausted => (400, "ServiceQuotaExceededException"),
        ErrorKind::Unauthenticated => (403, "UnrecognizedClientException"),
        ErrorKind::PermissionDenied => (403, "AccessDeniedException"),
        ErrorKind::NotFound if error.code.as_deref() == Some("unknown_path") => (404, UNKNOWN),
        ErrorKind::NotFound => (404, "ResourceNotFoundException"),
        ErrorKind::MethodNotAllowed => (405, UNKNOWN),
        ErrorKind::RequestTimeout => (408, "RequestTimeoutException"),
        ErrorKind::Timeout => (408, "ModelTimeoutException"),
        ErrorKind::TooLarge => (413, REQUEST),
        ErrorKind::UnsupportedMediaType => (415, "UnsupportedMediaTypeException"),
        ErrorKind::BadGateway | ErrorKind::UpstreamCredential => (424, "ModelErrorException"),
        ErrorKind::RateLimited => (429, "ThrottlingException"),
        ErrorKind::NotReady => (429, "ModelNotReadyException"),
        ErrorKind::Internal => (500, "InternalServerException"),
        ErrorKind::Unavailable | ErrorKind::Overloaded => (503, "ServiceUnavailableException"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Rejection) -> (u16, String, String) {
        let reply = reply(error);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let name = reply.headers.iter().find(|(name, _)| *name == "x-amzn-errortype").unwrap().1.clone();
        (reply.status, name, body["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn errors_have_the_class_and_the_place() {
        let refused = Rejection::new(ErrorKind::Unsupported, "no provider can").at("toolConfig");
        assert_eq!(told(&refused), (400, "ValidationException".into(), "toolConfig: no provider can".into()));
        let long = Rejection::new(ErrorKind::ContextLength, "too many tokens");
        assert_eq!(told(&long).2, "Input is too long for requested model. too many tokens");
        let key = Rejection::new(ErrorKind::UpstreamCredential, "bad key abc");
        assert_eq!(told(&key), (424, "ModelErrorException".into(), "the provider refused the gateway's credential".into()));
        let path = Rejection::new(ErrorKind::NotFound, "no path").code("unknown_path");
        assert_eq!(told(&path).1, "UnknownOperationException");
    }

    #[test]
    fn the_list_of_models_is_the_control_planes() {
        let reply = models(&mut ["a\"", "b"].into_iter());
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&body["modelSummaries"][0]["modelId"], &body["modelSummaries"][1]["modelName"]), (&"a\"".into(), &"b".into()));
    }
}

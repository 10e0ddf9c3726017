//! What can go wrong with an exchange, by whose fault: the client's ([`Rejection`]) or the provider's ([`Failure`]).

use std::borrow::Cow;

/// The kinds of errors that clients are told, whatever the format (OpenAI, Anthropic, AWS and Google each have words for them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The request is malformed.
    InvalidRequest,
    /// The prompt is longer than the model's context.
    ContextLength,
    /// The provider's filter refused the prompt.
    ContentFiltered,
    /// The chosen provider's format can't express what was asked; Weir's own 400.
    Unsupported,
    /// No or a wrong credential.
    Unauthenticated,
    /// The account is out of money or quota.
    QuotaExhausted,
    /// The credential may not do this.
    PermissionDenied,
    /// No such model, path or resource.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The request conflicts with another.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The body's media type or coding can't be read.
    UnsupportedMediaType,
    /// Too many requests or tokens.
    RateLimited,
    /// The model is being loaded.
    NotReady,
    /// Nobody answered in time.
    Timeout,
    /// The client was too slow.
    RequestTimeout,
    /// The provider failed.
    Internal,
    /// The provider broke its own grammar, or ended early.
    BadGateway,
    /// The provider can't be reached.
    Unavailable,
    /// The provider has too much to do.
    Overloaded,
    /// The provider refused the credential that Weir holds.
    UpstreamCredential,
}

impl ErrorKind {
    /// The word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::ContextLength => "context_length",
            Self::ContentFiltered => "content_filtered",
            Self::Unsupported => "unsupported",
            Self::Unauthenticated => "unauthenticated",
            Self::QuotaExhausted => "quota_exhausted",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RateLimited => "rate_limited",
            Self::NotReady => "not_ready",
            Self::Timeout => "timeout",
            Self::RequestTimeout => "request_timeout",
            Self::Internal => "internal",
            Self::BadGateway => "bad_gateway",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::UpstreamCredential => "upstream_credential",
        }
    }
}

/// A request that Weir refuses: the client's fault, or a policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What kind of error the client is told.
    pub kind: ErrorKind,
    /// A sentence for a person. It may quote the client's own words, never secrets.
    pub message: String,
    /// A word for programs where the kind's own is not precise enough, such as `model_not_found`.
    pub code: Option<Cow<'static, str>>,
    /// The client's own member that is wrong, as a path (`messages[2].content`).
    pub param: Option<String>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u64>,
}

impl Rejection {
    /// A rejection of this kind with a sentence.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, param: None, retry_after: None }
    }

    /// A request without a body where a format's JSON has to be.
    #[must_use]
    pub fn no_body() -> Self {
        Self::new(ErrorKind::InvalidRequest, "the request has no body; a JSON object is expected")
    }

    /// The same with the member that is wrong.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same with a word for programs.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(Cow::Borrowed(code));
        self
    }
}

/// A provider's failure, read from its status, headers and body, or from a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// The provider's sentence, plain text.
    pub message: String,
    /// The provider's own code.
    pub code: Option<String>,
    /// The provider's word for the member that is wrong.
    pub param: Option<String>,
    /// The HTTP status that the provider sent, if it sent one for this.
    pub status: Option<u16>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u64>,
    /// The id under which the provider's support finds the request.
    pub request_id: Option<String>,
}

impl Failure {
    /// A failure of this kind with a sentence.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, param: None, status: None, retry_after: None, request_id: None }
    }

    /// The failure of a model that ended for a reason that is [`super::Finish::is_broken`], and had said nothing.
    #[must_use]
    pub fn wordless() -> Self {
        Self::new(ErrorKind::BadGateway, "the model broke its own grammar before it said anything")
    }

    /// The provider's code, where it tells a program more than the kind of error does: numbers repeat the status, some kinds have one
    /// word that every client knows, and what a provider says of the gateway's credential is not the client's.
    #[must_use]
    pub fn own_code(&self) -> Option<&str> {
        match self.kind {
            ErrorKind::ContextLength | ErrorKind::ContentFiltered | ErrorKind::QuotaExhausted | ErrorKind::UpstreamCredential => None,
            ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::MethodNotAllowed
            | ErrorKind::Conflict
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::RateLimited
            | ErrorKind::NotReady
            | ErrorKind::Timeout
            | ErrorKind::RequestTimeout
            | ErrorKind::Internal
            | ErrorKind::BadGateway
            | ErrorKind::Unavailable
            | ErrorKind::Overloaded => self.code.as_deref().filter(|code| !code.bytes().all(|byte| byte.is_ascii_digit())),
        }
    }

    /// Whether another provider may succeed where this one failed.
    #[must_use]
    pub const fn moves_on(&self) -> bool {
        match self.kind {
            ErrorKind::QuotaExhausted
            | ErrorKind::RateLimited
            | ErrorKind::NotReady
            | ErrorKind::Timeout
            | ErrorKind::RequestTimeout
            | ErrorKind::Internal
            | ErrorKind::BadGateway
            | ErrorKind::Unavailable
            | ErrorKind::Overloaded
            | ErrorKind::UpstreamCredential => true,
            ErrorKind::InvalidRequest
            | ErrorKind::ContextLength
            | ErrorKind::ContentFiltered
            | ErrorKind::Unsupported
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::MethodNotAllowed
            | ErrorKind::Conflict
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedMediaType => false,
        }
    }
}

/// What a client is told of a provider's failure.
impl From<&Failure> for Rejection {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: failure.kind,
            message: failure.message.clone(),
            code: failure.own_code().map(|code| Cow::Owned(code.to_owned())),
            param: failure.param.clone(),
            retry_after: failure.retry_after,
        }
    }
}

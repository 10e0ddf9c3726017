//! Answers that come compressed: Weir asks for identity, and not every server listens.

use super::headers::Headers;
use super::machine::Exchange;
use crate::framing::inflate::{Coding, inflated};
use crate::hub::{ErrorKind, Failure};
use std::borrow::Cow;

/// How the answer's body is coded.
pub(super) fn coding(head: &Headers) -> Coding {
    head.first("content-encoding").map_or(Coding::Identity, Coding::named)
}

/// The body of a whole answer, inflated where it came compressed.
pub(super) fn plain<'b>(exchange: &Exchange, head: &Headers, body: &'b [u8]) -> Result<Cow<'b, [u8]>, Failure> {
    match coding(head) {
        Coding::Identity => Ok(Cow::Borrowed(body)),
        coding => match inflated(coding, body, exchange.configured().gateway.caps.answer) {
            Ok(body) => Ok(Cow::Owned(body)),
            Err(error) => Err(Failure::new(ErrorKind::BadGateway, format!("the provider's answer: {error}"))),
        },
    }
}

/// What stands in the place of a body that passes: nothing where it is the provider's own, the inflated one otherwise.
pub(super) fn replacing(body: Cow<'_, [u8]>, headers: &mut Headers) -> Option<Vec<u8>> {
    match body {
        Cow::Borrowed(_) => None,
        Cow::Owned(inflated) => {
            headers.retain(|name| name != "content-encoding");
            Some(inflated)
        }
    }
}

//! Requests as Messages has them.

use crate::formats::Onward;
use crate::hub::{ErrorKind, Losses, Rejection, Request};
use crate::json::Out;

/// Writes a request body.
pub(super) fn encode(
    _request: &Request<'_>,
    _body: &[u8],
    _onward: &Onward<'_>,
    _out: &mut Out,
    _losses: &mut Losses,
) -> Result<(), Rejection> {
    Err(Rejection::new(ErrorKind::Unsupported, "not yet"))
}

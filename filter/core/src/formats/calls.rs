//! The input of a call in an answer, where the client's format wants an object.

use crate::hub::Finish;
use crate::json::{Json, Out};
use std::borrow::Cow;

/// The object that is written as the input of a call; `None` where the call is left out: an empty one in the place of arguments that
/// the model broke off would be a lie. What is not JSON stands in the object, so that the client's tool sees what the model wrote.
#[must_use]
pub fn input<'a>(arguments: &'a Json<'_>, finish: Option<&Finish<'_>>) -> Option<Cow<'a, str>> {
    let object = arguments.object();
    if object.is_some() || matches!(finish, Some(Finish::Length | Finish::ContextWindow)) {
        return object;
    }
    let mut out = Out::default();
    out.open_object();
    out.key("input");
    out.json_as_string(arguments);
    out.close_object();
    Some(Cow::Owned(out.into_string()))
}

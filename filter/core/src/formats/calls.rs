//! The input of a call in an answer, where the client's format wants an object.

use crate::hub::{Field, Finish};
use crate::json::{Json, Out};
use std::borrow::Cow;

/// The object that is written as the input of a call; `None` where the call is left out: an empty one in the place of arguments that
/// the model broke off would be a lie. What is not JSON stands in the object, so that the client's tool sees what the model wrote. What
/// of both is not as the model said it goes to `left`.
#[must_use]
pub fn input<'a>(arguments: &'a Json<'_>, finish: Option<&Finish<'_>>, left: &mut Vec<Field>) -> Option<Cow<'a, str>> {
    let object = arguments.object();
    if object.is_some() {
        return object;
    }
    if matches!(finish, Some(Finish::Length | Finish::ContextWindow)) {
        left.push(Field::AnswerCutCall);
        return None;
    }
    left.push(Field::AnswerArguments);
    let mut out = Out::default();
    out.open_object();
    out.key("input");
    out.json_as_string(arguments);
    out.close_object();
    Some(Cow::Owned(out.into_string()))
}

//! Whole answers as clients read them.

use super::answer::Content;
use super::citations;
use super::echo::Echo;
use super::output::{Body, Envelope, Item, Progress, Status, response_id};
use crate::formats::Asked;
use crate::hub::{Answer, Choice, Citation, ErrorKind, Finish, Likelihood, Part, PartKind, Rejection};
use crate::json::{Json, Out, Str};

/// Writes a response object. The format has one choice.
pub(super) fn encode(answer: &Answer<'_>, asked: &Asked, out: &mut Out) {
    let envelope = Envelope {
        id: response_id(answer.id.as_ref(), asked.now),
        created: answer.created.unwrap_or(asked.now),
        model: asked.model.clone(),
        echo: Echo::of(asked),
    };
    let choice = answer.choices.first();
    let items = choice.map(|choice| items(choice, &envelope)).unwrap_or_default();
    let status = choice.map_or(Status::Completed, |choice| status(&choice.finish, items.is_empty()));
    envelope.encode(
        &status,
        answer.service_tier.as_ref(),
        answer.usage.as_ref(),
        |out| {
            let last = items.len().saturating_sub(1);
            for (at, item) in items.iter().enumerate() {
                item.encode(if at == last { status.last_item() } else { Progress::Completed }, out);
            }
        },
        out,
    );
}

/// The status of an answer that ended for this reason, and said something or not.
pub(super) fn status(finish: &Finish<'_>, silent: bool) -> Status {
    if silent && matches!(finish, Finish::Malformed | Finish::Error) {
        return Status::Failed(Rejection::new(ErrorKind::BadGateway, "the provider broke off before it said anything"));
    }
    Status::of(finish)
}

/// The items that the parts of a choice become: neighbouring texts are one message.
fn items<'a>(choice: &'a Choice<'_>, envelope: &Envelope) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::with_capacity(choice.parts.len());
    let mut likelihood = choice.likelihood.clone().into_owned();
    for (place, part) in choice.parts.iter().enumerate() {
        let Some(mut body) = body(part, choice.cited(place), &envelope.echo) else { continue };
        // How probable the tokens of all texts were stands with the first one.
        if let Body::Message(contents) = &mut body
            && let Some(Content::Text(_, _, tokens)) = contents.first_mut()
        {
            *tokens = core::mem::take(&mut likelihood);
        }
        add(&mut items, body, envelope);
    }
    if refused_without_words(choice) {
        add(&mut items, Body::Message(vec![Content::Refusal(Str::default())]), envelope);
    }
    items
}

fn add<'a>(items: &mut Vec<Item<'a>>, mut body: Body<'a>, envelope: &Envelope) {
    if let (Some(Body::Message(contents)), Body::Message(more)) = (items.last_mut().map(|item| &mut item.body), &mut body) {
        contents.append(more);
    } else {
        let number = items.len();
        items.push(Item::new(&envelope.id, number, body));
    }
}

/// A model that declined, and whose refusal no part says: the format tells it by a part alone.
fn refused_without_words(choice: &Choice<'_>) -> bool {
    choice.finish == Finish::Refusal && !choice.parts.iter().any(|part| matches!(part.kind, PartKind::Refusal(_)))
}

fn body<'a>(part: &'a Part<'_>, cited: &[(usize, Citation<'a>)], echo: &Echo) -> Option<Body<'a>> {
    match &part.kind {
        PartKind::Text(text) => {
            let sources = cited.iter().map(|(_, source)| source).filter(|source| citations::is_expressible(source)).cloned().collect();
            Some(Body::Message(vec![Content::Text(text.reborrow(), sources, Likelihood::default())]))
        }
        PartKind::Refusal(text) => Some(Body::Message(vec![Content::Refusal(text.reborrow())])),
        PartKind::Reasoning { text, signature } => {
            let cipher = signature.as_ref().filter(|_| echo.cipher).map(Str::reborrow);
            (!text.is_empty() || cipher.is_some()).then(|| Body::Reasoning(text.reborrow(), cipher))
        }
        PartKind::RedactedReasoning(data) => echo.cipher.then(|| Body::Reasoning(Str::default(), Some(data.reborrow()))),
        PartKind::ToolCall { id, name, arguments, kind } => {
            let (namespace, name) = echo.split(name);
            let input = match arguments {
                Json::Text(text) => text.reborrow(),
                Json::Value(raw) => Str::from_plain(raw.as_str()),
            };
            Some(Body::Call { kind: *kind, call_id: id.reborrow(), namespace, name, input })
        }
        PartKind::Media { .. } | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => None,
    }
}

//! Whole answers as Gemini clients read them, and the pieces that streams share with them.

use super::outline::is_quiet;
use super::{signature, usage};
use crate::formats::gemini::{citations, likelihood};
use crate::formats::{Asked, calls};
use crate::hub::{Answer, Choice, Citation, Field, Finish, PartKind};
use crate::json::{Json, Out, Ruler, Str, on_one_line};
use crate::usage::Usage;

/// Writes a response. What is not as the model said it is what this gives back.
pub(in super::super) fn encode(answer: &Answer<'_>, asked: &Asked, out: &mut Out) -> Vec<Field> {
    let mut left = Vec::new();
    out.open_object();
    out.key("candidates");
    out.open_array();
    for choice in &answer.choices {
        candidate(choice, is_quiet(asked), &mut left, out);
    }
    out.close_array();
    tail(answer.usage.as_ref(), answer.id.as_ref(), asked, out);
    out.close_object();
    left
}

/// Writes the members behind the candidates, whole or streamed.
pub(super) fn tail(counts: Option<&Usage>, id: Option<&Str<'_>>, asked: &Asked, out: &mut Out) {
    if let Some(counts) = counts {
        usage::encode(counts, out);
    }
    out.key("modelVersion");
    out.plain(&asked.model);
    out.key("responseId");
    match id.filter(|id| !id.is_empty()) {
        Some(id) => out.string(id),
        None => out.plain(&format!("resp-{}", asked.now)),
    }
}

fn candidate(choice: &Choice<'_>, quiet: bool, left: &mut Vec<Field>, out: &mut Out) {
    out.constant(r#"{"content":{"parts":["#);
    let mut pen = Pen { out, signature: None };
    for part in &choice.parts {
        match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) if text.is_empty() => {}
            PartKind::Text(text) | PartKind::Refusal(text) => pen.text(text),
            PartKind::Reasoning { text, signature } => {
                if !quiet && !text.is_empty() {
                    pen.thought(text);
                }
                if let Some(signature) = signature {
                    pen.sign(signature::written(signature).into_owned());
                }
            }
            PartKind::RedactedReasoning(data) => pen.sign(signature::written(data).into_owned()),
            PartKind::ToolCall { id, name, arguments, .. } => pen.call((id, name), arguments, Some(&choice.finish), left),
            PartKind::Media { .. } | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => {}
        }
    }
    pen.lone();
    close(&choice.finish, choice.index, out);
    likelihood::encode(&choice.likelihood, out);
    if !choice.citations.is_empty() {
        sources(choice, out);
    }
    out.close_object();
}

/// Writes the sources of a candidate, whose texts are one.
fn sources(choice: &Choice<'_>, out: &mut Out) {
    let (mut placed, mut ruler) = (Vec::new(), Ruler::default());
    for (place, part) in choice.parts.iter().enumerate() {
        if let PartKind::Text(text) | PartKind::Refusal(text) = &part.kind {
            let before = ruler.characters();
            ruler.push(text);
            let of = |citation: &Citation<'_>| citation.place(before, ruler.characters());
            placed.extend(choice.cited(place).iter().map(|(_, citation)| (citation, of(citation))));
        }
    }
    citations::encode(placed.iter().copied(), &ruler, out);
}

/// Closes the content of a candidate that is complete; the candidate stays open.
pub(super) fn close(finish: &Finish<'_>, index: u32, out: &mut Out) {
    out.verbatim(r#"],"role":"model"},"finishReason":""#);
    out.verbatim(reason(finish));
    out.verbatim("\"");
    out.key("index");
    out.number(u64::from(index));
}

/// The word for why an answer ended. Calls have none.
const fn reason(finish: &Finish<'_>) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCall | Finish::Unknown(_) => "STOP",
        Finish::Length | Finish::ContextWindow => "MAX_TOKENS",
        Finish::ContentFilter | Finish::Refusal => "SAFETY",
        Finish::Malformed => "MALFORMED_FUNCTION_CALL",
        Finish::Pause | Finish::Error => "OTHER",
    }
}

/// Writes parts, and the signature of the thinking before each of them.
pub(super) struct Pen<'p> {
    /// Where they are written.
    pub out: &'p mut Out,
    /// A signature whose part has not come yet.
    pub signature: Option<Str<'static>>,
}

impl Pen<'_> {
    /// Writes text.
    pub(super) fn text(&mut self, text: &Str<'_>) {
        self.out.open_object();
        self.out.key("text");
        self.out.string(text);
        self.close();
    }

    /// Writes thinking. Its signature comes with the part behind it.
    pub(super) fn thought(&mut self, text: &Str<'_>) {
        self.lone();
        self.out.open_object();
        self.out.key("text");
        self.out.string(text);
        self.out.key("thought");
        self.out.boolean(true);
        self.out.close_object();
    }

    /// The thinking so far has this signature.
    pub(super) fn sign(&mut self, signature: Str<'static>) {
        self.lone();
        self.signature = Some(signature);
    }

    /// Writes a signature without a part of its own.
    pub(super) fn lone(&mut self) {
        if self.signature.is_some() {
            self.text(&Str::default());
        }
    }

    /// Writes a call, unless the answer was cut before its arguments were an object.
    pub(super) fn call(
        &mut self,
        (id, name): (&Str<'_>, &Str<'_>),
        arguments: &Json<'_>,
        finish: Option<&Finish<'_>>,
        left: &mut Vec<Field>,
    ) {
        let Some(input) = calls::input(arguments, finish, left) else { return };
        self.out.constant(r#"{"functionCall":{"#);
        if !id.is_empty() {
            self.out.key("id");
            self.out.string(id);
        }
        self.out.key("name");
        self.out.string(name);
        self.out.key("args");
        self.out.verbatim(&on_one_line(&input));
        self.out.close_object();
        self.close();
    }

    fn close(&mut self) {
        if let Some(signature) = self.signature.take() {
            self.out.key("thoughtSignature");
            self.out.string(&signature);
        }
        self.out.close_object();
    }
}

//! One scan over a Responses request: what routing, limits, edits and the writers of answers need; what is passed over is validated.

use super::decode::{CIPHER, LOGPROBS, extension};
use super::echo::Collected;
use crate::formats::Outline;
use crate::formats::members::Met;
use crate::formats::openai::scan;
use crate::formats::shape::{self, Fault, place};
use crate::hub::{Capability, Field, Rejection};
use crate::json::{Cursor, Kind};

/// What the scan does with a member of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Model,
    Input,
    Stream,
    MaxTokens,
    Tools,
    ToolChoice,
    Text,
    Form,
    Reasoning,
    Include,
    Store,
    TopLogprobs,
    PreviousResponse,
    /// A member of which [`extension`] says what it is.
    Own,
    Pass,
}

/// The members that are read here or whose second value would be a way round what the first one was checked for; frequent ones first.
const MEMBERS: &[(&str, Action)] = &[
    ("model", Action::Model),
    ("input", Action::Input),
    ("stream", Action::Stream),
    ("tools", Action::Tools),
    ("instructions", Action::Text),
    ("tool_choice", Action::ToolChoice),
    ("store", Action::Store),
    ("include", Action::Include),
    ("reasoning", Action::Reasoning),
    ("parallel_tool_calls", Action::Pass),
    ("prompt_cache_key", Action::Pass),
    ("max_output_tokens", Action::MaxTokens),
    ("temperature", Action::Pass),
    ("top_p", Action::Pass),
    ("text", Action::Form),
    ("metadata", Action::Pass),
    ("user", Action::Pass),
    ("safety_identifier", Action::Pass),
    ("service_tier", Action::Pass),
    ("top_logprobs", Action::TopLogprobs),
    ("previous_response_id", Action::PreviousResponse),
    ("conversation", Action::Own),
    ("prompt", Action::Own),
    ("background", Action::Own),
    ("truncation", Action::Own),
    ("context_management", Action::Own),
    ("moderation", Action::Own),
    ("max_tool_calls", Action::Pass),
];

/// Scans a request.
pub(super) fn outline(body: &[u8]) -> Result<Outline, Rejection> {
    let text = shape::text(body)?;
    let mut scan = Scan {
        cursor: Cursor::of_text(text),
        outline: Outline { include_usage: true, ..Outline::default() },
        input_bytes: 0,
        collected: Collected::default(),
        cipher: false,
        kept: true,
        met: Met::default(),
    };
    scan.run().map_err(|fault| fault.rejection(text))?;
    let repeated = scan.met.repeated(MEMBERS, text).map_err(|error| Fault::from(error).rejection(text))?;
    let mut outline = scan.outline;
    // What nobody keeps the client must bring back, so it is given the means to.
    outline.memo = Some(scan.collected.memo(scan.cipher || !scan.kept));
    outline.text_bytes = outline.text_bytes.saturating_add(scan.input_bytes);
    outline.body_bytes = u64::from(place(body.len()));
    outline.repeated = repeated;
    Ok(outline)
}

pub(super) struct Scan<'b> {
    pub(super) cursor: Cursor<'b>,
    pub(super) outline: Outline,
    /// Text in `input` apart from the rest, because a second `input` replaces the first.
    pub(super) input_bytes: u64,
    /// What the answer repeats.
    collected: Collected<'b>,
    /// Whether the client asked for ciphertext of the model's thinking.
    cipher: bool,
    /// Whether the client wants the answer kept, as it is unless it says otherwise.
    kept: bool,
    /// Which of [`MEMBERS`] the request has.
    met: Met,
}

impl Scan<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        let top = self.cursor.offset();
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            let name = name.into_plain();
            let Some((name, action)) = self.met.meet(MEMBERS, &name) else {
                self.cursor.skip()?;
                continue;
            };
            let start = self.cursor.offset();
            self.member(name, action)?;
            self.collected.take(name, self.cursor.since(start));
        }
        self.cursor.end()?;
        if self.outline.model.is_empty() {
            return Err(Fault::missing(top, "model"));
        }
        Ok(())
    }

    fn member(&mut self, name: &str, action: Action) -> Result<(), Fault> {
        if action != Action::Model && self.cursor.null()? {
            return Ok(());
        }
        match action {
            Action::Model => return self.outline.read_model(&mut self.cursor),
            Action::Input => return self.input(),
            Action::Stream => self.outline.stream = self.cursor.boolean()?,
            // Some clients send what is no count; then there is no limit to know of.
            Action::MaxTokens => self.outline.max_tokens = self.cursor.number()?.as_str().parse().ok(),
            Action::Tools => return self.tools(),
            Action::ToolChoice => return scan::tool_choice(&mut self.cursor, &mut self.outline),
            Action::Form => {
                let schema = shape::has_schema(&self.cursor)?;
                self.outline.uses.note(Capability::JsonSchema, schema);
                self.outline.add_text(self.cursor.raw()?.as_str());
            }
            Action::Reasoning if self.cursor.peek()? == Kind::Object => return self.reasoning(),
            Action::Text => self.outline.add_text(self.cursor.raw()?.as_str()),
            Action::Include => return self.include(),
            Action::Store => self.kept = self.cursor.boolean()?,
            Action::TopLogprobs => {
                let wanted = self.cursor.number()?.as_str() != "0";
                self.outline.note(Field::Logprobs, wanted);
            }
            Action::PreviousResponse => {
                self.cursor.string()?;
                self.outline.note(Field::PreviousResponse, true);
            }
            Action::Own => {
                let value = self.cursor.raw()?;
                if let Some(field) = extension(name, value) {
                    self.outline.note(field, true);
                }
            }
            Action::Reasoning | Action::Pass => self.cursor.skip()?,
        }
        Ok(())
    }

    fn tools(&mut self) -> Result<(), Fault> {
        let start = self.cursor.offset();
        scan::tools(&mut self.cursor, &mut self.outline)?;
        self.outline.add_text(self.cursor.since(start).as_str());
        Ok(())
    }

    fn reasoning(&mut self) -> Result<(), Fault> {
        self.cursor.enter_object()?;
        while let Some(name) = self.cursor.member()? {
            if name.is("effort") && self.cursor.peek()? == Kind::String {
                let thinks = !self.cursor.string()?.is("none");
                self.outline.uses.note(Capability::Reasoning, thinks);
            } else {
                self.cursor.skip()?;
            }
        }
        Ok(())
    }

    fn include(&mut self) -> Result<(), Fault> {
        self.cursor.enter_array()?;
        while self.cursor.element()? {
            let wanted = self.cursor.string()?;
            self.cipher |= wanted.is(CIPHER);
            self.outline.note(Field::Logprobs, wanted.is(LOGPROBS));
        }
        Ok(())
    }
}

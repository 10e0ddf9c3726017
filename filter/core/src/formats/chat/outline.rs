//! One scan over a chat request: what routing, limits and edits need, and nothing else; what is passed over is validated.

use crate::formats::members::Met;
use crate::formats::openai::scan;
use crate::formats::shape::{self, Fault, place};
use crate::formats::{Outline, OutputLimitSpan, Span};
use crate::hub::{Capability, Field, Rejection};
use crate::json::{Cursor, Kind};

/// The role that some servers know as `system`; a word of the outline's memo where a message has it, so that few bodies are read again
/// for it.
pub(super) const DEVELOPER: &str = "developer";

/// A word of the memo where the client offers tools in the older form alone: it reads calls in that form, too.
pub(super) const FUNCTIONS: &str = "functions";

/// Whether a memo has a word.
pub(super) fn noted(memo: Option<&str>, word: &str) -> bool {
    memo.is_some_and(|memo| memo.split(' ').any(|one| one == word))
}

/// What the scan does with a member of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Model,
    Messages,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    Tools,
    ToolChoice,
    Text,
    Format,
    Effort,
    Functions,
    ChoiceCount,
    Logprobs,
    Stop,
    Modalities,
    Refused(Field),
    Pass,
}

/// The members that are read here or whose second value would be a way round what the first one was checked for; frequent ones first.
const MEMBERS: &[(&str, Action)] = &[
    ("model", Action::Model),
    ("messages", Action::Messages),
    ("stream", Action::Stream),
    ("temperature", Action::Pass),
    ("max_tokens", Action::MaxTokens),
    ("tools", Action::Tools),
    ("tool_choice", Action::ToolChoice),
    ("stream_options", Action::StreamOptions),
    ("max_completion_tokens", Action::MaxCompletionTokens),
    ("response_format", Action::Format),
    ("parallel_tool_calls", Action::Pass),
    ("reasoning_effort", Action::Effort),
    ("top_p", Action::Pass),
    ("stop", Action::Stop),
    ("n", Action::ChoiceCount),
    ("logprobs", Action::Logprobs),
    ("top_logprobs", Action::Pass),
    ("user", Action::Pass),
    ("safety_identifier", Action::Pass),
    ("metadata", Action::Pass),
    ("service_tier", Action::Pass),
    ("store", Action::Pass),
    ("functions", Action::Functions),
    ("function_call", Action::Pass),
    ("modalities", Action::Modalities),
    ("audio", Action::Refused(Field::Modalities)),
    ("web_search_options", Action::Refused(Field::WebSearch)),
    ("moderation", Action::Refused(Field::Moderation)),
    ("prediction", Action::Text),
];

/// Scans a request.
pub(super) fn outline(body: &[u8]) -> Result<Outline, Rejection> {
    let text = shape::text(body)?;
    let mut scan = Scan { text, cursor: Cursor::of_text(text), outline: Outline::default(), message_bytes: 0, met: Met::default() };
    scan.run().map_err(|fault| fault.rejection(text))?;
    if scan.saw(Action::Functions) && !scan.saw(Action::Tools) {
        scan.memo(FUNCTIONS);
    }
    let repeated = scan.met.repeated(MEMBERS, text).map_err(|error| Fault::from(error).rejection(text))?;
    let mut outline = scan.outline;
    outline.text_bytes = outline.text_bytes.saturating_add(scan.message_bytes);
    outline.body_bytes = u64::from(place(body.len()));
    outline.repeated = repeated;
    Ok(outline)
}

pub(super) struct Scan<'b> {
    text: &'b str,
    pub(super) cursor: Cursor<'b>,
    pub(super) outline: Outline,
    /// Text in `messages` apart from the rest, because a second `messages` replaces the first.
    pub(super) message_bytes: u64,
    /// Which of [`MEMBERS`] the request has.
    met: Met,
}

impl<'b> Scan<'b> {
    fn run(&mut self) -> Result<(), Fault> {
        let top = self.cursor.offset();
        self.cursor.enter_object()?;
        loop {
            let before = self.cursor.offset();
            let Some(name) = self.cursor.member()? else { break };
            let name = name.into_plain();
            let Some((_, action)) = self.met.meet(MEMBERS, &name) else {
                self.cursor.skip()?;
                continue;
            };
            self.member(action, before)?;
        }
        self.cursor.end()?;
        for (member, action) in [("model", Action::Model), ("messages", Action::Messages)] {
            if !self.saw(action) {
                return Err(Fault::missing(top, member));
            }
        }
        Ok(())
    }

    fn saw(&self, action: Action) -> bool {
        self.met.has(MEMBERS, &action)
    }

    fn member(&mut self, action: Action, before: usize) -> Result<(), Fault> {
        match action {
            Action::Model => self.outline.read_model(&mut self.cursor),
            Action::Messages => self.messages(),
            Action::Stream => {
                self.outline.stream = if self.cursor.null()? { false } else { self.cursor.boolean()? };
                Ok(())
            }
            Action::StreamOptions => self.stream_options(),
            Action::MaxTokens => self.limit(before, false),
            Action::MaxCompletionTokens => self.limit(before, true),
            Action::Tools => self.tools(),
            Action::ToolChoice => scan::tool_choice(&mut self.cursor, &mut self.outline),
            Action::Effort if self.cursor.peek()? == Kind::String => {
                let thinks = !self.cursor.string()?.is("none");
                self.outline.uses.note(Capability::Reasoning, thinks);
                Ok(())
            }
            Action::Text | Action::Format | Action::Functions => {
                let schema = action == Action::Format && shape::is_of_type(&self.cursor, "json_schema")?;
                self.outline.uses.note(Capability::JsonSchema, schema);
                self.outline.uses.note(Capability::Tools, action == Action::Functions);
                self.outline.add_text(self.cursor.raw()?.as_str());
                Ok(())
            }
            Action::ChoiceCount => {
                let one = self.cursor.null()? || self.cursor.number()?.as_str() == "1";
                self.outline.note(Field::ChoiceCount, !one);
                Ok(())
            }
            Action::Logprobs => {
                let wanted = !self.cursor.null()? && self.cursor.boolean()?;
                self.outline.note(Field::Logprobs, wanted);
                Ok(())
            }
            Action::Stop => self.stop(),
            Action::Modalities => self.modalities(),
            Action::Refused(field) => {
                let present = self.cursor.peek()? != Kind::Null;
                self.outline.note(field, present);
                Ok(self.cursor.skip()?)
            }
            Action::Effort | Action::Pass => Ok(self.cursor.skip()?),
        }
    }

    fn stream_options(&mut self) -> Result<(), Fault> {
        let start = self.cursor.offset();
        self.outline.include_usage = false;
        if !self.cursor.null()? {
            self.cursor.enter_object()?;
            while let Some(name) = self.cursor.member()? {
                if name.is("include_usage") {
                    self.outline.include_usage = !self.cursor.null()? && self.cursor.boolean()?;
                } else {
                    self.cursor.skip()?;
                }
            }
        }
        self.outline.stream_options = Some(Span { start: place(start), end: place(self.cursor.passed()) });
        Ok(())
    }

    /// Some servers take `-1` for "no limit", so a number that is no count is passed on without being one.
    fn limit(&mut self, before: usize, completion: bool) -> Result<(), Fault> {
        if self.cursor.null()? {
            return Ok(());
        }
        let limit: Option<u64> = self.cursor.number()?.as_str().parse().ok();
        // A client that says both limits means the newer one, but the older may be what its provider reads.
        self.outline.max_tokens = self.outline.max_tokens.max(limit);
        let (other, same) =
            if completion { (Action::MaxTokens, Action::MaxCompletionTokens) } else { (Action::MaxCompletionTokens, Action::MaxTokens) };
        debug_assert!(self.saw(same));
        self.outline.output_limit = if self.saw(other) { None } else { Some(OutputLimitSpan { name: self.name_span(before), completion }) };
        Ok(())
    }

    /// The name of a member before which stands at most a comma and white space.
    pub(super) fn name_span(&self, before: usize) -> Span {
        let rest = self.text.get(before..).unwrap_or_default();
        let start = before.saturating_add(rest.find('"').unwrap_or(0));
        let mut name = Cursor::at(self.text, start);
        let end = if name.string().is_ok() { name.passed() } else { start };
        Span { start: place(start), end: place(end) }
    }

    fn tools(&mut self) -> Result<(), Fault> {
        let start = self.cursor.offset();
        if !self.cursor.null()? {
            scan::tools(&mut self.cursor, &mut self.outline)?;
        }
        self.outline.add_text(self.cursor.since(start).as_str());
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Fault> {
        match self.cursor.peek()? {
            Kind::Null => Ok(self.cursor.skip()?),
            Kind::String => self.stop_sequence(),
            _ => {
                self.cursor.enter_array()?;
                while self.cursor.element()? {
                    self.stop_sequence()?;
                }
                Ok(())
            }
        }
    }

    fn stop_sequence(&mut self) -> Result<(), Fault> {
        let blank = self.cursor.string()?.is_blank();
        self.outline.note(Field::StopSequences, true);
        self.outline.note(Field::BlankStop, blank);
        Ok(())
    }

    fn modalities(&mut self) -> Result<(), Fault> {
        if !self.cursor.null()? {
            self.cursor.enter_array()?;
            while self.cursor.element()? {
                let other = !self.cursor.string()?.is("text");
                self.outline.note(Field::Modalities, other);
            }
        }
        Ok(())
    }

    pub(super) fn note_developer(&mut self) {
        self.memo(DEVELOPER);
    }

    fn memo(&mut self, word: &str) {
        let memo = self.outline.memo.take();
        self.outline.memo = Some(match memo {
            Some(memo) if noted(Some(&memo), word) => memo,
            Some(memo) => format!("{memo} {word}").into(),
            None => word.into(),
        });
    }
}

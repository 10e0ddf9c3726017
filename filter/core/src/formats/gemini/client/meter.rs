//! What a passing answer says about itself: usage, content, finish, failure. Nothing is changed, nothing is kept but counts.

use crate::formats::gemini::chunk::{Candidate, Chunk, Said};
use crate::formats::gemini::reader::MAX_CHOICES;
use crate::formats::gemini::{error, usage};
use crate::formats::{Keep, Meter, Seen};
use crate::framing::Frame;
use crate::hub::{ErrorKind, Failure, Finish};

/// Reads a passing stream.
#[derive(Debug, Default)]
pub(in super::super) struct EventMeter {
    seen: Seen,
    /// The candidates so far.
    choices: Vec<Told>,
    blocked: bool,
}

/// How far a candidate has come.
#[derive(Debug)]
struct Told {
    index: u32,
    calls: bool,
    finish: Option<Finish<'static>>,
}

impl EventMeter {
    fn take(&mut self, chunk: Chunk<'_>, data: &[u8]) {
        let seen = &mut self.seen;
        if chunk.error && seen.failure.is_none() {
            seen.failure = Some(error::in_stream(data));
            return;
        }
        let word = |text: Option<crate::json::Str<'_>>| text.map(|text| text.into_plain().into_owned());
        seen.id = word(chunk.id).or(seen.id.take());
        seen.model = word(chunk.model).or(seen.model.take());
        seen.content |= chunk.blocked;
        self.blocked |= chunk.blocked;
        if let Some(usage) = chunk.usage.and_then(usage::read) {
            seen.usage.get_or_insert_default().merge_snapshot(&usage);
        }
        for candidate in chunk.candidates {
            self.candidate(candidate);
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>) {
        let mut calls = false;
        for said in &candidate.said {
            let bytes = match said {
                Said::Text(text) | Said::Thought(text) => text.plain_len(),
                Said::Call { arguments, .. } => {
                    calls = true;
                    arguments.as_str().len()
                }
                Said::Pieces => {
                    calls = true;
                    0
                }
                Said::Signature(_) => 0,
            };
            self.seen.output_bytes = self.seen.output_bytes.saturating_add(u64::try_from(bytes).unwrap_or(0));
        }
        let finish = candidate.finish.map(|finish| finish.to_owned());
        self.seen.content |= !candidate.said.is_empty() || finish.as_ref().is_some_and(|finish| !finish.is_broken());
        let room = self.choices.len() < MAX_CHOICES;
        match self.choices.iter_mut().find(|told| told.index == candidate.index) {
            Some(told) => {
                told.calls |= calls;
                told.finish = finish.or(told.finish.take());
            }
            // More than anybody asks for: they pass, and say nothing about the others.
            None if !room => {}
            None => self.choices.push(Told { index: candidate.index, calls, finish }),
        }
    }

    fn settle(&mut self) {
        let told = self.choices.iter().map(|told| told.finish.clone().map(|finish| finish.settled(told.calls)));
        let all: Option<Vec<Finish<'_>>> = told.collect();
        let filtered = self.blocked.then_some(Finish::ContentFilter);
        let first = all.as_ref().and_then(|all| all.first()).cloned().or(filtered);
        self.seen.finish = first.as_ref().map(Finish::as_str);
        if first.is_some() && !self.seen.content {
            // Every candidate broke off before it said anything.
            self.seen.failure.get_or_insert_with(Failure::wordless);
        }
        self.seen.complete = self.seen.failure.is_none() && first.is_some();
    }
}

impl Meter for EventMeter {
    fn frame(&mut self, frame: &Frame<'_>) -> Keep {
        // What can't be read is passed on all the same: the client has its own opinion.
        if let Some(data) = frame.data.filter(|data| !data.is_empty())
            && let Ok(chunk) = Chunk::read(data)
        {
            self.take(chunk, data);
        }
        Keep::Whole
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }

    fn end(&mut self) {
        self.settle();
    }
}

/// Reads a whole answer, which may be all the chunks of a stream in one array.
pub(in super::super) fn measure(body: &[u8]) -> Seen {
    let mut meter = EventMeter::default();
    match Chunk::read(body) {
        Ok(chunk) => meter.take(chunk, body),
        Err(error) => {
            let sentence = format!("the provider's answer can't be read: {error}");
            meter.seen.failure = Some(Failure::new(ErrorKind::BadGateway, sentence));
        }
    }
    meter.settle();
    Seen { complete: meter.seen.failure.is_none(), ..meter.seen }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_without_end() {
        let many: Vec<String> = (0..200_000).map(|index| format!(r#"{{"index":{index},"finishReason":"STOP"}}"#)).collect();
        let body = format!(r#"{{"candidates":[{}]}}"#, many.join(","));
        let seen = measure(body.as_bytes());
        assert!(seen.complete && seen.content);
        assert!(crate::formats::gemini::answer::decode(body.as_bytes()).is_err());
    }
}

//! The way of a request's elements into another format: what is not carried over is accounted for here and nowhere else.

use super::{ClientSide, Onward, Passage, ids};
use crate::hub::{Citation, Cited, ErrorKind, Fate, Field, Rejection, Request, cited};
use crate::json::{self, Json, Raw, Str};
use crate::names::FormatId;
use std::borrow::Cow;

/// Accounts for the elements of one request on its way into one format.
#[derive(Debug)]
pub struct Crossing<'a> {
    target: FormatId,
    body: &'a [u8],
    client: &'a dyn ClientSide,
    /// Whether headers flag beta features of Anthropic's API.
    flagged: bool,
    passage: &'a mut Passage,
}

impl<'a> Crossing<'a> {
    /// The way of the request in `body` into `target`.
    #[must_use]
    pub const fn new(target: FormatId, body: &'a [u8], onward: &Onward<'a>, passage: &'a mut Passage) -> Self {
        Self { target, body, client: onward.client, flagged: !onward.beside.betas.is_empty(), passage }
    }

    /// Records an element that stands at byte `at` of the client's body, and gives its fate back.
    ///
    /// # Errors
    /// The target's fate for it is [`Fate::Refuse`].
    pub fn meet_at(&mut self, field: Field, at: u32) -> Result<Fate, Rejection> {
        let fate = self.passage.losses.record(field, self.target);
        if fate == Fate::Refuse { Err(self.refusal_at(field, at)) } else { Ok(fate) }
    }

    /// Records an element that is a member of the request itself, and gives its fate back.
    ///
    /// # Errors
    /// The target's fate for it is [`Fate::Refuse`].
    pub fn meet(&mut self, field: Field) -> Result<Fate, Rejection> {
        self.meet_in(field, self.client.member(field))
    }

    /// Records an element that the request's own member `member` holds, and gives its fate back.
    ///
    /// # Errors
    /// The target's fate for it is [`Fate::Refuse`].
    pub fn meet_in(&mut self, field: Field, member: &str) -> Result<Fate, Rejection> {
        let fate = self.passage.losses.record(field, self.target);
        if fate == Fate::Refuse { Err(Self::refusal(field, Some(member.to_owned()))) } else { Ok(fate) }
    }

    /// The arguments of a call at byte `at` of the client's body as an object, which this target wants.
    ///
    /// # Errors
    /// They are none: the error's place is theirs.
    pub fn arguments<'j>(&mut self, arguments: &'j Json<'_>, at: u32) -> Result<Cow<'j, str>, Rejection> {
        if let Some(object) = arguments.object() {
            return Ok(object);
        }
        self.passage.losses.record(Field::BrokenArguments, self.target);
        let written = match arguments {
            Json::Text(text) => text.as_escaped(),
            Json::Value(raw) => raw.as_str(),
        };
        let call = usize::try_from(at).ok().and_then(|at| self.body.get(at..)).unwrap_or_default();
        let found = memchr::memmem::find(call, written.as_bytes()).and_then(|offset| u32::try_from(offset).ok());
        Err(self.invalid("the arguments of the tool call are no JSON object", at.saturating_add(found.unwrap_or(0))))
    }

    /// The sources of a text at byte `at` of the client's body that the target is told of; its model `takes` some kinds of them.
    ///
    /// # Errors
    /// The target's fate for one of them is [`Fate::Refuse`].
    pub fn sources<'s, 'b>(
        &mut self,
        sources: &'s [(u32, Citation<'b>)],
        at: u32,
        takes: impl Fn(&Cited<'_>) -> bool,
    ) -> Result<Vec<&'s Citation<'b>>, Rejection> {
        let mut told = Vec::new();
        for (_, citation) in cited(sources, at) {
            let field = if takes(&citation.source) { named(&citation.source) } else { Field::Citations };
            if matches!(self.meet_at(field, at)?, Fate::Carry | Fate::Alter) {
                told.push(citation);
            }
        }
        Ok(told)
    }

    /// Flags of the body for beta features of Anthropic's API, which the provider is told in a header.
    pub fn flag(&mut self, flags: &[Str<'_>]) {
        self.passage.betas.extend(flags.iter().map(|flag| flag.plain().into()));
    }

    /// Accounts for everything that only the client's own format has. What the target has, too, is refused all the same: nothing but the
    /// place of such an element is known here, and bytes pass where both sides speak one format.
    ///
    /// # Errors
    /// The target's fate for an element of it is [`Fate::Refuse`] or [`Fate::Carry`].
    fn leave_extensions(&mut self, request: &Request<'_>) -> Result<(), Rejection> {
        request.extensions.iter().try_for_each(|extension| match self.meet_at(extension.field, extension.at)? {
            Fate::Carry => Err(self.refusal_at(extension.field, extension.at)),
            Fate::Note | Fate::Lose | Fate::Alter | Fate::Refuse => Ok(()),
        })
    }

    /// Accounts for what the request itself holds beside its conversation and its tools. What the table says is carried, the target's
    /// encoder writes.
    ///
    /// # Errors
    /// The target's fate for one of them is [`Fate::Refuse`].
    pub fn meet_settings(&mut self, request: &Request<'_>) -> Result<(), Rejection> {
        let (state, sampling) = (&request.state, &request.sampling);
        // A penalty of zero is none, and so is a bias towards nothing.
        let counts = |penalty: Option<Raw<'_>>| penalty.is_some_and(|penalty| penalty.as_str().parse() != Ok(0.0));
        let present = [
            (request.limits.choice_count.is_some_and(|count| count > 1), Field::ChoiceCount),
            (sampling.logprobs || sampling.top_logprobs.is_some_and(|count| count.as_str() != "0"), Field::Logprobs),
            (sampling.seed.is_some(), Field::Seed),
            (counts(sampling.frequency_penalty), Field::FrequencyPenalty),
            (counts(sampling.presence_penalty), Field::PresencePenalty),
            (sampling.logit_bias.is_some_and(|bias| bias.as_str() != "{}"), Field::LogitBias),
            (state.previous_response_id.is_some(), Field::PreviousResponse),
            (state.store == Some(true), Field::Store),
            (state.store == Some(false), Field::StoreOff),
            (request.metadata.is_some_and(|labels| labels.as_str() != "{}"), Field::Metadata),
            (request.end_user.is_some(), Field::EndUser),
            (request.cache_key.is_some(), Field::CacheKey),
            (self.flagged || !request.betas.is_empty(), Field::Betas),
            (request.verbosity.is_some(), Field::Verbosity),
            (request.reasoning.as_ref().is_some_and(|reasoning| reasoning.show.is_some()), Field::ReasoningShow),
        ];
        for (_, field) in present.into_iter().filter(|(present, _)| *present) {
            self.meet(field)?;
        }
        for (at, citation) in &request.citations {
            let field = named(&citation.source);
            if field.fate(self.target) == Fate::Lose {
                self.meet_at(field, *at)?;
            }
        }
        self.leave_extensions(request)
    }

    /// The name by which the target is told of a tool: the client's own, or where the target's alphabet or length does not allow it one
    /// that is undone in the answer.
    ///
    /// # Errors
    /// The target's fate for it is [`Fate::Refuse`], or two tools can't be told apart.
    pub fn tool_name<'s>(&mut self, name: &'s Str<'_>, longest: usize, at: u32) -> Result<Str<'s>, Rejection> {
        if ids::is_safe(name.as_escaped()) && name.as_escaped().len() <= longest {
            return Ok(name.reborrow());
        }
        self.meet_at(Field::ToolName, at)?;
        let own = name.plain();
        let sent = ids::safe_name(&own, longest);
        self.rename(&sent, &own, at)?;
        Ok(Str::from_plain_owned(sent))
    }

    /// The same where a name has to begin with a letter or an underscore.
    ///
    /// # Errors
    /// As [`Self::tool_name`].
    pub fn identifier<'s>(&mut self, name: &'s Str<'_>, longest: usize, at: u32) -> Result<Str<'s>, Rejection> {
        if !name.as_escaped().starts_with(|first: char| first.is_ascii_digit() || first == '-') {
            return self.tool_name(name, longest, at);
        }
        self.meet_at(Field::ToolName, at)?;
        let own = name.plain();
        let sent = format!("_{}", ids::safe_name(&own, longest.saturating_sub(1)));
        self.rename(&sent, &own, at)?;
        Ok(Str::from_plain_owned(sent))
    }

    /// Notes that the target is told another name of a tool.
    ///
    /// # Errors
    /// Another tool of the request has that name already.
    fn rename(&mut self, sent: &str, own: &str, at: u32) -> Result<(), Rejection> {
        if self.passage.renames.insert(sent, own) { Ok(()) } else { Err(self.invalid("two tools have names that can't be told apart", at)) }
    }

    /// A malformed element at byte `at`: the client's fault whatever the target.
    #[must_use]
    pub fn invalid(&self, sentence: &str, at: u32) -> Rejection {
        let rejection = Rejection::new(ErrorKind::InvalidRequest, sentence);
        match self.path(at) {
            Some(path) => rejection.at(path),
            None => rejection,
        }
    }

    fn path(&self, at: u32) -> Option<String> {
        json::path_of(core::str::from_utf8(self.body).ok()?, usize::try_from(at).ok()?)
    }

    fn refusal_at(&self, field: Field, at: u32) -> Rejection {
        Self::refusal(field, self.path(at).or_else(|| Some(self.client.member(field).to_owned())))
    }

    fn refusal(field: Field, path: Option<String>) -> Rejection {
        let place = path.as_deref().unwrap_or_else(|| field.as_str());
        let sentence = format!("{place}: the provider of this model can't be sent this ({})", field.as_str());
        let rejection = Rejection::new(ErrorKind::Unsupported, sentence).code("unsupported_by_target");
        match path {
            Some(path) => rejection.at(path),
            None => rejection,
        }
    }
}

/// What a source is that a turn of the history names.
const fn named(source: &Cited<'_>) -> Field {
    match source {
        Cited::Page(_) => Field::CitedPage,
        Cited::Document { .. } | Cited::SearchResult { .. } => Field::CitedPlace,
        // Ids of files don't cross vendors.
        Cited::File(_) => Field::Citations,
    }
}

//! The outline of a request that is decoded as a whole: what it holds that some target refuses, and how much the model will read.

use super::Outline;
use super::media::{is_of_the_web, store};
use crate::hub::{Capability, Field, Modality, OutputFormat, Part, PartKind, Request, Source, ToolChoice, ToolKind, Wish};
use crate::json::{Json, Str};

impl Outline {
    /// What a request holds. The model and the places in the body are the caller's to fill in.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        let mut outline =
            Self { stream: request.stream, include_usage: request.include_usage, max_tokens: request.limits.max_tokens, ..Self::default() };
        outline.parts(&request.system_instructions);
        request.messages.iter().for_each(|message| outline.parts(&message.parts));
        for tool in &request.tools {
            match &tool.kind {
                ToolKind::Function { name, description, parameters, .. } => {
                    outline.add_text(name.as_escaped());
                    description.iter().for_each(|text| outline.add_text(text.as_escaped()));
                    parameters.iter().for_each(|schema| outline.add_text(schema.as_str()));
                }
                ToolKind::Custom { name, description, .. } => {
                    outline.add_text(name.as_escaped());
                    description.iter().for_each(|text| outline.add_text(text.as_escaped()));
                }
                ToolKind::Hosted(_) => {}
            }
        }
        if let Some(OutputFormat::JsonSchema { schema, .. }) = &request.output {
            outline.json(schema);
        }
        let thinks = request.reasoning.as_ref().and_then(crate::hub::Reasoning::wish).is_some_and(|wish| wish != Wish::Off);
        outline.uses.note(Capability::Tools, !request.tools.is_empty());
        outline.uses.note(Capability::JsonSchema, matches!(request.output, Some(OutputFormat::JsonSchema { .. })));
        outline.uses.note(Capability::Reasoning, thinks);
        let (sampling, stops) = (&request.sampling, &request.sampling.stop_sequences);
        for (present, field) in [
            (request.limits.max_tokens == Some(0), Field::NoOutput),
            (request.limits.choice_count.is_some_and(|count| count > 1), Field::ChoiceCount),
            (sampling.logprobs || sampling.top_logprobs.is_some_and(|count| count.as_str() != "0"), Field::Logprobs),
            (matches!(request.tool_choice, Some(ToolChoice::Hosted(_))), Field::HostedToolChoice),
            (!stops.is_empty(), Field::StopSequences),
            (stops.len() > 4, Field::StopCount),
            (stops.iter().any(Str::is_blank), Field::BlankStop),
        ] {
            outline.note(field, present);
        }
        request.extensions.iter().for_each(|extension| outline.traits.insert(extension.field));
        outline
    }

    fn parts(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            match &part.kind {
                PartKind::Text(text) | PartKind::Refusal(text) | PartKind::Reasoning { text, .. } => self.add_text(text.as_escaped()),
                PartKind::Media { modality, mime_type, source, .. } => self.medium(*modality, mime_type, source),
                PartKind::ToolCall { arguments, .. } => self.json(arguments),
                PartKind::ToolCallResponse { content, .. } => self.parts(content),
                PartKind::RedactedReasoning(_) => {}
                PartKind::Opaque(_) => self.traits.insert(Field::OpaquePart),
            }
        }
    }

    fn medium(&mut self, modality: Modality, mime_type: &Str<'_>, source: &Source<'_>) {
        let is = |types: &[&str]| types.iter().any(|one| mime_type.is(one));
        let bytes = matches!(source, Source::Base64(..));
        let of_the_web = matches!(source, Source::Uri(uri) if is_of_the_web(uri));
        if let Source::Uri(uri) = source {
            self.note(store(uri), !of_the_web);
        }
        self.note(Field::FileId, matches!(source, Source::File(_)));
        match modality {
            Modality::Image => {
                self.uses.note(Capability::Images, true);
                self.note(Field::ImageType, bytes && !is(&["image/jpeg", "image/png", "image/gif", "image/webp"]));
                self.note(Field::ImageUri, of_the_web);
            }
            Modality::Document => {
                self.note(Field::DocumentType, bytes && !is(&["application/pdf"]));
                self.note(Field::DocumentUri, of_the_web);
            }
            Modality::Audio => {
                self.traits.insert(Field::Audio);
                self.note(Field::AudioSource, !bytes || !is(&["audio/wav", "audio/x-wav", "audio/wave", "audio/mpeg"]));
            }
            Modality::Video => self.traits.insert(Field::Video),
        }
        if let Source::Text(text) = source {
            self.add_text(text.as_escaped());
        }
    }

    fn json(&mut self, json: &Json<'_>) {
        match json {
            Json::Value(raw) => self.add_text(raw.as_str()),
            Json::Text(text) => self.add_text(text.as_escaped()),
        }
    }
}

//! The parts of a user's message: text, images, sound, files.

use crate::formats::crossing::Crossing;
use crate::formats::media::{self, is_of_the_web};
use crate::hub::{Field, Modality, Part, PartKind, Rejection, Source};
use crate::json::{Out, Str};

/// A piece of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'p, 'b> {
    /// A part of the client's.
    Part(&'p Part<'b>),
    /// What follows was shown by the call of this id.
    Label(&'p Str<'b>),
}

/// Writes the value of `content`: text where that is all, else a list of parts.
pub(super) fn encode(pieces: &[Piece<'_, '_>], out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    match pieces {
        [] => out.plain(""),
        [Piece::Part(Part { kind: PartKind::Text(text), .. })] => out.string(text),
        pieces => {
            out.open_array();
            for piece in pieces {
                match piece {
                    Piece::Part(part) => encode_part(part, out, crossing)?,
                    Piece::Label(id) => text(&[&Str::from_plain("Shown by the tool call "), id, &Str::from_plain(":")], out),
                }
            }
            out.close_array();
        }
    }
    Ok(())
}

fn encode_part(part: &Part<'_>, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
    match &part.kind {
        PartKind::Text(said) | PartKind::Refusal(said) => {
            text(&[said], out);
            Ok(())
        }
        PartKind::Media { modality, mime_type, source, detail, name, about } => {
            if about.is_some() {
                crossing.meet_at(Field::DocumentExtras, part.at)?;
            }
            let medium = Medium { modality: *modality, mime_type, source, detail: detail.as_ref(), name: name.as_ref(), at: part.at };
            medium.encode(out, crossing)
        }
        PartKind::Reasoning { .. }
        | PartKind::RedactedReasoning(_)
        | PartKind::ToolCall { .. }
        | PartKind::ToolCallResponse { .. }
        | PartKind::Opaque(_) => crossing.meet_at(Field::OpaquePart, part.at).map(|_| ()),
    }
}

fn text(pieces: &[&Str<'_>], out: &mut Out) {
    out.open_object();
    out.key("type");
    out.plain("text");
    out.key("text");
    out.string_of(pieces);
    out.close_object();
}

struct Medium<'m, 'b> {
    modality: Modality,
    mime_type: &'m Str<'b>,
    source: &'m Source<'b>,
    detail: Option<&'m Str<'b>>,
    name: Option<&'m Str<'b>>,
    at: u32,
}

impl Medium<'_, '_> {
    fn encode(&self, out: &mut Out, crossing: &mut Crossing<'_>) -> Result<(), Rejection> {
        let refused = match (self.modality, self.source) {
            (Modality::Video, _) => Some(Field::Video),
            (_, Source::Uri(uri)) if !is_of_the_web(uri) => Some(Field::UriScheme),
            (Modality::Document, Source::Uri(_)) => Some(Field::DocumentUri),
            (Modality::Audio, Source::Uri(_) | Source::File(_) | Source::Text(_)) => Some(Field::AudioSource),
            (Modality::Audio, Source::Base64(_, _)) if self.audio_format().is_none() => Some(Field::AudioSource),
            (Modality::Image, Source::File(_) | Source::Text(_)) => Some(Field::FileId),
            (Modality::Image | Modality::Audio | Modality::Document, _) => None,
        };
        if let Some(field) = refused {
            return crossing.meet_at(field, self.at).map(|_| ());
        }
        let named = self.modality == Modality::Document && matches!(self.source, Source::Text(_) | Source::Base64(..));
        if self.name.is_some() && !named {
            crossing.meet_at(Field::MediaName, self.at)?;
        }
        match (self.modality, self.source) {
            (Modality::Document, Source::Text(plain)) => {
                crossing.meet_at(Field::PlainDocument, self.at)?;
                match self.name {
                    Some(title) => text(&[title, &Str::from_plain("\n\n"), plain], out),
                    None => text(&[plain], out),
                }
            }
            (Modality::Image, _) => self.object("image_url", out, |medium, out| {
                out.key("url");
                medium.address(out);
                if let Some(detail) = medium.detail {
                    out.key("detail");
                    out.string(detail);
                }
            }),
            (Modality::Audio, _) => self.object("input_audio", out, |medium, out| {
                out.key("data");
                out.string(&medium.data());
                out.key("format");
                out.plain(medium.audio_format().unwrap_or_default());
            }),
            (Modality::Document | Modality::Video, Source::File(id)) => self.object("file", out, |_, out| {
                out.key("file_id");
                out.string(id);
            }),
            (Modality::Document | Modality::Video, _) => self.object("file", out, |medium, out| {
                out.key("filename");
                match medium.name {
                    Some(name) => out.string(name),
                    None => out.plain(&media::usual_name(medium.mime_type)),
                }
                out.key("file_data");
                medium.address(out);
            }),
        }
        Ok(())
    }

    fn object(&self, kind: &str, out: &mut Out, members: impl FnOnce(&Self, &mut Out)) {
        out.open_object();
        out.key("type");
        out.plain(kind);
        out.key(kind);
        out.open_object();
        members(self, out);
        out.close_object();
        out.close_object();
    }

    /// Writes the address of the bytes, which holds them where they are in the body.
    fn address(&self, out: &mut Out) {
        let [scheme, coding] = ["data:", ";base64,"].map(Str::from_plain);
        let usual = Str::from_plain(if self.modality == Modality::Image { "image/jpeg" } else { "application/pdf" });
        let mime = if self.mime_type.is_empty() { &usual } else { self.mime_type };
        match self.source {
            Source::Uri(uri) => out.string(uri),
            Source::Base64(_, _) | Source::File(_) | Source::Text(_) => out.string_of(&[&scheme, mime, &coding, &self.data()]),
        }
    }

    fn data(&self) -> Str<'_> {
        match self.source {
            Source::Base64(data, alphabet) => media::usual(data, *alphabet),
            Source::Uri(_) | Source::File(_) | Source::Text(_) => Str::default(),
        }
    }

    /// The two formats that the API knows.
    fn audio_format(&self) -> Option<&'static str> {
        match &*self.mime_type.plain() {
            "audio/wav" | "audio/x-wav" | "audio/wave" => Some("wav"),
            "audio/mpeg" => Some("mp3"),
            _ => None,
        }
    }
}

//! The formats of media in the service's words, and the media types that other formats have for them.

use crate::formats::media::{DOCX, XLSX};
use crate::hub::Modality;
use crate::json::Str;

/// Kind of medium, the service's word, the media type. Where a media type has several words, the first one is written.
const TYPES: [(Modality, &str, &str); 37] = [
    (Modality::Image, "png", "image/png"),
    (Modality::Image, "jpeg", "image/jpeg"),
    (Modality::Image, "gif", "image/gif"),
    (Modality::Image, "webp", "image/webp"),
    (Modality::Document, "pdf", "application/pdf"),
    (Modality::Document, "csv", "text/csv"),
    (Modality::Document, "doc", "application/msword"),
    (Modality::Document, "docx", DOCX),
    (Modality::Document, "xls", "application/vnd.ms-excel"),
    (Modality::Document, "xlsx", XLSX),
    (Modality::Document, "html", "text/html"),
    (Modality::Document, "txt", "text/plain"),
    (Modality::Document, "md", "text/markdown"),
    (Modality::Audio, "mp3", "audio/mpeg"),
    (Modality::Audio, "opus", "audio/opus"),
    (Modality::Audio, "wav", "audio/wav"),
    (Modality::Audio, "aac", "audio/aac"),
    (Modality::Audio, "flac", "audio/flac"),
    (Modality::Audio, "m4a", "audio/mp4"),
    (Modality::Audio, "mp4", "audio/mp4"),
    (Modality::Audio, "ogg", "audio/ogg"),
    (Modality::Audio, "mka", "audio/x-matroska"),
    (Modality::Audio, "mkv", "audio/x-matroska"),
    (Modality::Audio, "x-aac", "audio/x-aac"),
    (Modality::Audio, "mpeg", "audio/mpeg"),
    (Modality::Audio, "mpga", "audio/mpeg"),
    (Modality::Audio, "pcm", "audio/pcm"),
    (Modality::Audio, "webm", "audio/webm"),
    (Modality::Video, "mp4", "video/mp4"),
    (Modality::Video, "mov", "video/quicktime"),
    (Modality::Video, "webm", "video/webm"),
    (Modality::Video, "mkv", "video/x-matroska"),
    (Modality::Video, "flv", "video/x-flv"),
    (Modality::Video, "mpeg", "video/mpeg"),
    (Modality::Video, "mpg", "video/mpeg"),
    (Modality::Video, "wmv", "video/x-ms-wmv"),
    (Modality::Video, "three_gp", "video/3gpp"),
];

/// The media type of a format in the service's words, which are known in their kind of medium. The service takes the media type itself, too.
pub(super) fn media_type(modality: Modality, format: &Str<'_>) -> Option<&'static str> {
    let known = |(one, word, mime): &&(Modality, &str, &str)| *one == modality && (format.is(word) || format.is(mime));
    TYPES.iter().find(known).map(|(.., mime)| *mime)
}

/// The service's word for a media type, which clients spell in several ways; `None` where it does not read that.
pub(super) fn word(modality: Modality, mime: &str) -> Option<&'static str> {
    let usual = match mime {
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "audio/wav",
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        other => other,
    };
    TYPES.iter().find(|(one, _, known)| *one == modality && *known == usual).map(|(_, word, _)| *word)
}

/// The service's words for a kind of medium, as a sentence lists them.
pub(super) fn words(modality: Modality) -> String {
    let words: Vec<&str> = TYPES.iter().filter(|(one, ..)| *one == modality).map(|(_, word, _)| *word).collect();
    words.join(", ")
}

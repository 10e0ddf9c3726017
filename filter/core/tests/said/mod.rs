//! What an answer says, whether it came whole or as a stream: what the tests compare.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each test uses its part of it, and may panic")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use weir_core::formats::{self, Asked, Format, Homeward, Translation};
use weir_core::framing::event_stream::{self, MEDIA_TYPE, Value, write_event, write_exception, write_message};
use weir_core::framing::{FrameKind, Framer, sse::MAX_EVENT};
use weir_core::hub::{Answer, Citation, ErrorKind, Event, Failure, Field, Grammar, PartKind, Piece, PieceKind, Renames};
use weir_core::json::Json;
use weir_core::names::FormatId;
use weir_core::usage::Usage;

/// An answer, each part's text in one piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub id: Option<String>,
    pub model: Option<String>,
    /// Choice, kind and text of each part.
    pub parts: Vec<(u32, &'static str, String)>,
    /// Choice and reason.
    pub finish: Vec<(u32, String)>,
    pub usage: Option<Usage>,
    pub end: Ending,
    /// What it holds that no part stands for.
    pub met: BTreeSet<Field>,
    /// The sources, each with its choice and the place of its text among the parts.
    pub citations: Vec<(u32, usize, Citation<'static>)>,
    /// How probable the tokens of each choice were.
    pub likelihood: std::collections::BTreeMap<u32, weir_core::hub::Likelihood<'static>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Ending {
    #[default]
    None,
    Complete,
    Failed(Failure),
}

/// The formats that requests are translated into.
pub fn targets() -> impl Iterator<Item = (FormatId, &'static dyn Format)> {
    FormatId::ALL.into_iter().map(|format| (format, formats::named(format)))
}

/// The formats that clients speak.
pub fn clients() -> impl Iterator<Item = (FormatId, &'static dyn Format)> {
    targets()
}

/// The usual path of a client format.
pub const fn path(client: FormatId) -> &'static str {
    match client {
        FormatId::Chat => "/v1/chat/completions",
        FormatId::Responses => "/v1/responses",
        FormatId::Messages => "/v1/messages",
        FormatId::Converse => "/model/smart/converse",
        FormatId::Gemini => "/v1beta/models/smart:generateContent",
    }
}

pub fn asked(stream: bool) -> Asked {
    Asked { model: "smart".into(), stream, include_usage: true, now: 1_700_000_000, latency: 25, memo: None }
}

/// Reads a provider's stream, fed in these pieces, and checks its grammar.
pub fn read<'a>(provider: &dyn Translation, pieces: impl Iterator<Item = &'a [u8]>, sink: &mut dyn FnMut(Event<'_>)) {
    let mut pieces = pieces.filter(|piece| !piece.is_empty()).peekable();
    let first = pieces.peek().and_then(|piece| piece.first()).copied();
    let (mut framer, mut reader, mut grammar) = (framer(first), provider.reader(), Grammar::default());
    let mut failed = false;
    let mut take = |event: Event<'_>| {
        assert_eq!(grammar.check(&event), Ok(()), "{event:?}");
        failed |= matches!(event, Event::Error(_));
        sink(event);
    };
    for piece in pieces {
        framer.push(piece, &mut |frame| reader.frame(&frame, &mut take)).unwrap();
    }
    let framed = framer.finish(&mut |frame| reader.frame(&frame, &mut take));
    if framed.is_ok() {
        reader.end(&mut take);
    } else if !failed {
        // So does the relay.
        sink(Event::Error(Failure::new(ErrorKind::BadGateway, "the provider's stream ended early")));
    }
}

/// The framing of a stream that begins with this byte: messages of AWS event streams begin with the high byte of their length.
pub fn framer(first: Option<u8>) -> Framer {
    let media = if first == Some(0) { MEDIA_TYPE } else { "text/event-stream" };
    Framer::of_media(media, MAX_EVENT).unwrap()
}

/// The streams of a folder: files of server-sent events (`.sse`), or lines (`.txt`) that are a message of an AWS event stream each:
/// `NAME PAYLOAD`, of exceptions `!NAME PAYLOAD`, of errors of the transport `!!CODE WORDS`.
pub fn streams(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let sent = files(folder, "sse").into_iter().map(|path| (fs::read(&path).unwrap(), path));
    let framed = files(folder, "txt").into_iter().map(|path| (framed(&fs::read_to_string(&path).unwrap()), path));
    sent.chain(framed).map(|(stream, path)| (path, stream)).collect()
}

fn framed(lines: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.lines() {
        let (name, payload) = line.split_once(' ').unwrap();
        if let Some(code) = name.strip_prefix("!!") {
            let text = |text: &'static str, value| (text.as_bytes(), Value::Text(value));
            let headers = [
                text(":message-type", b"error".as_slice()),
                text(":error-code", code.as_bytes()),
                text(":error-message", payload.as_bytes()),
            ];
            write_message(&headers, b"", &mut out);
        } else if let Some(exception) = name.strip_prefix('!') {
            write_exception(exception, payload.as_bytes(), &mut out);
        } else {
            write_event(name, payload.as_bytes(), &mut out);
        }
    }
    out
}

/// The client's stream of a provider's, fed in these pieces.
pub fn translated<'a>(provider: FormatId, client: FormatId, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut homeward, mut writer) = (Homeward::new(provider, Renames::default()), formats::named(client).writer(&asked(true)));
    let mut out = Vec::new();
    let provider = formats::named(provider);
    read(provider, pieces, &mut |event| writer.write(&homeward.event(event), &mut out));
    out
}

/// A client's stream as its golden shows it, and the golden's extension.
pub fn readable(client: FormatId, stream: &[u8]) -> (&'static str, String) {
    if client != FormatId::Converse {
        return ("sse", std::str::from_utf8(stream).unwrap().to_owned());
    }
    let mut text = String::new();
    for (kind, name, payload) in messages(stream) {
        let mark = if kind == FrameKind::Message { "" } else { "!" };
        writeln!(text, "{mark}{name} {payload}").unwrap();
    }
    ("txt", text)
}

/// The messages of an AWS event stream: kind, name, payload.
pub fn messages(stream: &[u8]) -> Vec<(FrameKind, String, String)> {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    let (mut messages, mut reader) = (Vec::new(), event_stream::Reader::new(usize::MAX));
    reader.push(stream, &mut |frame| messages.push((frame.kind, text(frame.event), text(frame.data)))).unwrap();
    assert!(!reader.mid_message(), "the last message is whole");
    messages
}

impl Said {
    /// What a provider's stream says.
    pub fn streamed<'a>(provider: &dyn Translation, pieces: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut said = Self::default();
        read(provider, pieces, &mut |event| said.take(event));
        said
    }

    pub fn take(&mut self, event: Event<'_>) {
        self.met.extend(event.elements());
        match event {
            Event::Start(start) => {
                self.id = start.id.map(|id| id.plain().into_owned());
                self.model = start.model.map(|model| model.plain().into_owned());
            }
            Event::PartStart { choice, kind, .. } => {
                let (kind, text) = match kind {
                    PieceKind::Text => ("text", String::new()),
                    PieceKind::Reasoning => ("reasoning", String::new()),
                    PieceKind::RedactedReasoning(data) => ("redacted", data.plain().into_owned()),
                    PieceKind::Refusal => ("refusal", String::new()),
                    PieceKind::ToolCall { id, name, .. } => ("call", format!("{} {} ", id.plain(), name.plain())),
                };
                self.parts.push((choice, kind, text));
            }
            Event::PartDelta { choice, index, piece: Piece::Text(text) | Piece::Arguments(text) | Piece::Signature(text) } => {
                let of_choice = self.parts.iter_mut().filter(|(one, ..)| *one == choice);
                of_choice.into_iter().nth(usize::try_from(index).unwrap()).unwrap().2.push_str(&text.plain());
            }
            Event::PartDelta { choice, index, piece: Piece::Citation(citation) } => {
                self.citations.push((choice, usize::try_from(index).unwrap(), citation.into_owned()));
            }
            Event::Likelihood { choice, tokens } => self.likelihood.entry(choice).or_default().push(&tokens),
            Event::Usage(usage) => self.usage.get_or_insert_default().merge_snapshot(&usage),
            Event::Finish { choice, reason } => self.finish.push((choice, format!("{reason:?}"))),
            Event::PartEnd { .. } | Event::Met(_) | Event::Ping => {}
            Event::End => self.end = Ending::Complete,
            Event::Error(failure) => self.end = Ending::Failed(failure),
        }
    }

    /// What a whole answer says.
    pub fn whole(answer: &Answer<'_>) -> Self {
        let mut said = Self { usage: answer.usage, end: Ending::Complete, met: answer.elements().collect(), ..Self::default() };
        said.id = answer.id.as_ref().map(|id| id.plain().into_owned());
        said.model = answer.model.as_ref().map(|model| model.plain().into_owned());
        for choice in &answer.choices {
            for part in &choice.parts {
                let (kind, text) = match &part.kind {
                    PartKind::Text(text) => ("text", text.plain().into_owned()),
                    PartKind::Refusal(text) => ("refusal", text.plain().into_owned()),
                    PartKind::Reasoning { text, signature } => {
                        ("reasoning", text.plain().into_owned() + &signature.clone().unwrap_or_default().plain())
                    }
                    PartKind::RedactedReasoning(data) => ("redacted", data.plain().into_owned()),
                    PartKind::ToolCall { id, name, arguments, .. } => {
                        let arguments = match arguments {
                            Json::Value(raw) => raw.as_str().to_owned(),
                            Json::Text(text) => text.plain().into_owned(),
                        };
                        ("call", format!("{} {} {arguments}", id.plain(), name.plain()))
                    }
                    PartKind::Media { .. } | PartKind::ToolCallResponse { .. } | PartKind::Opaque(_) => continue,
                };
                said.parts.push((choice.index, kind, text));
            }
            let named = choice.citations.iter().map(|(place, citation)| (choice.index, *place, citation.clone().into_owned()));
            said.citations.extend(named);
            if !choice.likelihood.is_empty() {
                said.likelihood.insert(choice.index, choice.likelihood.clone().into_owned());
            }
            said.finish.push((choice.index, format!("{:?}", choice.finish)));
        }
        said
    }
}

/// The folder of the cases.
pub fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// The entries of a folder, in order; none where it is not there.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// The files of a folder with this extension that are no goldens (`NAME.EXTENSION`, without a second dot).
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = entries(folder);
    files.retain(|path| path.extension().is_some_and(|one| one == extension) && !path.file_stem().unwrap().to_string_lossy().contains('.'));
    files
}

/// Compares with what stands in a file; `WEIR_BLESS=1` writes it.
pub fn golden(path: &Path, found: &str) {
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_else(|_| panic!("{} is missing; WEIR_BLESS=1 writes it", path.display()));
    assert_eq!(found, expected, "{}", path.display());
}

/// What must come is another file than this one; `WEIR_BLESS=1` removes it.
pub fn absent(path: &Path) {
    if std::env::var_os("WEIR_BLESS").is_some() {
        let _was_not_there = fs::remove_file(path);
    }
    assert!(!path.exists(), "{} is not what comes", path.display());
}

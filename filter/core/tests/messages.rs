//! Answers of providers that speak Messages, as a chat client gets them: each stream whole and in pieces.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may panic, and so may what they share"
)]

use std::fs;
use std::path::{Path, PathBuf};
use weir_core::formats::messages::Messages;
use weir_core::formats::{Asked, ClientSide, Translation, chat::Chat};
use weir_core::framing::sse;
use weir_core::hub::{Event, Grammar, PartKind, Piece, PieceKind};
use weir_core::json::{Json, Out};
use weir_core::usage::Usage;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/messages")
}

fn asked() -> Asked {
    Asked { model: "smart".into(), stream: true, include_usage: true, now: 1_700_000_000 }
}

/// The client's stream of a provider's, fed in these pieces.
fn translated<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
    let (mut framer, mut reader, mut writer) = (sse::Reader::new(sse::MAX_EVENT), Messages.reader(), Chat.writer(&asked()));
    let (mut grammar, mut out) = (Grammar::default(), Vec::new());
    let mut take = |event: Event<'_>| {
        assert_eq!(grammar.check(&event), Ok(()), "{event:?}");
        writer.write(&event, &mut out);
    };
    for piece in pieces {
        framer.push(piece, &mut |frame| reader.frame(&frame, &mut take)).unwrap();
    }
    framer.finish(&mut |frame| reader.frame(&frame, &mut take));
    reader.end(&mut take);
    String::from_utf8(out).unwrap()
}

fn golden(path: &Path, found: &str) {
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_else(|_| panic!("{} is missing; WEIR_BLESS=1 writes it", path.display()));
    assert_eq!(found, expected, "{}", path.display());
}

fn cases(extension: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|one| one == extension) && !path.to_string_lossy().contains(".chat."));
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

#[test]
fn streams_give_the_same_wherever_the_network_cuts() {
    for path in cases("sse") {
        let stream = fs::read(&path).unwrap();
        let whole = translated([stream.as_slice()].into_iter());
        golden(&path.with_extension("chat.sse"), &whole);
        assert_eq!(translated(stream.chunks(1)), whole, "byte by byte: {}", path.display());
        for cut in 0..stream.len() {
            let (head, tail) = stream.split_at(cut);
            assert_eq!(translated([head, tail].into_iter()), whole, "cut at {cut}: {}", path.display());
        }
        for line_end in ["\r\n", "\r"] {
            let other = format!("\u{feff}{}", std::str::from_utf8(&stream).unwrap().replace('\n', line_end));
            assert_eq!(translated(other.as_bytes().chunks(7)), whole, "{line_end:?}: {}", path.display());
        }
    }
}

#[test]
fn a_cut_stream_never_looks_complete() {
    let stream = fs::read(folder().join("text_then_call.sse")).unwrap();
    let said = b"\"stop_reason\":\"tool_use\"";
    let complete = stream.windows(said.len()).position(|window| window == said).unwrap();
    let whole = translated([stream.as_slice()].into_iter());
    let behind = complete + stream[complete..].iter().position(|byte| *byte == b'\n').unwrap();
    for cut in 0..stream.len() {
        let out = translated([&stream[..cut]].into_iter());
        if cut < complete {
            assert!(out.contains("\"error\"") && !out.contains("[DONE]"), "cut at {cut}: {out}");
        }
        if cut >= behind {
            assert_eq!(out, whole, "the reason to stop makes it complete: cut at {cut}");
        }
    }
}

#[test]
fn whole_answers_become_the_clients() {
    for path in cases("json") {
        let body = fs::read(&path).unwrap();
        let mut out = Out::default();
        Chat.encode_answer(&Messages.decode_answer(&body).unwrap(), &asked(), &mut out);
        golden(&path.with_extension("chat.json"), &out.into_string());
    }
}

/// What an answer says, with each part's text in one piece.
#[derive(Debug, Default, PartialEq)]
struct Said {
    id: String,
    parts: Vec<(&'static str, String)>,
    finish: String,
    usage: Option<Usage>,
}

fn collected(stream: &[u8]) -> Said {
    let (mut framer, mut reader, mut said) = (sse::Reader::new(sse::MAX_EVENT), Messages.reader(), Said::default());
    let mut take = |event: Event<'_>| match event {
        Event::Start(start) => said.id = start.id.unwrap().plain().into_owned(),
        Event::PartStart { kind, .. } => said.parts.push(match kind {
            PieceKind::Text => ("text", String::new()),
            PieceKind::Reasoning => ("reasoning", String::new()),
            PieceKind::RedactedReasoning(data) => ("redacted", data.plain().into_owned()),
            PieceKind::Refusal => ("refusal", String::new()),
            PieceKind::ToolCall { id, name } => ("call", format!("{} {} ", id.plain(), name.plain())),
        }),
        Event::PartDelta { index, piece: Piece::Text(text) | Piece::Arguments(text) | Piece::Signature(text), .. } => {
            said.parts[usize::try_from(index).unwrap()].1.push_str(&text.plain());
        }
        Event::Usage(usage) => said.usage = Some(usage),
        Event::Finish { reason, .. } => said.finish = format!("{reason:?}"),
        Event::PartEnd { .. } | Event::Ping | Event::End => {}
        Event::Error(failure) => panic!("{failure:?}"),
    };
    framer.push(stream, &mut |frame| reader.frame(&frame, &mut take)).unwrap();
    reader.end(&mut take);
    said
}

fn buffered(body: &[u8]) -> Said {
    let answer = Messages.decode_answer(body).unwrap();
    let [choice] = answer.choices.as_slice() else { panic!("one choice") };
    let parts = choice.parts.iter().map(|part| match &part.kind {
        PartKind::Text(text) => ("text", text.plain().into_owned()),
        PartKind::Reasoning { text, signature } => {
            ("reasoning", text.plain().into_owned() + &signature.clone().unwrap_or_default().plain())
        }
        PartKind::RedactedReasoning(data) => ("redacted", data.plain().into_owned()),
        PartKind::ToolCall { id, name, arguments: Json::Value(raw) } => {
            ("call", format!("{} {} {}", id.plain(), name.plain(), raw.as_str()))
        }
        other => panic!("{other:?}"),
    });
    Said {
        id: answer.id.unwrap().plain().into_owned(),
        parts: parts.collect(),
        finish: format!("{:?}", choice.finish),
        usage: answer.usage,
    }
}

#[test]
fn a_collected_stream_is_the_whole_answer() {
    let mut pairs = 0;
    for path in cases("json") {
        if let Ok(stream) = fs::read(path.with_extension("sse")) {
            assert_eq!(collected(&stream), buffered(&fs::read(&path).unwrap()), "{}", path.display());
            pairs += 1;
        }
    }
    assert!(pairs >= 3, "the pairs are there");
}

#[test]
fn a_stream_that_breaks_its_grammar_is_a_failure() {
    let start = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n";
    let many: String = (0..200)
        .map(|index| format!("data: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{{\"type\":\"text\"}}}}\n\n"))
        .collect();
    for (event, sentence) in [
        ("data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"text\":\"x\"}}\n\n", "not open"),
        ("data: {\"type\":\n\n", "can't be read"),
        ("data: {\"type\":", "ended early"),
        (many.as_str(), "too many open blocks"),
    ] {
        let out = translated([start.as_bytes(), event.as_bytes()].into_iter());
        assert!(out.contains(sentence) && !out.contains("[DONE]"), "{event}: {out}");
    }
}

#[test]
fn what_is_no_answer_is_a_failure() {
    for body in ["", "<html>", "[]", "{}", "{\"content\":1}", "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}"] {
        assert!(Messages.decode_answer(body.as_bytes()).is_err(), "{body}");
    }
}

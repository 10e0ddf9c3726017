//! Answers of providers that speak Messages, as a chat client gets them: each stream whole and in pieces.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests may panic, and so may what they share")]

use std::fs;
use std::path::{Path, PathBuf};
use weir_core::formats::messages::Messages;
use weir_core::formats::{Asked, ClientSide, Translation, chat::Chat};
use weir_core::framing::sse;
use weir_core::hub::{Event, Grammar};
use weir_core::json::Out;

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
        let crlf = String::from_utf8(stream).unwrap().replace('\n', "\r\n");
        assert_eq!(translated(crlf.as_bytes().chunks(7)), whole, "with CRLF: {}", path.display());
    }
}

#[test]
fn a_cut_stream_never_looks_complete() {
    let stream = fs::read(folder().join("text_then_call.sse")).unwrap();
    let said = b"\"stop_reason\":\"tool_use\"";
    let complete = stream.windows(said.len()).position(|window| window == said).unwrap();
    for cut in 0..complete {
        let out = translated([&stream[..cut]].into_iter());
        assert!(out.contains("\"error\"") && !out.contains("[DONE]"), "cut at {cut}: {out}");
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

#[test]
fn what_is_no_answer_is_a_failure() {
    for body in ["", "<html>", "[]", "{}", "{\"content\":1}", "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}"] {
        assert!(Messages.decode_answer(body.as_bytes()).is_err(), "{body}");
    }
}

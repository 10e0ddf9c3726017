//! Answers of providers as clients of every format get them: each file of `cases/answers/FORMAT` whole and, where it is a stream, in
//! pieces. `NAME.CLIENT.json` and `NAME.CLIENT.sse` (`.txt`: the messages of an AWS event stream, one a line) are what must come; `WEIR_BLESS=1` rewrites them.
#![expect(clippy::disallowed_methods, reason = "tests may panic, and so may what they share")]

mod said;

use said::{Ending, Said, absent, asked, cases, clients, files, golden, readable, streams, targets, translated};
use std::fs;
use std::path::{Path, PathBuf};
use weir_core::formats::{Homeward, converse::Converse, gemini::Gemini, messages::Messages};
use weir_core::hub::{Field, Renames};
use weir_core::json::Out;
use weir_core::names::FormatId;

/// `NAME.json.met` and `NAME.sse.met` list what an answer holds that not every client's format can express, with its fates there.
fn met(path: &Path, said: &Said) {
    let path = path.with_added_extension("met");
    if said.met.is_empty() {
        return absent(&path);
    }
    let told = |field: &Field| {
        let fates = FormatId::ALL.map(|client| format!(" {client}:{}", field.fate(client).as_str()));
        format!("{}{}\n", field.as_str(), fates.concat())
    };
    golden(&path, &said.met.iter().map(told).collect::<String>());
}

#[test]
fn streams_give_the_same_wherever_the_network_cuts() {
    for (format, provider) in targets() {
        for (path, stream) in streams(&cases().join("answers").join(format.as_str())) {
            for (client, _) in clients() {
                let whole = translated(format, client, [stream.as_slice()].into_iter());
                let (extension, text) = readable(client, &whole);
                golden(&path.with_extension(format!("{client}.{extension}")), &text);
                assert_eq!(translated(format, client, stream.chunks(1)), whole, "byte by byte: {}", path.display());
            }
            let whole = Said::streamed(provider, [stream.as_slice()].into_iter());
            met(&path, &whole);
            for cut in 0..stream.len() {
                let (head, tail) = stream.split_at(cut);
                assert_eq!(Said::streamed(provider, [head, tail].into_iter()), whole, "cut at {cut}: {}", path.display());
            }
            for line_end in ["\r\n", "\r"] {
                let Some(text) = std::str::from_utf8(&stream).ok().filter(|text| !text.starts_with('\0')) else { continue };
                let other = format!("\u{feff}{}", text.replace('\n', line_end));
                assert_eq!(Said::streamed(provider, other.as_bytes().chunks(7)), whole, "{line_end:?}: {}", path.display());
            }
        }
    }
}

/// A stream that ends early is a failure, or has said everything but its usage.
#[test]
fn a_cut_stream_never_looks_complete() {
    for (format, provider) in targets() {
        for (path, stream) in streams(&cases().join("answers").join(format.as_str())) {
            let whole = Said::streamed(provider, [stream.as_slice()].into_iter());
            // A server that gives its reason in the middle can't be told from one that was cut there.
            if whole.end != Ending::Complete || path.ends_with("finish_twice_and_early.sse") {
                continue;
            }
            for cut in 0..stream.len() {
                let cut_off = Said::streamed(provider, [stream.get(..cut).unwrap()].into_iter());
                match cut_off.end {
                    Ending::Complete => {
                        assert_eq!((&cut_off.parts, &cut_off.finish), (&whole.parts, &whole.finish), "cut at {cut}: {}", path.display());
                    }
                    Ending::Failed(_) => {}
                    Ending::None => panic!("no end when cut at {cut}: {}", path.display()),
                }
            }
        }
    }
}

#[test]
fn whole_answers_become_the_clients() {
    for (format, provider) in targets() {
        for path in files(&cases().join("answers").join(format.as_str()), "json") {
            let body = fs::read(&path).unwrap();
            let mut answer = provider.decode_answer(&body).unwrap();
            met(&path, &Said::whole(&answer));
            Homeward::new(format, Renames::default()).answer(&mut answer);
            for (id, client) in clients() {
                let mut out = Out::default();
                client.encode_answer(&answer, &asked(false), &mut out);
                golden(&path.with_extension(format!("{id}.json")), &out.into_string());
            }
        }
    }
}

#[test]
fn a_collected_stream_is_the_whole_answer() {
    for (format, provider) in targets() {
        let mut pairs = 0;
        for path in files(&cases().join("answers").join(format.as_str()), "json") {
            let body = fs::read(&path).unwrap();
            let answer = provider.decode_answer(&body).unwrap();
            let whole = Said::whole(&answer);
            let mut replayed = Said::default();
            weir_core::hub::replay(&answer, &mut |event| replayed.take(event));
            assert_eq!(replayed, whole, "replayed: {}", path.display());
            let streamed = |(one, stream): (PathBuf, Vec<u8>)| (one.file_stem() == path.file_stem()).then_some(stream);
            if let Some(stream) = streams(path.parent().unwrap()).into_iter().find_map(streamed) {
                assert_eq!(Said::streamed(provider, [stream.as_slice()].into_iter()), whole, "{}", path.display());
                pairs += 1;
            }
        }
        assert!(pairs >= 3, "{format}: the pairs are there");
    }
}

/// A provider may write its JSON over many lines; a line of a client's stream has all of its event.
#[test]
fn an_answer_of_many_lines_is_streamed_in_whole_ones() {
    let mut wrong = std::collections::BTreeSet::new();
    for (format, provider) in targets() {
        for path in files(&cases().join("answers").join(format.as_str()), "json") {
            let Ok(value) = serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()) else { continue };
            let body = serde_json::to_string_pretty(&value).unwrap().replace('\n', "\r\n");
            let Ok(mut answer) = provider.decode_answer(body.as_bytes()) else { continue };
            Homeward::new(format, Renames::default()).answer(&mut answer);
            for (id, client) in clients().filter(|(id, _)| *id != FormatId::Converse) {
                let (mut writer, mut out) = (client.writer(&asked(true)), Vec::new());
                weir_core::hub::replay(&answer, &mut |event| writer.write(&event, &mut out));
                let text = String::from_utf8(out).unwrap();
                for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
                    let whole = ["data: ", "event: ", ":"].into_iter().any(|begins| line.starts_with(begins));
                    wrong.extend((!whole).then(|| format!("{} to {id}", path.display())));
                }
            }
        }
    }
    assert_eq!(wrong, std::collections::BTreeSet::new());
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
        let out = translated(FormatId::Messages, FormatId::Chat, [start.as_bytes(), event.as_bytes()].into_iter());
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(sentence) && !out.contains("[DONE]"), "{event}: {out}");
    }
}

/// Tokens may come without the text that they are of. What waits for it is bounded, and nothing is lost.
#[test]
fn tokens_without_text_do_not_pile_up() {
    let token = r#"{"token":"abcdefgh","logprob":-0.5,"bytes":null,"top_logprobs":[]}"#;
    let (mut out, mut longest) = (Vec::new(), 0);
    let mut writer = weir_core::formats::named(FormatId::Chat).writer(&asked(true));
    for _ in 0..10_000 {
        let tokens = weir_core::hub::Likelihood::written(token.to_owned());
        let before = out.len();
        writer.write(&weir_core::hub::Event::Likelihood { choice: 0, tokens }, &mut out);
        longest = longest.max(out.len() - before);
    }
    writer.write(&weir_core::hub::Event::Finish { choice: 0, reason: weir_core::hub::Finish::Stop }, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("abcdefgh").count(), 10_000);
    assert!(longest < 128 << 10, "{longest}");
}

#[test]
fn what_is_no_answer_is_a_failure() {
    use weir_core::formats::Translation as _;
    for body in ["", "<html>", "[]", "{}", "{\"content\":1}", "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}"] {
        assert!(Messages.decode_answer(body.as_bytes()).is_err(), "{body}");
    }
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "{\"message\":\"x\"}",
        "{\"output\":{}}",
        "{\"output\":{\"message\":{\"content\":[]}},\"stopReason\":\"malformed_tool_use\"}",
        "{\"output\":{\"message\":{\"content\":[{\"toolUse\":7]}}",
    ] {
        assert!(Converse.decode_answer(body.as_bytes()).is_err(), "{body}");
    }
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        "{\"candidates\":[]}",
        "{\"candidates\":[{\"finishReason\":\"UNEXPECTED_TOOL_CALL\"}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"cut\"}]},\"finishReason\":\"MISSING_THOUGHT_SIGNATURE\"}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}]}}]}",
        "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"cut\"}]}}]}]",
        "[{\"error\":{\"code\":503,\"message\":\"x\",\"status\":\"UNAVAILABLE\"}}]",
    ] {
        assert!(Gemini.decode_answer(body.as_bytes()).is_err(), "{body}");
    }
}

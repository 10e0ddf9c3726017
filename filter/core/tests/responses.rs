//! The laws of Responses, over the cases of its answers: the events that clients get are in the vendor's order and say what the whole
//! answer says, and what passes is measured without being changed.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may panic, and so may what they share")]

mod said;

use said::{Ending, Said, asked, cases, files, targets, translated};
use serde_json::Value;
use std::fs;
use weir_core::formats::{self, Asked, ClientSide, Head, Homeward, Keep, Seen};
use weir_core::framing::{Frame, sse};
use weir_core::hub::{CallKind, Event, Failure, Finish, Piece, PieceKind, Renames, Start};
use weir_core::json::{Out, Str};
use weir_core::names::FormatId;
use weir_core::usage::Usage;

fn client() -> &'static dyn ClientSide {
    formats::named(FormatId::Responses)
}

/// The events of a stream, comments left out.
fn events(stream: &[u8]) -> Vec<Value> {
    let mut events = Vec::new();
    let mut take = |frame: Frame<'_>| {
        let Some(data) = frame.data else { return };
        let event: Value = serde_json::from_slice(data).unwrap();
        assert_eq!(frame.event, event["type"].as_str().map(str::as_bytes), "the event is named by its type");
        events.push(event);
    };
    let mut reader = sse::Reader::new(sse::MAX_EVENT);
    reader.push(stream, &mut take).unwrap();
    reader.finish(&mut take);
    events
}

/// Collects a stream as the SDKs do, and checks the order that they demand; gives the last response back.
fn collected(stream: &[u8], what: &str) -> Value {
    let events = events(stream);
    let mut items: Vec<Value> = Vec::new();
    let mut done = Vec::new();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{what}");
        let kind = event["type"].as_str().unwrap();
        let at = usize::try_from(event["output_index"].as_u64().unwrap_or(0)).unwrap();
        match kind {
            "response.created" | "response.in_progress" => {
                assert_eq!((number, &event["response"]["output"]), (usize::from(kind != "response.created"), &Value::Array(Vec::new())));
            }
            "response.output_item.added" => {
                assert_eq!(at, items.len(), "{what}: {event}");
                items.push(event["item"].clone());
            }
            "response.output_item.done" => {
                assert_eq!((&event["item"]["id"], &event["item"]["type"]), (&items[at]["id"], &items[at]["type"]), "{what}");
                for (name, said) in event["item"].as_object().unwrap().iter().filter(|(name, _)| *name != "status") {
                    assert!(items[at][name] == *said || name == "encrypted_content", "{what}: {name} of {event} is not {}", items[at]);
                }
                items[at] = event["item"].clone();
                done.push(at);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                assert_eq!(number + 1, events.len(), "{what}: something follows the end");
                assert_eq!(event["response"]["id"], events[0]["response"]["id"]);
                if kind != "response.failed" {
                    assert_eq!(event["response"]["output"], Value::Array(items.clone()), "{what}: the last response says something else");
                    done.sort_unstable();
                    assert_eq!(done, (0..items.len()).collect::<Vec<_>>(), "{what}: an item is not done");
                }
                assert_eq!(event["response"]["status"], kind.trim_start_matches("response."));
                return event["response"].clone();
            }
            "error" => return event.clone(),
            _ => {
                assert!(!done.contains(&at), "{what}: {kind} for an item that is done");
                let item = &mut items[at];
                assert_eq!(event["item_id"], item["id"], "{what}");
                say(item, kind, event);
            }
        }
    }
    panic!("{what}: no end");
}

/// What one event about an item adds to it, or must find in it.
fn say(item: &mut Value, kind: &str, event: &Value) {
    let part = |list: &str, index: &str| format!("/{list}/{}", event[index]);
    if let Some(tokens) = event["logprobs"].as_array() {
        let kept = item.pointer_mut(&part("content", "content_index")).unwrap()["logprobs"].as_array_mut().unwrap();
        if kind == "response.output_text.delta" {
            kept.extend(tokens.clone());
        }
        assert!(kind == "response.output_text.delta" || kept == tokens, "{kind}: other tokens than its deltas brought");
    }
    let (place, member) = match kind {
        "response.content_part.added" => {
            assert_eq!(item["content"].as_array().map(Vec::len), event["content_index"].as_u64().map(|at| usize::try_from(at).unwrap()));
            return item["content"].as_array_mut().unwrap().push(event["part"].clone());
        }
        "response.reasoning_summary_part.added" => return item["summary"].as_array_mut().unwrap().push(event["part"].clone()),
        "response.output_text.annotation.added" => {
            let named = item.pointer_mut(&part("content", "content_index")).unwrap()["annotations"].as_array_mut().unwrap();
            assert_eq!(event["annotation_index"], named.len());
            return named.push(event["annotation"].clone());
        }
        "response.content_part.done" => return assert_eq!(item.pointer(&part("content", "content_index")), Some(&event["part"])),
        "response.reasoning_summary_part.done" => return assert_eq!(item.pointer(&part("summary", "summary_index")), Some(&event["part"])),
        _ if kind.contains("output_text") => (part("content", "content_index"), "text"),
        _ if kind.contains("refusal") => (part("content", "content_index"), "refusal"),
        _ if kind.contains("reasoning_summary_text") => (part("summary", "summary_index"), "text"),
        _ if kind.contains("function_call_arguments") => (String::new(), "arguments"),
        _ if kind.contains("custom_tool_call_input") => (String::new(), "input"),
        _ => panic!("{kind}"),
    };
    let slot = item.pointer_mut(&place).unwrap();
    match event["delta"].as_str() {
        Some(delta) => slot[member] = Value::String(slot[member].as_str().unwrap().to_owned() + delta),
        None => assert_eq!(slot[member], event[member], "{kind}"),
    }
}

#[test]
fn a_collected_stream_is_the_whole_answer() {
    let mut pairs = 0;
    for (format, provider) in targets() {
        for path in files(&cases().join("answers").join(format.as_str()), "sse") {
            let stream = fs::read(&path).unwrap();
            let what = path.display().to_string();
            let last = collected(&translated(format, FormatId::Responses, [stream.as_slice()].into_iter()), &what);
            let failed = matches!(Said::streamed(provider, [stream.as_slice()].into_iter()).end, Ending::Failed(_));
            assert_eq!(last["type"] == "error" || last["status"] == "failed", failed, "{what}");
            let Ok(body) = fs::read(path.with_extension("json")) else { continue };
            let mut answer = provider.decode_answer(&body).unwrap();
            Homeward::new(format, Renames::default()).answer(&mut answer);
            let mut out = Out::default();
            client().encode_answer(&answer, &asked(false), &mut out);
            let mut whole: Value = serde_json::from_slice(out.as_bytes()).unwrap();
            // A stream starts before its tier and its time are known.
            for name in ["service_tier", "created_at"] {
                whole[name] = last[name].clone();
            }
            assert_eq!(last, whole, "{what}");
            pairs += 1;
        }
    }
    assert!(pairs > 12, "the pairs are there");
}

/// What a stream says about itself, in pieces of this size; every byte of it goes on.
fn metered(stream: &[u8], size: usize) -> Seen {
    let mut meter = formats::named(FormatId::Responses).meter(&asked(true));
    let (mut reader, mut passed) = (sse::Reader::new(sse::MAX_EVENT), Vec::new());
    let mut take = |frame: Frame<'_>| {
        assert_eq!(meter.frame(&frame), Keep::Whole);
        passed.extend_from_slice(frame.raw);
    };
    for piece in stream.chunks(size) {
        reader.push(piece, &mut take).unwrap();
    }
    reader.finish(&mut take);
    assert_eq!(passed, stream);
    meter.end();
    meter.seen().clone()
}

#[test]
fn what_passes_is_measured() {
    let (provider, same) = (formats::named(FormatId::Responses), formats::named(FormatId::Responses));
    for path in files(&cases().join("answers/responses"), "sse") {
        let stream = fs::read(&path).unwrap();
        let (seen, said) = (metered(&stream, stream.len().max(1)), Said::streamed(provider, [stream.as_slice()].into_iter()));
        assert_eq!((metered(&stream, 1), metered(&stream, 7)), (seen.clone(), seen.clone()), "{}", path.display());
        let crlf = String::from_utf8(stream.clone()).unwrap().replace('\n', "\r\n");
        assert_eq!(metered(crlf.as_bytes(), 5), seen, "{} with CRLF", path.display());
        assert_eq!(seen.complete, said.end == Ending::Complete, "{}", path.display());
        assert!(!seen.complete || seen.usage == said.usage, "{}", path.display());
        if let Ending::Failed(failure) = said.end {
            // A stream that is merely cut has no failure of its own; the relay makes one.
            assert!(seen.failure.as_ref().is_none_or(|seen| *seen == failure), "{}: {:?}", path.display(), seen.failure);
        }
        if let Ok(body) = fs::read(path.with_extension("json")) {
            let whole = same.measure(&body);
            let of = |seen: &Seen| (seen.usage, seen.finish, seen.complete, seen.failure.clone());
            assert_eq!((of(&whole), whole.content), (of(&seen), seen.content), "{}", path.display());
        }
    }
}

#[test]
fn an_answer_that_is_none_is_a_failure() {
    let same = formats::named(FormatId::Responses);
    let provider = formats::named(FormatId::Responses);
    let failed = r#"{"id":"r","status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow"}}"#;
    for body in ["", "<html>", "[]", "{}", "{\"output\":1}", "{\"error\":{\"message\":\"m\"}}", "{\"error\":\"m\"}", failed] {
        assert!(provider.decode_answer(body.as_bytes()).is_err(), "{body}");
        assert!(same.measure(body.as_bytes()).failure.is_some(), "{body}");
    }
    assert_eq!(same.measure(failed.as_bytes()).failure.unwrap().kind, weir_core::hub::ErrorKind::RateLimited);
}

fn text(plain: &'static str) -> Str<'static> {
    Str::from_plain(plain)
}

fn written(asked: &Asked, events: &[Event<'_>]) -> Vec<u8> {
    let (mut writer, mut out) = (client().writer(asked), Vec::new());
    events.iter().for_each(|event| writer.write(event, &mut out));
    out
}

/// What clients of this format ask decides what their answers repeat.
fn asked_by(body: &str) -> Asked {
    let outline = client().outline(&Head::new("/v1/responses"), body.as_bytes()).unwrap();
    Asked { memo: outline.memo, ..asked(true) }
}

fn call(index: u32, name: &'static str, kind: CallKind) -> Event<'static> {
    Event::PartStart { choice: 0, index, kind: PieceKind::ToolCall { id: text("call_1"), name: text(name), kind } }
}

const fn add(index: u32, piece: Piece<'_>) -> Event<'_> {
    Event::PartDelta { choice: 0, index, piece }
}

#[test]
fn the_answer_repeats_the_request() {
    let asked = asked_by(
        "{\"model\":\"smart\",\"input\":\"x\",\"store\":false,\"temperature\":0.10,\"instructions\":\"be\\nkind\",\n\"tools\":[\n{\"type\":\"namespace\",\"name\":\"ns\",\
         \"tools\":[{\"type\":\"function\",\"name\":\"f\"}]}]}",
    );
    let stream = written(
        &asked,
        &[
            Event::Start(Start { id: Some(text("up_1")), model: None, created: Some(9) }),
            Event::PartStart { choice: 0, index: 0, kind: PieceKind::Reasoning },
            add(0, Piece::Signature(text("weir1.messages.abc"))),
            Event::PartEnd { choice: 0, index: 0 },
            call(1, "ns__f", CallKind::Function),
            add(1, Piece::Arguments(text("{}"))),
            Event::PartEnd { choice: 0, index: 1 },
            Event::Usage(Usage { input_tokens: Some(3), output_tokens: Some(2), ..Usage::default() }),
            Event::Finish { choice: 0, reason: Finish::ToolCall },
            Event::End,
        ],
    );
    assert!(
        String::from_utf8(stream.clone())
            .unwrap()
            .lines()
            .all(|line| line.is_empty() || line.starts_with("event: ") || line.ends_with('}'))
    );
    let last = collected(&stream, "echo");
    assert_eq!(
        (&last["instructions"], &last["temperature"], &last["id"]),
        (&"be\nkind".into(), &serde_json::json!(0.1), &"resp_up_1".into())
    );
    assert_eq!((&last["store"], &last["tool_choice"], &last["created_at"]), (&false.into(), &"auto".into(), &9.into()));
    assert_eq!(last["output"][0]["encrypted_content"], "weir1.messages.abc");
    assert_eq!((&last["output"][1]["namespace"], &last["output"][1]["name"]), (&"ns".into(), &"f".into()));
    assert_eq!(last["usage"]["total_tokens"], 5);
}

/// A client that did not ask for ciphertext, and whose provider it takes to keep the answer, is not sent any.
#[test]
fn ciphertext_goes_to_those_who_bring_it_back() {
    let events = [
        Event::Start(Start::default()),
        Event::PartStart { choice: 0, index: 0, kind: PieceKind::RedactedReasoning(text("x")) },
        Event::PartEnd { choice: 0, index: 0 },
        Event::PartStart { choice: 0, index: 1, kind: PieceKind::Reasoning },
        add(1, Piece::Signature(text("y"))),
        Event::PartEnd { choice: 0, index: 1 },
        Event::Finish { choice: 0, reason: Finish::Stop },
        Event::End,
    ];
    for (body, items) in [
        ("{\"model\":\"m\",\"input\":\"x\"}", 0),
        ("{\"model\":\"m\",\"input\":\"x\",\"store\":false}", 2),
        ("{\"model\":\"m\",\"input\":\"x\",\"include\":[\"reasoning.encrypted_content\"]}", 2),
    ] {
        let last = collected(&written(&asked_by(body), &events), body);
        assert_eq!(last["output"].as_array().map(Vec::len), Some(items), "{body}");
    }
}

#[test]
fn odd_orders_are_put_right() {
    let events = [
        Event::PartStart { choice: 0, index: 0, kind: PieceKind::Text },
        add(0, Piece::Text(text("a"))),
        call(1, "p", CallKind::Custom),
        add(1, Piece::Arguments(text("x\n"))),
        // The text goes on although a call has begun: its message is done, so another one says the rest.
        add(0, Piece::Text(text("b"))),
        add(1, Piece::Arguments(text("y"))),
        Event::PartEnd { choice: 0, index: 1 },
        Event::PartEnd { choice: 0, index: 0 },
        Event::Finish { choice: 0, reason: Finish::Refusal },
        Event::End,
        Event::Ping,
    ];
    let last = collected(&written(&asked(true), &events), "odd");
    let output = last["output"].as_array().unwrap();
    assert_eq!((output.len(), &output[0]["content"][0]["text"], &output[1]["input"]), (3, &"a".into(), &"x\ny".into()));
    assert_eq!((&output[2]["content"][0]["text"], &output[2]["content"][1]["type"]), (&"b".into(), &"refusal".into()));
}

#[test]
fn a_failure_says_what_was_said_before() {
    let mut events = vec![Event::Error(Failure::new(weir_core::hub::ErrorKind::Overloaded, "busy"))];
    assert_eq!(collected(&written(&asked(true), &events), "first")["error"]["message"], "busy");
    events.insert(0, Event::PartStart { choice: 0, index: 0, kind: PieceKind::Text });
    events.insert(1, add(0, Piece::Text(text("It beg"))));
    let last = collected(&written(&asked(true), &events), "later");
    assert_eq!((&last["error"]["code"], &last["output"][0]["content"][0]["text"]), (&"server_error".into(), &"It beg".into()));
}

#[test]
fn what_is_too_much_to_repeat_is_a_failure() {
    let long = "x".repeat(1 << 20);
    let mut events = vec![Event::Start(Start::default()), Event::PartStart { choice: 0, index: 0, kind: PieceKind::Text }];
    events.extend((0..9).map(|_| add(0, Piece::Text(Str::from_plain(&long)))));
    let stream = written(&asked(true), &events);
    assert!(stream.windows(15).any(|window| window == b"response.failed"));
}

/// A custom tool for which a function stood in comes back as what the client offered, whole and in pieces.
#[test]
fn custom_tools_come_back() {
    let homeward = || Homeward::new(FormatId::Messages, Renames::default()).with_customs(vec!["patch".into()]);
    let provider = formats::named(FormatId::Messages);
    let body =
        r#"{"id":"m","content":[{"type":"tool_use","id":"t","name":"patch","input":{"input":"* a\n\"b\""}}],"stop_reason":"tool_use"}"#;
    let mut answer = provider.decode_answer(body.as_bytes()).unwrap();
    homeward().answer(&mut answer);
    let mut out = Out::default();
    client().encode_answer(&answer, &asked(false), &mut out);
    let whole: Value = serde_json::from_slice(out.as_bytes()).unwrap();
    assert_eq!((&whole["output"][0]["type"], &whole["output"][0]["input"]), (&"custom_tool_call".into(), &"* a\n\"b\"".into()));
    let mut home = homeward();
    let events = [
        Event::Start(Start { id: Some(text("m")), ..Start::default() }),
        call(0, "patch", CallKind::Function),
        add(0, Piece::Arguments(Str::from_plain("{\"inp"))),
        add(0, Piece::Arguments(Str::from_plain("ut\": \"* a\\"))),
        add(0, Piece::Arguments(Str::from_plain("n\\\"b\\\""))),
        add(0, Piece::Arguments(Str::from_plain("\"}"))),
        Event::PartEnd { choice: 0, index: 0 },
        Event::Finish { choice: 0, reason: Finish::ToolCall },
        Event::End,
    ];
    let (mut writer, mut stream) = (client().writer(&asked(true)), Vec::new());
    for event in events {
        writer.write(&home.event(event), &mut stream);
    }
    let last = collected(&stream, "custom");
    assert_eq!((&last["output"][0]["type"], &last["output"][0]["input"]), (&"custom_tool_call".into(), &"* a\n\"b\"".into()));
}

/// No cut and no changed byte is taken for a request unless it is JSON, and none can do harm.
#[test]
fn broken_requests_are_refused() {
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).is_ok();
    let head = Head::new("/v1/responses");
    for name in ["agent_next_turn", "images", "custom_tool_history", "json_schema", "tool_choice_allowed", "repeated_members"] {
        let whole = fs::read(cases().join("requests/responses").join(name).join("request.json")).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            for byte in [b'"', b'}', b'[', b'0', b'\\', 0xC3] {
                changed[at] = byte;
                for body in [&changed[..], &whole[..at]] {
                    assert!(client().outline(&head, body).is_err() || json(body), "{name} at {at}");
                    assert!(client().decode(&head, body).is_err() || json(body), "{name} at {at}");
                }
            }
        }
    }
}

/// The same of answers: whatever byte of a stream is another one, the reader ends it once and says nothing behind that.
#[test]
fn broken_streams_end_once() {
    let provider = formats::named(FormatId::Responses);
    for name in ["text_then_calls", "thinking_with_ciphertext", "without_indexes", "custom_call"] {
        let whole = fs::read(cases().join("answers/responses").join(name).with_extension("sse")).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let mut changed = whole.clone();
            for byte in [b'"', b'}', b'\n', b'7'] {
                changed[at] = byte;
                // The grammar of the events is checked on the way.
                let said = Said::streamed(provider, [changed.as_slice()].into_iter());
                assert_ne!(said.end, Ending::None, "{name} at {at}");
            }
        }
    }
}

//! The laws of Converse, over the cases of answers: the messages that clients get are in the vendor's order, and say what the whole answer
//! says.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may panic, and so may what they share")]

mod said;

use said::{Ending, Said, asked, cases, files, messages, targets, translated};
use serde_json::{Value, json};
use std::fs;
use weir_core::formats::{self, ClientSide, Homeward};
use weir_core::framing::FrameKind;
use weir_core::hub::{Event, PieceKind, Renames};
use weir_core::json::{Out, Str};
use weir_core::names::FormatId;

fn client() -> &'static dyn ClientSide {
    formats::named(FormatId::Converse)
}

/// Collects a stream as the SDKs do, and checks the order that the service keeps; an exception is given back as it is.
fn collected(stream: &[u8], what: &str) -> Value {
    let (mut blocks, mut open, mut answer): (Vec<Value>, Option<u64>, Value) = (Vec::new(), None, json!({}));
    let messages = messages(stream);
    for (number, (kind, name, payload)) in messages.iter().enumerate() {
        let payload: Value = serde_json::from_str(payload).unwrap();
        if *kind != FrameKind::Message {
            assert_eq!((*kind, number + 1), (FrameKind::Exception, messages.len()), "{what}");
            assert!(payload["message"].is_string() && name.ends_with("Exception"), "{what}: {name} {payload}");
            return json!({ "exception": name });
        }
        assert_eq!(name == "messageStart", number == 0, "{what}: {name}");
        assert_eq!(name == "metadata", number + 1 == messages.len(), "{what}: {name}");
        let place = payload["contentBlockIndex"].as_u64();
        match name.as_str() {
            "messageStart" => answer["role"] = payload["role"].clone(),
            "contentBlockStart" => {
                assert_eq!(open, None, "{what}: a block is open");
                open = place;
                let mut call = payload["start"].clone();
                call["toolUse"]["input"] = "".into();
                blocks.push(call);
            }
            "contentBlockDelta" => {
                if open.is_none() {
                    open = place;
                    blocks.push(json!({}));
                }
                assert_eq!(open, place, "{what}");
                add(blocks.last_mut().unwrap(), &payload["delta"]);
            }
            "contentBlockStop" => {
                assert_eq!((open.take(), place.is_some()), (place, true), "{what}");
                finish(blocks.last_mut().unwrap());
            }
            "messageStop" => {
                assert_eq!((open, number + 2), (None, messages.len()), "{what}");
                answer["stopReason"] = payload["stopReason"].clone();
            }
            "metadata" => (answer["usage"], answer["metrics"]) = (payload["usage"].clone(), payload["metrics"].clone()),
            _ => panic!("{what}: {name}"),
        }
    }
    assert!(answer["usage"].is_object(), "{what}: no end");
    answer["output"] = json!({"message": {"role": answer["role"], "content": blocks}});
    answer.as_object_mut().unwrap().remove("role");
    answer
}

/// Adds a delta, whose shape is that of what it adds to.
fn add(block: &mut Value, delta: &Value) {
    for (name, more) in delta.as_object().unwrap() {
        match more {
            more if name == "citation" => match block["citations"].as_array_mut() {
                Some(named) => named.push(more.clone()),
                None => block["citations"] = json!([more]),
            },
            Value::String(more) => block[name] = (block[name].as_str().unwrap_or_default().to_owned() + more).into(),
            more => add(&mut block[name], more),
        }
    }
}

/// Brings a collected block into the shape that it has in a whole answer.
fn finish(block: &mut Value) {
    if let Some(input) = block["toolUse"]["input"].as_str() {
        block["toolUse"]["input"] =
            if input.is_empty() { json!({}) } else { serde_json::from_str(input).unwrap_or_else(|_| json!({ "input": input })) };
    } else if block["reasoningContent"].is_object() && block["reasoningContent"]["redactedContent"].is_null() {
        let mut text = block["reasoningContent"].take();
        text.as_object_mut().unwrap().retain(|_, said| !said.is_null());
        if text["text"].is_null() {
            text["text"] = "".into();
        }
        *block = json!({"reasoningContent": {"reasoningText": text}});
    }
    if block["citations"].is_array() {
        *block = json!({"citationsContent": {"content": [{"text": block["text"]}], "citations": block["citations"]}});
    }
    *block =
        Value::Object(block.as_object().unwrap().iter().filter(|(_, said)| !said.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect());
}

#[test]
fn a_collected_stream_is_the_whole_answer() {
    let (mut pairs, mut failures) = (0, 0);
    for (format, provider) in targets() {
        for path in files(&cases().join("answers").join(format.as_str()), "sse") {
            let stream = fs::read(&path).unwrap();
            let what = path.display().to_string();
            let streamed = collected(&translated(format, FormatId::Converse, [stream.as_slice()].into_iter()), &what);
            let failed = matches!(Said::streamed(provider, [stream.as_slice()].into_iter()).end, Ending::Failed(_));
            assert!(!failed || streamed["exception"].is_string(), "{what}: {streamed}");
            failures += u32::from(failed);
            let Ok(body) = fs::read(path.with_extension("json")) else { continue };
            let mut answer = provider.decode_answer(&body).unwrap();
            Homeward::new(format, Renames::default()).answer(&mut answer);
            let mut out = Out::default();
            client().encode_answer(&answer, &asked(false), &mut out);
            let mut whole: Value = serde_json::from_slice(out.as_bytes()).unwrap();
            // A stream says the tier only at its end, which no event of the hub does.
            whole.as_object_mut().unwrap().remove("serviceTier");
            assert_eq!(streamed, whole, "{what}");
            pairs += 1;
        }
    }
    assert!(pairs > 20 && failures > 10, "{pairs} pairs, {failures} failures");
}

#[test]
fn later_blocks_wait_and_silent_ones_are_left_out() {
    let (mut writer, mut out) = (client().writer(&asked(true)), Vec::new());
    let text = |text| weir_core::hub::Piece::Text(Str::from_plain(text));
    let delta = |index, text| Event::PartDelta { choice: 0, index, piece: text };
    for event in [
        Event::Ping,
        Event::Start(weir_core::hub::Start::default()),
        Event::PartStart { choice: 0, index: 0, kind: PieceKind::Text },
        Event::PartStart { choice: 0, index: 1, kind: PieceKind::Text },
        Event::PartStart { choice: 0, index: 2, kind: PieceKind::Text },
        delta(2, text("b")),
        delta(0, text("a")),
        Event::PartEnd { choice: 0, index: 2 },
        Event::PartEnd { choice: 0, index: 1 },
        Event::PartEnd { choice: 0, index: 0 },
        Event::End,
        delta(0, text("too late")),
    ] {
        writer.write(&event, &mut out);
    }
    let answer = collected(&out, "silent");
    assert_eq!(answer["output"]["message"]["content"], json!([{"text": "a"}, {"text": "b"}]));
}

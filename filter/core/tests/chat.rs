//! The cases of the chat format: what each file under `cases/chat` must give stands beside it. `WEIR_BLESS=1` rewrites what must come.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic, and so may what they share")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use weir_core::formats::{self, Asked, Beside, ClientSide, Head, Keep, Onward, Outline, SameFormat, Seen, Traits};
use weir_core::framing::Frame;
use weir_core::framing::sse::{MAX_EVENT, Reader};
use weir_core::hub::{Answer, CallKind, Choice, Event, Failure, Field, Finish, Grammar, Losses, Part, PartKind, Piece, PieceKind, Start};
use weir_core::json::{Json, Out, Raw, Splices, Str};
use weir_core::names::FormatId;
use weir_core::providers::{Dialect, Kind, OutputLimit};
use weir_core::usage::Usage;

const COMPATIBLE: Dialect = Dialect {
    output_limit: OutputLimit::MaxTokens,
    developer_role: false,
    include_usage: true,
    effort: true,
    carrier: weir_core::formats::messages::Carrier::Own,
    rejects: &[],
    renames: &[],
};

const HEAD: Head<'static> = Head::new("/v1/chat/completions");

fn client() -> &'static dyn ClientSide {
    formats::named(FormatId::Chat)
}

fn same() -> &'static dyn SameFormat {
    formats::named(FormatId::Chat)
}

fn asked(include_usage: bool) -> Asked {
    Asked { model: "smart".to_owned(), stream: true, include_usage, now: 7, latency: 25, memo: None }
}

/// Compares what comes of every file of a folder with what stands beside it.
fn walk(folder: &str, extension: &str, result: impl Fn(&Path, &[u8]) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/chat").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|one| one == extension));
    files.sort();
    assert!(!files.is_empty(), "no cases in {}", folder.display());
    let mut wrong = Vec::new();
    for path in files {
        let came = result(&path, &std::fs::read(&path).unwrap());
        let golden = path.with_extension("txt");
        if std::env::var_os("WEIR_BLESS").is_some() {
            std::fs::write(&golden, &came).unwrap();
        } else if std::fs::read_to_string(&golden).ok().as_deref() != Some(&came) {
            wrong.push(format!("{}:\n{came}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn requests() {
    walk("requests", "json", |_, body| {
        let mut came = String::new();
        match client().outline(&HEAD, body) {
            Ok(outline) => {
                let refused: Vec<_> = Field::ALL.iter().filter(|&&field| outline.traits.contains(field)).collect();
                writeln!(came, "refused by some: {refused:?}\n{:#?}", Outline { traits: Traits::default(), ..outline.clone() }).unwrap();
                let onward =
                    Onward { model: Some("m\"x"), dialect: COMPATIBLE, default_max_tokens: 1, beside: Beside::default(), client: client() };
                let mut splices = Splices::default();
                same().edit(&outline, body, &onward, &mut splices, &mut Losses::default()).unwrap();
                let edited = String::from_utf8(splices.apply(body)).unwrap();
                assert_eq!(serde_json::from_str::<serde_json::Value>(&edited).unwrap()["model"], "m\"x");
                writeln!(came, "edited: {edited}").unwrap();
            }
            Err(rejection) => writeln!(came, "outline: {rejection:#?}").unwrap(),
        }
        match client().decode(&HEAD, body) {
            Ok(request) => writeln!(came, "{request:#?}").unwrap(),
            Err(rejection) => writeln!(came, "decode: {rejection:#?}").unwrap(),
        }
        came
    });
}

/// No cut and no changed byte is taken for a request unless it is JSON, and none can do harm.
#[test]
fn broken_requests_are_refused() {
    let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).is_ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/chat/requests");
    for name in ["tools", "media", "stream_and_settings", "older_functions", "repeated_members"] {
        let whole = std::fs::read(folder.join(name).with_extension("json")).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            for byte in [b'"', b'}', b'[', b'0', b'\\', 0xC3] {
                changed[at] = byte;
                for body in [&changed[..], &whole[..at]] {
                    assert!(client().outline(&HEAD, body).is_err() || json(body), "{name} at {at}");
                    assert!(client().decode(&HEAD, body).is_err() || json(body), "{name} at {at}");
                }
            }
        }
    }
}

#[test]
fn without_a_need_to_edit_the_bytes_stay() {
    let dialect = Dialect { output_limit: OutputLimit::MaxTokens, developer_role: true, include_usage: false, ..COMPATIBLE };
    let body =
        b" {\"max_tokens\":3,\n \"model\" : \"smart\",\"messages\":[{\"role\":\"developer\",\"content\":\"\\u00e9\"}],\"stream\":true} ";
    let outline = client().outline(&HEAD, body).unwrap();
    for model in [None, Some("smart")] {
        let mut splices = Splices::default();
        same()
            .edit(
                &outline,
                body,
                &Onward { model, dialect, default_max_tokens: 1, beside: Beside::default(), client: client() },
                &mut splices,
                &mut Losses::default(),
            )
            .unwrap();
        assert_eq!(splices.apply(body), body);
    }
}

#[test]
fn a_dialect_gets_what_it_takes() {
    let dialect = Kind::named("mistral").unwrap().preset().dialect;
    let edited = |body: &str| {
        let outline = client().outline(&HEAD, body.as_bytes()).unwrap();
        let (mut splices, mut losses) = (Splices::default(), Losses::default());
        let onward = Onward { model: None, dialect, default_max_tokens: 1, beside: Beside::default(), client: client() };
        same().edit(&outline, body.as_bytes(), &onward, &mut splices, &mut losses).map_err(|rejection| rejection.param)?;
        Ok((String::from_utf8(splices.apply(body.as_bytes())).unwrap(), losses.header()))
    };
    let messages = r#""messages":[]"#;
    for (body, sent, lost) in [
        (r#"{"model":"m", "seed" : 7,M}"#, r#"{"model":"m", "random_seed" : 7,M}"#, None),
        (r#"{"user":"u","model":"m",M,"store":true, "metadata":{}}"#, r#"{"model":"m",M}"#, Some("dialect;lose")),
        (r#"{"model":"m",M,"logprobs":false,"user":null}"#, r#"{"model":"m",M}"#, None),
    ] {
        let expected = (sent.replace('M', messages), lost.map(str::to_owned));
        assert_eq!(edited(&body.replace('M', messages)), Ok::<_, Option<String>>(expected), "{body}");
    }
    assert_eq!(edited(&format!(r#"{{"model":"m",{messages},"logprobs":true}}"#)), Err(Some("logprobs".to_owned())));
}

#[test]
fn paths_of_openai_and_azure_ask_for_an_answer() {
    let asks = |path| client().task(&Head::new(path)).is_some();
    for path in ["/v1/chat/completions", "/openai/v1/chat/completions?x=1", "/openai/deployments/my-gpt/chat/completions?api-version=v"] {
        assert!(asks(path), "{path}");
    }
    for path in ["/v1/chat", "/openai/deployments//chat/completions", "/openai/deployments/a/b/chat/completions", "/v1/messages"] {
        assert!(!asks(path), "{path}");
    }
}

/// What a stream says about itself in the pieces it is given in, and what of it goes on.
fn metered(stream: &[u8], cuts: &[usize], include_usage: bool) -> (Seen, Vec<u8>) {
    let mut meter = same().meter(&asked(include_usage));
    let mut reader = Reader::new(MAX_EVENT);
    let mut kept = Vec::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([stream.len()]) {
        let mut each = |frame: Frame<'_>| {
            if meter.frame(&frame) == Keep::Whole {
                kept.extend_from_slice(frame.raw);
            }
        };
        reader.push(&stream[from..to], &mut each).unwrap();
        from = to;
    }
    meter.end();
    (meter.seen().clone(), kept)
}

#[test]
fn streams() {
    walk("streams", "sse", |path, stream| {
        let whole = metered(stream, &[], false);
        for cut in 0..stream.len() {
            assert_eq!(metered(stream, &[cut], false), whole, "{} cut at {cut}", path.display());
        }
        let every: Vec<usize> = (1..stream.len()).collect();
        assert_eq!(metered(stream, &every, false), whole, "{} byte by byte", path.display());
        let crlf = String::from_utf8(stream.to_vec()).unwrap().replace('\n', "\r\n");
        assert_eq!(metered(crlf.as_bytes(), &[], false).0, whole.0, "{} with CRLF", path.display());
        let (asked_for, kept) = metered(stream, &[], true);
        assert_eq!((asked_for, &*kept), (whole.0.clone(), stream), "{} passes whole where usage was asked for", path.display());
        format!("{:#?}\npassed on:\n{}", whole.0, String::from_utf8(whole.1).unwrap())
    });
}

#[test]
fn answers() {
    walk("answers", "json", |_, body| format!("{:#?}\n", same().measure(body)));
}

#[test]
fn errors() {
    let provider = formats::named(FormatId::Chat);
    walk("errors", "body", |path, body| {
        let status = path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().parse().unwrap();
        format!("{:#?}\n", provider.failure(status, &[("retry-after-ms", "1500")], body))
    });
}

fn text(plain: &'static str) -> Str<'static> {
    Str::from_plain(plain)
}

/// One answer as events: thoughts, text, two calls.
fn events() -> Vec<Event<'static>> {
    let call = |index, id, name| Event::PartStart {
        choice: 0,
        index,
        kind: PieceKind::ToolCall { id: text(id), name: text(name), kind: CallKind::Function },
    };
    let add = |index, piece| Event::PartDelta { choice: 0, index, piece };
    vec![
        Event::Start(Start { id: Some(text("msg_1")), model: Some(text("m")), created: None }),
        Event::Ping,
        Event::PartStart { choice: 0, index: 0, kind: PieceKind::Reasoning },
        add(0, Piece::Text(text("hm"))),
        add(0, Piece::Signature(text("s"))),
        Event::PartEnd { choice: 0, index: 0 },
        Event::PartStart { choice: 0, index: 1, kind: PieceKind::Text },
        add(1, Piece::Text(text("H\"i"))),
        add(1, Piece::Text(text("\n!"))),
        Event::PartEnd { choice: 0, index: 1 },
        call(2, "call_1", "f"),
        add(2, Piece::Arguments(text("{\"a\""))),
        add(2, Piece::Arguments(text(":1}"))),
        Event::PartEnd { choice: 0, index: 2 },
        call(3, "call_2", "g"),
        add(3, Piece::Arguments(text("{}"))),
        Event::PartEnd { choice: 0, index: 3 },
        Event::Usage(Usage { input_tokens: Some(10), cache_read_input_tokens: Some(4), output_tokens: Some(1), ..Usage::default() }),
        Event::Finish { choice: 0, reason: Finish::Stop },
        Event::Usage(Usage { output_tokens: Some(5), ..Usage::default() }),
        Event::End,
    ]
}

/// The same answer whole.
fn answer() -> Answer<'static> {
    let part = |kind| Part { at: 0, cache: None, kind };
    let call = |id, name, arguments| part(PartKind::ToolCall { id: text(id), name: text(name), arguments, kind: CallKind::Function });
    Answer {
        id: Some(text("msg_1")),
        model: Some(text("m")),
        created: None,
        choices: vec![Choice {
            index: 0,
            citations: Vec::new(),
            likelihood: weir_core::hub::Likelihood::default(),
            parts: vec![
                part(PartKind::Reasoning { text: text("hm"), signature: None }),
                part(PartKind::Text(text("H\"i"))),
                part(PartKind::Text(text("\n!"))),
                call("call_1", "f", Json::Value(Raw::parse("{\"a\":1}").unwrap())),
                call("call_2", "g", Json::Text(text("{}"))),
            ],
            finish: Finish::Stop,
        }],
        usage: Some(Usage { input_tokens: Some(10), cache_read_input_tokens: Some(4), output_tokens: Some(5), ..Usage::default() }),
        service_tier: None,
        met: Vec::new(),
    }
}

fn written(events: &[Event<'_>], include_usage: bool) -> String {
    let mut writer = client().writer(&asked(include_usage));
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn chunks(stream: &str) -> Vec<serde_json::Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// Collects a stream as the SDKs do: strings of a member are joined, calls by their index.
fn collected(stream: &str) -> serde_json::Value {
    let (mut strings, mut calls): (BTreeMap<String, String>, BTreeMap<u64, [String; 3]>) = Default::default();
    let (mut finish, mut usage) = (serde_json::Value::Null, serde_json::Value::Null);
    let chunks = chunks(stream);
    for chunk in &chunks {
        assert_eq!((&chunk["id"], &chunk["created"], &chunk["model"]), (&chunks[0]["id"], &chunks[0]["created"], &chunks[0]["model"]));
        usage = chunk["usage"].clone();
        let Some(choice) = chunk["choices"].get(0) else { continue };
        if !choice["finish_reason"].is_null() {
            assert!(finish.is_null(), "a second finish");
            finish = choice["finish_reason"].clone();
        }
        for (name, value) in choice["delta"].as_object().unwrap() {
            if let Some(value) = value.as_str() {
                strings.entry(name.clone()).or_default().push_str(value);
            }
            for call in value.as_array().into_iter().flatten() {
                let slot = calls.entry(call["index"].as_u64().unwrap()).or_default();
                for (slot, part) in slot.iter_mut().zip([&call["id"], &call["function"]["name"], &call["function"]["arguments"]]) {
                    slot.push_str(part.as_str().unwrap_or_default());
                }
            }
        }
    }
    let calls: Vec<_> = calls
        .values()
        .map(|[id, name, arguments]| serde_json::json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
        .collect();
    serde_json::json!({
        "id": chunks[0]["id"], "object": "chat.completion", "created": chunks[0]["created"], "model": chunks[0]["model"], "usage": usage,
        "choices": [{"index": 0, "finish_reason": finish, "logprobs": null, "message": {"role": strings["role"], "content": strings["content"],
            "refusal": null, "reasoning_content": strings["reasoning_content"], "tool_calls": calls}}],
    })
}

#[test]
fn a_collected_stream_is_the_whole_answer() {
    let mut grammar = Grammar::default();
    assert!(events().iter().all(|event| grammar.check(event).is_ok()));
    let stream = written(&events(), true);
    let mut out = Out::default();
    client().encode_answer(&answer(), &asked(true), &mut out);
    let whole: serde_json::Value = serde_json::from_slice(out.as_bytes()).unwrap();
    assert_eq!(collected(&stream), whole);
    assert_eq!(
        (whole["id"].as_str(), whole["model"].as_str(), whole["created"].as_u64()),
        (Some("chatcmpl-msg_1"), Some("smart"), Some(7))
    );
    let (seen, _) = metered(stream.as_bytes(), &[], true);
    let measured = same().measure(out.as_bytes());
    assert_eq!((seen.usage, seen.finish, seen.output_bytes, seen.complete), (measured.usage, measured.finish, measured.output_bytes, true));
}

/// A client that offers `functions` reads `function_call`, of which there is one.
#[test]
fn older_clients_get_the_older_form() {
    let body = br#"{"model":"m","messages":[],"functions":[{"name":"f"}]}"#;
    let asked = Asked { memo: client().outline(&HEAD, body).unwrap().memo, ..asked(false) };
    let mut out = Out::default();
    client().encode_answer(&answer(), &asked, &mut out);
    let whole: serde_json::Value = serde_json::from_slice(out.as_bytes()).unwrap();
    let choice = &whole["choices"][0];
    assert_eq!(choice["message"]["function_call"], serde_json::json!({"name": "f", "arguments": "{\"a\":1}"}));
    assert_eq!((choice["finish_reason"].as_str(), choice["message"].get("tool_calls")), (Some("function_call"), None));
    let (mut writer, mut stream) = (client().writer(&asked), Vec::new());
    for event in events() {
        writer.write(&event, &mut stream);
    }
    let chunks = chunks(std::str::from_utf8(&stream).unwrap());
    let said =
        |member: &str| chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["function_call"][member].as_str()).collect::<String>();
    assert_eq!((said("name"), said("arguments")), ("f".to_owned(), "{\"a\":1}".to_owned()));
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "function_call"));
}

#[test]
fn usage_comes_only_where_it_was_asked_for() {
    let asked_for = written(&events(), true);
    let chunks_asked = chunks(&asked_for);
    assert!(asked_for.ends_with("data: [DONE]\n\n"));
    let (last, others) = chunks_asked.split_last().unwrap();
    assert_eq!((last["choices"].as_array().map(Vec::len), last["usage"]["total_tokens"].as_u64()), (Some(0), Some(15)));
    assert!(others.iter().all(|chunk| chunk.get("usage").is_some_and(serde_json::Value::is_null)));
    assert!(chunks(&written(&events(), false)).iter().all(|chunk| chunk.get("usage").is_none()));
}

#[test]
fn an_error_ends_the_stream_without_done() {
    let mut events = events();
    events.truncate(8);
    events.push(Event::Error(Failure::new(weir_core::hub::ErrorKind::Overloaded, "too \"busy\"")));
    events.push(Event::End);
    let stream = written(&events, false);
    let last = chunks(&stream).pop().unwrap();
    assert_eq!(last["error"]["message"], "too \"busy\"");
    assert!(!stream.contains("[DONE]"));
}

#[test]
fn every_choice_has_its_role_once_and_ends_once() {
    let part = |choice| Event::PartStart { choice, index: 0, kind: PieceKind::Refusal };
    let finish = |choice, reason| Event::Finish { choice, reason };
    let events = [
        part(0),
        part(2),
        Event::PartDelta { choice: 2, index: 0, piece: Piece::Text(text("no")) },
        finish(2, Finish::ToolCall),
        finish(2, Finish::Length),
        finish(0, Finish::Refusal),
        Event::End,
    ];
    let choices = chunks(&written(&events, false)).into_iter().map(|chunk| chunk["choices"][0].clone());
    let said: Vec<_> = choices
        .map(|choice| (choice["index"].as_u64().unwrap(), choice["delta"].to_string(), choice["finish_reason"].to_string()))
        .collect();
    let role = r#"{"content":"","refusal":null,"role":"assistant"}"#;
    let expected =
        [(0, role, "null"), (2, role, "null"), (2, r#"{"refusal":"no"}"#, "null"), (2, "{}", "\"stop\""), (0, "{}", "\"content_filter\"")];
    assert_eq!(said, expected.map(|(index, delta, finish)| (index, delta.to_owned(), finish.to_owned())));
}

#[test]
fn an_answer_that_broke_off_before_its_first_word_is_an_error() {
    let start = || Event::Start(Start::default());
    let stream = written(&[start(), Event::Finish { choice: 0, reason: Finish::Malformed }, Event::End], false);
    assert_eq!(chunks(&stream).pop().unwrap()["error"]["code"], "bad_gateway");
    assert!(!stream.contains("[DONE]"));
}

#[test]
fn models_are_listed() {
    let reply = client().models(&mut ["a", "b\"c"].into_iter(), 3);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((body["data"][1]["id"].as_str(), body["data"][1]["created"].as_u64()), (Some("b\"c"), Some(3)));
}

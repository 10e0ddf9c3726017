//! Streams of Claude models on Bedrock, as clients get them wherever the network cuts, and streams as clients of Bedrock get them: a line of
//! `cases/chunks/NAME.txt` is an event of Anthropic's that a chunk holds, `!NAME PAYLOAD` an exception, `?NAME PAYLOAD` an event of another
//! kind. `NAME.CLIENT.sse` is what must come, of Bedrock's clients `NAME.PROVIDER.chunks` in the same words; `WEIR_BLESS=1` rewrites them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests may panic, and so may what they share"
)]

mod said;

use said::{cases, files, golden, messages};
use std::fs;
use std::rc::Rc;
use weir_core::base64;
use weir_core::exchange::{AnswerVerdict, Attempt, Bound, Configured, Exchange, Headers, RequestVerdict, SECOND, Verdict};
use weir_core::framing::FrameKind;
use weir_core::framing::event_stream::{write_event, write_exception};
use weir_core::health::Health;
use weir_core::limits::Ledger;
use weir_core::routing::Failover;

const DOCUMENT: &str = r#"{"version": 1, "providers": {
      "bedrock": {"kind": "bedrock", "endpoint": "http://bedrock"}, "anthropic": {"kind": "anthropic", "endpoint": "http://anthropic"},
      "openai": {"kind": "openai", "endpoint": "http://openai/v1"}},
    "models": [{"name": "own", "targets": [{"provider": "anthropic", "model": "claude-sonnet-4-5"}]},
      {"name": "gpt", "targets": [{"provider": "openai", "model": "gpt-5"}]},
      {"name": "m", "targets": [{"provider": "bedrock", "model": "eu.anthropic.claude-sonnet-4-5-v1:0"}]}]}"#;

thread_local! {
    static CONFIGURED: Rc<Configured> = Rc::new(Configured::new(DOCUMENT, Failover::Clusters, |_| None).unwrap());
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    pairs.iter().for_each(|(name, value)| headers.push(name, value));
    headers
}

/// An exchange whose request has gone to Bedrock: its headers and its body.
fn sent(path: &str, body: &str) -> (Box<Exchange>, Box<Attempt>, Headers, String) {
    sent_to("bedrock", path, body)
}

fn sent_to(provider: &str, path: &str, body: &str) -> (Box<Exchange>, Box<Attempt>, Headers, String) {
    let (mut health, mut ledger) = (Health::default(), Ledger::default());
    let configured = CONFIGURED.with(Rc::clone);
    let head = headers(&[
        (":method", "POST"),
        (":path", path),
        ("content-type", "application/json"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "context-1m-2025-08-07"),
    ]);
    let (mut exchange, _) = Exchange::begin(&configured, head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
    let verdict = exchange.request_body(body.as_bytes().to_vec(), 0, &mut ledger, &mut health, SECOND);
    assert!(matches!(verdict, Verdict::Release), "{verdict:?}");
    exchange.depart(|| false).unwrap();
    let (Bound::Attempt(mut attempt), _) = exchange.bind(provider, || SECOND) else { panic!("not bound") };
    let verdict = attempt.request_body(&mut exchange, body.as_bytes());
    let (headers, body) = match verdict {
        RequestVerdict::Send { headers, body } => (headers, body),
        RequestVerdict::Reply(reply) => panic!("{reply:?}"),
        RequestVerdict::Wait => panic!("not sent"),
    };
    (exchange, attempt, headers.unwrap(), String::from_utf8(body.unwrap()).unwrap())
}

fn answered(client: &str, status: &str, media: &str, pieces: &[&[u8]]) -> (Headers, String) {
    let (head, told) = received(client, status, media, pieces);
    (head, String::from_utf8(told).unwrap())
}

/// What a client gets: of Messages, of chat, or one of Bedrock whose provider this is.
fn received(client: &str, status: &str, media: &str, pieces: &[&[u8]]) -> (Headers, Vec<u8>) {
    let (mut exchange, mut attempt, _, _) = match client {
        "bedrock" | "anthropic" | "openai" => {
            let model =
                [("bedrock", "m"), ("anthropic", "own"), ("openai", "gpt")].into_iter().find(|(name, _)| *name == client).unwrap().1;
            let body = r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
            sent_to(client, &format!("/model/{model}/invoke-with-response-stream"), body)
        }
        "messages" => sent("/v1/messages", r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#),
        _ => sent("/v1/chat/completions", r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#),
    };
    let id = ("x-amzn-requestid", "r-1");
    let head = headers(&[(":status", status), ("content-type", media), id, ("x-amzn-errortype", "ThrottlingException")]);
    attempt.answer_head(&mut exchange, head, false, SECOND, String::new);
    let (mut held, mut told, mut out) = (Vec::new(), None, Vec::new());
    for (place, piece) in pieces.iter().enumerate() {
        let end = place + 1 == pieces.len();
        let size = if told.is_none() { held.len() + piece.len() } else { piece.len() };
        held.extend_from_slice(piece);
        let all = held.clone();
        let wants = attempt.wants(size, end);
        let seen = if told.is_none() { &all } else { *piece };
        match attempt.answer_body(&mut exchange, seen.get(wants).unwrap(), size, end, SECOND) {
            AnswerVerdict::Hold => {}
            AnswerVerdict::Commit(head) => {
                told = Some(head.headers);
                out.extend(head.body.unwrap_or(all));
            }
            AnswerVerdict::Replace(bytes) => out.extend(bytes),
            AnswerVerdict::Forgo => told = Some(headers(&[(":status", "502")])),
            AnswerVerdict::Continue => out.extend_from_slice(piece),
            other => panic!("{other:?}"),
        }
    }
    (told.unwrap(), out)
}

const STREAM: &str = "application/vnd.amazon.eventstream";

fn framed(lines: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.lines() {
        if let Some((name, payload)) = line.strip_prefix('!').and_then(|line| line.split_once(' ')) {
            write_exception(name, payload.as_bytes(), &mut out);
        } else if let Some((name, payload)) = line.strip_prefix('?').and_then(|line| line.split_once(' ')) {
            write_event(name, payload.as_bytes(), &mut out);
        } else {
            let payload = format!(r#"{{"bytes":"{}","p":"abcdefgh"}}"#, base64::encode(line.as_bytes()));
            write_event("chunk", payload.as_bytes(), &mut out);
        }
    }
    out
}

#[test]
fn streams_are_the_same_wherever_the_network_cuts() {
    let cases = files(&cases().join("chunks"), "txt");
    assert!(cases.len() > 5);
    for path in cases {
        let stream = framed(&fs::read_to_string(&path).unwrap());
        for client in ["messages", "chat"] {
            let (head, whole) = answered(client, "200", STREAM, &[&stream]);
            golden(&path.with_extension(format!("{client}.sse")), &whole);
            let failed = head.first(":status") != Some("200");
            assert!(failed || head.first("content-type") == Some("text/event-stream; charset=utf-8"), "{head:?}");
            assert!(failed || head.first(if client == "messages" { "request-id" } else { "x-request-id" }) == Some("r-1"), "{head:?}");
            for cut in 0..stream.len() {
                let (begin, rest) = stream.split_at(cut);
                assert_eq!(answered(client, "200", STREAM, &[begin, rest]).1, whole, "cut at {cut}: {}", path.display());
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(answered(client, "200", STREAM, &bytes).1, whole, "byte by byte: {}", path.display());
        }
    }
}

/// What a client of Bedrock got, in the words of the cases; an error that came before the stream as it is.
fn shown(head: &Headers, told: &[u8]) -> String {
    if head.first("content-type") != Some(STREAM) {
        return format!("{} {}\n", head.first(":status").unwrap_or_default(), String::from_utf8_lossy(told));
    }
    let line = |(kind, name, payload): (FrameKind, String, String)| match (kind, &*name) {
        (FrameKind::Message, "chunk") => {
            let chunk: serde_json::Value = serde_json::from_str(&payload).unwrap();
            String::from_utf8(base64::decode(chunk["bytes"].as_str().unwrap()).unwrap()).unwrap() + "\n"
        }
        _ => format!("!{name} {payload}\n"),
    };
    messages(told).into_iter().map(line).collect()
}

#[test]
fn clients_of_bedrock_get_its_frames() {
    let chunked = |lines: &str| {
        let event = |line: &str| {
            let kind = serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
            format!("event: {kind}\ndata: {line}\n\n")
        };
        lines.lines().filter(|line| line.starts_with('{')).map(event).collect::<String>()
    };
    let chat = fs::read(cases().join("answers/chat/call.sse")).unwrap();
    for path in files(&cases().join("chunks"), "txt") {
        let lines = fs::read_to_string(&path).unwrap();
        for (provider, media, stream) in [
            ("bedrock", STREAM, framed(&lines)),
            ("anthropic", "text/event-stream", chunked(&lines).into_bytes()),
            ("openai", "text/event-stream", chat.clone()),
        ] {
            if provider == "openai" && !path.ends_with("tool.txt") {
                continue;
            }
            let (head, whole) = received(provider, "200", media, &[&stream]);
            golden(&path.with_extension(format!("{provider}.chunks")), &shown(&head, &whole));
            assert!(head.first(":status") != Some("200") || head.first("x-amzn-requestid") == Some("r-1"), "{head:?}");
            for cut in 0..stream.len() {
                let (begin, rest) = stream.split_at(cut);
                assert_eq!(received(provider, "200", media, &[begin, rest]).1, whole, "cut at {cut}: {}", path.display());
                // Its frames are whole wherever the provider's stream was cut.
                let (head, told) = received(provider, "200", media, &[begin]);
                let said = shown(&head, &told);
                assert!(
                    said.contains("Exception ") || said.contains("stop_reason\":\"") || !said.starts_with("200"),
                    "cut at {cut}: {said}"
                );
            }
        }
    }
}

#[test]
fn a_stream_that_was_cut_is_an_error() {
    let stream = framed(&fs::read_to_string(cases().join("chunks/text.txt")).unwrap());
    for cut in 0..stream.len() {
        let (begin, _) = stream.split_at(cut);
        for client in ["messages", "chat"] {
            let (head, told) = answered(client, "200", STREAM, &[begin]);
            assert!(!told.contains("message_stop"), "cut at {cut}: {told}");
            // The reason why it ended is an end, too, where nothing but the last word is missing.
            if told.contains("\"end_turn\"") || told.contains("\"stop\"") {
                continue;
            }
            assert!(told.contains("\"error\"") || head.first(":status") == Some("502"), "cut at {cut}: {told}");
        }
    }
}

#[test]
fn a_broken_frame_is_an_error() {
    let mut stream = framed(&fs::read_to_string(cases().join("chunks/text.txt")).unwrap());
    let middle = stream.len() / 2;
    *stream.get_mut(middle).unwrap() ^= 1;
    let (_, told) = answered("messages", "200", STREAM, &[&stream]);
    assert!(told.contains("\"error\"") && !told.contains("message_stop"), "{told}");
}

#[test]
fn requests_leave_by_invoke() {
    let model = "eu.anthropic.claude-sonnet-4-5-v1%3A0";
    let body = r#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let (.., headers, sent_body) = sent("/v1/messages", body);
    assert_eq!(headers.first(":path"), Some(&*format!("/model/{model}/invoke-with-response-stream")));
    assert_eq!([headers.first("anthropic-version"), headers.first("anthropic-beta")], [None, None]);
    let opening = r#"{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["context-1m-2025-08-07"],"#;
    assert_eq!(sent_body, format!(r#"{opening}"max_tokens":9,"messages":[{{"role":"user","content":"Hi"}}]}}"#));
    // What Messages can't say goes by Converse.
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.csv","file_data":"data:text/csv;base64,YSxi"}}]}]}"#;
    let (.., headers, _) = sent("/v1/chat/completions", body);
    assert_eq!(headers.first(":path"), Some(&*format!("/model/{model}/converse")));
    let body = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
    let (.., headers, _) = sent("/v1/messages/count_tokens", body);
    assert_eq!(headers.first(":path"), Some(&*format!("/model/{model}/count-tokens")));
    let (.., headers, _) = sent("/v1/chat/completions", body);
    assert_eq!(headers.first(":path"), Some(&*format!("/model/{model}/invoke")));
}

/// What Bedrock has in the body Anthropic has in headers, whichever of Bedrock's APIs the client calls.
#[test]
fn what_a_clouds_body_says_anthropic_is_told_in_headers() {
    let body = r#"{"anthropic_version":"2026-10-21","anthropic_beta":["effort-2025-11-24","context-1m-2025-08-07"],"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;
    let (.., headers, sent_body) = sent_to("anthropic", "/model/own/invoke", body);
    assert_eq!(headers.first("anthropic-version"), Some("2026-10-21"));
    assert_eq!(headers.first("anthropic-beta"), Some("context-1m-2025-08-07,effort-2025-11-24"));
    assert!(!sent_body.contains("anthropic_"), "{sent_body}");
    let body = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"additionalModelRequestFields":{"anthropic_beta":["effort-2025-11-24"]}}"#;
    let (.., headers, sent_body) = sent_to("anthropic", "/model/own/converse", body);
    assert_eq!(headers.first("anthropic-version"), Some("2023-06-01"));
    assert_eq!(headers.first("anthropic-beta"), Some("context-1m-2025-08-07,effort-2025-11-24"));
    assert!(!sent_body.contains("effort"), "{sent_body}");
}

#[test]
fn a_cloud_fetches_nothing() {
    let body = r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a/b.png"}}]}]}"#;
    let (mut health, mut ledger) = (Health::default(), Ledger::default());
    let head = headers(&[(":method", "POST"), (":path", "/v1/messages"), ("content-type", "application/json")]);
    let configured = CONFIGURED.with(Rc::clone);
    let (mut exchange, _) = Exchange::begin(&configured, head, false, SECOND, || true, &mut ledger, &mut health).unwrap();
    let Verdict::Reply(told) = exchange.request_body(body.as_bytes().to_vec(), 0, &mut ledger, &mut health, SECOND) else { panic!("sent") };
    assert_eq!(told.reply.status, 400);
    assert!(String::from_utf8_lossy(&told.reply.body).contains("messages.content.source.url"));
}

#[test]
fn errors_are_told_in_the_clients_words() {
    let (head, told) = answered("messages", "429", "application/json", &[br#"{"message":"Too many requests"}"#]);
    assert_eq!(head.first(":status"), Some("429"));
    assert_eq!(
        told,
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"Too many requests","details":{"error_code":"ThrottlingException"}}}"#
    );
}

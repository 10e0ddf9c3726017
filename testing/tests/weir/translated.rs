//! A chat client and a provider that speaks Messages: translated both ways, whole and streamed, however the stream is cut.

use super::rig::{ASK, ASK_STREAM, ask, envoy, provider, wiring};
use weir_testing::{Fault, Play, Proxy, Sent, Status, bytewise, every_cut};

const DOCUMENT: &str = r#"{
    "version": 1,
    "providers": {"claude": {"kind": "anthropic", "auth": {"api_key": {"env": "ALPHA_KEY"}}}},
    "models": [{"name": "smart", "targets": [{"provider": "claude", "model": "claude-x"}]}]
}"#;

pub const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Hi there"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":2}}"#;

pub const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" there\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

/// The same stream, committed by its first piece and going on in others.
pub fn pieces() -> Play {
    let (begin, rest) = STREAM.split_at(STREAM.find(" there").unwrap());
    let (middle, end) = rest.split_at(rest.find("event: message_delta").unwrap());
    Play::stream([begin, middle, end].map(|piece| piece.as_bytes().to_vec()))
}

pub fn claude(plays: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    envoy(DOCUMENT, wiring().cluster("claude", provider("claude", plays)))
}

/// A proxy whose one model a provider of Messages answers, whole.
pub fn whole() -> Proxy {
    claude(|_| Play::json(200, ANSWER))
}

#[test]
fn a_whole_answer_is_written_in_the_clients_format() {
    let mut proxy = whole();
    let id = proxy.exchange(&ask(ASK)).unwrap();
    let received = proxy.received(id);
    assert_eq!(received.status(), 200, "{}", received.text());
    for part in ["\"object\":\"chat.completion\"", "\"content\":\"Hi there\"", "\"finish_reason\":\"stop\"", "\"total_tokens\":7"] {
        assert!(received.text().contains(part), "{part}: {}", received.text());
    }
    let [sent] = proxy.sent(id) else { panic!("one attempt") };
    assert_eq!((sent.headers.get(":path"), sent.headers.get("x-api-key")), (Some("/v1/messages"), Some("key-of-alpha")));
    assert!(!sent.headers.contains("authorization") && sent.headers.contains("anthropic-version"), "{}", sent.headers);
    let body = String::from_utf8_lossy(&sent.body);
    assert!(body.contains("\"model\":\"claude-x\"") && body.contains("\"max_tokens\":"), "{body}");
}

#[test]
fn a_stream_that_is_cut_anywhere_is_translated_to_the_same_bytes() {
    let text = |pieces: Vec<Vec<u8>>| {
        let mut proxy = claude(move |_| Play::stream(pieces.clone()));
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        assert!(proxy.received(id).ended && proxy.received(id).status() == 200, "{}", proxy.received(id).text());
        proxy.received(id).text()
    };
    let whole = text(vec![STREAM.as_bytes().to_vec()]);
    assert!(whole.contains("\"content\":\" there\"") && whole.ends_with("data: [DONE]\n\n"), "{whole}");
    assert!(!whole.contains("\"usage\":{"), "{whole}");
    for pieces in every_cut(STREAM.as_bytes()).chain([bytewise(STREAM.as_bytes())]) {
        let at = pieces[0].len();
        assert_eq!(text(pieces), whole, "cut at {at}");
    }
}

#[test]
fn an_error_behind_every_event_has_a_status_until_the_first_words() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let words = STREAM.find("event: content_block_delta").unwrap();
    for (end, _) in STREAM.match_indices("event: ") {
        let pieces = [STREAM.split_at(end).0, error].map(|piece| piece.as_bytes().to_vec());
        let mut proxy = claude(move |_| Play::stream(pieces.clone()));
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        let received = proxy.received(id);
        assert_eq!(received.status() == 200, end > words, "{end}: {}", received.text());
        assert!(received.text().contains("Overloaded"), "{end}: {}", received.text());
    }
}

#[test]
fn an_error_is_told_in_the_clients_format() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let mut proxy = claude(move |_| Play::json(529, error));
    let id = proxy.exchange(&ask(ASK)).unwrap();
    let received = proxy.received(id);
    assert!(received.status() >= 500 && received.status() != 598, "{}", received.status());
    assert!(received.text().starts_with("{\"error\":{"), "{}", received.text());
}

#[test]
fn whatever_call_fails_neither_side_gets_the_others_format() {
    let answers = || {
        claude(|sent| match String::from_utf8_lossy(&sent.body).contains("\"stream\":true") {
            true => Play::stream([STREAM.as_bytes().to_vec()]),
            false => Play::json(200, ANSWER),
        })
    };
    for body in [ASK, ASK_STREAM] {
        let mut whole = answers();
        let started = whole.host().spent().host_calls();
        whole.exchange(&ask(body)).unwrap();
        for nth in 0..whole.host().spent().host_calls() - started {
            let mut proxy = answers();
            proxy.host_mut().fail(Fault::new("*", Status::InternalFailure).after(nth).once());
            let id = proxy.exchange(&ask(body)).unwrap_or_else(|e| panic!("call {nth}: {e:?}"));
            let told = proxy.received(id).text();
            assert!(!told.contains("content_block") && !told.contains("\"type\":\"message\""), "call {nth}: {told}");
            // The tombstone behind `weir-none` refuses every connection: only what reaches the provider counts.
            for sent in proxy.sent(id).iter().filter(|sent| sent.complete && sent.cluster == "claude") {
                let asked = String::from_utf8_lossy(&sent.body);
                assert!(asked.contains("\"max_tokens\":"), "call {nth}: {asked}");
            }
        }
    }
}

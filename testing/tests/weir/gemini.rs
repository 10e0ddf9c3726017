//! Clients of other formats and a provider that speaks Gemini, where the model and the operation stand in the path.

use super::rig::{ASK, ASK_STREAM, ask, envoy, provider, wiring};
use weir_testing::{Play, Proxy, Request, Sent, bytewise, every_cut};

const DOCUMENT: &str = r#"{
    "version": 1,
    "providers": {"google": {"kind": "gemini", "auth": {"api_key": {"env": "ALPHA_KEY"}}}},
    "models": [{"name": "smart", "targets": [{"provider": "google", "model": "gemini-2.5-flash"}]}]
}"#;

const ANSWER: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hi there"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7},"modelVersion":"gemini-2.5-flash","responseId":"r"}"#;

const STREAM: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}],\"role\":\"model\"},\"index\":0}],\"responseId\":\"r\"}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" there\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],\"responseId\":\"r\"}\r\n\r\n",
);

fn google(plays: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    envoy(DOCUMENT, wiring().cluster("google", provider("google", plays)))
}

#[test]
fn the_model_and_the_operation_stand_in_the_path() {
    let messages = r#"{"model":"smart","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let requests = [("/v1/messages", messages), ("/v1/responses", r#"{"model":"smart","input":"hi"}"#), ("/v1/chat/completions", ASK)];
    for (path, body) in requests {
        let mut proxy = google(|_| Play::json(200, ANSWER));
        let id = proxy.exchange(&Request::json(path, body)).unwrap();
        let received = proxy.received(id);
        assert!(received.status() == 200 && received.text().contains("Hi there"), "{}", received.text());
        let [sent] = proxy.sent(id) else { panic!("one attempt") };
        assert_eq!(sent.headers.get(":path"), Some("/v1beta/models/gemini-2.5-flash:generateContent"));
        assert_eq!(sent.headers.get("x-goog-api-key"), Some("key-of-alpha"));
        assert!(!sent.headers.contains("authorization"), "{}", sent.headers);
        let asked = String::from_utf8_lossy(&sent.body);
        assert!(asked.contains(r#"{"role":"user","parts":[{"text":""#) && !asked.contains("\"model\":"), "{asked}");
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_is_translated_to_the_same_bytes() {
    let text = |pieces: Vec<Vec<u8>>| {
        let mut proxy = google(move |_| Play::stream(pieces.clone()));
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        let [sent] = proxy.sent(id) else { panic!("one attempt") };
        assert_eq!(sent.headers.get(":path"), Some("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"));
        assert!(proxy.received(id).ended && proxy.received(id).status() == 200, "{}", proxy.received(id).text());
        proxy.received(id).text()
    };
    let whole = text(vec![STREAM.as_bytes().to_vec()]);
    assert!(whole.contains("\"content\":\" there\"") && whole.ends_with("data: [DONE]\n\n"), "{whole}");
    for pieces in every_cut(STREAM.as_bytes()).chain([bytewise(STREAM.as_bytes())]) {
        let at = pieces[0].len();
        assert_eq!(text(pieces), whole, "cut at {at}");
    }
}

#[test]
fn an_error_says_how_long_to_wait() {
    let error = r#"{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"6.2s"}]}}"#;
    let mut proxy = google(move |_| Play::json(429, error));
    let id = proxy.exchange(&ask(ASK)).unwrap();
    let received = proxy.received(id);
    assert_eq!((received.status(), received.header("retry-after")), (429, Some("7")));
    assert!(received.text().contains("slow down") && received.text().contains("rate_limit"), "{}", received.text());
}

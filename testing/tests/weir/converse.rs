//! Clients that speak Converse, whose model stands in the path, and whose streams are AWS event streams.

use super::rig::{ANSWER, answers, line, pair, stream, unused};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use weir_testing::{Play, Proxy, Request, bytewise, every_cut};

const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}"#;

/// What an SDK sends that signs its requests.
fn signed(action: &str, body: &str) -> Request {
    Request::json(&format!("/model/smart/{action}"), body)
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=key-of-client/20261128/eu-central-1/bedrock/aws4_request, Signature=sig-of-client",
        )
        .header("x-amz-date", "20261128T000000Z")
        .header("x-amz-security-token", "session-of-client")
        .header("amz-sdk-invocation-id", "invocation-of-client")
}

fn lone(plays: impl FnMut(&weir_testing::Sent) -> Play + 'static) -> Proxy {
    pair(plays, unused)
}

#[test]
fn neither_the_signature_nor_the_path_goes_on() {
    let mut proxy = lone(answers);
    let id = proxy.exchange(&signed("converse", BODY)).unwrap();
    let received = proxy.received(id);
    assert_eq!((received.status(), received.header("content-type")), (200, Some("application/json")));
    assert!(
        received
            .text()
            .starts_with(r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hi there"}]}},"stopReason":"end_turn""#)
    );
    let [sent] = proxy.sent(id) else { panic!("one attempt") };
    assert_eq!((sent.headers.get(":path"), sent.headers.get("authorization")), (Some("/v1/chat/completions"), Some("Bearer key-of-alpha")));
    assert!(!line(&sent.headers).contains("of-client") && !line(&sent.headers).contains("amz"), "{}", line(&sent.headers));
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_the_same_messages() {
    let bytes = |pieces: Vec<Vec<u8>>| {
        let mut proxy = lone(move |_| Play::stream(pieces.clone()));
        let id = proxy.exchange(&signed("converse-stream", BODY)).unwrap();
        let received = proxy.received(id);
        assert_eq!(
            (received.status(), received.ended, received.header("content-type")),
            (200, true, Some("application/vnd.amazon.eventstream"))
        );
        received.body().to_vec()
    };
    let whole = bytes(vec![stream()]);
    let text = String::from_utf8_lossy(&whole);
    assert!(
        text.contains("messageStart") && text.contains(r#"{"stopReason":"end_turn"}"#) && text.contains(r#""totalTokens":7"#),
        "{text}"
    );
    for pieces in every_cut(&stream()).chain([bytewise(&stream())]) {
        let at = pieces[0].len();
        assert_eq!(bytes(pieces), whole, "cut at {at}");
    }
}

#[test]
fn what_is_refused_is_told_in_the_services_words() {
    let mut proxy = pair(unused, unused);
    for (request, status, name, words) in [
        (signed("converse", r#"{"messages":[{"role":"user","content":"Hi"}]}"#), 400, "ValidationException", "messages[0].content"),
        (signed("converse", ""), 400, "ValidationException", "no body"),
        (signed("transmute", BODY), 404, "UnknownOperationException", "/model/smart/transmute"),
        (Request::json("/model/nobody/converse", BODY), 404, "ResourceNotFoundException", "`nobody`"),
        (Request::new("GET", "/model/smart/converse"), 405, "UnknownOperationException", "GET"),
        (signed("count-tokens", r#"{"input":{"converse":{}}}"#), 400, "ValidationException", "input.converse"),
        (signed("count-tokens", "{}"), 400, "ValidationException", "input"),
    ] {
        let id = proxy.exchange(&request).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.status(), received.header("x-amzn-errortype")), (status, Some(name)), "{}", received.text());
        assert!(received.header("x-amzn-requestid").is_some_and(|id| !id.is_empty()), "AWS's SDK shows it with the error");
        assert!(received.text().starts_with("{\"message\":\"") && received.text().contains(words), "{}", received.text());
    }
}

#[test]
fn what_breaks_off_ends_with_an_exception() {
    let cut = stream().split_at(stream().len() / 2).0.to_vec();
    let mut proxy = lone(move |_| Play::stream(vec![cut.clone()]));
    let id = proxy.exchange(&signed("converse-stream", BODY)).unwrap();
    let text = String::from_utf8_lossy(&proxy.received(id).body()).into_owned();
    assert!(text.contains("modelStreamErrorException") && !text.contains("messageStop"), "{text}");
    let mut proxy = lone(|_| Play::json(200, ANSWER.replace("\"stop\"", "\"length\"")));
    let id = proxy.exchange(&signed("converse-stream", BODY)).unwrap();
    assert!(String::from_utf8_lossy(&proxy.received(id).body()).contains("max_tokens"), "a whole answer becomes a stream");
}

/// What can't be inflated on breaks off inside one of the provider's events; the client's messages have no such places.
#[test]
fn nothing_stands_between_a_message_and_the_exception() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(stream().split_at(stream().len() - 30).0).unwrap();
    encoder.flush().unwrap();
    let pieces = vec![encoder.get_ref().clone(), vec![0xff; 40]];
    let mut proxy = lone(move |_| Play::stream(pieces.clone()).header("content-encoding", "gzip"));
    let id = proxy.exchange(&signed("converse-stream", BODY)).unwrap();
    let body = proxy.received(id).body().to_vec();
    let (mut rest, mut messages) = (body.as_slice(), 0);
    while let [a, b, c, d, ..] = *rest {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
        rest = rest.get(length..).unwrap_or_else(|| panic!("behind {messages} messages stands {rest:?}"));
        messages += 1;
    }
    assert!(rest.is_empty() && messages > 2, "{messages} messages and {rest:?}");
    assert!(String::from_utf8_lossy(&body).contains("modelStreamErrorException"), "{}", String::from_utf8_lossy(&body));
}

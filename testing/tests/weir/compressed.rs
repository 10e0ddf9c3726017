//! Answers that come compressed although Weir asks for identity: the client gets them plain, whole and streamed, however they are cut.

use super::rig::{ANSWER, ASK, ASK_STREAM, END, STREAM, USAGE, answers, ask, envoy, pair, provider, unused, wiring};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write;
use weir_testing::{Play, bytewise, every_cut};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Each event as a server sends it that flushes behind it.
fn gzipped_stream() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for event in [STREAM, USAGE, END].concat().split_inclusive("\n\n") {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

fn coded(status: u16, coding: &str, body: impl Into<Vec<u8>>) -> Play {
    Play::answer(status).header("content-type", "application/json").header("content-encoding", coding).pieces([body.into()])
}

#[test]
fn a_whole_answer_reaches_the_client_plain() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(ANSWER.as_bytes()).unwrap();
    for (coding, body) in [("gzip", gzip(ANSWER)), ("deflate", zlib.finish().unwrap())] {
        let mut proxy = pair(move |_| coded(200, coding, body.clone()), unused);
        let id = proxy.exchange(&ask(ASK)).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.status(), received.text().as_str()), (200, ANSWER));
        assert_eq!((received.header("content-encoding"), received.header("content-length")), (None, Some(&*ANSWER.len().to_string())));
    }
}

#[test]
fn a_stream_reaches_the_client_plain_wherever_it_is_cut() {
    let whole = gzipped_stream();
    for pieces in every_cut(&whole).step_by(5).chain([bytewise(&whole)]) {
        let at = pieces[0].len();
        let stream = move |_: &_| Play::stream(pieces.clone()).header("content-encoding", "gzip");
        let mut proxy = pair(stream, unused);
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.text(), received.ended), ([STREAM, END].concat(), true), "cut at {at}");
        assert_eq!(received.header("content-encoding"), None);
    }
}

#[test]
fn a_stream_that_is_cut_is_no_complete_one() {
    let half = gzipped_stream().into_iter().take(200).collect::<Vec<_>>();
    let mut proxy = pair(move |_| Play::stream([half.clone()]).header("content-encoding", "gzip"), unused);
    let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
    let text = proxy.received(id).text();
    assert!(text.contains("\"error\"") && !text.contains("[DONE]"), "{text}");
}

#[test]
fn an_error_is_read() {
    let error = r#"{"error":{"message":"no such thing","type":"invalid_request_error","param":"x","code":null}}"#;
    let mut proxy = pair(move |_| coded(400, "gzip", gzip(error)), unused);
    let id = proxy.exchange(&ask(ASK)).unwrap();
    let received = proxy.received(id);
    assert!(received.status() == 400 && received.text().contains("no such thing"), "{}", received.text());
    assert_eq!(received.header("content-encoding"), None);
}

#[test]
fn what_can_not_be_inflated_moves_on() {
    let cut = gzip(ANSWER).into_iter().take(40).collect::<Vec<_>>();
    let broken = [gzip(ANSWER), b"more".to_vec()].concat();
    for (coding, body) in [("br", gzip(ANSWER)), ("gzip", ANSWER.as_bytes().to_vec()), ("gzip", cut), ("gzip", broken)] {
        let mut proxy = pair(move |_| coded(200, coding, body.clone()), answers);
        let id = proxy.exchange(&ask(ASK)).unwrap();
        assert_eq!((proxy.received(id).text().as_str(), proxy.sent(id).len()), (ANSWER, 2));
    }
}

#[test]
fn a_bomb_is_refused_at_the_cap() {
    let document = r#"{"version":1,"caps":{"answer":"64KiB"},
        "providers":{"alpha":{"kind":"openai","auth":{"bearer":{"env":"ALPHA_KEY"}}}},
        "models":[{"name":"smart","targets":[{"provider":"alpha"}]}]}"#;
    let bomb = gzip(&" ".repeat(8 << 20));
    for body in [ASK, ASK_STREAM] {
        let bomb = bomb.clone();
        let play = move |_: &_| {
            let play = if body == ASK { coded(200, "gzip", bomb.clone()) } else { Play::stream([bomb.clone()]) };
            play.header("content-encoding", "gzip")
        };
        let mut proxy = envoy(document, wiring().cluster("alpha", provider("alpha", play)));
        let id = proxy.exchange(&ask(body)).unwrap();
        let received = proxy.received(id);
        assert!(received.status() == 502 && received.text().contains("longer than the gateway holds"), "{}", received.text());
    }
}

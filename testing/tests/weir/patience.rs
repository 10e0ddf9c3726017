//! The time limits of targets: a slow provider is left for the next one, or its client is told, and no stream that flows is cut.

use super::rig::{ANSWER, ASK, ASK_STREAM, DOCUMENT, STREAM, answers, ask, envoy, provider, stream, unused, wiring};
use std::time::Duration;
use weir_testing::{Play, Proxy, Sent};

const ROLE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n";
const PING: &[u8] = b": ping\n\n";

fn long() -> Duration {
    Duration::from_secs(3600)
}

/// What comes so far, and then nothing.
fn stalls(begun: Play) -> Play {
    begun.wait(long()).pieces([b"too late".to_vec()])
}

/// The two providers, with these limits on the targets of `smart`.
fn limited(alpha: &str, beta: &str, plays: impl FnMut(&Sent) -> Play + 'static, second: impl FnMut(&Sent) -> Play + 'static) -> Proxy {
    let document = DOCUMENT
        .replace(r#""model": "m-alpha"}, "#, &format!(r#""model": "m-alpha", {alpha}}}, "#))
        .replace(r#""model": "m-beta", "#, &format!(r#""model": "m-beta", {beta}, "#));
    assert!(document.contains(alpha) && document.contains(beta));
    envoy(&document, wiring().cluster("alpha", provider("alpha", plays)).cluster("beta", provider("beta", second)))
}

/// How long an exchange took on the fake clock, in tenths of seconds, the clock of ticks.
fn taken(proxy: &mut Proxy, body: &str) -> (u16, String, u64, Vec<String>) {
    let before = proxy.host().now();
    let id = proxy.exchange(&ask(body)).unwrap();
    let tenths = (proxy.host().now() - before) / 100_000_000;
    let log = String::from_utf8(proxy.filter_state(id, "wasm.weir.log").unwrap_or_default()).unwrap();
    let outcomes = log.split("\"outcome\":\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let received = proxy.received(id);
    let reset = if received.reset { " reset" } else { "" };
    (received.status(), received.text() + reset, tenths, outcomes)
}

#[test]
fn a_stream_without_content_moves_on_before_and_behind_the_answers_headers() {
    let plays = [
        Play::answer(200).after(long()),
        stalls(Play::answer(200).header("content-type", "text/event-stream")),
        stalls(Play::stream([ROLE.as_bytes().to_vec()])),
        stalls(Play::answer(200).header("content-type", "application/json").pieces([b"{".to_vec()])),
    ];
    for (place, play) in plays.into_iter().enumerate() {
        let second = |_: &_| Play::answer(200).header("content-type", "text/event-stream").wait(Duration::from_secs(7)).pieces([stream()]);
        let mut proxy = limited(r#""first_content": "8s""#, r#""first_content": "9s""#, move |_| play.clone(), second);
        let (status, text, tenths, outcomes) = taken(&mut proxy, ASK_STREAM);
        assert_eq!((status, text.ends_with("data: [DONE]\n\n")), (200, true), "{place}: {text}");
        // Before the headers the longer of the two limits counts.
        let limit = if place == 0 { 90 } else { 80 };
        assert!((limit + 70..=limit + 72).contains(&tenths), "{place}: {tenths}");
        assert_eq!(outcomes, ["timeout", "complete"], "{place}");
    }
}

#[test]
fn behind_the_last_target_the_client_is_told() {
    let stall = |_: &_| stalls(Play::answer(200).header("content-type", "text/event-stream"));
    let mut proxy = limited(r#""first_content": "8s""#, r#""first_content": "9s""#, stall, stall);
    let (status, text, tenths, outcomes) = taken(&mut proxy, ASK_STREAM);
    assert_eq!((status, text.starts_with("{\"error\":{")), (504, true), "{text}");
    assert!((170..=172).contains(&tenths), "{tenths}");
    assert_eq!(outcomes, ["timeout", "timeout"]);
}

#[test]
fn a_limit_of_one_target_alone_cuts_no_other() {
    let late = |_: &_| Play::stream([stream()]).after(Duration::from_secs(20));
    let mut proxy = limited(r#""first_content": "8s""#, r#""weight": 1"#, |_| Play::json(500, "{}"), late);
    let (status, _, tenths, outcomes) = taken(&mut proxy, ASK_STREAM);
    assert_eq!((status, outcomes), (200, vec!["error".to_owned(), "complete".to_owned()]));
    assert!((200..=202).contains(&tenths), "{tenths}");
}

#[test]
fn content_that_flows_is_cut_by_no_limit_on_its_beginning() {
    let pieces: Vec<Vec<u8>> = stream().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let slow = move |_: &_| {
        let begun = Play::answer(200).header("content-type", "text/event-stream");
        pieces.iter().fold(begun, |play, piece| play.wait(Duration::from_secs(3)).pieces([piece.clone()])).end_alone()
    };
    let mut proxy = limited(r#""first_content": "15s", "stream_idle": "7s""#, r#""first_content": "9s""#, slow, unused);
    let (status, text, _, outcomes) = taken(&mut proxy, ASK_STREAM);
    assert_eq!((status, text.ends_with("data: [DONE]\n\n")), (200, true), "{text}");
    assert_eq!(outcomes, ["complete"]);
}

#[test]
fn a_silent_stream_is_cut_and_one_that_only_pings_ends_with_an_error() {
    let half: Vec<u8> = STREAM.split_inclusive("\n\n").take(2).collect::<String>().into_bytes();
    let mut proxy = limited(r#""stream_idle": "5s""#, r#""first_content": "9s""#, move |_| stalls(Play::stream([half.clone()])), unused);
    let (status, text, tenths, outcomes) = taken(&mut proxy, ASK_STREAM);
    assert!(status == 200 && text.ends_with(" reset") && !text.contains("error"), "{text}");
    assert!((50..=52).contains(&tenths), "{tenths}");
    assert_eq!(outcomes, ["timeout"]);

    let half: Vec<u8> = STREAM.split_inclusive("\n\n").take(2).collect::<String>().into_bytes();
    let pings = move |_: &_| {
        let begun = Play::stream([half.clone()]);
        (0..1000).fold(begun, |play, _| play.wait(Duration::from_secs(2)).pieces([PING.to_vec()])).end_alone()
    };
    let mut proxy = limited(r#""stream_idle": "5s""#, r#""first_content": "9s""#, pings, unused);
    let (status, text, tenths, outcomes) = taken(&mut proxy, ASK_STREAM);
    assert!(status == 200 && text.ends_with(" reset") && text.contains("\"error\""), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
    assert!((60..=62).contains(&tenths), "{tenths}");
    assert_eq!(outcomes, ["timeout"]);
}

#[test]
fn a_plain_answer_that_takes_too_long_ends_and_is_run_again_only_where_the_document_says_so() {
    let plays = [
        Play::answer(200).after(long()),
        stalls(Play::answer(200).header("content-type", "application/json").pieces([b"{".to_vec()])),
        stalls(Play::answer(500).header("content-type", "application/json").pieces([b"{".to_vec()])),
    ];
    for (place, play) in plays.into_iter().enumerate() {
        let first = play.clone();
        let mut proxy = limited(r#""answer": "20s""#, r#""answer": "60s""#, move |_| first.clone(), unused);
        let (status, text, tenths, outcomes) = taken(&mut proxy, ASK);
        assert!(status == 504 && text.starts_with("{\"error\":{"), "{place}: {status} {text}");
        assert!((200..=202).contains(&tenths), "{place}: {tenths}");
        assert_eq!(outcomes, ["timeout"], "{place}");

        let mut proxy = limited(r#""answer": "20s", "answer_timeout": "next""#, r#""answer": "10s""#, move |_| play.clone(), answers);
        let (status, text, tenths, outcomes) = taken(&mut proxy, ASK);
        assert_eq!((status, text.as_str()), (200, ANSWER), "{place}");
        // Before the headers Envoy's own timer does it, half a second later.
        assert!((200..=206).contains(&tenths), "{place}: {tenths}");
        assert_eq!(outcomes, ["timeout", "complete"], "{place}");
    }
}

#[test]
fn a_target_that_must_not_run_again_ends_although_another_may() {
    let third = |_: &_| Play::answer(200).after(long());
    let mut proxy = limited(r#""answer": "20s", "answer_timeout": "next""#, r#""answer": "20s""#, |_| Play::json(500, "{}"), third);
    let (status, _, tenths, outcomes) = taken(&mut proxy, ASK);
    assert_eq!((status, outcomes), (504, vec!["error".to_owned(), "timeout".to_owned()]));
    assert!((200..=202).contains(&tenths), "{tenths}");
}

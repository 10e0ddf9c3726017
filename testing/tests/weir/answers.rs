//! What reaches provider and client when nothing goes wrong: whole answers, streams, however either side cuts them.

use super::rig::{ANSWER, ASK, ASK_STREAM, END, STREAM, USAGE, answers, ask, line, pair, stream, unused};
use weir_testing::{HeaderMap, Play, Request, bytewise, every_cut, seeded};

#[test]
fn a_whole_answer_comes_back_as_it_was() {
    let mut proxy = pair(answers, unused);
    let id = proxy.exchange(&ask(ASK)).unwrap();
    let received = proxy.received(id);
    assert_eq!((received.status(), received.text().as_str(), received.ended), (200, ANSWER, true));
    let [sent] = proxy.sent(id) else { panic!("one attempt") };
    assert_eq!(sent.headers.get(":path"), Some("/v1/chat/completions"));
    assert_eq!(sent.headers.get(":authority"), Some("api.openai.com"));
    assert_eq!(sent.headers.all("authorization"), ["Bearer key-of-alpha"]);
    assert!(!line(&sent.headers).contains("key-of-client"), "{}", sent.headers);
    assert_eq!(sent.headers.get("content-length"), Some(sent.body.len().to_string().as_str()));
    assert_eq!(String::from_utf8_lossy(&sent.body), ASK.replace("smart", "m-alpha"));
    assert!(proxy.is_over(id));
    assert_eq!(proxy.host().metrics().keys().filter(|name| name.contains("host_errors")).count(), 0);
}

#[test]
fn the_usage_chunk_reaches_only_a_client_that_asked_for_it() {
    let asked = ASK_STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    for (body, expected) in [(ASK_STREAM, [STREAM, END].concat()), (&asked, [STREAM, USAGE, END].concat())] {
        let mut proxy = pair(|_| Play::stream([stream()]), unused);
        let id = proxy.exchange(&ask(body)).unwrap();
        assert_eq!(proxy.received(id).text(), expected);
        assert!(proxy.received(id).header("content-type").unwrap().starts_with("text/event-stream"));
        // Weir meters every stream, so it asks for the usage either way.
        assert!(String::from_utf8_lossy(&proxy.sent(id)[0].body).contains("\"include_usage\":true"));
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_the_same_bytes() {
    let whole = stream();
    let mut cuts: Vec<_> = every_cut(&whole).collect();
    cuts.push(bytewise(&whole));
    seeded(20, |random| cuts.push(random.pieces(&whole)));
    for pieces in cuts {
        let at = pieces[0].len();
        let mut proxy = pair(move |_| Play::stream(pieces.clone()), unused);
        let id = proxy.exchange(&ask(ASK_STREAM)).unwrap();
        let received = proxy.received(id);
        assert_eq!((received.text(), received.ended), ([STREAM, END].concat(), true), "cut at {at}");
    }
}

#[test]
fn a_request_may_come_in_any_pieces_and_end_in_any_way() {
    let mut cuts: Vec<_> = every_cut(ASK.as_bytes()).collect();
    cuts.push(bytewise(ASK.as_bytes()));
    for pieces in cuts {
        let plain = Request::json("/v1/chat/completions", ASK);
        let alone: Vec<Vec<u8>> = pieces.iter().cloned().chain([Vec::new()]).collect();
        let trailers: HeaderMap = [("x-checksum", "1")].into_iter().collect();
        let requests = [plain.clone().pieces(pieces.clone()), plain.clone().pieces(alone), plain.pieces(pieces).trailers(trailers)];
        for request in requests {
            let mut proxy = pair(answers, unused);
            let id = proxy.exchange(&request).unwrap();
            assert_eq!((proxy.received(id).status(), proxy.received(id).text().as_str()), (200, ANSWER));
            let [sent] = proxy.sent(id) else { panic!("one attempt") };
            assert_eq!(String::from_utf8_lossy(&sent.body), ASK.replace("smart", "m-alpha"));
            assert!(sent.complete && sent.trailers.as_ref().is_none_or(HeaderMap::is_empty));
        }
    }
}

#[test]
fn a_whole_answer_may_come_in_any_pieces_and_end_with_trailers() {
    for pieces in every_cut(ANSWER.as_bytes()) {
        for trailers in [None, Some([("x-t", "1")].into_iter().collect::<HeaderMap>())] {
            let pieces = pieces.clone();
            let mut proxy = pair(
                move |_| {
                    let play = Play::answer(200).header("content-type", "application/json").pieces(pieces.clone());
                    trailers.clone().map_or(play.clone(), |trailers| play.trailers(trailers))
                },
                unused,
            );
            let id = proxy.exchange(&ask(ASK)).unwrap();
            assert_eq!((proxy.received(id).status(), proxy.received(id).text().as_str()), (200, ANSWER));
        }
    }
}

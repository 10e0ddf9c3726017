//! What of an answer could not be written as the model said it, for the client that could not be told: it is given back, and so recorded.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod said;

use said::asked;
use std::fmt::Write as _;
use weir_core::formats::{self, Asked, Head};
use weir_core::framing::sse::{MAX_EVENT, Reader};
use weir_core::hub::{Field, replay};
use weir_core::json::Out;
use weir_core::names::FormatId;

/// What a client of `format` that asked so could not be told of a provider's stream.
fn of_stream(provider: FormatId, stream: &str, format: FormatId, asked: &Asked) -> (Vec<Field>, String) {
    let (mut writer, mut out) = (formats::named(format).writer(asked), Vec::new());
    let (mut events, mut reader) = (Reader::new(MAX_EVENT), formats::named(provider).reader());
    events.push(stream.as_bytes(), &mut |frame| reader.frame(&frame, &mut |event| writer.write(&event, &mut out))).unwrap();
    reader.end(&mut |event| writer.write(&event, &mut out));
    (writer.left().to_vec(), String::from_utf8_lossy(&out).into_owned())
}

/// The same of a whole answer, and of one that is told as a stream.
fn of_whole(provider: FormatId, body: &str, format: FormatId, asked: &Asked) -> [(Vec<Field>, String); 2] {
    let (client, mut out, mut streamed) = (formats::named(format), Out::default(), Vec::new());
    let answer = formats::named(provider).decode_answer(body.as_bytes()).unwrap();
    let left = client.encode_answer(&answer, asked, &mut out);
    let mut writer = client.writer(asked);
    replay(&answer, &mut |event| writer.write(&event, &mut streamed));
    [(left, out.into_string()), (writer.left().to_vec(), String::from_utf8_lossy(&streamed).into_owned())]
}

#[test]
fn the_signature_of_very_long_thinking() {
    let event = |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    let stream = |length: usize| {
        let mut stream = event("message_start", r#","message":{"id":"m","usage":{"input_tokens":1,"output_tokens":1}}"#);
        stream += &event("content_block_start", r#","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}"#);
        for _ in 0..length / 1024 {
            let text = "t".repeat(1024);
            stream += &event("content_block_delta", &format!(r#","index":0,"delta":{{"type":"thinking_delta","thinking":"{text}"}}"#));
        }
        stream += &event("content_block_delta", r#","index":0,"delta":{"type":"signature_delta","signature":"sig"}"#);
        stream += &event("content_block_stop", r#","index":0"#);
        stream += &event("message_delta", r#","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}"#);
        stream + &event("message_stop", "")
    };
    for (length, expected) in [(1 << 20, vec![]), ((1 << 20) + 1024, vec![Field::AnswerSignature])] {
        for client in FormatId::ALL.into_iter().filter(|client| *client != FormatId::Messages) {
            let (left, out) = of_stream(FormatId::Messages, &stream(length), client, &asked(true));
            let expected = if client == FormatId::Chat { expected.clone() } else { Vec::new() };
            assert_eq!(left, expected, "{client} {length}");
            assert_eq!(client == FormatId::Chat && out.contains("thinking_blocks"), client == FormatId::Chat && left.is_empty());
        }
    }
}

#[test]
fn thinking_of_any_length_has_its_signature_in_a_whole_answer() {
    let text = "t".repeat((1 << 20) + 1);
    let body = format!(
        r#"{{"id":"m","type":"message","role":"assistant","content":[{{"type":"thinking","thinking":"{text}","signature":"sig"}}],"stop_reason":"end_turn","usage":{{"input_tokens":1,"output_tokens":9}}}}"#
    );
    let [(left, out), (streamed, _)] = of_whole(FormatId::Messages, &body, FormatId::Chat, &asked(false));
    assert!(left.is_empty() && out.contains(r#""signature":"sig""#));
    assert_eq!(streamed, [Field::AnswerSignature], "told as a stream");
}

#[test]
fn a_second_call_for_a_client_of_the_older_form() {
    let (chat, body) = (formats::named(FormatId::Chat), r#"{"model":"m","messages":[],"functions":[{"name":"f"}]}"#);
    let outline = chat.outline(&Head::new("/v1/chat/completions"), body.as_bytes()).unwrap();
    let asked = |stream| Asked { memo: outline.memo.clone(), ..asked(stream) };
    for (calls, expected) in [(1, vec![]), (2, vec![Field::AnswerCalls])] {
        let mut content = String::new();
        for call in 0..calls {
            let comma = if call == 0 { "" } else { "," };
            write!(content, r#"{comma}{{"type":"tool_use","id":"t{call}","name":"f","input":{{}}}}"#).unwrap();
        }
        let body =
            format!(r#"{{"id":"m","type":"message","role":"assistant","content":[{content}],"stop_reason":"tool_use","usage":{{}}}}"#);
        for (left, _) in of_whole(FormatId::Messages, &body, FormatId::Chat, &asked(false)) {
            assert_eq!(left, expected);
        }
    }
}

#[test]
fn arguments_that_are_no_object() {
    for (finish, expected) in [("length", Field::AnswerCutCall), ("tool_calls", Field::AnswerArguments)] {
        let body = format!(
            r#"{{"id":"c","object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{{"id":"t","type":"function","function":{{"name":"f","arguments":"{{\"a\":"}}}}]}},"finish_reason":"{finish}"}}]}}"#
        );
        for client in FormatId::ALL {
            let [(left, out), (streamed, _)] = of_whole(FormatId::Chat, &body, client, &asked(false));
            let objects = matches!(client, FormatId::Messages | FormatId::Converse | FormatId::Gemini);
            assert_eq!(left, if objects { vec![expected] } else { vec![] }, "{client}: {out}");
            // The others' streams carry what the model said in fragments.
            assert_eq!(streamed, if client == FormatId::Gemini { vec![expected] } else { vec![] }, "{client}");
        }
    }
}

//! Requests whose lists are as long as a client likes: sizes that take minutes where a list is searched for each element of another one.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use weir_core::formats::messages::Said;
use weir_core::formats::{self, Beside, Crossing, Head, Onward, Passage};
use weir_core::hub::{Losses, Part, PartKind, Rejection};
use weir_core::json::{Out, Splices};
use weir_core::names::FormatId;
use weir_core::providers::Kind;

/// As many as make ten billion pairs.
const MANY: usize = 100_000;

/// Elements with a number in the place of `#`, and commas between them.
fn list(element: &str) -> String {
    (0..MANY).map(|number| element.replace('#', &number.to_string())).collect::<Vec<_>>().join(",")
}

fn path(client: FormatId) -> Head<'static> {
    Head::new(if client == FormatId::Messages { "/v1/messages" } else { "/v1/chat/completions" })
}

fn kind(target: FormatId) -> Kind {
    Kind::named(if target == FormatId::Messages { "anthropic" } else { "openai-compatible" }).unwrap()
}

fn translated(target: FormatId, body: &str) -> Result<String, Rejection> {
    translated_of(FormatId::Chat, target, body)
}

fn translated_of(client: FormatId, target: FormatId, body: &str) -> Result<String, Rejection> {
    let (client, head) = (formats::named(client), path(client));
    let mut request = client.decode(&head, body.as_bytes())?;
    let onward =
        Onward { model: Some("m"), dialect: kind(target).preset().dialect, default_max_tokens: 1, beside: Beside::default(), client };
    let (mut out, mut passage) = (Out::default(), Passage::default());
    formats::stand_in(&mut request, target, body.as_bytes(), &onward, &mut passage)?;
    let mut crossing = Crossing::new(target, body.as_bytes(), &onward, &mut passage);
    formats::named(target).encode(&request, &onward, &mut out, &mut crossing)?;
    Ok(out.into_string())
}

fn passed(format: FormatId, body: &str) -> String {
    let client = formats::named(format);
    let outline = client.outline(&path(format), body.as_bytes()).unwrap();
    let onward =
        Onward { model: Some("m"), dialect: kind(format).preset().dialect, default_max_tokens: 1, beside: Beside::default(), client };
    let mut splices = Splices::default();
    let same = formats::named(format);
    same.edit(&outline, body.as_bytes(), &onward, &mut splices, &mut Losses::default()).unwrap();
    String::from_utf8(splices.apply(body.as_bytes())).unwrap()
}

#[test]
fn edits_without_end() {
    let repeated = list(r#""n":1"#);
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}],{repeated}}}"#);
    assert_eq!(passed(FormatId::Chat, &body), r#"{"model":"m","messages":[{"role":"user","content":"q"}],"n":1}"#);

    let thoughts = list(r##"{"type":"thinking","thinking":""},{"type":"text","text":"#"}"##);
    let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"assistant","content":[{thoughts}]}}]}}"#);
    let passed = passed(FormatId::Messages, &body);
    assert!(!passed.contains("thinking") && passed.matches(r#""text":"#).count() == MANY);
}

#[test]
fn sources_without_end() {
    let text = "x".repeat(MANY * 10);
    let pages = list(r##"{"type":"web_search_result_location","url":"https://e.test/#","title":"t"}"##);
    let said = format!(r#"{{"role":"assistant","content":[{{"type":"text","text":"{text}\n","citations":[{pages}]}}]}}"#);
    let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"q"}},{said}]}}"#);
    let sent = translated_of(FormatId::Messages, FormatId::Responses, &body).unwrap();
    assert_eq!(sent.matches(r#""url_citation""#).count(), MANY);
}

#[test]
fn flags_without_end() {
    let flags = list(r##""flag-#""##);
    let body = format!(r#"{{"anthropic_beta":[{flags}],"max_tokens":1,"messages":[{{"role":"user","content":"q"}}]}}"#);
    let said = Said::of(core::iter::empty(), Some(body.as_bytes()));
    assert_eq!(said.betas.len(), MANY);
}

#[test]
fn tools_without_end() {
    let named = list(r##"{"type":"function","function":{"name":"a.#"}}"##);
    let custom = list(r##"{"type":"custom","custom":{"name":"c#"}}"##);
    let allowed = format!(r#"{{"type":"allowed_tools","allowed_tools":{{"mode":"auto","tools":[{named}]}}}}"#);
    for (target, tools) in [
        (FormatId::Messages, named.clone()),
        (FormatId::Gemini, named.clone()),
        (FormatId::Responses, format!("{custom},{named}")),
        (FormatId::Chat, format!("{custom},{named}")),
    ] {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}],"tools":[{tools}],"tool_choice":{allowed}}}"#);
        translated(target, &body).unwrap();
    }
}

#[test]
fn calls_without_end() {
    let calls = list(r##"{"id":"c#","type":"function","function":{"name":"f","arguments":"{}"}}"##);
    let results = list(r##"{"role":"tool","tool_call_id":"c#","content":"r"}"##);
    let body =
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}},{{"role":"assistant","tool_calls":[{calls}]}},{results}]}}"#);
    translated(FormatId::Gemini, &body).unwrap();

    let calls = list(r##"{"role":"assistant","function_call":{"name":"f#","arguments":"{}"}}"##);
    let results = list(r#"{"role":"function","name":"f0","content":"r"}"#);
    let body = format!(r#"{{"model":"m","messages":[{calls},{results}]}}"#);
    formats::named(FormatId::Chat).decode(&path(FormatId::Chat), body.as_bytes()).unwrap();
}

/// What a provider says is bounded as what a client says: more choices or calls than any real answer has are no answer.
#[test]
fn answers_without_end() {
    use weir_core::framing::{Framer, sse::MAX_EVENT};
    use weir_core::hub::Event;
    let provider = formats::named(FormatId::Chat);
    let choices = list(r##"{"index":#,"message":{"content":"a"},"finish_reason":"stop"}"##);
    assert!(provider.decode_answer(format!(r#"{{"choices":[{choices}]}}"#).as_bytes()).is_err());
    for delta in [
        r##"{"index":#,"delta":{"content":"a"}}"##,
        r##"{"index":0,"delta":{"tool_calls":[{"index":#,"id":"c#","function":{"name":"f","arguments":"{}"}}]}}"##,
    ] {
        let (mut framer, mut reader, mut failed) = (Framer::of_media("text/event-stream", MAX_EVENT).unwrap(), provider.reader(), false);
        for number in 0..MANY {
            let event = format!("data: {{\"choices\":[{}]}}\n\n", delta.replace('#', &number.to_string()));
            let mut take = |event: Event<'_>| failed |= matches!(event, Event::Error(_));
            framer.push(event.as_bytes(), &mut |frame| reader.frame(&frame, &mut take)).unwrap();
        }
        assert!(failed, "{delta}");
    }
}

#[test]
fn geminis_calls_without_end() {
    let calls = list(r##"{"functionCall":{"id":"c#","name":"f"}},{"functionCall":{"name":"g"}}"##);
    let results =
        list(r##"{"functionResponse":{"id":"c#","name":"f","response":{}}},{"functionResponse":{"name":"g","response":{"output":"#"}}}"##);
    let body = format!(r#"{{"contents":[{{"role":"model","parts":[{calls}]}},{{"role":"user","parts":[{results}]}}]}}"#);
    let head = Head::new("/v1beta/models/m:generateContent");
    let request = formats::named(FormatId::Gemini).decode(&head, body.as_bytes()).unwrap();
    let [calls, results] = request.messages.as_slice() else { panic!("two turns") };
    let same = calls.parts.iter().zip(&results.parts).filter(|(call, result)| match (&call.kind, &result.kind) {
        (PartKind::ToolCall { id: call, .. }, PartKind::ToolCallResponse { id: result, .. }) => call == result,
        _ => false,
    });
    assert_eq!(same.count(), 2 * MANY);
}

#[test]
fn documents_without_end() {
    let files = list(r#"{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"x"}}"#);
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"q"}},{files}]}}]}}"#);
    assert!(translated(FormatId::Converse, &body).unwrap().contains(&format!(r#""name":"x {MANY}""#)));
}

#[test]
fn schemas_without_end() {
    let repeated = format!("{{{}}}", list(r#""allOf":[{}]"#));
    let crossed = format!(r#"{{{},"allOf":[{{{}}}]}}"#, list(r##""a#":1"##), list(r##""b#":1"##));
    for schema in [repeated, crossed] {
        let tool = format!(r#"{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}"#);
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}],"tools":[{tool}]}}"#);
        translated(FormatId::Gemini, &body).unwrap();
    }
}

/// A part of the hub takes far more room than a letter does: past any number that a client means, texts in a row are one.
#[test]
fn letters_without_end() {
    let letters = |letter: &str| vec![letter; MANY].join(",");
    let [bare, typed, input] = [r#""a""#, r#"{"type":"text","text":"a"}"#, r#"{"type":"input_text","text":"a"}"#].map(letters);
    let texts = letters(r#"{"text":"a"}"#);
    let bodies = [
        (FormatId::Chat, "/v1/chat/completions", format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{bare}]}}]}}"#)),
        (FormatId::Chat, "/v1/chat/completions", format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{typed}]}}]}}"#)),
        (FormatId::Responses, "/v1/responses", format!(r#"{{"model":"m","input":[{{"role":"user","content":[{input}]}}]}}"#)),
        (FormatId::Gemini, "/v1beta/models/m:generateContent", format!(r#"{{"contents":[{{"parts":[{texts}]}}]}}"#)),
        (FormatId::Converse, "/model/m/converse", format!(r#"{{"messages":[{{"role":"user","content":[{texts}]}}]}}"#)),
        (
            FormatId::Messages,
            "/v1/messages",
            format!(r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{typed}]}}]}}"#),
        ),
    ];
    for (client, path, body) in bodies {
        let request = formats::named(client).decode(&Head::new(path), body.as_bytes()).unwrap();
        let parts = &request.messages.first().unwrap().parts;
        let letters =
            parts.iter().map(|part| if let PartKind::Text(text) = &part.kind { text.as_escaped().len() } else { 0 }).sum::<usize>();
        assert_eq!(letters, MANY, "{client}");
        let room = parts.capacity() * size_of::<Part<'_>>() + 2 * MANY;
        assert!(room < 2 * body.len(), "{client}: {room} bytes for {} parts beside {} of the body", parts.len(), body.len());
    }
}

#[test]
fn results_hold_no_results() {
    let client = formats::named(FormatId::Messages);
    let inner = r#"[{"content":"r","tool_use_id":"a","type":"tool_result"}]"#;
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{{"content":{inner},"tool_use_id":"a","type":"tool_result"}}]}}]}}"#
    );
    let head = path(FormatId::Messages);
    let scanned = client.outline(&head, body.as_bytes()).unwrap_err();
    let read = client.decode(&head, body.as_bytes()).unwrap_err();
    assert_eq!(scanned, read);
    assert_eq!(read.param.as_deref(), Some("messages[0].content[0].content[0]"));
}

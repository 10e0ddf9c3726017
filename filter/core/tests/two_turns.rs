//! Signed thinking over two turns, for every client on every provider of another format: what the vendor signed comes back to it as it
//! was, and no other vendor sees it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic, and so may what they share")]

mod said;

use said::{clients, targets};
use serde_json::{Value, json};
use weir_core::formats::{Asked, Beside, ClientSide, Crossing, Head, Homeward, Onward, Passage, Translation};
use weir_core::hub::Renames;
use weir_core::json::Out;
use weir_core::names::FormatId;
use weir_core::providers::Kind;

const SIGNED: &str = "c2lnbmVk";
const SEALED: &str = "c2VhbGVk";
const THOUGHT: &str = "So \"it\" is.\n";

/// What a model answers that thinks and calls a tool, and the members by which its vendor knows the thinking again.
fn answer(provider: FormatId) -> (Value, Vec<Value>) {
    match provider {
        FormatId::Messages => {
            let thinking = json!({"type": "thinking", "thinking": THOUGHT, "signature": SIGNED});
            let sealed = json!({"type": "redacted_thinking", "data": SEALED});
            let call = json!({"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}});
            (json!({"id": "msg_1", "content": [thinking, sealed, call], "stop_reason": "tool_use"}), vec![thinking, sealed])
        }
        FormatId::Gemini => {
            let thought = json!({"thought": true, "text": THOUGHT});
            let call = json!({"functionCall": {"id": "call_1", "name": "f", "args": {"a": 1}}, "thoughtSignature": SIGNED});
            let candidate = json!({"content": {"role": "model", "parts": [thought, call]}, "finishReason": "STOP"});
            (json!({"responseId": "r", "candidates": [candidate]}), vec![call])
        }
        FormatId::Responses => {
            let summary = json!([{"type": "summary_text", "text": THOUGHT}]);
            let thought = json!({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": SIGNED});
            let call = json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{\"a\":1}"});
            let again = json!({"type": "reasoning", "summary": summary, "encrypted_content": SIGNED});
            (json!({"id": "resp_1", "status": "completed", "output": [thought, call]}), vec![again])
        }
        // Compatible services sign with whatever they have: nothing says whose it is.
        FormatId::Chat => {
            let details = json!([{"type": "reasoning.text", "text": THOUGHT, "signature": SIGNED}]);
            let call = json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
            let message = json!({"role": "assistant", "content": null, "reasoning_details": details, "tool_calls": [call]});
            (json!({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}), Vec::new())
        }
        FormatId::Converse => {
            let thinking = json!({"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": SIGNED}}});
            let sealed = json!({"reasoningContent": {"redactedContent": SEALED}});
            let call = json!({"toolUse": {"toolUseId": "call_1", "name": "f", "input": {"a": 1}}});
            let message = json!({"role": "assistant", "content": [thinking, sealed, call]});
            let usage = json!({"inputTokens": 1, "outputTokens": 1, "totalTokens": 2});
            (json!({"output": {"message": message}, "stopReason": "tool_use", "usage": usage}), vec![thinking, sealed])
        }
    }
}

/// The path and the body of a client's request: the first turn, or the second one with what was answered.
fn request(client: FormatId, answered: Option<&Value>) -> (&'static str, Value) {
    let user = json!({"role": "user", "content": "x"});
    match client {
        FormatId::Chat => {
            let mut messages = vec![user];
            if let Some(answered) = answered {
                messages.push(answered["choices"][0]["message"].clone());
                messages.push(json!({"role": "tool", "tool_call_id": "call_1", "content": "1"}));
            }
            ("/v1/chat/completions", json!({"model": "smart", "messages": messages}))
        }
        FormatId::Responses => {
            let mut input = vec![user];
            if let Some(answered) = answered {
                input.extend(answered["output"].as_array().unwrap().iter().cloned());
                input.push(json!({"type": "function_call_output", "call_id": "call_1", "output": "1"}));
            }
            ("/v1/responses", json!({"model": "smart", "store": false, "input": input}))
        }
        FormatId::Messages => {
            let mut messages = vec![user];
            if let Some(answered) = answered {
                messages.push(json!({"role": "assistant", "content": answered["content"]}));
                messages.push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "1"}]}));
            }
            ("/v1/messages", json!({"model": "smart", "max_tokens": 9, "messages": messages}))
        }
        FormatId::Converse => {
            let mut messages = vec![json!({"role": "user", "content": [{"text": "x"}]})];
            if let Some(answered) = answered {
                messages.push(answered["output"]["message"].clone());
                let result = json!({"toolUseId": "call_1", "content": [{"text": "1"}]});
                messages.push(json!({"role": "user", "content": [{"toolResult": result}]}));
            }
            ("/model/smart/converse", json!({"messages": messages}))
        }
        FormatId::Gemini => {
            let mut contents = vec![json!({"role": "user", "parts": [{"text": "x"}]})];
            if let Some(answered) = answered {
                contents.push(answered["candidates"][0]["content"].clone());
                let result = json!({"id": "call_1", "name": "f", "response": {"output": "1"}});
                contents.push(json!({"role": "user", "parts": [{"functionResponse": result}]}));
            }
            (
                "/v1beta/models/smart:generateContent",
                json!({"contents": contents, "generationConfig": {"thinkingConfig": {"includeThoughts": true}}}),
            )
        }
    }
}

fn sent(client: &dyn ClientSide, path: &str, body: &[u8], target: FormatId, translation: &dyn Translation) -> Value {
    let (kind, model) = match target {
        FormatId::Messages => ("anthropic", "claude-sonnet-4-5"),
        FormatId::Gemini => ("gemini", "gemini-3-pro-preview"),
        FormatId::Converse => ("openai", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        FormatId::Chat | FormatId::Responses => ("openai", "gpt-5"),
    };
    let dialect = Kind::named(kind).unwrap().preset().dialect;
    let onward = Onward { model: Some(model), dialect, default_max_tokens: 8192, beside: Beside::default(), client };
    let request = client.decode(&Head::new(path), body).unwrap();
    let (mut out, mut passage) = (Out::default(), Passage::default());
    translation.encode(&request, &onward, &mut out, &mut Crossing::new(target, body, &onward, &mut passage)).unwrap();
    serde_json::from_slice(out.as_bytes()).unwrap()
}

fn holds(value: &Value, wanted: &Value) -> bool {
    value == wanted
        || match value {
            Value::Array(values) => values.iter().any(|value| holds(value, wanted)),
            Value::Object(members) => members.values().any(|value| holds(value, wanted)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

#[test]
fn signed_thinking_comes_back_to_its_vendor_and_to_nobody_else() {
    for (origin, provider) in targets() {
        let (answered, proofs) = answer(origin);
        let answered = answered.to_string();
        for (id, client) in clients().filter(|(id, _)| *id != origin) {
            let (path, first) = request(id, None);
            let outline = client.outline(&Head::new(path), first.to_string().as_bytes()).unwrap();
            let asked = Asked { memo: outline.memo, ..said::asked(false) };
            let mut answer = provider.decode_answer(answered.as_bytes()).unwrap();
            Homeward::new(origin, Renames::default()).answer(&mut answer);
            let mut out = Out::default();
            client.encode_answer(&answer, &asked, &mut out);
            let (path, second) = request(id, Some(&serde_json::from_slice(out.as_bytes()).unwrap()));
            let second = second.to_string();
            for (target, translation) in targets() {
                let sent = sent(client, path, second.as_bytes(), target, translation);
                if target == origin {
                    for proof in &proofs {
                        assert!(holds(&sent, proof), "{id} on {origin}: no {proof} in {sent}");
                    }
                } else {
                    let sent = sent.to_string();
                    let leaked = [SIGNED, SEALED, "weir1"].into_iter().find(|secret| sent.contains(secret));
                    assert_eq!(leaked, None, "{id} from {origin} to {target}: {sent}");
                }
            }
        }
    }
}

//! The fixed bytes of the measurement: requests of a size, and answers of two providers, whole and as streams.

/// Where the client posts.
pub const PATH: &str = "/v1/chat/completions";
/// In every whole answer and once in every content event, and nowhere else.
pub const WORD: &str = "harbour";
/// How the upstream knows that a stream is wanted; each provider's request has it, since white space is not sent.
pub const STREAM: &[u8] = b"\"stream\":true";

/// One provider's answers.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    pub whole: &'static str,
    /// The stream up to its first content event, one content event, and what follows the last.
    pub before: &'static str,
    pub event: &'static str,
    pub after: &'static str,
}

pub const CHAT: Format = Format {
    whole: r#"{"id":"chatcmpl-8Zk2","object":"chat.completion","created":1764000000,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"The harbour is quiet at night.\nShips \"sleep\" there, and the lights of the pier count them slowly until the morning comes up behind the hills. A man with a lamp walks along the wall, looks at each rope, and writes a number into a small book that nobody reads before the week is over.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":64,"total_tokens":276,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"}"#,
    before: "data: {\"id\":\"chatcmpl-8Zk2\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"gpt-5\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    event: "data: {\"id\":\"chatcmpl-8Zk2\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"gpt-5\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" harbour\"},\"finish_reason\":null}]}\n\n",
    after: "data: {\"id\":\"chatcmpl-8Zk2\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"gpt-5\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\":\"chatcmpl-8Zk2\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"gpt-5\",\"choices\":[],\"usage\":{\"prompt_tokens\":212,\"completion_tokens\":64,\"total_tokens\":276}}\n\ndata: [DONE]\n\n",
};

const MESSAGES: Format = Format {
    whole: r#"{"id":"msg_01Zk2","type":"message","role":"assistant","model":"claude-sonnet-5","content":[{"type":"text","text":"The harbour is quiet at night.\nShips \"sleep\" there, and the lights of the pier count them slowly until the morning comes up behind the hills. A man with a lamp walks along the wall, looks at each rope, and writes a number into a small book that nobody reads before the week is over."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":212,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":64,"service_tier":"standard"}}"#,
    before: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01Zk2\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":212,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    event: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" harbour\"}}\n\n",
    after: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":64}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
};

/// What the provider with this path answers.
pub fn upstream(path: &str) -> Format {
    if path.ends_with("/messages") { MESSAGES } else { CHAT }
}

/// A chat request of about `size` bytes: a system message and turns of about 700 bytes.
pub fn request(model: &str, size: usize, stream: bool) -> String {
    const SENTENCE: &str = r#"Tell me about the \"old\" pier: who built it,\nwhen, and what it carried. "#;
    let stream = if stream { r#""stream":true,"# } else { "" };
    let mut body =
        format!(r#"{{"model":"{model}",{stream}"max_tokens":256,"temperature":0.7,"messages":[{{"role":"system","content":"Be brief."}}"#);
    let mut turn = 0;
    while body.len() + 60 < size || turn == 0 {
        let role = if turn % 2 == 0 { "user" } else { "assistant" };
        let sentences = (size.saturating_sub(body.len() + 40) / SENTENCE.len()).clamp(1, 9);
        body.push_str(&format!(r#",{{"role":"{role}","content":"{}"}}"#, SENTENCE.repeat(sentences)));
        turn += 1;
    }
    if turn % 2 == 0 {
        body.push_str(r#",{"role":"user","content":"Go on."}"#);
    }
    body.push_str("]}");
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_json_of_their_size_and_end_with_the_user() {
        for size in [1024, 16 * 1024] {
            let body = request("m", size, true);
            assert!(body.len().abs_diff(size) < 120, "{} for {size}", body.len());
            let json: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(json["messages"].as_array().unwrap().last().unwrap()["role"], "user");
            assert!(body.as_bytes().windows(STREAM.len()).any(|window| window == STREAM));
        }
    }

    #[test]
    fn every_content_event_holds_the_word_once_and_the_rest_of_a_stream_never() {
        for format in [CHAT, MESSAGES] {
            assert_eq!(format.event.matches(WORD).count(), 1);
            assert!(!format.before.contains(WORD) && !format.after.contains(WORD));
            assert!(serde_json::from_str::<serde_json::Value>(format.whole).is_ok());
        }
    }
}

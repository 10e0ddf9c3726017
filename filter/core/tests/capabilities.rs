//! What a request uses that not every model has, as the scan of each client format sees it.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use weir_core::formats::{self, Head};
use weir_core::hub::{Capabilities, Capability, Field};
use weir_core::names::FormatId;

/// Members of a request, and what they use.
type Case<'a> = (&'a str, &'a [Capability]);

fn uses(format: FormatId, path: &str, members: &str) -> Vec<Capability> {
    let begin = match format {
        FormatId::Chat => r#""model":"m","messages":[{"role":"user","content":"hello"}]"#,
        FormatId::Responses => r#""model":"m","input":"hello""#,
        FormatId::Messages => r#""model":"m","max_tokens":9,"messages":[{"role":"user","content":"hello"}]"#,
        FormatId::Converse | FormatId::Gemini => r#""messages":[{"role":"user","content":[{"text":"hello"}]}]"#,
    };
    // A second value of a member counts as well, so what says more than a word comes last.
    let body = format!("{{{begin},{members}}}");
    let outline = formats::named(format).outline(&Head::new(path), body.as_bytes()).unwrap();
    let mut found = outline.uses;
    found.note(Capability::Audio, outline.traits.contains(Field::Audio));
    let has = |one: &Capability| {
        let mut single = Capabilities::default();
        single.note(*one, true);
        found.common(single).is_some()
    };
    Capability::ALL.into_iter().filter(has).collect()
}

#[test]
fn each_format_says_what_it_uses() {
    use Capability::{Audio, Images, JsonSchema, Reasoning, Tools};
    let rows: &[(FormatId, &str, &[Case<'_>])] = &[
        (
            FormatId::Chat,
            "/v1/chat/completions",
            &[
                (
                    r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]"#,
                    &[Images],
                ),
                (
                    r#""messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}]}]"#,
                    &[Audio],
                ),
                (r#""tools":[{"type":"function","function":{"name":"f"}}],"reasoning_effort":"low""#, &[Tools, Reasoning]),
                (r#""tools":[],"reasoning_effort":"none","response_format":{"type":"json_object"}"#, &[]),
                (r#""response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}"#, &[JsonSchema]),
                (r#""functions":[{"name":"f"}],"reasoning_effort":null"#, &[Tools]),
            ],
        ),
        (
            FormatId::Responses,
            "/v1/responses",
            &[
                (r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#, &[Images]),
                (r#""tools":[{"type":"function","name":"f"}],"reasoning":{"effort":"high"}"#, &[Tools, Reasoning]),
                (r#""tools":[],"reasoning":{"summary":"auto","effort":"none"},"text":{"format":{"type":"text"}}"#, &[]),
                (r#""text":{"verbosity":"low","format":{"type":"json_schema","name":"s","schema":{}}}"#, &[JsonSchema]),
            ],
        ),
        (
            FormatId::Messages,
            "/v1/messages",
            &[
                (
                    r#""messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}]"#,
                    &[Images],
                ),
                (
                    r#""tools":[{"name":"f","input_schema":{"type":"object"}}],"thinking":{"type":"enabled","budget_tokens":1024}"#,
                    &[Tools, Reasoning],
                ),
                (r#""tools":[],"thinking":{"type":"disabled"},"output_config":{"effort":"low"}"#, &[]),
                (
                    r#""output_config":{"format":{"type":"json_schema","schema":{}}},"thinking":{"type":"adaptive"}"#,
                    &[JsonSchema, Reasoning],
                ),
            ],
        ),
        (
            FormatId::Converse,
            "/model/m/converse",
            &[
                (r#""toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]}"#, &[Tools]),
                (r#""inferenceConfig":{"maxTokens":9}"#, &[]),
            ],
        ),
    ];
    for (format, path, cases) in rows {
        for (members, expected) in *cases {
            assert_eq!(uses(*format, path, members), *expected, "{format}: {members}");
        }
    }
}

//! Requests of chat clients as providers of other formats get them: each folder of `cases/requests` holds `chat.json`, and beside it
//! `messages.json` with `losses.txt`, or `error.txt`. `WEIR_BLESS=1` rewrites what must come.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic, and so may what they share")]

use std::fs;
use std::path::{Path, PathBuf};
use weir_core::formats::{ClientSide, Onward, Translation, chat::Chat, messages::Messages};
use weir_core::hub::{Losses, Rejection};
use weir_core::json::{Out, Raw};
use weir_core::providers::Kind;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/requests")
}

fn golden(path: &Path, found: &str) {
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(path, found).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_else(|_| panic!("{} is missing; WEIR_BLESS=1 writes it", path.display()));
    assert_eq!(found, expected, "{}", path.display());
}

/// What goes to the provider, and what was lost on the way. The model is taken from the folder's name behind `@`.
fn translated(model: &str, body: &[u8]) -> Result<(String, String), Rejection> {
    Chat.outline(body)?;
    let request = Chat.decode(body)?;
    let onward = Onward { model: Some(model), dialect: Kind::Anthropic.preset().dialect, default_max_tokens: 8192 };
    let (mut out, mut losses) = (Out::default(), Losses::default());
    Messages.encode(&request, body, &onward, &mut out, &mut losses)?;
    let losses = losses.as_slice().iter().map(|(field, fate)| format!("{};{}\n", field.as_str(), fate.as_str())).collect();
    Ok((out.into_string(), losses))
}

#[test]
fn requests_become_the_providers() {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 15, "the cases are there");
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let model = name.split_once('@').map_or("claude-sonnet-4-5", |(_, model)| model);
        let body = fs::read(case.join("chat.json")).unwrap();
        match translated(model, &body) {
            Ok((body, losses)) => {
                assert!(Raw::parse(&body).is_ok(), "{name}: {body}");
                golden(&case.join("messages.json"), &pretty(&body));
                golden(&case.join("losses.txt"), &losses);
                assert!(!case.join("error.txt").exists(), "{name} must be refused");
            }
            Err(rejection) => {
                let at = rejection.param.as_deref().unwrap_or("-");
                golden(&case.join("error.txt"), &format!("{} {at}\n{}\n", rejection.kind.as_str(), rejection.message));
                assert!(!case.join("messages.json").exists(), "{name} must be translated: {}", rejection.message);
            }
        }
    }
}

/// One line for each member of the request, and for each turn and tool.
fn pretty(body: &str) -> String {
    let mut lines = body.replace(r#",{"role":"#, ",\n  {\"role\":").replace(r#",{"name":"#, ",\n  {\"name\":");
    for member in
        ["max_tokens", "tools", "tool_choice", "system", "messages", "thinking", "output_config", "temperature", "metadata", "stream"]
    {
        lines = lines.replacen(&format!(",\"{member}\":"), &format!(",\n\"{member}\":"), 1);
    }
    lines.push('\n');
    lines
}

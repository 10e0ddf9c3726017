//! Which official SDK was held to which kind of provider: what the runs record, and the README's table, which is made of it alone.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use crate::{paths, trouble::Trouble};

/// The models of the tests' documents, and what their providers are.
const PROVIDERS: [(&str, &str); 9] = [
    ("gpt", "`openai`"),
    ("chat-only", "`openai-compatible`, chat alone"),
    ("newer", "`openai`, responses alone"),
    ("claude", "`anthropic`"),
    ("gem", "`gemini`"),
    ("sunny", "`vertex`, Gemini"),
    ("cloudy", "`vertex`, Claude"),
    ("bed", "`bedrock`, Converse alone"),
    ("invoked", "`bedrock`, Claude"),
];

/// What is told of a run, and the parts of the scripts that prove it.
const FEATURES: [(&str, &[&str]); 7] = [
    ("text", &["text", "responses_text"]),
    ("streams", &["stream", "responses_stream"]),
    ("tools", &["tools", "responses_tools"]),
    ("images", &["image", "image_bytes", "responses_image"]),
    ("JSON by schema", &["structured", "responses_structured"]),
    ("thinking over two turns", &["reasoning", "thinking", "responses_reasoning"]),
    ("errors", &["errors", "responses_errors"]),
];

fn records() -> PathBuf {
    paths::target().join("runs").join("matrix.txt")
}

/// Notes that the script of an SDK did these parts with a model.
pub fn record(sdk: &str, model: &str, parts: &[&str]) {
    if !PROVIDERS.iter().any(|(known, _)| *known == model) {
        return;
    }
    let lines: String = parts.iter().map(|part| format!("{sdk}\t{model}\t{part}\n")).collect();
    let path = records();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

/// Compares the README's table with what was recorded; with `WEIR_BLESS` in the environment it is written anew.
pub fn settle() -> Result<(), Trouble> {
    let path = records();
    let recorded = std::fs::read_to_string(&path).map_err(|e| Trouble::io("cannot read", &path, &e))?;
    let readme = paths::workspace().join("README.md");
    let text = std::fs::read_to_string(&readme).map_err(|e| Trouble::io("cannot read", &readme, &e))?;
    let (begin, end) = ("<!-- sdks: written by `WEIR_BLESS=1 cargo verify sdk` -->\n", "<!-- end of sdks -->");
    let parts = text.split_once(begin).and_then(|(head, rest)| Some((head, rest.split_once(end)?)));
    let Some((head, (found, tail))) = parts else { return Err(Trouble::new("README.md has no table of SDKs", begin)) };
    let expected = table(&recorded);
    if std::env::var_os("WEIR_BLESS").is_some() {
        let whole = format!("{head}{begin}{expected}{end}{tail}");
        return std::fs::write(&readme, whole).map_err(|e| Trouble::io("cannot write", &readme, &e));
    }
    if found == expected {
        return Ok(());
    }
    Err(Trouble::new(format!("README.md's table of SDKs is not what they did:\n{expected}"), "WEIR_BLESS=1 cargo verify sdk writes it"))
}

/// One row for each kind of provider, one column for each SDK.
fn table(recorded: &str) -> String {
    let mut done: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for line in recorded.lines() {
        let mut fields = line.split('\t');
        let (Some(sdk), Some(model), Some(part)) = (fields.next(), fields.next(), fields.next()) else { continue };
        done.entry(sdk).or_default().entry(model).or_default().insert(part);
    }
    let mut text = String::from("| SDK |");
    for (_, provider) in PROVIDERS {
        write!(text, " {provider} |").unwrap();
    }
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(PROVIDERS.len())));
    for (sdk, models) in &done {
        write!(text, "| {sdk} |").unwrap();
        for (model, _) in PROVIDERS {
            write!(text, " {} |", models.get(model).map_or_else(|| "not held".to_owned(), cell)).unwrap();
        }
        text.push('\n');
    }
    text
}

fn cell(parts: &BTreeSet<&str>) -> String {
    let proven = |names: &[&str]| names.iter().any(|name| parts.contains(name));
    let (yes, no): (Vec<_>, Vec<_>) = FEATURES.iter().partition(|(_, names)| proven(names));
    let named = |features: &[&(&str, &[&str])]| features.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match (yes.as_slice(), no.as_slice()) {
        (_, []) => "all".to_owned(),
        ([], _) => "not held".to_owned(),
        (yes, no) if no.len() <= yes.len() => format!("all but {}", named(no)),
        (yes, _) => named(yes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_say_what_was_proven() {
        let parts = |words: &str| cell(&words.split(' ').collect());
        assert_eq!(parts("text stream tools image structured reasoning errors forced"), "all");
        assert_eq!(parts("text stream tools image_bytes structured errors"), "all but thinking over two turns");
        assert_eq!(parts("text stream count"), "text, streams");
        assert_eq!(parts("count"), "not held");
        assert!(
            table("A\tgem\ttext\nA\tgem\tstream\nA\tnobody\ttext\n").ends_with(
                "| A | not held | not held | not held | not held | text, streams | not held | not held | not held | not held |\n"
            )
        );
    }
}

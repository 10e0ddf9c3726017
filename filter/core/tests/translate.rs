//! Requests of clients as providers of every format get them: each folder of `cases/requests/CLIENT` holds `request.json` (and
//! `path.txt` where the path says something, too), and beside it for each target format `TARGET.json` with `TARGET.losses.txt`, or
//! `TARGET.error.txt`; folders whose names begin with `count` are counted only; `passed.json` is what a provider of the client's own format gets. `WEIR_BLESS=1` rewrites what must come.
#![expect(clippy::unwrap_used, reason = "tests may panic, and so may what they share")]

mod said;

use said::{absent, cases, clients, entries, golden, path, targets};
use std::fs;
use std::path::Path;
use weir_core::formats::messages::Carrier;
use weir_core::formats::{self, Beside, ClientSide, Crossing, Head, Onward, Passage, Task, Translation};
use weir_core::hub::{Losses, Rejection};
use weir_core::json::{Out, Raw, Splices};
use weir_core::names::FormatId;
use weir_core::providers::Kind;

/// What goes to a provider of `target`, and what was lost on the way.
fn passed(
    client: &dyn ClientSide,
    head: Head<'_>,
    body: &[u8],
    target: FormatId,
    translation: &dyn Translation,
    model: &str,
) -> Result<(String, Passage), Rejection> {
    let outline = client.outline(&head, body)?;
    let plain = client.plain(&outline, body);
    let body = plain.as_deref().unwrap_or(body);
    let mut request = client.decode(&head, body)?;
    let kind = Kind::named(if target == FormatId::Messages { "anthropic" } else { "openai" }).unwrap();
    let onward = Onward { model: Some(model), dialect: kind.preset().dialect, default_max_tokens: 8192, beside: Beside::default(), client };
    let (mut out, mut passage) = (Out::default(), Passage::default());
    let encoded = formats::stand_in(&mut request, target, body, &onward, &mut passage)
        .and_then(|()| translation.encode(&request, &onward, &mut out, &mut Crossing::new(target, body, &onward, &mut passage)));
    if let Some(field) = outline.traits.refused_by(target) {
        assert!(encoded.is_err(), "the outline says that {} is refused", field.as_str());
    }
    encoded?;
    let mut out = out.into_string();
    if client.task(&head) == Some(Task::CountTokens) {
        let mut question = Out::default();
        formats::counting(target, Carrier::Own).question(&out, model, &mut question).unwrap();
        out = question.into_string();
    }
    Ok((out, passage))
}

/// The model of a target: what the folder's name says behind `@`, or one that shows most.
fn model(name: &str, target: FormatId) -> &str {
    let usual = match target {
        FormatId::Chat | FormatId::Responses => "gpt-5",
        FormatId::Messages => "claude-sonnet-4-5",
        FormatId::Converse => "anthropic.claude-sonnet-4-5-v1:0",
        FormatId::Gemini => "gemini-2.5-flash",
    };
    name.split_once('@').map_or(usual, |(_, model)| model)
}

#[test]
fn requests_become_the_providers() {
    for (id, client) in clients() {
        let folders = entries(&cases().join("requests").join(id.as_str()));
        assert!(folders.len() > 15, "{id}: the cases are there");
        for folder in folders {
            let own_path = fs::read_to_string(folder.join("path.txt")).ok();
            let head = Head::new(own_path.as_deref().map_or_else(|| path(id), str::trim));
            let counts = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("count"));
            let task = if counts { Task::CountTokens } else { Task::Generate };
            assert_eq!(client.task(&head), Some(task), "{}: {head:?}", folder.display());
            let body = fs::read(folder.join("request.json")).unwrap();
            passing(&folder, id, head, &body);
            for (target, translation) in targets() {
                case(&folder, client, head, &body, target, translation);
            }
        }
    }
}

fn case(folder: &Path, client: &dyn ClientSide, head: Head<'_>, body: &[u8], target: FormatId, translation: &dyn Translation) {
    let name = folder.file_name().unwrap().to_string_lossy();
    let [sent, losses, error] = ["json", "losses.txt", "error.txt"].map(|end| folder.join(format!("{target}.{end}")));
    match passed(client, head, body, target, translation, model(&name, target)) {
        Ok((body, passage)) => {
            assert!(Raw::parse(&body).is_ok(), "{name}: {body}");
            golden(&sent, &pretty(&body));
            golden(
                &losses,
                &passage
                    .losses
                    .as_slice()
                    .iter()
                    .map(|(field, fate)| format!("{};{}\n", field.as_str(), fate.as_str()))
                    .collect::<String>(),
            );
            absent(&error);
        }
        Err(rejection) => {
            let at = rejection.param.as_deref().unwrap_or("-");
            golden(&error, &format!("{} {at}\n{}\n", rejection.kind.as_str(), rejection.message));
            absent(&sent);
            absent(&losses);
        }
    }
}

/// What a provider of the client's own format gets: the same bytes but for what it would not understand.
fn passing(folder: &Path, id: FormatId, head: Head<'_>, body: &[u8]) {
    let format = formats::named(id);
    let Ok(outline) = format.outline(&head, body) else { return };
    let onward = Onward {
        model: Some("m"),
        dialect: Kind::named("openai-compatible").unwrap().preset().dialect,
        default_max_tokens: 1,
        beside: Beside::default(),
        client: format,
    };
    let mut splices = Splices::default();
    format.edit(&outline, body, &onward, &mut splices, &mut Losses::default()).unwrap();
    let passed = String::from_utf8(splices.apply(body)).unwrap();
    assert!(Raw::parse(&passed).is_ok(), "{}: {passed}", folder.display());
    golden(&folder.join("passed.json"), &passed);
}

/// What each format's own operation answers, by every client: the number, and what else is always there.
#[test]
fn counts_become_the_clients() {
    let told = [
        (FormatId::Chat, r#"{"count":7,"max_model_len":null,"tokens":[]}"#),
        (FormatId::Responses, r#"{"object":"response.input_tokens","input_tokens":7}"#),
        (FormatId::Messages, r#"{"input_tokens":7}"#),
        (FormatId::Converse, r#"{"inputTokens":7}"#),
        (FormatId::Gemini, r#"{"totalTokens":7}"#),
    ];
    for (provider, answer) in told {
        assert_eq!(formats::counting(provider, Carrier::Own).read(answer.as_bytes()), Some(7));
        let total = format!("\"{}\":", formats::counting(provider, Carrier::Own).total);
        for (number, expected) in [("0", Some(0)), ("-1", None), ("\"7\"", None), ("null", None), ("1.5", None)] {
            let answer = answer.replace(&format!("{total}7"), &format!("{total}{number}"));
            assert_eq!(formats::counting(provider, Carrier::Own).read(answer.as_bytes()), expected, "{answer}");
        }
        for (client, expected) in told {
            let total = formats::counting(provider, Carrier::Own).read(answer.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(formats::counting(client, Carrier::Own).answer(total)).unwrap(), expected);
        }
    }
    for broken in ["", "7", "{}", "[]", r#"{"input_tokens":7"#, r#"{"input_tokens":7}}"#, "<html>"] {
        assert_eq!(formats::counting(FormatId::Messages, Carrier::Own).read(broken.as_bytes()), None, "{broken}");
    }
}

/// On Vertex AI no path says Claude's model where tokens are counted, and a request of Gemini's stands in no other object.
#[test]
fn a_cloud_is_asked_to_count_in_its_own_words() {
    let body = br#"{"model":"smart","messages":[{"role":"user","content":"Hi"}]}"#;
    for (target, model, expected) in [
        (
            FormatId::Messages,
            "claude-sonnet-4-5",
            r#"{"anthropic_version":"vertex-2023-10-16","model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}"#,
        ),
        (FormatId::Gemini, "gemini-2.5-flash", r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#),
    ] {
        let client = formats::named(FormatId::Chat);
        let beside = Beside { counts: true, ..Beside::default() };
        let dialect = Kind::named("vertex").unwrap().preset().dialect;
        let onward = Onward { model: Some(model), dialect, default_max_tokens: 9, beside, client };
        let request = client.decode(&Head::new("/tokenize"), body).unwrap();
        let (mut out, mut question, mut passage) = (Out::default(), Out::default(), Passage::default());
        let translation = formats::named(target);
        translation.encode(&request, &onward, &mut out, &mut Crossing::new(target, body, &onward, &mut passage)).unwrap();
        formats::counting(target, dialect.carrier).question(&out.into_string(), model, &mut question).unwrap();
        assert_eq!(question.into_string(), expected);
    }
}

/// One line for each member of the request, and for each element of a member that is an array.
fn pretty(body: &str) -> String {
    let (mut pretty, mut depth, mut text, mut escaped) = (String::new(), 0, false, false);
    let mut lists = Vec::new();
    for c in body.chars() {
        pretty.push(c);
        if text {
            text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => text = true,
            '{' | '[' => {
                lists.push(c == '[');
                depth += 1;
            }
            '}' | ']' => {
                lists.pop();
                depth -= 1;
            }
            ',' if depth == 1 => pretty.push('\n'),
            ',' if depth == 2 && lists.last() == Some(&true) => pretty.push_str("\n  "),
            _ => {}
        }
    }
    pretty.push('\n');
    pretty
}

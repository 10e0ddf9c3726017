//! Requests of Messages in each of the forms that its carriers have, as each of them gets it: a folder of `cases/carriers` holds `request.json`, and
//! where they say something, too, `path.txt` and `headers.txt` (`NAME: VALUE` a line). Beside it stand for each carrier `CARRIER.json`, and
//! `CARRIER.losses.txt` where something was lost and `CARRIER.headers.txt` where the head says what the body did; `translated.CARRIER.json` is what clients of other formats become. `WEIR_BLESS=1` rewrites them.
#![expect(clippy::unwrap_used, reason = "tests may panic, and so may what they share")]

mod said;

use said::{absent, cases, entries, golden};
use std::fs;
use weir_core::formats::messages::{Carrier, Messages, Said};
use weir_core::formats::{Beside, ClientSide, Crossing, Head, Onward, Passage, SameFormat, Task, Translation};
use weir_core::hub::Losses;
use weir_core::json::{Out, Raw, Splices};
use weir_core::names::FormatId;
use weir_core::providers::{Dialect, Kind};

const CARRIERS: [(&str, Carrier); 3] = [("own", Carrier::Own), ("vertex", Carrier::Vertex), ("bedrock", Carrier::Bedrock)];

fn dialect(carrier: Carrier) -> Dialect {
    Dialect { carrier, ..Kind::named("anthropic").unwrap().preset().dialect }
}

#[test]
fn requests_take_the_carriers_form() {
    let folders = entries(&cases().join("carriers"));
    assert!(folders.len() > 8, "the cases are there");
    for folder in folders {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let (path, headers, body) = (read("path.txt"), read("headers.txt"), read("request.json"));
        let head = Head::new(if path.is_empty() { "/v1/messages" } else { path.trim() });
        let said: Vec<(&str, &str)> = headers.lines().filter_map(|line| line.split_once(": ")).collect();
        let counts = Messages.task(&head) == Some(Task::CountTokens);
        let outline = Messages.outline(&head, body.as_bytes()).unwrap();
        assert!(!outline.model.is_empty() && outline.model_span.is_none_or(|_| path.is_empty() || counts));
        // Bedrock counts what Converse takes.
        for (name, carrier) in CARRIERS.into_iter().filter(|(_, carrier)| !counts || *carrier != Carrier::Bedrock) {
            let from = outline.carrier;
            let carried = (from, carrier) != (Carrier::Own, Carrier::Own);
            let said = Said::of(said.iter().copied(), carried.then_some(body.as_bytes()));
            let betas: Vec<&str> = said.betas.iter().map(String::as_str).collect();
            let beside = Beside { version: said.version.as_deref(), betas: &betas, counts };
            let onward = Onward { model: Some("claude-x"), dialect: dialect(carrier), default_max_tokens: 8192, beside, client: &Messages };
            let (mut splices, mut losses) = (Splices::default(), Losses::default());
            Messages.edit(&outline, body.as_bytes(), &onward, &mut splices, &mut losses).unwrap();
            let sent = String::from_utf8(splices.apply(body.as_bytes())).unwrap();
            assert!(Raw::parse(&sent).is_ok(), "{}: {sent}", folder.display());
            golden(&folder.join(format!("{name}.json")), &sent);
            let head: String = said.headers(carrier).map(|(name, value)| format!("{name}: {value}\n")).collect();
            let path = folder.join(format!("{name}.headers.txt"));
            if head.is_empty() {
                absent(&path)
            } else {
                golden(&path, &head)
            }
            let told: String = losses.as_slice().iter().map(|(field, fate)| format!("{};{}\n", field.as_str(), fate.as_str())).collect();
            let path = folder.join(format!("{name}.losses.txt"));
            if told.is_empty() { absent(&path) } else { golden(&path, &told) }
        }
    }
}

#[test]
fn only_anthropic_itself_knows_its_tiers() {
    let body = br#"{"model":"smart","service_tier":"default","messages":[{"role":"user","content":"Hi"}]}"#;
    for (carrier, told) in [(Carrier::Own, true), (Carrier::Vertex, false), (Carrier::Bedrock, false)] {
        let client = weir_core::formats::named(FormatId::Chat);
        let beside = Beside::default();
        let onward = Onward { model: Some("claude-sonnet-4-5"), dialect: dialect(carrier), default_max_tokens: 9, beside, client };
        let request = client.decode(&Head::new("/v1/chat/completions"), body).unwrap();
        let (mut out, mut passage) = (Out::default(), Passage::default());
        Messages.encode(&request, &onward, &mut out, &mut Crossing::new(FormatId::Messages, body, &onward, &mut passage)).unwrap();
        assert_eq!(out.into_string().contains("service_tier"), told, "{carrier:?}");
    }
}

#[test]
fn a_translated_request_takes_the_carriers_form() {
    let body = br#"{"model":"smart","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    for (carrier, expected) in [
        (
            Carrier::Own,
            r#"{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"stream":true}"#,
        ),
        (
            Carrier::Vertex,
            r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"stream":true}"#,
        ),
        (
            Carrier::Bedrock,
            r#"{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}"#,
        ),
    ] {
        let client = weir_core::formats::named(FormatId::Chat);
        let beside = Beside::default();
        let onward = Onward { model: Some("claude-sonnet-4-5"), dialect: dialect(carrier), default_max_tokens: 9, beside, client };
        let request = client.decode(&Head::new("/v1/chat/completions"), body).unwrap();
        let (mut out, mut passage) = (Out::default(), Passage::default());
        Messages.encode(&request, &onward, &mut out, &mut Crossing::new(FormatId::Messages, body, &onward, &mut passage)).unwrap();
        assert_eq!(out.into_string(), expected);
    }
}

#[test]
fn what_may_not_be_lost_is_refused() {
    let body = br#"{"model":"m","max_tokens":1,"messages":[]}"#;
    let head = Head::new("/v1/messages");
    let outline = Messages.outline(&head, body).unwrap();
    let beside = Beside { betas: &["of-nobody-2020-01-01"], ..Beside::default() };
    let onward = Onward { model: None, dialect: dialect(Carrier::Bedrock), default_max_tokens: 1, beside, client: &Messages };
    let refused = Messages.edit(&outline, body, &onward, &mut Splices::default(), &mut Losses::new(true)).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("anthropic-beta"));
}

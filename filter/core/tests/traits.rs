//! The law of traits: a target that is left out for an element of a request could not have taken it, whatever kind of provider it is and whatever
//! its model. Each element that some target refuses is in a case, where the scan sees it or an encoder.

mod said;

use said::{cases, clients, entries, path};
use std::collections::BTreeSet;
use std::fs;
use weir_core::formats::messages::Carrier;
use weir_core::formats::{self, Beside, Crossing, Format, Head, Onward, Outline, Passage};
use weir_core::hub::{Fate, Field, Losses};
use weir_core::json::Out;
use weir_core::names::FormatId;
use weir_core::providers::{Dialect, Kind};

/// Models by which the encoders tell what can be sent; `None` of them is known to all.
fn models(target: FormatId) -> &'static [&'static str] {
    match target {
        FormatId::Chat | FormatId::Responses => &["gpt-5.1", "gpt-4o", "o3", "llama-4"],
        FormatId::Messages => &["claude-opus-4-6", "claude-sonnet-4-5", "claude-3-5-haiku", "x"],
        FormatId::Converse => &["anthropic.claude-sonnet-4-5-v1:0", "amazon.nova-pro-v1:0", "meta.llama4-v1:0"],
        FormatId::Gemini => &["gemini-3-flash-preview", "gemini-2.5-flash", "gemini-2.0-flash"],
    }
}

/// The formats of every kind of provider, each with its dialect once.
fn dialects() -> Vec<(FormatId, Dialect)> {
    let mut dialects = Vec::new();
    for preset in Kind::all().map(Kind::preset) {
        for format in preset.speaks {
            if !dialects.contains(&(*format, preset.dialect)) {
                dialects.push((*format, preset.dialect));
            }
        }
    }
    dialects
}

/// Whether a target takes a request; and what its encoder has met that it can't carry, where that could be asked.
fn takes(
    client: &dyn Format,
    head: Head<'_>,
    outline: &Outline,
    body: &[u8],
    (target, dialect): (FormatId, Dialect),
    model: &str,
) -> (bool, Losses) {
    let plain = client.plain(outline, body);
    let body = plain.as_deref().unwrap_or(body);
    let Ok(mut request) = client.decode(&head, body) else { return (false, Losses::default()) };
    let onward = Onward { model: Some(model), dialect, default_max_tokens: 8192, beside: Beside::default(), client };
    let (mut out, mut passage) = (Out::default(), Passage::default());
    let taken = formats::stand_in(&mut request, target, body, &onward, &mut passage)
        .and_then(|()| formats::named(target).encode(&request, &onward, &mut out, &mut Crossing::new(target, body, &onward, &mut passage)))
        .is_ok();
    (taken, passage.losses)
}

#[test]
fn a_target_that_is_left_out_could_not_have_taken_it() {
    let dialects = dialects();
    assert!(dialects.len() > 8, "the kinds are there: {}", dialects.len());
    let (mut taken, mut left_out, mut seen) = (0_usize, 0_usize, BTreeSet::<Field>::new());
    for (id, client) in clients() {
        for folder in entries(&cases().join("requests").join(id.as_str())) {
            let own_path = fs::read_to_string(folder.join("path.txt")).ok();
            let head = Head::new(own_path.as_deref().map_or_else(|| path(id), str::trim));
            let body = fs::read(folder.join("request.json")).unwrap();
            let Ok(outline) = client.outline(&head, &body) else { continue };
            seen.extend(Field::ALL.iter().filter(|field| outline.traits.contains(**field)));
            for &(target, dialect) in &dialects {
                for model in models(target) {
                    let refused = outline.traits.refused_by(target);
                    let (takes, met) = takes(client, head, &outline, &body, (target, dialect), model);
                    seen.extend(met.as_slice().iter().map(|(field, _)| *field));
                    assert!(!takes || refused.is_none(), "{}: {target} {dialect:?} {model} takes {refused:?}", folder.display());
                    (taken, left_out) = (taken + usize::from(takes), left_out + usize::from(refused.is_some()));
                }
            }
        }
    }
    assert!(taken > 1000 && left_out > 1000, "{taken} {left_out}");
    let refusing = |field: &&Field| FormatId::ALL.into_iter().any(|target| field.fate(target) == Fate::Refuse);
    let unseen: Vec<&Field> = Field::ALL.iter().filter(refusing).filter(|field| !seen.contains(field)).collect();
    assert!(unseen.is_empty(), "no case holds these, which some target refuses: {unseen:?}");
}

/// What a carrier leaves out no encoder knows of: the addresses of media, which neither cloud fetches.
#[test]
fn carriers_leave_out_the_addresses_of_media_alone() {
    for field in Field::ALL.iter().copied() {
        let mut traits = weir_core::formats::Traits::default();
        traits.insert(field);
        let fetched = matches!(field, Field::ImageUri | Field::DocumentUri);
        for (carrier, expected) in [(Carrier::Own, None), (Carrier::Vertex, Some(field)), (Carrier::Bedrock, Some(field))] {
            assert_eq!(carrier.refuses(traits), expected.filter(|_| fetched), "{carrier:?}");
        }
    }
}

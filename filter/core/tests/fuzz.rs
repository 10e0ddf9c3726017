//! Inputs that nobody wrote: the cases, changed at random, through every decoder, encoder and framer. What they say may be anything;
//! nothing panics, what is written is JSON, cuts change nothing, and no target is left out whose encoder would have taken the request.
//!
//! `FUZZ_SECONDS` lets each kind of input run so long (1), `FUZZ_ONLY="requests of chat"` only this one; `FUZZ_SEED` begins elsewhere.
//! A finding prints its input.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests may panic, and so may what they share; the seeds that were tried are said"
)]

mod said;

use said::{Said, asked, cases, clients, entries, path, targets};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use weir_core::formats::{self, Beside, Crossing, Head, Homeward, Keep, Onward, Passage};
use weir_core::framing::inflate::{Coding, Inflater};
use weir_core::framing::{Frame, Framer, event_stream};
use weir_core::hub::{Event, Grammar, Renames};
use weir_core::json::Out;
use weir_core::names::FormatId;
use weir_core::providers::Kind;

/// A sequence that looks random and is the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides.max(1)
    }

    fn span(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        from..from + self.below((length - from).min(64) + 1)
    }
}

/// Words that decoders treat in a way of their own.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "-1",
    "1e400",
    "0.5",
    "18446744073709551616",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\\"",
    ",",
    ":",
    "\n\n",
    "\r\n",
    "data: ",
    "event: error\n",
    "[DONE]",
    "\"type\":",
    "\u{feff}",
    "é",
    "]}",
];

/// A seed, changed once or several times.
fn changed(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.span(bytes.len());
        match dice.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at.start) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            1 => drop(bytes.drain(at)),
            2 => {
                let copy = bytes[at.clone()].to_vec();
                drop(bytes.splice(at.start..at.start, copy));
            }
            3 => drop(bytes.splice(at, WORDS[dice.below(WORDS.len())].bytes())),
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                let piece = other[dice.span(other.len())].to_vec();
                drop(bytes.splice(at, piece));
            }
            5 => swap_values(dice, &mut bytes),
            _ => bytes.truncate(at.end),
        }
    }
    bytes
}

/// Puts a value of JSON in another one's place, so that the document stays one.
fn swap_values(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let Ok(mut document) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let mut paths = Vec::new();
    collect(&document, &mut String::new(), &mut paths);
    let (Some(from), Some(to)) = (paths.get(dice.below(paths.len())), paths.get(dice.below(paths.len()))) else { return };
    let value = document.pointer(from).cloned().unwrap_or_default();
    if let Some(place) = document.pointer_mut(to) {
        *place = value;
    }
    *bytes = document.to_string().into_bytes();
}

fn collect(value: &serde_json::Value, path: &mut String, paths: &mut Vec<String>) {
    paths.push(path.clone());
    let length = path.len();
    let mut step = |name: &str, value: &serde_json::Value| {
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        collect(value, path, paths);
        path.truncate(length);
    };
    match value {
        serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| step(name, value)),
        serde_json::Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| step(&n.to_string(), value)),
        _ => {}
    }
}

/// Feeds changed seeds to `check` until time is up; a panic in it is told with the input that caused it.
fn fuzz(what: &str, seeds: &[Vec<u8>], mut check: impl FnMut(&mut Dice, &[u8])) {
    assert!(seeds.len() > 3, "{what}: the seeds are there");
    if std::env::var("FUZZ_ONLY").is_ok_and(|only| only != what) {
        return;
    }
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual);
    let until = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 1));
    let mut seed = number("FUZZ_SEED", 1);
    while Instant::now() < until {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let bytes = changed(&mut dice, seeds);
        if catch_unwind(AssertUnwindSafe(|| check(&mut dice, &bytes))).is_err() {
            panic!("{what}, FUZZ_SEED={seed}: {}", String::from_utf8_lossy(&bytes));
        }
        seed += 1;
    }
    eprintln!("{what}: up to FUZZ_SEED={seed}");
}

/// The files below a folder whose names fit.
fn seeds(folder: &Path, fits: &dyn Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            all.extend(seeds(&path, fits));
        } else if fits(&path.file_name().unwrap().to_string_lossy()) {
            all.push(fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn requests() {
    for (id, client) in clients() {
        let seeds = seeds(&cases().join("requests").join(id.as_str()), &|name| name == "request.json");
        let head = Head::new(path(id));
        fuzz(&format!("requests of {id}"), &seeds, |_, bytes| {
            let outline = client.outline(&head, bytes);
            for (target, translation) in targets() {
                let Ok(mut request) = client.decode(&head, bytes) else { return };
                let kind = Kind::named(if target == FormatId::Messages { "anthropic" } else { "openai" }).unwrap();
                let onward = Onward {
                    model: Some("m"),
                    dialect: kind.preset().dialect,
                    default_max_tokens: 8192,
                    beside: Beside::default(),
                    client,
                };
                let (mut out, mut passage) = (Out::default(), Passage::default());
                let encoded = formats::stand_in(&mut request, target, bytes, &onward, &mut passage).and_then(|()| {
                    translation.encode(&request, &onward, &mut out, &mut Crossing::new(target, bytes, &onward, &mut passage))
                });
                if encoded.is_err() {
                    continue;
                }
                let written = out.into_string();
                assert!(json(written.as_bytes()), "for {target}: {written}");
                // Of a member that is there twice, the outline notes both.
                if let (Ok(outline), Ok(Once)) = (&outline, serde_json::from_slice(bytes)) {
                    assert_eq!(outline.traits.refused_by(target), None, "{target} would have taken it");
                }
            }
        });
    }
}

/// A document in which no object has a member twice.
struct Once;

impl<'de> serde::Deserialize<'de> for Once {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor)
    }
}

struct OnceVisitor;

impl<'de> serde::de::Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
        let mut names = std::collections::HashSet::new();
        while let Some((name, Once)) = map.next_entry::<String, Once>()? {
            if !names.insert(name) {
                return Err(serde::de::Error::custom("a member is there twice"));
            }
        }
        Ok(Once)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        while let Some(Once) = items.next_element()? {}
        Ok(Once)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }
}

/// Valid JSON; a value that only we take for one (a number without end) is none.
fn json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(bytes).is_ok()
}

#[test]
fn whole_answers() {
    for (format, provider) in targets() {
        let seeds =
            seeds(&cases().join("answers").join(format.as_str()), &|name| name.ends_with(".json") && name.matches('.').count() == 1);
        fuzz(&format!("answers of {format}"), &seeds, |_, bytes| {
            let _seen = formats::named(format).measure(bytes);
            let _failure = formats::named(format).failure(500, &[], bytes);
            let Ok(mut answer) = provider.decode_answer(bytes) else { return };
            Homeward::new(format, Renames::default()).answer(&mut answer);
            let mut grammar = Grammar::default();
            weir_core::hub::replay(&answer, &mut |event| assert_eq!(grammar.check(&event), Ok(()), "{event:?}"));
            for (id, client) in clients() {
                let mut out = Out::default();
                client.encode_answer(&answer, &asked(false), &mut out);
                let written = out.into_string();
                assert!(json(written.as_bytes()), "for {id}: {written}");
            }
        });
    }
}

/// The framing of a format's streams.
fn framing(format: FormatId) -> Framer {
    said::framer((format == FormatId::Converse).then_some(0))
}

/// What a stream says in these pieces, and what a client gets of it.
fn heard<'a>(format: FormatId, client: FormatId, pieces: impl Iterator<Item = &'a [u8]>) -> (Said, Vec<u8>) {
    let provider = formats::named(format);
    let (mut framer, mut reader, mut grammar) = (framing(format), provider.reader(), Grammar::default());
    let (mut said, mut out) = (Said::default(), Vec::new());
    let mut writer = formats::named(client).writer(&asked(true));
    let mut homeward = Homeward::new(format, Renames::default());
    let mut take = |event: Event<'_>| {
        assert_eq!(grammar.check(&event), Ok(()), "{event:?}");
        // A line end that is cut in two may keep the client's connection alive twice.
        if matches!(event, Event::Ping) {
            return;
        }
        said.take(event.clone());
        writer.write(&homeward.event(event), &mut out);
    };
    for piece in pieces {
        // What can't be framed any further has no end.
        if framer.push(piece, &mut |frame| reader.frame(&frame, &mut take)).is_err() {
            return (said, out);
        }
    }
    // Nor has what is cut inside a frame that shows it.
    if framer.finish(&mut |frame| reader.frame(&frame, &mut take)).is_ok() {
        reader.end(&mut take);
    }
    (said, out)
}

#[test]
fn streams() {
    for (format, _) in targets() {
        let seeds: Vec<Vec<u8>> =
            said::streams(&cases().join("answers").join(format.as_str())).into_iter().map(|(_, stream)| stream).collect();
        let clients: Vec<FormatId> = clients().map(|(id, _)| id).collect();
        fuzz(&format!("streams of {format}"), &seeds, |dice, bytes| {
            let client = clients[dice.below(clients.len())];
            let whole = heard(format, client, [bytes].into_iter());
            let cut = dice.below(bytes.len() + 1);
            assert_eq!(heard(format, client, [&bytes[..cut], &bytes[cut..]].into_iter()), whole, "cut at {cut}, for {client}");
            let size = 1 + dice.below(16);
            assert_eq!(heard(format, client, bytes.chunks(size)), whole, "in pieces of {size}, for {client}");
            if client != FormatId::Converse {
                for line in whole.1.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data: ")) {
                    assert!(line == b"[DONE]" || json(line), "for {client}: {}", String::from_utf8_lossy(line));
                }
            }
            let same = formats::named(format);
            let kept = |mut pieces: std::slice::Chunks<'_, u8>| {
                let (mut meter, mut reader, mut kept) = (same.meter(&asked(true)), framing(format), Vec::new());
                let mut each = |frame: Frame<'_>| {
                    if meter.frame(&frame) == Keep::Whole {
                        kept.extend_from_slice(frame.raw);
                    }
                };
                let whole = pieces.try_for_each(|piece| reader.push(piece, &mut each)).is_ok();
                let whole = reader.finish(&mut each).is_ok() && whole;
                meter.end();
                (whole, kept, meter.seen().clone())
            };
            let passed = kept(bytes.chunks(bytes.len().max(1)));
            assert_eq!(kept(bytes.chunks(size)), passed, "in pieces of {size}");
            // A byte order mark at the beginning says nothing, and need not pass.
            let marked = bytes.strip_prefix("\u{feff}".as_bytes());
            assert!(!passed.0 || passed.1 == bytes || Some(&*passed.1) == marked, "the bytes pass");
        });
    }
}

#[test]
fn event_streams() {
    let mut seeds = Vec::new();
    for text in 0..20 {
        let mut stream = Vec::new();
        for n in 0..=text % 4 {
            event_stream::write_event("contentBlockDelta", format!("{{\"delta\":{{\"text\":\"{text}.{n}\"}}}}").as_bytes(), &mut stream);
        }
        event_stream::write_exception("throttlingException", b"{\"message\":\"slow\"}", &mut stream);
        seeds.push(stream);
    }
    let frames = |mut pieces: std::slice::Chunks<'_, u8>| {
        let (mut reader, mut frames) = (event_stream::Reader::new(4096), Vec::new());
        let each = &mut |frame: Frame<'_>| frames.push(format!("{frame:?}"));
        let ended = pieces.try_for_each(|piece| reader.push(piece, each));
        let open = reader.mid_message();
        (format!("{ended:?}"), ended.is_ok() && open, frames)
    };
    fuzz("event streams", &seeds, |dice, bytes| {
        let size = 1 + dice.below(16);
        assert_eq!(frames(bytes.chunks(size)), frames(bytes.chunks(bytes.len().max(1))), "in pieces of {size}");
    });
}

#[test]
fn compressed_bodies() {
    use std::io::Write as _;
    let mut seeds = Vec::new();
    for length in 0..20 {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all("some text, and again some text ".repeat(length * length).as_bytes()).unwrap();
        seeds.push(gzip.finish().unwrap());
    }
    let inflated = |pieces: std::slice::Chunks<'_, u8>| {
        let (mut inflater, mut out) = (Inflater::new(Coding::Gzip, 1 << 20).unwrap(), Vec::new());
        let ended = { pieces }.try_for_each(|piece| inflater.push(piece, &mut out)).is_ok();
        (ended, ended && inflater.is_whole(), out)
    };
    fuzz("compressed bodies", &seeds, |dice, bytes| {
        let size = 1 + dice.below(16);
        let (whole, pieces) = (inflated(bytes.chunks(bytes.len().max(1))), inflated(bytes.chunks(size)));
        assert_eq!((whole.0, whole.1), (pieces.0, pieces.1), "in pieces of {size}");
        // How much of a body that was cut, or broke, comes out may depend on the pieces.
        assert!(whole.2.starts_with(&pieces.2) || pieces.2.starts_with(&whole.2), "in pieces of {size}");
        assert!(!whole.1 || whole.2 == pieces.2, "in pieces of {size}");
    });
}

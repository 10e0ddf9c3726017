//! Ids in the alphabet that several formats demand: kept where they fit, replaced the same way everywhere where they don't.

use crate::json::Str;

/// The id as it is written: unchanged where it is of `[a-zA-Z0-9_-]+`, otherwise `call_` and 24 hexadecimal digits of its hash.
///
/// The replacement depends on the id alone, so a call and its result agree, and so do retries and later requests.
pub fn wire_id<'s>(id: &'s Str<'_>) -> Str<'s> {
    if is_safe(id.as_escaped()) {
        return id.reborrow();
    }
    Str::from_plain_owned(format!("call_{}", digest(&id.plain())))
}

/// The id of at most 40 characters that stands for a call where the format takes any character: itself where it is short enough.
pub fn short_id<'s>(id: &'s Str<'_>) -> Str<'s> {
    if !id.is_empty() && id.as_escaped().len() <= 40 {
        return id.reborrow();
    }
    Str::from_plain_owned(format!("call_{}", digest(&id.plain())))
}

/// The id of 1 to 64 characters of `[a-zA-Z0-9_.:-]` that stands for a call: itself where it is one.
pub fn named_id<'s>(id: &'s Str<'_>) -> Str<'s> {
    let text = id.as_escaped();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-');
    if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
        return id.reborrow();
    }
    Str::from_plain_owned(format!("call_{}", digest(&id.plain())))
}

/// The id of a call that has none: it depends on the answer alone, so retries and replays agree. Where the answer has no id either, the
/// call's own words tell it from those of other answers: its name, and its arguments as far as they came with it.
pub fn made_up_id(answer: &str, choice: u32, ordinal: usize, name: &Str<'_>, arguments: &str) -> Str<'static> {
    let seed = if answer.is_empty() {
        format!("{choice}/{ordinal}/{}/{arguments}", name.as_escaped())
    } else {
        format!("{answer}/{choice}/{ordinal}")
    };
    Str::from_plain_owned(format!("call_{}", digest(&seed)))
}

/// A name of a tool in the alphabet of [`is_safe`] and of at most `longest` characters, for one that is not: what can be kept of it, and
/// eight digits that tell it from others like it.
pub fn safe_name(name: &str, longest: usize) -> String {
    const DIGITS: usize = 8;
    let kept = longest.saturating_sub(DIGITS + 1);
    let mut safe: String =
        name.chars().take(kept).map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect();
    safe.push('_');
    safe.extend(digest(name).chars().take(DIGITS));
    safe
}

/// 24 hexadecimal digits that stand for a text.
pub fn digest(text: &str) -> String {
    let mut digits = format!("{:032x}", fnv1a(text.as_bytes()));
    digits.truncate(24);
    digits
}

/// Whether a name or id is of the format's alphabet.
pub fn is_safe(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// FNV-1a of 128 bits. It needs to spread the few ids of one conversation, not to resist an attacker: who makes two ids of their
/// own conversation collide confuses only their own model.
fn fnv1a(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a_128() {
        assert_eq!(fnv1a(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn odd_names_become_safe_ones() {
        let long = "x".repeat(80);
        for name in ["a.b", "a b", "é", "", &long] {
            let safe = safe_name(name, 64);
            assert!(is_safe(&safe) && safe.len() <= 64, "{safe}");
        }
        assert_ne!(safe_name("a.b", 64), safe_name("a b", 64));
        assert_eq!(short_id(&Str::from_plain("functions.x:0")).as_escaped(), "functions.x:0");
        assert_eq!(short_id(&Str::from_plain(&long)).as_escaped().len(), 29);
        assert_eq!(named_id(&Str::from_plain("functions.x:0")).as_escaped(), "functions.x:0");
        for odd in ["", "a/b", &long] {
            assert_eq!(named_id(&Str::from_plain(odd)).as_escaped().len(), 29);
        }
    }

    #[test]
    fn made_up_ids_are_of_one_answer() {
        let id = |answer, choice, ordinal, arguments| made_up_id(answer, choice, ordinal, &Str::from_plain("now"), arguments);
        let first = id("a-1", 0, 0, "");
        assert_eq!(first, id("a-1", 0, 0, "{}"), "streamed in pieces and whole");
        for other in [id("a-2", 0, 0, ""), id("a-1", 1, 0, ""), id("a-1", 0, 1, ""), id("", 0, 0, ""), id("", 0, 0, "{}")] {
            assert_ne!(first, other);
        }
        assert_ne!(id("", 0, 0, r#"{"a":1}"#), id("", 0, 0, r#"{"a":2}"#));
    }

    #[test]
    fn ids_are_kept_or_replaced_for_good() {
        assert_eq!(wire_id(&Str::from_plain("toolu_01-A")).as_escaped(), "toolu_01-A");
        let (first, second) = (Str::from_plain("functions.Bash:0"), Str::from_plain("functions.Bash:1"));
        let replaced = wire_id(&first);
        assert_eq!(replaced, wire_id(&first));
        assert_ne!(replaced, wire_id(&second));
        assert_eq!(replaced.as_escaped().len(), 29);
        for odd in ["", "é", "a b", "\"", "x\\y"] {
            assert!(is_safe(wire_id(&Str::from_plain(odd)).as_escaped()), "{odd}");
        }
    }
}

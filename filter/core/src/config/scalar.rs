//! The small texts of a document: counts, sizes, durations and money.

use std::time::Duration;

use super::tree::Tree;

/// A whole number: `2000000`, or text with underscores, which is what YAML makes of `2_000_000`.
#[must_use]
pub fn count(tree: &Tree) -> Option<u64> {
    match tree {
        Tree::Count(count) => Some(*count),
        Tree::Text(text) => digits(text),
        Tree::Null | Tree::Flag(_) | Tree::Number(_) | Tree::List(_) | Tree::Object(_) => None,
    }
}

/// A number of bytes: `65536`, `64KiB`, `32MiB`, `1GiB`.
#[must_use]
pub fn size(tree: &Tree) -> Option<u64> {
    match tree {
        Tree::Count(bytes) => Some(*bytes),
        Tree::Text(text) => {
            let (number, unit) = split_unit(text)?;
            let scale = match unit {
                "" | "B" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                "GiB" => 1 << 30,
                _ => return None,
            };
            digits(number)?.checked_mul(scale)
        }
        Tree::Null | Tree::Flag(_) | Tree::Number(_) | Tree::List(_) | Tree::Object(_) => None,
    }
}

/// A time with its unit: `250ms`, `1.5s`, `5m`, `1h`; whole milliseconds.
#[must_use]
pub fn duration(tree: &Tree) -> Option<Duration> {
    let (number, unit) = split_unit(tree.text()?)?;
    // The number of decimal digits that still give whole milliseconds, and what one unit is in the smallest of them.
    let (places, millis) = match unit {
        "ms" => (0, 1),
        "s" => (3, 1),
        "m" => (3, 60),
        "h" => (3, 3600),
        _ => return None,
    };
    decimal(number, places)?.checked_mul(millis).map(Duration::from_millis)
}

/// Money in nano-dollars: `20`, `0.5`, `"0.000000001"`; finer amounts are refused.
#[must_use]
pub fn nano_dollars(tree: &Tree) -> Option<u64> {
    match tree {
        Tree::Count(dollars) => dollars.checked_mul(1_000_000_000),
        // `Display` of a float is the shortest text that reads back as the same float, and never has an exponent.
        Tree::Number(dollars) => decimal(&format!("{dollars}"), 9),
        Tree::Text(text) => decimal(text, 9),
        Tree::Null | Tree::Flag(_) | Tree::List(_) | Tree::Object(_) => None,
    }
}

/// Digits, with single underscores between them.
fn digits(text: &str) -> Option<u64> {
    let spelt = text.split('_').all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    if spelt { text.replace('_', "").parse().ok() } else { None }
}

/// A number with at most `places` decimals, as a whole number of the last place.
fn decimal(text: &str, places: u32) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, "0"),
    };
    let spelt = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let significant = fraction.trim_end_matches('0');
    let missing = places.checked_sub(u32::try_from(significant.len()).ok()?)?;
    if !spelt {
        return None;
    }
    let below = if significant.is_empty() { 0 } else { significant.parse::<u64>().ok()?.checked_mul(10u64.checked_pow(missing)?)? };
    digits(whole)?.checked_mul(10u64.checked_pow(places)?)?.checked_add(below)
}

/// The number and the unit behind it.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    text.split_at_checked(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Tree {
        Tree::Text(text.to_owned())
    }

    #[test]
    fn counts_and_sizes() {
        for (given, expected) in
            [("2_000_000", Some(2_000_000)), ("7", Some(7)), ("_7", None), ("7_", None), ("1__0", None), ("", None), ("-1", None)]
        {
            assert_eq!(count(&text(given)), expected, "{given}");
        }
        for (given, expected) in [
            ("32MiB", Some(32 << 20)),
            ("64KiB", Some(65_536)),
            ("1GiB", Some(1 << 30)),
            ("12", Some(12)),
            ("12B", Some(12)),
            ("32MB", None),
            ("MiB", None),
            ("1.5MiB", None),
            ("18446744073709551615KiB", None),
        ] {
            assert_eq!(size(&text(given)), expected, "{given}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        for (given, millis) in
            [("250ms", Some(250)), ("8s", Some(8_000)), ("1.5s", Some(1_500)), ("5m", Some(300_000)), ("1h", Some(3_600_000))]
        {
            assert_eq!(duration(&text(given)), millis.map(Duration::from_millis), "{given}");
        }
        for given in ["250", "1.5ms", "0.0001s", "s", "1d", "-1s", "1 s"] {
            assert_eq!(duration(&text(given)), None, "{given}");
        }
        assert_eq!(duration(&Tree::Count(250)), None);
    }

    #[test]
    fn money_is_exact() {
        assert_eq!(nano_dollars(&Tree::Count(20)), Some(20_000_000_000));
        assert_eq!(nano_dollars(&Tree::Number(0.1)), Some(100_000_000));
        assert_eq!(nano_dollars(&Tree::Number(1.25)), Some(1_250_000_000));
        assert_eq!(nano_dollars(&text("0.000000001")), Some(1));
        assert_eq!(nano_dollars(&text("0.0000000001")), None);
        assert_eq!(nano_dollars(&text("1_000.50")), Some(1_000_500_000_000));
        assert_eq!(nano_dollars(&text(".5")), None);
        assert_eq!(nano_dollars(&text("5.")), None);
        assert_eq!(nano_dollars(&Tree::Number(-1.0)), None);
        assert_eq!(nano_dollars(&Tree::Number(f64::NAN)), None);
    }
}

//! Base64 (RFC 4648), for the few values that must be looked into or wrapped; media pass without it.

/// The alphabet of section 4.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as text in the alphabet with `+` and `/`, padded.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let bits = group.iter().chain([&0; 2]).take(3).fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).ok().and_then(|at| ALPHABET.get(at)).copied();
            text.push(char::from(digit.filter(|_| usize::try_from(place).is_ok_and(|place| place <= group.len())).unwrap_or(b'=')));
        }
    }
    text
}

/// The bytes of a text in either alphabet, padded or not; `None` where it is no base64.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = unpadded(text)?;
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for &digit in group {
            bits = bits << 6 | u32::from(value(digit)?);
        }
        bits <<= 6_usize.saturating_mul(4_usize.saturating_sub(group.len()));
        let [_, whole @ ..] = bits.to_be_bytes();
        bytes.extend(whole.into_iter().take(group.len().saturating_sub(1)));
    }
    Some(bytes)
}

/// Whether a text is base64 in either alphabet, padded or not.
#[must_use]
pub fn is_base64(text: &str) -> bool {
    // Without a way out of the loop it takes many digits at a time: media are megabytes.
    let known = |digit: u8| digit.is_ascii_alphanumeric() | (digit == b'+') | (digit == b'/') | (digit == b'-') | (digit == b'_');
    unpadded(text).is_some_and(|digits| digits.iter().fold(true, |good, &digit| good & known(digit)))
}

/// The digits without what fills up the last four of them; `None` where their number is none that bytes come to.
fn unpadded(text: &str) -> Option<&[u8]> {
    let digits = text.as_bytes();
    let digits = match digits {
        [before @ .., b'=', b'='] | [before @ .., b'='] if digits.len().is_multiple_of(4) => before,
        digits => digits,
    };
    (digits.len() % 4 != 1).then_some(digits)
}

const fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (plain, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(plain.as_bytes()), text);
            for text in [text, text.trim_end_matches('=')] {
                assert!(is_base64(text));
                assert_eq!(decode(text).as_deref(), Some(plain.as_bytes()));
            }
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&all).replace('+', "-").replace('/', "_")), Some(all));
    }

    #[test]
    fn what_is_no_base64_is_none() {
        for text in ["a", "a===", "ab=", "=", "====", "a b=", "é", "ab.d", "Zg==Zg==", "ab\n="] {
            assert!(!is_base64(text) && decode(text).is_none(), "{text}");
        }
    }
}

//! The scan for bytes that are special in a JSON string, many at a time.

/// Bytes that are looked at together: one SIMD register of WebAssembly.
const BLOCK: usize = 16;

/// How many bytes, from the first on, stand for themselves in a JSON string: no quote, no backslash, no control character.
///
/// The mask of a block has a fixed length and no early exit, so the compiler makes SIMD of it without `unsafe`: 15 instructions of
/// WebAssembly for 16 bytes, and the first special byte costs no loop of its own.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let mut plain = 0;
    for block in bytes.as_chunks::<BLOCK>().0 {
        let found = u128::from_le_bytes(block.map(|byte| if special(byte) { 0xFF } else { 0 }));
        if found != 0 {
            return plain + usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
        }
        plain += BLOCK;
    }
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().position(|&byte| special(byte)).unwrap_or(rest.len())
}

/// Whether a byte can't stand for itself in a JSON string (RFC 8259 section 7).
const fn special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_special_byte_anywhere() {
        for length in 0..100 {
            let mut bytes = vec![b'\x7f'; length];
            assert_eq!(plain_run(&bytes), length);
            for at in (0..length).rev() {
                for byte in [b'"', b'\\', 0, 0x1F] {
                    bytes[at] = byte;
                    assert_eq!(plain_run(&bytes), at);
                }
            }
        }
        assert_eq!(plain_run(" !#[]~é😀".as_bytes()), 12);
    }
}

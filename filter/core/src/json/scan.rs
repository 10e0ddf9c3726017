//! The scan for bytes that are special in a JSON string: 64 at a time, one bit each, and none twice.

/// Bytes whose bits are kept together.
const WINDOW: usize = 64;
/// Bytes that are looked at together: one SIMD register of WebAssembly.
const BLOCK: usize = 16;

/// Finds the special bytes of one text from the first to the last: quotes, backslashes and control characters (RFC 8259 section 7).
///
/// Escapes may be a few bytes apart, so what a scan has seen beyond the byte that it looked for is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Specials {
    /// The byte behind the window; 0 before the first one.
    until: usize,
    /// The bits of the [`WINDOW`] bytes before `until`, the first one's lowest.
    bits: u64,
}

impl Specials {
    /// Before the first byte of a text.
    pub(super) const fn new() -> Self {
        Self { until: 0, bits: 0 }
    }

    /// The place of the first special byte from `at` on, or the end of the text. Places only grow from call to call.
    pub(super) fn next(&mut self, bytes: &[u8], at: usize) -> usize {
        let mut at = at;
        loop {
            let ahead = self.ahead(at);
            if ahead != 0 {
                return at + place(ahead);
            }
            at = at.max(self.until);
            if !self.refill(bytes, at) {
                self.refill_last(bytes, at);
            }
        }
    }

    /// The place of the first special byte from `at` on, if that is a quote and in the window.
    #[inline]
    pub(super) fn near_quote(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let ahead = self.ahead(at);
        let first = at.wrapping_add(place(ahead));
        (ahead != 0 && bytes.get(first) == Some(&b'"')).then_some(first)
    }

    /// The place of the quote that ends a string whose inside begins at `at`, or the byte that breaks it (RFC 8259 section 7).
    pub(super) fn string_end(&mut self, bytes: &[u8], at: usize) -> Result<usize, usize> {
        let mut at = at;
        loop {
            at = self.walk(bytes, at);
            if at >= self.until {
                self.refill_last(bytes, at);
                continue;
            }
            match bytes.get(at..).unwrap_or_default() {
                [b'"', ..] => return Ok(at),
                [b'\\', b'u', digits @ ..] => match digits.iter().take(4).take_while(|digit| digit.is_ascii_hexdigit()).count() {
                    4 => at += 6,
                    read => return Err(at + 2 + read),
                },
                [b'\\', ..] => return Err(at + 1),
                _ => return Err(at),
            }
        }
    }

    /// Passes short escapes and what stands between them, up to any other special byte or to where no whole window is left.
    ///
    /// Almost all of a body passes here, so it calls nothing: then everything stays in registers.
    #[inline(never)]
    fn walk(&mut self, bytes: &[u8], at: usize) -> usize {
        let mut at = at;
        loop {
            let mut ahead = self.ahead(at);
            while ahead != 0 {
                let plain = place(ahead);
                at += plain;
                match bytes.get(at..) {
                    Some([b'\\', byte, ..]) if is_escape(*byte) => {}
                    Some(_) | None => return at,
                }
                at += 2;
                ahead = (ahead >> plain) >> 2;
            }
            at = at.max(self.until);
            if !self.refill(bytes, at) {
                return at;
            }
        }
    }

    /// The bits of the window from `at` on.
    #[inline]
    fn ahead(&self, at: usize) -> u64 {
        if at < self.until { self.bits >> (at.wrapping_sub(self.until) % WINDOW) } else { 0 }
    }

    /// Looks at the window that begins at `at`, if the text has so many bytes.
    #[inline]
    fn refill(&mut self, bytes: &[u8], at: usize) -> bool {
        let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk) else { return false };
        *self = Self { until: at + WINDOW, bits: bits(window) };
        true
    }

    /// Looks at the last bytes of a text, fewer than a window. The end is marked as if something special stood there.
    #[cold]
    #[inline(never)]
    fn refill_last(&mut self, bytes: &[u8], at: usize) {
        let (blocks, rest) = bytes.get(at..).unwrap_or_default().as_chunks();
        let rest = rest.iter().rev().fold(1, |bits, &byte| bits << 1 | u64::from(special(byte)));
        let bits = blocks.iter().rev().fold(rest, |bits, block| bits << BLOCK | block_bits(block));
        *self = Self { until: at + WINDOW, bits };
    }
}

/// Whether a byte behind a backslash says all that there is to say.
fn is_escape(byte: u8) -> bool {
    #[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "a constant: what is wrong with it doesn't compile")]
    const ESCAPES: [bool; 256] = {
        let mut table = [false; 256];
        let mut all: &[u8] = b"\"\\/bfnrt";
        while let [escape, rest @ ..] = all {
            table[*escape as usize] = true;
            all = rest;
        }
        table
    };
    ESCAPES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The place of the lowest bit.
#[inline]
fn place(bits: u64) -> usize {
    usize::try_from(bits.trailing_zeros()).unwrap_or_default()
}

/// How many bytes, from the first on, stand for themselves in a JSON string.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    Specials::new().next(bytes, 0)
}

/// One bit for each byte of a window, the first one's lowest.
fn bits(window: &[u8; WINDOW]) -> u64 {
    let (blocks, _) = window.as_chunks();
    blocks.iter().zip([0, 16, 32, 48]).fold(0, |bits, (block, place)| bits | block_bits(block) << place)
}

/// Whether a byte can't stand for itself in a JSON string.
const fn special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// One bit for each byte of a block, the first one's lowest.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn block_bits(block: &[u8; BLOCK]) -> u64 {
    use core::arch::wasm32::{i8x16_bitmask, u8x16_eq, u8x16_min, u8x16_splat, u8x16_sub_sat, u64x2, v128_xor};
    let [low, high] = halves(block);
    let bytes = u64x2(low, high);
    // A quote, but for its second bit, is the space that follows the control characters; none of them leaves their range.
    let beyond_controls = u8x16_sub_sat(v128_xor(bytes, u8x16_splat(b'"' ^ b' ')), u8x16_splat(b' '));
    let beside_backslash = v128_xor(bytes, u8x16_splat(b'\\'));
    u64::from(i8x16_bitmask(u8x16_eq(u8x16_min(beyond_controls, beside_backslash), u8x16_splat(0))))
}

/// One bit for each byte of a block, the first one's lowest. The top bit of each byte is what the arithmetic leaves in it.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn block_bits(block: &[u8; BLOCK]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    // Above `limit`: seven bits of it, so that no sum carries into the next byte.
    let above = |bytes: u64, limit: u8| (bytes & !TOPS).wrapping_add(ONES.wrapping_mul(u64::from(0x7F - limit))) | bytes;
    let [low, high] = halves(block).map(|bytes| {
        let quotes_and_controls = !above(bytes ^ ONES.wrapping_mul(u64::from(b'"' ^ b' ')), b' ');
        let backslashes = !above(bytes ^ ONES.wrapping_mul(u64::from(b'\\')), 0);
        // Gathers the top bits in the top byte.
        (((quotes_and_controls | backslashes) & TOPS) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    });
    low | high << 8
}

fn halves(block: &[u8; BLOCK]) -> [u64; 2] {
    let (halves, _) = block.as_chunks::<8>();
    match halves {
        [low, high] => [u64::from_le_bytes(*low), u64::from_le_bytes(*high)],
        _ => [0; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_special_byte_anywhere() {
        for length in 0..3 * WINDOW {
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

    #[test]
    fn every_byte_is_special_or_not_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for place in 0..BLOCK {
                let mut block = [b'.'; BLOCK];
                block[place] = byte;
                assert_eq!(block_bits(&block), u64::from(special(byte)) << place, "{byte:#x} at {place}");
            }
            assert_eq!(block_bits(&[byte; BLOCK]), if special(byte) { 0xFFFF } else { 0 }, "{byte:#x} everywhere");
        }
    }

    #[test]
    fn finds_all_special_bytes_in_order() {
        for distance in 1..WINDOW + 2 {
            let bytes: Vec<u8> = (0..5 * WINDOW).map(|at| if at % distance == 0 { b'\\' } else { b'a' }).collect();
            for skipped in 0..distance.min(3) {
                let mut specials = Specials::new();
                let mut at = 0;
                while at < bytes.len() {
                    let due = (at..bytes.len()).find(|at| at % distance == 0).unwrap_or(bytes.len());
                    assert_eq!(specials.next(&bytes, at), due);
                    at = due + 1 + skipped;
                }
                assert_eq!(specials.next(&bytes, bytes.len()), bytes.len());
            }
        }
    }
}

//! Where the characters of a text stand: formats count them as characters or as bytes of UTF-8, never as they are escaped.

use super::Str;

/// Most changes between characters of different width that are kept; what is behind them has no places.
const MAX_RUNS: usize = 1 << 16;

/// A text as it grows, of which only lengths are kept.
#[derive(Clone, Debug, Default)]
pub struct Ruler {
    bytes: u32,
    characters: u32,
    /// Where characters of another width begin. Before the first one each is one byte.
    runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    bytes: u32,
    characters: u32,
    width: u32,
}

impl Ruler {
    /// The text goes on.
    pub fn push(&mut self, text: &Str<'_>) {
        widths(text.as_escaped(), &mut |width, count| {
            if self.runs.last().map_or(1, |run| run.width) != width && self.runs.len() <= MAX_RUNS {
                self.runs.push(Run { bytes: self.bytes, characters: self.characters, width });
            }
            self.bytes = self.bytes.saturating_add(width.saturating_mul(count));
            self.characters = self.characters.saturating_add(count);
        });
    }

    /// How many characters there are so far.
    #[must_use]
    pub const fn characters(&self) -> u32 {
        self.characters
    }

    /// The character that begins at a byte, or in which it stands; `None` behind the end.
    #[must_use]
    pub fn character(&self, byte: u32) -> Option<u32> {
        let run = self.run(|run| run.bytes <= byte)?;
        let within = byte.saturating_sub(run.bytes).checked_div(run.width)?;
        (byte <= self.bytes).then(|| run.characters.saturating_add(within))
    }

    /// The byte with which a character begins; `None` behind the end.
    #[must_use]
    pub fn byte(&self, character: u32) -> Option<u32> {
        let run = self.run(|run| run.characters <= character)?;
        let within = character.saturating_sub(run.characters).saturating_mul(run.width);
        (character <= self.characters).then(|| run.bytes.saturating_add(within))
    }

    /// The last run that begins there or before; `None` where runs were not kept.
    fn run(&self, begins: impl Fn(&Run) -> bool) -> Option<Run> {
        let place = self.runs.partition_point(begins);
        match place.checked_sub(1) {
            None => Some(Run { bytes: 0, characters: 0, width: 1 }),
            Some(last) if last >= MAX_RUNS => None,
            Some(last) => self.runs.get(last).copied(),
        }
    }
}

/// How many characters an escaped text has; one that only half is there counts with its second half.
#[must_use]
pub fn characters(text: &Str<'_>) -> u32 {
    let mut characters = 0_u32;
    widths(text.as_escaped(), &mut |_, count| characters = characters.saturating_add(count));
    characters
}

/// Hands out the widths of an escaped text's characters, in bytes, and how many of that width follow each other.
fn widths(escaped: &str, each: &mut dyn FnMut(u32, u32)) {
    let length = u32::try_from(escaped.len()).unwrap_or(u32::MAX);
    // Most of what models say is so.
    if escaped.bytes().fold(true, |plain, byte| plain & (byte != b'\\') & byte.is_ascii()) {
        if length > 0 {
            each(1, length);
        }
        return;
    }
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            each(u32::try_from(character.len_utf8()).unwrap_or(1), 1);
            continue;
        }
        if characters.next() != Some('u') {
            each(1, 1);
            continue;
        }
        let digits = characters.as_str().get(..4).unwrap_or_default();
        match u32::from_str_radix(digits, 16).unwrap_or(0) {
            0..0x80 => each(1, 1),
            0x80..0x800 => each(2, 1),
            // The first half of a character; the second one follows, perhaps in the next piece.
            0xD800..0xDC00 => {}
            0xDC00..0xE000 => each(4, 1),
            _ => each(3, 1),
        }
        characters = characters.as_str().get(4..).unwrap_or_default().chars();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_characters_and_back() {
        let pieces = ["ab\\n", "\\u00e9é\\\"", "日本, ", "\\ud83d", "\\ude00😀", "", "z"];
        let plain = "ab\né\u{e9}\"日本, 😀😀z";
        let mut ruler = Ruler::default();
        pieces.iter().for_each(|piece| ruler.push(&Str::escaped(piece)));
        assert_eq!(ruler.characters(), u32::try_from(plain.chars().count()).unwrap());
        assert_eq!(pieces.iter().map(|piece| characters(&Str::escaped(piece))).sum::<u32>(), ruler.characters());
        let starts = plain.char_indices().map(|(byte, _)| byte).chain([plain.len()]);
        for (character, byte) in (0..).zip(starts) {
            let byte = u32::try_from(byte).unwrap();
            assert_eq!((ruler.character(byte), ruler.byte(character)), (Some(character), Some(byte)));
        }
        let behind = u32::try_from(plain.len()).unwrap() + 1;
        assert_eq!((ruler.character(behind), ruler.byte(behind)), (None, None));
    }

    #[test]
    fn what_is_not_kept_has_no_place() {
        let mut ruler = Ruler::default();
        (0..MAX_RUNS).for_each(|_| ruler.push(&Str::escaped("aé")));
        assert_eq!((ruler.character(4), ruler.byte(3)), (Some(3), Some(4)));
        assert_eq!(ruler.byte(ruler.characters() - 1), None);
        assert!(ruler.runs.len() <= MAX_RUNS + 1);
    }
}

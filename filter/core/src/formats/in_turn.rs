//! Blocks of a streamed answer one behind the other, for formats whose clients expect one open block at a time: what comes of a later
//! block is held until the earlier ones have ended.

use crate::hub::{ErrorKind, Rejection};
use std::collections::VecDeque;

/// Most bytes of later blocks that are held while an earlier one goes on.
const MAX_HELD: usize = 1 << 20;

/// The blocks that are not over, the one that is being written first. `V` is what the writer keeps of each.
#[derive(Debug, Default)]
pub struct InTurn<V> {
    open: VecDeque<Block<V>>,
    held: usize,
}

#[derive(Debug)]
struct Block<V> {
    index: u32,
    kept: V,
    held: Vec<u8>,
    ended: bool,
}

impl<V> InTurn<V> {
    /// No blocks yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { open: VecDeque::new(), held: 0 }
    }

    /// A block begins.
    pub fn begin(&mut self, index: u32, kept: V) {
        self.open.push_back(Block { index, kept, held: Vec::new(), ended: false });
    }

    /// What the writer keeps of an open block.
    pub fn kept(&mut self, index: u32) -> Option<&mut V> {
        self.open.iter_mut().find(|block| block.index == index && !block.ended).map(|block| &mut block.kept)
    }

    /// Writes bytes of a block, at once where it is the block's turn.
    ///
    /// # Errors
    /// Too much would be held.
    pub fn say(&mut self, index: u32, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Rejection> {
        match self.open.iter_mut().skip(1).find(|block| block.index == index) {
            None => out.extend_from_slice(bytes),
            Some(block) => {
                block.held.extend_from_slice(bytes);
                self.held = self.held.saturating_add(bytes.len());
                if self.held > MAX_HELD {
                    return Err(Rejection::new(ErrorKind::BadGateway, "the provider's answer goes on in too many places at once"));
                }
            }
        }
        Ok(())
    }

    /// A block has ended: the turn is the next one's.
    pub fn end(&mut self, index: u32, out: &mut Vec<u8>) {
        if let Some(block) = self.open.iter_mut().find(|block| block.index == index) {
            block.ended = true;
        }
        while self.open.front().is_some_and(|block| block.ended) {
            self.open.pop_front();
            if let Some(next) = self.open.front_mut() {
                self.held = self.held.saturating_sub(next.held.len());
                out.append(&mut next.held);
            }
        }
    }

    /// The blocks that nothing has ended.
    #[must_use]
    pub fn unended(&self) -> Vec<u32> {
        self.open.iter().filter(|block| !block.ended).map(|block| block.index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_blocks_wait() {
        let (mut blocks, mut out) = (InTurn::new(), Vec::new());
        blocks.begin(0, 'a');
        blocks.begin(1, 'b');
        blocks.begin(2, 'c');
        for (index, bytes) in [(0, "0"), (2, "2"), (1, "1"), (0, "0"), (7, "!")] {
            blocks.say(index, bytes.as_bytes(), &mut out).unwrap();
        }
        assert_eq!((out.as_slice(), blocks.kept(1).copied(), blocks.kept(7).copied()), (&b"00!"[..], Some('b'), None));
        blocks.end(1, &mut out);
        assert_eq!(blocks.unended(), [0, 2]);
        blocks.end(0, &mut out);
        assert_eq!(out, b"00!12");
        blocks.say(2, b"2", &mut out).unwrap();
        assert_eq!(out, b"00!122");
    }

    #[test]
    fn not_too_much_waits() {
        let (mut blocks, mut out) = (InTurn::new(), Vec::new());
        blocks.begin(0, ());
        blocks.begin(1, ());
        assert!(blocks.say(1, &vec![0; MAX_HELD], &mut out).is_ok());
        assert!(blocks.say(1, &[0], &mut out).is_err());
    }
}

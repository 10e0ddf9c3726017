//! The exchanges of one VM by slot, and the keys that filter state carries from the gateway to the upstream position.

use super::Exchange;
use core::fmt;

/// Where an exchange is. The nonce tells VMs apart: after a trap generations begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    slot: usize,
    generation: u32,
    nonce: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:x}", self.slot, self.generation, self.nonce)
    }
}

impl Key {
    /// Reads what a key displays; `None` where it is no key.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut parts = core::str::from_utf8(text).ok()?.split('.');
        let slot = usize::from_str_radix(parts.next()?, 16).ok()?;
        let generation = u32::from_str_radix(parts.next()?, 16).ok()?;
        let nonce = u64::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(Self { slot, generation, nonce })
    }
}

#[derive(Default)]
struct Slot {
    generation: u32,
    exchange: Option<Box<Exchange>>,
}

/// A slab; slots are used again under another generation.
#[derive(Default)]
pub struct Table {
    nonce: u64,
    slots: Vec<Slot>,
    free: Vec<usize>,
}

impl Table {
    /// An empty table whose keys carry this nonce.
    #[must_use]
    pub const fn new(nonce: u64) -> Self {
        Self { nonce, slots: Vec::new(), free: Vec::new() }
    }

    /// Takes in an exchange.
    pub fn insert(&mut self, exchange: Box<Exchange>) -> Key {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(Slot::default());
        }
        let mut generation = 0;
        if let Some(place) = self.slots.get_mut(slot) {
            generation = place.generation;
            place.exchange = Some(exchange);
        }
        Key { slot, generation, nonce: self.nonce }
    }

    /// The exchange of a key, if it is this VM's and still there.
    pub fn exchange(&mut self, key: Key) -> Option<&mut Exchange> {
        let slot = self.slots.get_mut(key.slot)?;
        if key.nonce != self.nonce || key.generation != slot.generation {
            return None;
        }
        slot.exchange.as_deref_mut()
    }

    /// Lets an exchange go; its key is void from here on.
    pub fn remove(&mut self, key: Key) {
        if self.exchange(key).is_some()
            && let Some(slot) = self.slots.get_mut(key.slot)
        {
            slot.exchange = None;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(key.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_shown() {
        let key = Key { slot: 31, generation: 2, nonce: u64::MAX };
        assert_eq!(Key::parse(key.to_string().as_bytes()), Some(key));
        for text in ["", "1", "1.2", "1.2.3.4", "x.y.z", "-1.0.0"] {
            assert_eq!(Key::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_key_of_another_vm_or_time_finds_nothing() {
        let mut table = Table::new(7);
        let gone = Key { slot: 0, generation: 0, nonce: 8 };
        assert!(table.exchange(gone).is_none());
        table.remove(gone);
        assert!(table.free.is_empty());
    }
}

//! The items of a streamed answer that have begun and not ended, and how its events name them.

use super::answer::ItemKind;
use super::event::Wire;
use crate::hub::Event;
use crate::json::Str;

/// An item that has begun and not ended.
#[derive(Debug)]
pub(super) struct Open {
    output_index: Option<u64>,
    id: String,
    /// What it is.
    pub kind: ItemKind,
    /// Its open parts; those of a reasoning item are one part of the hub.
    pub parts: Vec<Slot>,
    /// How many parts it ever had.
    pub began: usize,
}

/// A part that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The wire's number in the item; that of a reasoning item moves on with its summaries.
    pub number: u64,
    /// The hub's number.
    pub index: u32,
    /// Whether a delta said anything.
    pub said: bool,
    /// Whether an event named a source.
    pub cited: bool,
}

/// The open items, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Items(Vec<Open>);

impl Items {
    /// How many are open.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// How many parts are open in all of them.
    pub(super) fn open_parts(&self) -> usize {
        self.0.iter().map(|item| item.parts.len()).sum()
    }

    /// The item in this place.
    pub(super) fn get(&self, at: usize) -> Option<&Open> {
        self.0.get(at)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Open> {
        self.0.get_mut(at)
    }

    /// The part of an item that has this number on the wire.
    pub(super) fn slot(&mut self, at: usize, number: u64) -> Option<&mut Slot> {
        self.0.get_mut(at)?.parts.iter_mut().find(|slot| slot.number == number)
    }

    /// Notes an item that begins, and gives its place back.
    pub(super) fn push(&mut self, output_index: Option<u64>, id: &Str<'_>, kind: ItemKind) -> usize {
        self.0.push(Open { output_index, id: id.plain().into_owned(), kind, parts: Vec::new(), began: 0 });
        self.0.len() - 1
    }

    /// The place of the item that an event is about: by its index, by its id, or the last one.
    pub(super) fn place(&self, wire: &Wire<'_>) -> Option<usize> {
        let by_index = wire.output_index.and_then(|index| self.0.iter().rposition(|item| item.output_index == Some(index)));
        by_index.or_else(|| {
            let id = wire.item_id.plain();
            let known = (!id.is_empty()).then(|| self.0.iter().rposition(|item| *item.id == *id)).flatten();
            known.or_else(|| self.0.len().checked_sub(1).filter(|_| wire.output_index.is_none()))
        })
    }

    /// The same, where the item is of this kind.
    pub(super) fn place_of(&self, wire: &Wire<'_>, kind: ItemKind) -> Option<usize> {
        self.place(wire).filter(|&at| self.0.get(at).is_some_and(|item| item.kind == kind))
    }

    /// Ends the parts of an item and forgets it.
    pub(super) fn close(&mut self, at: usize, sink: &mut dyn FnMut(Event<'_>)) {
        let mut place = 0_usize;
        self.0.retain(|item| {
            let ends = place == at;
            place += 1;
            if ends {
                item.parts.iter().for_each(|slot| sink(Event::PartEnd { choice: 0, index: slot.index }));
            }
            !ends
        });
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

//! The entries that a template counts, as far as they are here.

use medrec_pow::ENTRY_BYTES;

use crate::logs::Region;

/// Part of the entries: one log.
#[derive(Clone)]
pub struct Part {
    pub slot: u32,
    /// Number of its first entry among those of all logs.
    first: u64,
    /// Entries that count.
    size: u64,
    /// Entries that are here and count.
    held: u64,
    entries: Region,
}

/// Entry numbers of all logs, in the order of slots.
#[derive(Clone, Default)]
pub struct Holding {
    parts: Vec<Part>,
    total: u64,
    held: u64,
}

impl Holding {
    /// Adds the next log in the order of slots: `size` entries count, of which `entries` are here.
    pub fn add(&mut self, slot: u32, size: u64, entries: Region) {
        let held = entries.len().min(size);
        self.parts.push(Part { slot, first: self.total, size, held, entries });
        self.total = self.total.saturating_add(size);
        self.held = self.held.saturating_add(held);
    }

    /// Entries that count, and of those the ones that are here.
    pub fn sizes(&self) -> (u64, u64) {
        (self.total, self.held)
    }

    /// Slot and index in its log of entry `number`.
    pub fn place(&self, number: u64) -> Option<(u32, u64)> {
        let part = self.part(number)?;
        Some((part.slot, number.checked_sub(part.first)?))
    }

    /// Entry `number`; none if it is not here.
    #[inline]
    pub fn entry(&self, number: u64) -> Option<&[u8; ENTRY_BYTES]> {
        let part = self.part(number)?;
        let index = number.checked_sub(part.first).filter(|index| *index < part.held)?;
        part.entries.get(index)
    }

    #[inline]
    fn part(&self, number: u64) -> Option<&Part> {
        let behind = self.parts.partition_point(|part| part.first <= number);
        let part = self.parts.get(behind.checked_sub(1)?)?;
        (number.wrapping_sub(part.first) < part.size).then_some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(seed: u8, len: u8) -> Region {
        (0..len).map(|n| [seed ^ n; ENTRY_BYTES]).collect()
    }

    #[test]
    fn numbers_run_over_the_logs_in_order_of_slots() {
        let mut holding = Holding::default();
        assert!(holding.entry(0).is_none());
        holding.add(2, 3, region(0x10, 3));
        holding.add(3, 0, region(0, 0));
        holding.add(7, 5, region(0x20, 2));
        holding.add(9, 1, region(0x40, 4));
        assert_eq!(holding.sizes(), (9, 6));
        let places: Vec<_> = (0..10).map(|number| holding.place(number)).collect();
        let expected = [(2, 0), (2, 1), (2, 2), (7, 0), (7, 1), (7, 2), (7, 3), (7, 4), (9, 0)].map(Some);
        assert_eq!(places[..9], expected);
        assert_eq!(places[9], None);
        let firsts: Vec<_> = (0..9).map(|number| holding.entry(number).map(|entry| entry[0])).collect();
        let here = |byte| Some(byte);
        assert_eq!(
            firsts,
            [here(0x10), here(0x11), here(0x12), here(0x20), here(0x21), None, None, None, here(0x40)]
        );
    }
}

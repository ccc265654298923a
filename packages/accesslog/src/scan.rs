//! Finding a relationship's entries in a whole log, by whoever holds its ratchet.

use std::collections::HashMap;

use crate::{Entry, EntryError, Label, Opened, Ratchet, Step};

/// So many labels are looked for past the last one found: a gap as long as this hides nothing behind it.
const AHEAD: u64 = 1024;

/// An entry that carries a label of this relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Place in the log.
    pub index: u64,
    /// Place in the relationship.
    pub counter: u64,
    /// What it says, or why it does not open: an entry with our label that is not ours is evidence too.
    pub opened: Result<Opened, EntryError>,
}

/// What a scan found, in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    pub found: Vec<Found>,
    /// Counters below `next` that no entry carries: entries withheld.
    pub gaps: Vec<u64>,
    /// Counters that more than one entry carries.
    pub duplicates: Vec<u64>,
    /// Counters that stand in the log after a higher one.
    pub reordered: Vec<u64>,
    /// One past the highest counter found; a signed counter above it (wire.md section 9) shows a missing tail.
    pub next: u64,
}

impl Scan {
    /// Nothing withheld, doubled, out of order or unreadable, and as many entries as the institution signed for.
    pub fn is_complete(&self, signed_counter: Option<u64>) -> bool {
        let all_open = self.found.iter().all(|found| found.opened.is_ok());
        let in_order = self.gaps.is_empty() && self.duplicates.is_empty() && self.reordered.is_empty();
        all_open && in_order && signed_counter.is_none_or(|counter| counter == self.next)
    }
}

/// Scans entries given with their indices, in order. Start with the relationship's ratchet at entry 0.
pub fn scan<'a>(ratchet: Ratchet, entries: impl IntoIterator<Item = (u64, &'a Entry)>) -> Scan {
    let mut scanner = Scanner::new(ratchet);
    for (index, entry) in entries {
        scanner.look(index, entry);
    }
    scanner.finish()
}

/// A scan that is fed entry by entry, as bundles arrive.
pub struct Scanner {
    ratchet: Ratchet,
    first: u64,
    expected: HashMap<Label, Step>,
    /// Labels found before: the key is needed no more.
    taken: HashMap<Label, u64>,
    scan: Scan,
}

impl Scanner {
    pub fn new(ratchet: Ratchet) -> Self {
        let first = ratchet.counter();
        let scan = Scan { next: first, ..Scan::default() };
        let mut scanner = Self { ratchet, first, expected: HashMap::new(), taken: HashMap::new(), scan };
        scanner.expect_until(first.saturating_add(AHEAD));
        scanner
    }

    /// Looks at the entry at `index` of the log.
    pub fn look(&mut self, index: u64, entry: &Entry) {
        self.recognise(index, entry);
    }

    /// The same; gives the entry's counter if it carries a label of the relationship.
    pub fn recognise(&mut self, index: u64, entry: &Entry) -> Option<u64> {
        let label = entry.label();
        if let Some(counter) = self.taken.get(&label) {
            self.scan.duplicates.push(*counter);
            return Some(*counter);
        }
        let step = self.expected.remove(&label)?;
        let counter = step.counter();
        self.scan.found.push(Found { index, counter, opened: entry.open(&step) });
        self.taken.insert(label, counter);
        if counter < self.scan.next {
            self.scan.reordered.push(counter);
        } else {
            self.scan.next = counter.saturating_add(1);
            self.expect_until(self.scan.next.saturating_add(AHEAD));
        }
        Some(counter)
    }

    pub fn finish(mut self) -> Scan {
        let mut found: Vec<u64> = self.taken.values().copied().collect();
        found.sort_unstable();
        let mut missing = self.first;
        for counter in found {
            self.scan.gaps.extend(missing..counter);
            missing = counter.saturating_add(1);
        }
        self.scan
    }

    fn expect_until(&mut self, counter: u64) {
        while self.ratchet.counter() < counter {
            let step = self.ratchet.step();
            self.expected.insert(step.label(), step);
        }
    }
}

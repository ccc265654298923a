//! Which indices to ask the chain for next, when nothing but the words is left (wire.md section 2).

use std::collections::BTreeSet;
use std::ops::Range;

/// Indices asked at a time: what one `relationships` query takes.
pub const BATCH: u32 = 30;
/// Unused indices past the last used one after which recovery ends.
pub const GAP: u32 = 20;

/// State of a recovery. Ask [`Recovery::next`], look those indices up, hand the used ones to
/// [`Recovery::learn`], until there is nothing more to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    asked: u32,
    used: BTreeSet<u32>,
}

impl Recovery {
    pub fn new() -> Recovery {
        Recovery::default()
    }

    /// The next indices to look up; none when recovery is complete.
    pub fn next(&self) -> Option<Range<u32>> {
        let needed = self.used.last().map_or(GAP, |last| last.saturating_add(1).saturating_add(GAP));
        (self.asked < needed).then(|| self.asked..self.asked.saturating_add(BATCH))
    }

    /// `used` of the indices that [`Recovery::next`] named; others are ignored.
    pub fn learn(&mut self, used: impl IntoIterator<Item = u32>) {
        let Some(range) = self.next() else { return };
        self.used.extend(used.into_iter().filter(|i| range.contains(i)));
        self.asked = range.end;
    }

    /// Indices in use, in order.
    pub fn used(&self) -> impl Iterator<Item = u32> + '_ {
        self.used.iter().copied()
    }

    /// The first index past every used one.
    pub fn first_unused(&self) -> u32 {
        self.used.last().map_or(0, |last| last.saturating_add(1))
    }
}

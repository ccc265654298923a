//! How many entries of each kind were written since the start, for metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Counts what is durable: an entry's kind is noted when it is appended, and counts once the log has grown beyond it. One
/// that was undone is noted anew by whoever takes its index.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    appended: BTreeMap<u64, &'static str>,
    durable: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// An entry is appended; its transaction may still be undone.
    pub fn append(&self, index: u64, kind: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).appended.insert(index, kind);
    }

    /// By kind, when the log's first `size` entries are durable.
    pub fn durable(&self, size: u64) -> BTreeMap<&'static str, u64> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.settle(size);
        noted.durable.clone()
    }

    /// A transaction begins on a log of `size` entries.
    pub fn begin(&self, size: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).settle(size);
    }
}

impl Noted {
    fn settle(&mut self, size: u64) {
        let later = self.appended.split_off(&size);
        for kind in std::mem::replace(&mut self.appended, later).into_values() {
            let count = self.durable.entry(kind).or_default();
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasted_counts_and_counts_once() {
        let tally = Tally::default();
        tally.begin(0);
        tally.append(0, "filed");
        assert_eq!(tally.durable(0), BTreeMap::new(), "not durable yet");
        tally.append(1, "filed");
        tally.append(2, "filed");
        // All of it is undone; the next transaction takes the first two places.
        tally.begin(0);
        tally.append(0, "read");
        tally.append(1, "filed");
        assert_eq!(tally.durable(2), BTreeMap::from([("filed", 1), ("read", 1)]));
        tally.begin(2);
        tally.append(2, "read");
        tally.begin(3);
        assert_eq!(tally.durable(3), BTreeMap::from([("filed", 1), ("read", 2)]));
    }
}

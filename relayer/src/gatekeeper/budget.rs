//! How many refusals go into the log: bounded for each relationship and in total, as addresses cost nothing
//! (security H23). Beyond that a refusal is as before, only not filed.

use std::collections::BTreeMap;

/// Seconds after which counting begins anew.
const WINDOW: u64 = 3600;

/// Refusals filed in the present window.
#[derive(Debug)]
pub struct Budget {
    per_relationship: u32,
    total: u32,
    window: u64,
    counts: BTreeMap<u64, u32>,
    all: u32,
}

impl Budget {
    pub fn new(per_relationship: u32, total: u32) -> Self {
        Self { per_relationship, total, window: 0, counts: BTreeMap::new(), all: 0 }
    }

    /// Takes one place, if there is one.
    pub fn take(&mut self, relationship: u64, now: u64) -> bool {
        let window = now / WINDOW;
        if window != self.window {
            *self = Self { window, ..Self::new(self.per_relationship, self.total) };
        }
        let count = self.counts.entry(relationship).or_default();
        if *count >= self.per_relationship || self.all >= self.total {
            return false;
        }
        *count = count.saturating_add(1);
        self.all = self.all.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_for_each_and_for_all_and_renewed() {
        let mut budget = Budget::new(2, 3);
        let taken: Vec<bool> = [1, 1, 1, 2, 3].into_iter().map(|id| budget.take(id, 10)).collect();
        assert_eq!(taken, [true, true, false, true, false]);
        assert!(budget.take(1, WINDOW + 10));
    }
}

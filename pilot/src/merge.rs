//! How well records were merged: pairs of one item against pairs that are one fact by the sample.

use std::collections::BTreeSet;

use serde::Serialize;

/// Counts of pairs of records. Perfect: `right == shown == there`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Pairs shown as one item.
    pub shown: u64,
    /// Pairs that are one fact.
    pub there: u64,
    /// Of both.
    pub right: u64,
}

/// As the report has it; the shares are of 1.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Merge {
    /// Records of all patients, and the items they were shown as.
    pub records: u64,
    pub items: u64,
    /// Of the pairs shown as one item, how many are one fact.
    pub precision: f64,
    /// Of the pairs that are one fact, how many were shown as one item.
    pub recall: f64,
}

impl Pairs {
    /// Of one patient: records that were shown together, and records that belong together.
    pub fn of<T: Ord>(shown: &[BTreeSet<T>], truth: &[BTreeSet<T>]) -> Self {
        let (shown, there) = (pairs(shown), pairs(truth));
        let right = shown.intersection(&there).count();
        Self { shown: count(shown.len()), there: count(there.len()), right: count(right) }
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            shown: self.shown.saturating_add(other.shown),
            there: self.there.saturating_add(other.there),
            right: self.right.saturating_add(other.right),
        }
    }

    pub fn precision(self) -> f64 {
        share(self.right, self.shown)
    }

    pub fn recall(self) -> f64 {
        share(self.right, self.there)
    }
}

fn pairs<T: Ord>(sets: &[BTreeSet<T>]) -> BTreeSet<(&T, &T)> {
    let of = |set| BTreeSet::iter(set).flat_map(move |a| BTreeSet::iter(set).map(move |b| (a, b)));
    sets.iter().flat_map(of).filter(|(a, b)| a < b).collect()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Of nothing, all is right.
#[expect(clippy::cast_precision_loss, reason = "thousands of pairs")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(sets: &[&[u8]]) -> Vec<BTreeSet<u8>> {
        sets.iter().map(|set| set.iter().copied().collect()).collect()
    }

    #[test]
    fn pairs_are_counted() {
        let pairs = Pairs::of(&sets(&[&[1, 2, 3], &[4]]), &sets(&[&[1, 2], &[4, 5]]));
        assert_eq!(pairs, Pairs { shown: 3, there: 2, right: 1 });
        assert!((pairs.precision() - 1.0 / 3.0).abs() < 1e-9 && (pairs.recall() - 0.5).abs() < 1e-9);
        let both = pairs.plus(Pairs::of(&sets(&[&[1, 2]]), &sets(&[&[1, 2]])));
        assert_eq!(both, Pairs { shown: 4, there: 3, right: 2 });
    }

    #[test]
    fn nothing_to_merge_is_merged_well() {
        let none = Pairs::of(&sets(&[&[1], &[2]]), &[]);
        assert_eq!(none, Pairs::default());
        assert!((none.precision() - 1.0).abs() < 1e-9 && (none.recall() - 1.0).abs() < 1e-9);
    }
}

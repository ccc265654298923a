//! What of one patient counts.

use medrec_api::bounty::Bounds;

/// One observation of a patient.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contribution {
    /// Seconds since 1970.
    pub at: u64,
    /// Tells two of one moment apart, the same way every time.
    pub key: String,
    /// At the scale of the question's bounds; 0 where only patients are counted.
    pub value: i64,
}

/// The newest `limit` values, clamped into the bounds.
#[must_use]
pub fn newest(mut all: Vec<Contribution>, limit: u8, bounds: Option<&Bounds>) -> Vec<i64> {
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.into_iter()
        .take(limit.into())
        .map(|contribution| match bounds {
            // Not `clamp`, which panics on bounds that no valid question has.
            Some(bounds) => contribution.value.max(bounds.lower).min(bounds.upper),
            None => contribution.value,
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "test code")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[(u64, i64)]) -> Vec<Contribution> {
        let key = |n: usize| format!("{n:03}");
        values
            .iter()
            .enumerate()
            .map(|(n, (at, value))| Contribution { at: *at, key: key(n), value: *value })
            .collect()
    }

    #[test]
    fn the_newest_count_and_ties_are_broken_by_key() {
        let bounds = Bounds { lower: 0, upper: 100, scale: 0 };
        let all = of(&[(5, 1), (9, 2), (9, 3), (1, 4), (7, 1000)]);
        assert_eq!(newest(all, 3, Some(&bounds)), [3, 2, 100]);
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_never_outside_the_bounds_whatever_the_order(
            values in prop::collection::vec((0u64..50, any::<i64>()), 0..40),
            limit in 1u8..=16, lower in -1000i64..1000, width in 1i64..1000, turn in any::<prop::sample::Index>(),
        ) {
            let bounds = Bounds { lower, upper: lower + width, scale: 0 };
            let all = of(&values);
            let mut turned = all.clone();
            if !turned.is_empty() {
                let at = turn.index(turned.len());
                turned.rotate_left(at);
            }
            let found = newest(all, limit, Some(&bounds));
            prop_assert_eq!(found.len(), values.len().min(limit.into()));
            prop_assert!(found.iter().all(|value| (lower..=lower + width).contains(value)));
            prop_assert_eq!(found, newest(turned, limit, Some(&bounds)));
        }
    }
}

//! Exact sums over patients: what noise is added to.

use medrec_api::bounty::{Bounds, MAX_BINS, Measure};

use crate::plan::Quantity;

/// Sums over the patients added so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    bounds: Option<Bounds>,
    patients: i128,
    values: i128,
    sum: i128,
    /// Twice the distance from the middle of the bounds, so that it is whole.
    centred: i128,
    bins: Vec<i128>,
}

/// Bins of a measure; 0: it has none.
#[must_use]
pub fn bins_of(measure: &Measure) -> u8 {
    match measure {
        Measure::Histogram { bins, .. } => *bins,
        Measure::Quantile { .. } => MAX_BINS,
        Measure::Count {} | Measure::Sum { .. } | Measure::Mean { .. } => 0,
    }
}

/// Bounds of a measure; none of a count.
#[must_use]
pub fn bounds_of(measure: &Measure) -> Option<Bounds> {
    match measure {
        Measure::Count {} => None,
        Measure::Sum { bounds }
        | Measure::Mean { bounds }
        | Measure::Histogram { bounds, .. }
        | Measure::Quantile { bounds, .. } => Some(*bounds),
    }
}

/// Lower end of a bin; that of the bin after the last is one above the upper bound.
#[must_use]
pub fn bin_edge(bounds: &Bounds, bins: u8, bin: u8) -> i64 {
    let steps = width(bounds).saturating_mul(bin.into());
    let bins = i128::from(bins.max(1));
    let whole = steps.saturating_add(bins.saturating_sub(1)).checked_div(bins).unwrap_or_default();
    narrow(i128::from(bounds.lower).saturating_add(whole))
}

/// Values from one bound to the other, both counted.
fn width(bounds: &Bounds) -> i128 {
    i128::from(bounds.upper).saturating_sub(bounds.lower.into()).saturating_add(1)
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl Tally {
    #[must_use]
    pub fn new(measure: &Measure) -> Self {
        let bounds = bounds_of(measure);
        let bins = vec![0; bins_of(measure).into()];
        Self { bounds, patients: 0, values: 0, sum: 0, centred: 0, bins }
    }

    /// One patient, by what [`crate::newest`] left of him. Nothing left: he is not counted.
    pub fn add(&mut self, values: &[i64]) {
        if values.is_empty() {
            return;
        }
        self.patients = self.patients.saturating_add(1);
        for value in values {
            self.values = self.values.saturating_add(1);
            let Some(bounds) = self.bounds else { continue };
            let value = i128::from(*value);
            self.sum = self.sum.saturating_add(value);
            let ends = i128::from(bounds.lower).saturating_add(bounds.upper.into());
            self.centred = self.centred.saturating_add(value.saturating_mul(2).saturating_sub(ends));
            let bins = i128::try_from(self.bins.len()).unwrap_or_default();
            let from_lower = value.saturating_sub(bounds.lower.into()).max(0);
            let bin = from_lower.saturating_mul(bins).checked_div(width(&bounds)).unwrap_or_default();
            let bin = usize::try_from(bin.min(bins.saturating_sub(1))).unwrap_or_default();
            if let Some(count) = self.bins.get_mut(bin) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// The exact numbers of a quantity. A number beyond 64 bits stays at the nearest that fits: a patient moves it no
    /// further for that.
    #[must_use]
    pub fn exact(&self, quantity: Quantity) -> Vec<i64> {
        match quantity {
            Quantity::Patients => vec![narrow(self.patients)],
            Quantity::Contributions => vec![narrow(self.values)],
            Quantity::Sum => vec![narrow(self.sum)],
            Quantity::Centred => vec![narrow(self.centred)],
            Quantity::Cells => self.bins.iter().copied().map(narrow).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "test code")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::plan;
    use medrec_api::bounty::{Category, Cohort, Question};

    #[test]
    fn bins_are_equal_and_cover_the_bounds() {
        let bounds = Bounds { lower: -3, upper: 6, scale: 0 };
        let edges: Vec<i64> = (0..=4).map(|bin| bin_edge(&bounds, 4, bin)).collect();
        assert_eq!(edges, [-3, 0, 2, 5, 7]);
        let mut tally = Tally::new(&Measure::Histogram { bounds, bins: 4 });
        for value in -3..=6 {
            tally.add(&[value]);
        }
        assert_eq!(tally.exact(Quantity::Cells), [3, 2, 3, 2]);
    }

    fn measures() -> impl Strategy<Value = Measure> {
        let bounds = (-5000i64..5000, 1i64..5000).prop_map(|(lower, width)| Bounds {
            lower,
            upper: lower + width,
            scale: 1,
        });
        (bounds, 2u8..=MAX_BINS, 1u16..1000, 0u8..5).prop_map(|(bounds, bins, permille, which)| match which {
            0 => Measure::Count {},
            1 => Measure::Sum { bounds },
            2 => Measure::Mean { bounds },
            3 => Measure::Histogram { bounds, bins },
            _ => Measure::Quantile { bounds, permille },
        })
    }

    fn question(measure: Measure, contributions: u8) -> Question {
        Question {
            system: "s".into(),
            code: "c".into(),
            unit: "u".into(),
            category: Category::Laboratory,
            cohort: Cohort { sex: None, age: None, from: 0, until: medrec_api::bounty::WEEK },
            measure,
            contributions,
        }
    }

    proptest! {
        /// The ground of everything: one patient more or less moves what is released by no more than is claimed.
        #[test]
        fn one_patient_moves_the_numbers_by_no_more_than_the_sensitivity(
            measure in measures(), limit in 1u8..=16,
            others in prop::collection::vec(prop::collection::vec(any::<i64>(), 0..20), 0..6),
            one in prop::collection::vec(any::<i64>(), 0..20),
        ) {
            let bounds = Tally::new(&measure).bounds;
            let bounded = |values: &[i64]| {
                let all = values.iter().zip(0u64..).map(|(value, at)| crate::Contribution {
                    at, key: String::new(), value: *value,
                });
                crate::newest(all.collect(), limit, bounds.as_ref())
            };
            let mut without = Tally::new(&measure);
            for other in &others {
                without.add(&bounded(other));
            }
            let mut with = without.clone();
            with.add(&bounded(&one));
            for part in plan(&question(measure, limit), 1_000_000).unwrap() {
                let (a, b) = (without.exact(part.quantity), with.exact(part.quantity));
                let moved: u64 = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).sum();
                prop_assert!(moved <= part.sensitivity, "{:?}: {moved} > {}", part.quantity, part.sensitivity);
            }
        }

        #[test]
        fn every_value_falls_into_the_bin_of_its_edges(
            lower in -1000i64..1000, width in 1i64..5000, bins in 2u8..=MAX_BINS, value in any::<i64>(),
        ) {
            let bounds = Bounds { lower, upper: lower + width, scale: 0 };
            let value = value.max(bounds.lower).min(bounds.upper);
            let mut tally = Tally::new(&Measure::Histogram { bounds, bins });
            tally.add(&[value]);
            let bin = tally.exact(Quantity::Cells).iter().position(|count| *count == 1).unwrap();
            let bin = u8::try_from(bin).unwrap();
            prop_assert!((bin_edge(&bounds, bins, bin)..bin_edge(&bounds, bins, bin + 1)).contains(&value));
        }
    }
}

//! What noisy numbers say. Nothing here looks at data: it costs no ε.

use medrec_api::bounty::{Bounds, Measure, Question};
use minicbor::{Decode, Encode};

use crate::{Error, bin_edge, bins_of};

/// Digits of a mean behind those of the question's scale.
pub const MEAN_DIGITS: u8 = 2;

/// An answer's numbers, at the scale of the question's bounds. `patients` is noisy like everything else.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// Below the floor: refused, at the same price.
    #[n(0)]
    TooFew,
    #[n(1)]
    Count {
        #[n(0)]
        patients: i64,
    },
    #[n(2)]
    Sum {
        #[n(0)]
        patients: i64,
        #[n(1)]
        sum: i64,
    },
    #[n(3)]
    Mean {
        #[n(0)]
        patients: i64,
        #[n(1)]
        contributions: i64,
        /// Twice the distances from the middle of the bounds, summed.
        #[n(2)]
        centred: i64,
        /// With [`MEAN_DIGITS`] more digits than the scale.
        #[n(3)]
        mean: i64,
    },
    #[n(4)]
    Histogram {
        #[n(0)]
        patients: i64,
        #[n(1)]
        bins: u8,
        #[n(2)]
        cells: Vec<Cell>,
    },
    #[n(5)]
    Quantile {
        #[n(0)]
        patients: i64,
        #[n(1)]
        bins: u8,
        #[n(2)]
        cells: Vec<Cell>,
        #[n(3)]
        value: i64,
    },
}

/// Neighbouring bins, as many as it takes to come to the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cell {
    #[n(0)]
    pub first: u8,
    #[n(1)]
    pub last: u8,
    #[n(2)]
    pub count: i64,
}

/// What the noisy numbers, in the order of [`crate::plan`], say.
pub fn conclude(question: &Question, noisy: &[Vec<i64>], floor: u32) -> Result<Outcome, Error> {
    let expected = match question.measure {
        Measure::Count {} => 1,
        Measure::Mean { .. } => 3,
        _ => 2,
    };
    let wrong = || Error::Numbers { expected, found: noisy.len() };
    let numbers = |place: usize| noisy.get(place).ok_or_else(wrong);
    let number = |place: usize| numbers(place)?.first().copied().ok_or_else(wrong);
    if noisy.len() != expected {
        return Err(wrong());
    }
    let patients = number(0)?;
    if patients < i64::from(floor) {
        return Ok(Outcome::TooFew);
    }
    // So many contributions are of so many patients at least.
    let fewest = i64::from(floor).saturating_mul(question.contributions.into());
    Ok(match &question.measure {
        Measure::Count {} => Outcome::Count { patients },
        Measure::Sum { .. } => Outcome::Sum { patients, sum: number(1)? },
        Measure::Mean { bounds } => {
            let (contributions, centred) = (number(1)?, number(2)?);
            match mean(bounds, contributions, centred) {
                Some(mean) => Outcome::Mean { patients, contributions, centred, mean },
                None => Outcome::TooFew,
            }
        }
        Measure::Histogram { bins, .. } => {
            Outcome::Histogram { patients, bins: *bins, cells: merge(numbers(1)?, fewest) }
        }
        Measure::Quantile { bounds, permille } => {
            let bins = bins_of(&question.measure);
            match quantile(bounds, bins, numbers(1)?, *permille) {
                Some(value) => Outcome::Quantile { patients, bins, cells: merge(numbers(1)?, fewest), value },
                None => Outcome::TooFew,
            }
        }
    })
}

/// Within the bounds, half away from zero.
pub(crate) fn mean(bounds: &Bounds, contributions: i64, centred: i64) -> Option<i64> {
    if contributions < 1 {
        return None;
    }
    let n = i128::from(contributions);
    let digits = 10i128.saturating_pow(MEAN_DIGITS.into());
    let ends = i128::from(bounds.lower).saturating_add(bounds.upper.into());
    let doubled = ends.saturating_mul(n).saturating_add(centred.into()).saturating_mul(digits);
    let below = n.saturating_mul(2);
    let half = if doubled < 0 { n.saturating_neg() } else { n };
    let rounded = doubled.saturating_add(half).checked_div(below)?;
    let within = |bound: i64| i128::from(bound).saturating_mul(digits);
    i64::try_from(rounded.max(within(bounds.lower)).min(within(bounds.upper))).ok()
}

/// Bins put together from the left until they come to `fewest`; what is left over goes to the last cell.
fn merge(noisy: &[i64], fewest: i64) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut open: Option<Cell> = None;
    for (count, bin) in noisy.iter().zip(0u8..) {
        let cell = match open.take() {
            Some(cell) => Cell { last: bin, count: cell.count.saturating_add(*count), ..cell },
            None => Cell { first: bin, last: bin, count: *count },
        };
        if cell.count >= fewest {
            cells.push(cell);
        } else {
            open = Some(cell);
        }
    }
    if let Some(rest) = open {
        match cells.last_mut() {
            Some(last) => {
                last.last = rest.last;
                last.count = last.count.saturating_add(rest.count);
            }
            None => cells.push(rest),
        }
    }
    cells
}

/// Interpolated within the bin in which the wanted share is reached; noise below zero counts as none.
fn quantile(bounds: &Bounds, bins: u8, noisy: &[i64], permille: u16) -> Option<i64> {
    let counts = || noisy.iter().map(|count| i128::from((*count).max(0)));
    let total = counts().fold(0i128, i128::saturating_add);
    let wanted = total.saturating_mul(permille.into()).saturating_add(999).checked_div(1000)?.max(1);
    let mut below = 0i128;
    for (count, bin) in counts().zip(0u8..) {
        let reached = below.saturating_add(count);
        if reached >= wanted {
            let (from, to) = (bin_edge(bounds, bins, bin), bin_edge(bounds, bins, bin.saturating_add(1)));
            let step = i128::from(to).saturating_sub(from.into());
            let into = wanted.saturating_sub(below).saturating_mul(step).checked_div(count)?;
            let value = i128::from(from).saturating_add(into).min(i128::from(to).saturating_sub(1));
            return i64::try_from(value).ok();
        }
        below = reached;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { lower: 100, upper: 200, scale: 1 };

    #[test]
    fn a_mean_is_that_of_its_sum_and_count() {
        // 15.0 and 15.5: twice the distances from 15.0 are 0 and 10.
        assert_eq!(mean(&BOUNDS, 2, 10), Some(15250));
        assert_eq!(mean(&BOUNDS, 3, 10), Some(15167), "15.1666… rounded");
        assert_eq!(mean(&BOUNDS, 1, 1 << 40), Some(20000), "never outside the bounds");
        assert_eq!(mean(&BOUNDS, 0, 5), None);
        let below_zero = Bounds { lower: -200, upper: -100, scale: 1 };
        assert_eq!(mean(&below_zero, 3, -10), Some(-15167));
    }

    #[test]
    fn small_cells_are_merged_and_the_rest_goes_to_the_last() {
        let cell = |first, last, count| Cell { first, last, count };
        assert_eq!(merge(&[3, 9, 40, -2, 5], 11), [cell(0, 1, 12), cell(2, 4, 43)]);
        assert_eq!(merge(&[1, 2], 11), [cell(0, 1, 3)]);
        assert_eq!(merge(&[20, 20], 11), [cell(0, 0, 20), cell(1, 1, 20)]);
    }

    #[test]
    fn a_quantile_is_interpolated_in_its_bin() {
        // Bins 100-150, 151-200.
        assert_eq!(quantile(&BOUNDS, 2, &[10, 10], 500), Some(150));
        assert_eq!(quantile(&BOUNDS, 2, &[10, 10], 250), Some(115 + 10));
        assert_eq!(quantile(&BOUNDS, 2, &[-5, 10], 1), Some(156));
        assert_eq!(quantile(&BOUNDS, 2, &[-5, 0], 500), None);
    }

    proptest! {
        #[test]
        fn cells_cover_every_bin_once_and_keep_the_sum(
            noisy in prop::collection::vec(-20i64..60, 1..=32), fewest in 11i64..100,
        ) {
            let cells = merge(&noisy, fewest);
            prop_assert_eq!(cells.iter().map(|cell| cell.count).sum::<i64>(), noisy.iter().sum::<i64>());
            let bins: Vec<u8> = cells.iter().flat_map(|cell| cell.first..=cell.last).collect();
            prop_assert_eq!(bins, (0..u8::try_from(noisy.len()).unwrap()).collect::<Vec<u8>>());
            prop_assert!(cells.len() == 1 || cells.iter().rev().skip(1).all(|cell| cell.count >= fewest));
        }
    }
}

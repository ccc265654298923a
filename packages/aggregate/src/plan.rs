//! What is released of a question, with which sensitivity and which share of its ε.

use medrec_api::bounty::{Bounds, Measure, Question};

use crate::Error;

/// Millionths of ε below which no question is answered: the noise would be larger than any hospital.
pub const MIN_EPSILON: u64 = 1_000;

/// A number, or numbers, to be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Patients with at least one contribution. The floor is tested on it.
    Patients,
    Contributions,
    Sum,
    /// Sum of twice the distance from the middle of the bounds: a patient moves it half as far as the sum itself.
    Centred,
    /// Contributions by bin.
    Cells,
}

/// One release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub quantity: Quantity,
    /// How far one patient more or less moves it, all numbers together.
    pub sensitivity: u64,
    /// In millionths of ε.
    pub share: u64,
}

/// Releases of a question that costs `epsilon` millionths. The count that the floor is tested on has a quarter, or all
/// of it where it is the answer; a mean's sum has half, its count of contributions a quarter. The shares give the whole.
pub fn plan(question: &Question, epsilon: u64) -> Result<Vec<Part>, Error> {
    if epsilon < MIN_EPSILON {
        return Err(Error::Epsilon { micro: epsilon, min: MIN_EPSILON });
    }
    let each = u64::from(question.contributions);
    let quarter = epsilon.wrapping_div(4);
    let rest = epsilon.saturating_sub(quarter);
    let patients = |share| Part { quantity: Quantity::Patients, sensitivity: 1, share };
    Ok(match &question.measure {
        Measure::Count {} => vec![patients(epsilon)],
        Measure::Sum { bounds } => {
            let largest = bounds.lower.unsigned_abs().max(bounds.upper.unsigned_abs());
            let sensitivity = each.saturating_mul(largest);
            vec![patients(quarter), Part { quantity: Quantity::Sum, sensitivity, share: rest }]
        }
        Measure::Mean { bounds } => vec![
            patients(quarter),
            Part { quantity: Quantity::Contributions, sensitivity: each, share: quarter },
            Part {
                quantity: Quantity::Centred,
                sensitivity: each.saturating_mul(span(bounds)),
                share: rest.saturating_sub(quarter),
            },
        ],
        Measure::Histogram { .. } | Measure::Quantile { .. } => {
            vec![patients(quarter), Part { quantity: Quantity::Cells, sensitivity: each, share: rest }]
        }
    })
}

fn span(bounds: &Bounds) -> u64 {
    let span = i128::from(bounds.upper).saturating_sub(bounds.lower.into());
    u64::try_from(span).unwrap_or(u64::MAX)
}

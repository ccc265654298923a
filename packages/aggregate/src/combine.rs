//! Answers of several hospitals to one question, and how far noise may have moved a number.
//!
//! Floats are used for bounds on noise only, never over data; they are rounded outwards.

use crate::{Answer, Error, MEAN_DIGITS, Noise, Outcome, outcome};

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub low: i64,
    pub high: i64,
}

/// A number with the interval in which it would be without noise, in 95 of 100 cases at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub value: i64,
    pub interval: Interval,
}

/// What one or several answers say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combined {
    /// Institutions that answered with a number.
    pub institutions: u32,
    /// Those that had too few.
    pub too_few: u32,
    /// A patient of several hospitals is counted by each: the sum of the counts.
    pub patients: Reading,
    /// Distinct patients: at least as many as the largest hospital has, at most the sum. Noise not considered.
    pub distinct: Interval,
    /// Of a sum, or of a mean with [`MEAN_DIGITS`] more digits than the scale; none for other measures.
    pub value: Option<Reading>,
    /// What it cost a person who is in all of the data sets, in millionths of ε: it adds up.
    pub epsilon: u64,
}

/// Half of an interval that holds the sum of discrete Laplace noises of these scales (× 1,024) with a probability of
/// 1 - 1/`odds` at least, by the better of two bounds: each of `n` within its 1/(`odds` n), or the tail of a sum of
/// sub-exponential variables (Bernstein). For one of scale b and whole t >= 0, P(|X| > t) <= e^{-t/b}.
fn reach(scales_1024: &[u64], odds: u32) -> i64 {
    let scales = || scales_1024.iter().map(|scale| (*scale as f64) / 1024.0);
    let n = scales_1024.len() as f64;
    let each = (f64::from(odds) * n).ln();
    let union: f64 = scales().map(|scale| (scale * each).ceil()).sum();
    let squares: f64 = scales().map(|scale| scale * scale).sum();
    let largest = scales().fold(0.0, f64::max);
    // E e^{sX} <= 1/(1 - b²s²) <= e^{2b²s²} for |s| <= 1/(2b): P(|sum| >= t) <= 2 e^{-t²/(8 Σb²)}, t <= 2 Σb² / b_max.
    let log = (2.0 * f64::from(odds)).ln();
    let gaussian = (8.0 * squares * log).sqrt();
    let bernstein = if gaussian <= 2.0 * squares / largest { gaussian } else { f64::INFINITY };
    whole(union.min(bernstein))
}

/// Rounded up; at most what an i64 takes.
fn whole(reach: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the ends of the type")]
    let whole = reach.ceil().max(0.0) as i64;
    whole
}

/// 95 % interval of a sum of noisy numbers.
#[must_use]
pub fn interval(value: i64, scales_1024: &[u64]) -> Interval {
    around(value, reach(scales_1024, 20))
}

fn around(value: i64, reach: i64) -> Interval {
    Interval { low: value.saturating_sub(reach), high: value.saturating_add(reach) }
}

/// 95 % interval of `centred / contributions`, as a mean with more digits: both parts within their 97.5 %.
#[must_use]
pub fn rational_interval(answer: &Answer, contributions: (i64, &[u64]), centred: (i64, &[u64])) -> Interval {
    let below = around(contributions.0, reach(contributions.1, 40));
    let above = around(centred.0, reach(centred.1, 40));
    let ends = [above.low, above.high]
        .into_iter()
        .flat_map(|above| [below.low.max(1), below.high.max(1)].map(|below| mean(answer, below, above)));
    let (low, high) =
        ends.fold((i64::MAX, i64::MIN), |(low, high), end| (low.min(end.low), high.max(end.high)));
    Interval { low, high }
}

/// A mean rounded down and up, within the bounds.
fn mean(answer: &Answer, contributions: i64, centred: i64) -> Interval {
    let digits = 10i128.saturating_pow(MEAN_DIGITS.into());
    let n = i128::from(contributions.max(1));
    let ends = i128::from(answer.lower).saturating_add(answer.upper.into());
    let doubled = ends.saturating_mul(n).saturating_add(centred.into()).saturating_mul(digits);
    let low = doubled.checked_div_euclid(n.saturating_mul(2)).unwrap_or_default();
    let bound = |bound: i64| i128::from(bound).saturating_mul(digits);
    let within = |value: i128| {
        let value = value.max(bound(answer.lower)).min(bound(answer.upper));
        i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    };
    Interval { low: within(low), high: within(low.saturating_add(1)) }
}

impl Combined {
    /// Of answers to one question, each of another institution.
    pub fn of(answers: &[Answer]) -> Result<Self, Error> {
        let first = answers.first().ok_or(Error::None)?;
        let mut institutions: Vec<u32> = answers.iter().map(|answer| answer.institution).collect();
        institutions.sort_unstable();
        let twice = institutions.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
        let other = answers.iter().find(|answer| {
            answer.question != first.question
                || answer.bounds() != first.bounds()
                || answer.unit != first.unit
        });
        if let Some(other) = other.or_else(|| first_of(answers, twice)) {
            return Err(Error::Questions { first: first.id.clone(), other: other.id.clone() });
        }
        let counted: Vec<(&Answer, i64)> =
            answers.iter().filter_map(|answer| Some((answer, patients(&answer.outcome)?))).collect();
        let sum = counted.iter().fold(0i64, |sum, (_, patients)| sum.saturating_add(*patients));
        let largest = counted.iter().map(|(_, patients)| *patients).max().unwrap_or_default();
        let some = |counted: usize| u32::try_from(counted).unwrap_or(u32::MAX);
        Ok(Self {
            institutions: some(counted.len()),
            too_few: some(answers.len().saturating_sub(counted.len())),
            patients: Reading { value: sum, interval: interval(sum, &scales(&counted, 0)) },
            distinct: Interval { low: largest, high: sum },
            value: value(first, &counted),
            epsilon: answers.iter().fold(0, |sum, answer| sum.saturating_add(answer.epsilon)),
        })
    }
}

fn first_of(answers: &[Answer], wanted: bool) -> Option<&Answer> {
    answers.last().filter(|_| wanted)
}

fn patients(outcome: &Outcome) -> Option<i64> {
    match outcome {
        Outcome::TooFew => None,
        Outcome::Count { patients }
        | Outcome::Sum { patients, .. }
        | Outcome::Mean { patients, .. }
        | Outcome::Histogram { patients, .. }
        | Outcome::Quantile { patients, .. } => Some(*patients),
    }
}

/// Noise scales of one release in all answers.
fn scales(counted: &[(&Answer, i64)], release: usize) -> Vec<u64> {
    counted
        .iter()
        .filter_map(|(answer, _)| answer.noise.get(release))
        .map(|Noise { scale_1024, .. }| *scale_1024)
        .collect()
}

fn value(first: &Answer, counted: &[(&Answer, i64)]) -> Option<Reading> {
    let add = |of: &dyn Fn(&Outcome) -> Option<i64>| {
        let mut found = counted.iter().filter_map(|(answer, _)| of(&answer.outcome)).peekable();
        found.peek()?;
        Some(found.fold(0i64, i64::saturating_add))
    };
    let sum = add(&|outcome| match outcome {
        Outcome::Sum { sum, .. } => Some(*sum),
        _ => None,
    });
    if let Some(value) = sum {
        return Some(Reading { value, interval: interval(value, &scales(counted, 1)) });
    }
    let n = add(&|outcome| match outcome {
        Outcome::Mean { contributions, .. } => Some(*contributions),
        _ => None,
    })?;
    let centred = add(&|outcome| match outcome {
        Outcome::Mean { centred, .. } => Some(*centred),
        _ => None,
    })?;
    let interval = rational_interval(first, (n, &scales(counted, 1)), (centred, &scales(counted, 2)));
    Some(Reading { value: outcome::mean(&first.bounds(), n, centred)?, interval })
}

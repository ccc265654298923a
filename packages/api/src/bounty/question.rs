//! A question over coded observations: typed, so that contract and research desk agree on what is asked.

use cosmwasm_schema::cw_serde;

use super::MeasureKind;
use crate::validate::{self, Invalid};

/// Contributions of one patient that an answer counts, at most.
pub const MAX_CONTRIBUTIONS: u8 = 16;
/// Bins of a histogram, at most.
pub const MAX_BINS: u8 = 32;
/// Digits behind the decimal point of bounds, at most.
pub const MAX_SCALE: u8 = 6;
/// Bounds are integers below this in size: a sum over 10^6 patients × 16 contributions fits 64 bits.
pub const MAX_BOUND: i64 = 1 << 36;
/// Seconds of a week, to which a period is rounded: one day more or less in it would tell one visit (security H31).
pub const WEEK: u64 = 604_800;
/// The oldest a patient can be, in an age band.
pub const MAX_AGE: u8 = 120;
/// The latest end of a period: the last whole week before the year 10,000, which calendars can still write.
pub const MAX_TIME: u64 = 253_402_300_800 / WEEK * WEEK;

/// What is asked of one institution's data set.
#[cw_serde]
#[derive(Eq)]
pub struct Question {
    /// FHIR `Observation.code.coding`: 1 to 64 bytes each.
    pub system: String,
    pub code: String,
    /// UCUM; observations in another unit do not count. 1 to 24 bytes, and empty for a count, which takes every unit.
    pub unit: String,
    /// What a patient's research choice has to allow.
    pub category: Category,
    pub cohort: Cohort,
    pub measure: Measure,
    /// The newest so many observations of one patient count: 1 to 16, and 1 for a count of patients.
    pub contributions: u8,
}

/// FHIR observation categories; a patient's choice is a mask of their bits.
#[cw_serde]
#[derive(Copy, Eq)]
pub enum Category {
    SocialHistory,
    VitalSigns,
    Imaging,
    Laboratory,
    Procedure,
    Survey,
    Exam,
    Therapy,
}

/// Who is counted. A patient whose sex or birth date is not known is in no cohort that asks for it.
#[cw_serde]
#[derive(Eq)]
pub struct Cohort {
    pub sex: Option<Sex>,
    /// Whole years at the end of the period.
    pub age: Option<AgeBand>,
    /// Observed within; seconds since 1970, whole weeks.
    pub from: u64,
    pub until: u64,
}

/// FHIR administrative gender, as far as cohorts ask.
#[cw_serde]
#[derive(Copy, Eq)]
pub enum Sex {
    Female,
    Male,
}

/// Both ends belong to it.
#[cw_serde]
#[derive(Copy, Eq)]
pub struct AgeBand {
    pub from: u8,
    pub to: u8,
}

/// What is computed over the contributions.
#[cw_serde]
#[derive(Eq)]
pub enum Measure {
    /// Patients with at least one observation.
    Count {},
    Sum {
        bounds: Bounds,
    },
    Mean {
        bounds: Bounds,
    },
    /// Equal bins over the bounds; what lies outside is clamped into the outermost.
    Histogram {
        bounds: Bounds,
        bins: u8,
    },
    /// By a histogram of [`MAX_BINS`] bins; `permille` 1 to 999.
    Quantile {
        bounds: Bounds,
        permille: u16,
    },
}

/// Values are clamped into them: `lower × 10^-scale` to `upper × 10^-scale`.
#[cw_serde]
#[derive(Copy, Eq)]
pub struct Bounds {
    pub lower: i64,
    pub upper: i64,
    /// 0 to 6.
    pub scale: u8,
}

impl Category {
    /// Its bit in a research choice.
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Question {
    /// Shape and bounds; the contract asks before anything is stored, the desk before anything is read. One question
    /// has one form: two that differ ask for different things.
    pub fn validate(&self) -> Result<(), Invalid> {
        let valued = !matches!(self.measure, Measure::Count {});
        coding(&self.system, &self.code)?;
        unit(&self.unit, valued)?;
        let most = if valued { MAX_CONTRIBUTIONS } else { 1 };
        validate::range("contributions", self.contributions.into(), 1, most.into())?;
        self.cohort.validate()?;
        self.measure.validate()
    }
}

pub(super) fn coding(system: &str, code: &str) -> Result<(), Invalid> {
    for (field, text) in [("system", system), ("code", code)] {
        validate::length(field, text.len(), 1, 64)?;
        plain(field, text)?;
    }
    Ok(())
}

/// `valued`: the measure takes values, which have a unit.
pub(super) fn unit(unit: &str, valued: bool) -> Result<(), Invalid> {
    let (least, most) = if valued { (1, 24) } else { (0, 0) };
    validate::length("unit", unit.len(), least, most)?;
    plain("unit", unit)
}

fn plain(field: &'static str, text: &str) -> Result<(), Invalid> {
    if text.chars().any(char::is_control) || text.trim() != text {
        return Err(Invalid::Name { field, found: text.to_owned() });
    }
    Ok(())
}

impl Cohort {
    fn validate(&self) -> Result<(), Invalid> {
        if let Some(AgeBand { from, to }) = self.age {
            validate::range("age.to", to.into(), 0, MAX_AGE.into())?;
            validate::range("age.from", from.into(), 0, to.into())?;
        }
        validate::range(
            "until",
            self.until.into(),
            u128::from(self.from).saturating_add(1),
            MAX_TIME.into(),
        )?;
        for (field, time) in [("from", self.from), ("until", self.until)] {
            let beyond = time.checked_rem(WEEK).unwrap_or_default();
            if beyond != 0 {
                let week = time.saturating_sub(beyond).into();
                return Err(Invalid::Range { field, found: time.into(), min: week, max: week });
            }
        }
        Ok(())
    }
}

impl Measure {
    #[must_use]
    pub const fn kind(&self) -> MeasureKind {
        match self {
            Self::Count {} => MeasureKind::Count,
            Self::Sum { .. } => MeasureKind::Sum,
            Self::Mean { .. } => MeasureKind::Mean,
            Self::Histogram { .. } => MeasureKind::Histogram,
            Self::Quantile { .. } => MeasureKind::Quantile,
        }
    }

    /// None for a count.
    #[must_use]
    pub const fn bounds(&self) -> Option<Bounds> {
        match self {
            Self::Count {} => None,
            Self::Sum { bounds }
            | Self::Mean { bounds }
            | Self::Histogram { bounds, .. }
            | Self::Quantile { bounds, .. } => Some(*bounds),
        }
    }

    fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Count {} => Ok(()),
            Self::Sum { bounds } | Self::Mean { bounds } => bounds.validate(),
            Self::Histogram { bounds, bins } => {
                validate::range("bins", (*bins).into(), 2, MAX_BINS.into())?;
                bounds.validate()
            }
            Self::Quantile { bounds, permille } => {
                validate::range("permille", (*permille).into(), 1, 999)?;
                bounds.validate()
            }
        }
    }
}

impl Bounds {
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        validate::range("scale", self.scale.into(), 0, MAX_SCALE.into())?;
        let widest = u128::from(MAX_BOUND.unsigned_abs());
        for (field, bound) in [("lower", self.lower), ("upper", self.upper)] {
            validate::range(field, bound.unsigned_abs().into(), 0, widest)?;
        }
        let width = i128::from(self.upper).saturating_sub(self.lower.into());
        validate::range(
            "upper - lower",
            u128::try_from(width).unwrap_or_default(),
            1,
            widest.saturating_mul(2),
        )
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "test code")]
mod tests {
    use super::*;

    fn question(measure: Measure) -> Question {
        let valued = !matches!(measure, Measure::Count {});
        Question {
            system: "http://loinc.org".into(),
            code: "718-7".into(),
            unit: if valued { "g/dL".into() } else { String::new() },
            category: Category::Laboratory,
            cohort: Cohort { sex: None, age: None, from: 0, until: WEEK },
            measure,
            contributions: 1,
        }
    }

    #[test]
    fn the_outermost_that_is_allowed() {
        let widest = Bounds { lower: -MAX_BOUND, upper: MAX_BOUND, scale: MAX_SCALE };
        for measure in [
            Measure::Count {},
            Measure::Sum { bounds: widest },
            Measure::Mean { bounds: Bounds { lower: -1, upper: 0, scale: 0 } },
            Measure::Histogram { bounds: widest, bins: MAX_BINS },
            Measure::Quantile { bounds: widest, permille: 999 },
        ] {
            let mut asked = question(measure);
            assert_eq!(asked.validate(), Ok(()));
            asked.cohort.until = MAX_TIME;
            asked.cohort.age = Some(AgeBand { from: MAX_AGE, to: MAX_AGE });
            asked.cohort.sex = Some(Sex::Female);
            assert_eq!(asked.validate(), Ok(()));
        }
        assert_eq!(MAX_TIME % WEEK, 0);
        // A sum of a million patients fits 64 bits.
        assert!(i128::from(MAX_BOUND) * i128::from(MAX_CONTRIBUTIONS) * 1_000_000 < i128::from(i64::MAX));
    }

    #[test]
    fn every_category_has_a_bit_of_its_own() {
        let all = [
            Category::SocialHistory,
            Category::VitalSigns,
            Category::Imaging,
            Category::Laboratory,
            Category::Procedure,
            Category::Survey,
            Category::Exam,
            Category::Therapy,
        ];
        assert_eq!(all.iter().fold(0, |mask, category| mask | category.bit()), u8::MAX);
    }

    #[test]
    fn one_question_has_one_form() {
        let mut counted = question(Measure::Count {});
        counted.unit = "g/dL".into();
        assert!(matches!(counted.validate(), Err(Invalid::Length { field: "unit", .. })));
        counted.unit = String::new();
        counted.contributions = 2;
        assert!(matches!(counted.validate(), Err(Invalid::Range { field: "contributions", .. })));
    }
}

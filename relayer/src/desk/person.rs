//! Whether a patient belongs to a cohort.

use medrec_api::bounty::{Cohort, Sex};
use serde_json::Value;
use time::{Date, OffsetDateTime};

use super::observation::day;

/// Elements of a Patient that decide: nothing else is built.
pub const ELEMENTS: &[&str] = &["gender", "birthDate"];

/// Whether the cohort asks anything about its people.
pub fn asks(cohort: &Cohort) -> bool {
    cohort.sex.is_some() || cohort.age.is_some()
}

/// Who is not known to belong does not.
pub fn belongs(cohort: &Cohort, patient: &Value) -> bool {
    let text = |element: &str| patient.get(element).and_then(Value::as_str);
    let of_sex = cohort.sex.is_none_or(|sex| {
        text("gender")
            == Some(match sex {
                Sex::Female => "female",
                Sex::Male => "male",
            })
    });
    let of_age = cohort.age.as_ref().is_none_or(|band| {
        let age = text("birthDate").and_then(day).and_then(|born| age(born, cohort.until));
        age.is_some_and(|age| (i32::from(band.from)..=i32::from(band.to)).contains(&age))
    });
    of_sex && of_age
}

/// Whole years on the day of a moment, in UTC; none before birth.
fn age(born: Date, at: u64) -> Option<i32> {
    let today = OffsetDateTime::from_unix_timestamp(i64::try_from(at).ok()?).ok()?.date();
    let had_birthday = (today.month() as u8, today.day()) >= (born.month() as u8, born.day());
    let years = today.year().checked_sub(born.year())?.checked_sub(i32::from(!had_birthday))?;
    (years >= 0).then_some(years)
}

#[cfg(test)]
mod tests {
    use medrec_api::bounty::AgeBand;
    use serde_json::json;

    use super::*;

    /// 2019-10-31.
    const UNTIL: u64 = 2600 * medrec_api::bounty::WEEK;

    fn cohort(sex: Option<Sex>, age: Option<(u8, u8)>) -> Cohort {
        Cohort { sex, age: age.map(|(from, to)| AgeBand { from, to }), from: 0, until: UNTIL }
    }

    #[test]
    fn sex_and_age_at_the_end_of_the_period_decide() {
        let woman = json!({"gender": "female", "birthDate": "1979-10-31"});
        for (cohort, expected) in [
            (cohort(None, None), true),
            (cohort(Some(Sex::Female), None), true),
            (cohort(Some(Sex::Male), None), false),
            (cohort(None, Some((40, 40))), true),
            (cohort(None, Some((41, 120))), false),
            (cohort(Some(Sex::Female), Some((0, 40))), true),
        ] {
            assert_eq!(belongs(&cohort, &woman), expected, "{cohort:?}");
        }
        let a_day_younger = json!({"gender": "female", "birthDate": "1979-11-01"});
        assert!(!belongs(&cohort(None, Some((40, 40))), &a_day_younger));
        assert!(belongs(&cohort(None, Some((39, 39))), &a_day_younger));
    }

    #[test]
    fn who_is_not_known_belongs_nowhere() {
        for unknown in
            [json!({}), json!({"gender": "unknown", "birthDate": "1979"}), json!({"birthDate": "2030-01-01"})]
        {
            assert!(!belongs(&cohort(Some(Sex::Female), None), &unknown));
            assert!(!belongs(&cohort(None, Some((0, 120))), &unknown));
        }
    }

    #[test]
    fn a_leap_day_counts_from_the_first_of_march_in_other_years() {
        let age =
            |born: &str, on: &str| age(day(born).unwrap(), super::super::observation::moment(on).unwrap());
        assert_eq!(age("2000-02-29", "2019-02-28"), Some(18));
        assert_eq!(age("2000-02-29", "2019-03-01"), Some(19));
        assert_eq!(age("2000-02-29", "2020-02-29"), Some(20));
    }
}

//! What of a FHIR Observation a question counts.

use medrec_aggregate::{Contribution, bounds_of, fixed};
use medrec_api::bounty::{Category, Measure, Question};
use serde_json::Value;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// Elements of an Observation that decide: nothing else is built.
pub const ELEMENTS: &[&str] = &[
    "status",
    "category",
    "code",
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "valueQuantity",
    "component",
];

const UCUM: &str = "http://unitsofmeasure.org";
const CATEGORIES: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// Withdrawn, or never made.
const VOID: [&str; 3] = ["entered-in-error", "cancelled", "registered"];

/// Codes of FHIR's observation categories.
pub const fn category_code(category: Category) -> &'static str {
    match category {
        Category::SocialHistory => "social-history",
        Category::VitalSigns => "vital-signs",
        Category::Imaging => "imaging",
        Category::Laboratory => "laboratory",
        Category::Procedure => "procedure",
        Category::Survey => "survey",
        Category::Exam => "exam",
        Category::Therapy => "therapy",
    }
}

/// The contribution, if the observation is one that is asked for: its category as the patient's choice names it, its
/// code or that of one of its components, its time, and for a measure of values its unit.
pub fn contribution(question: &Question, key: &str, observation: &Value) -> Option<Contribution> {
    let text = |element: &str| observation.get(element).and_then(Value::as_str);
    if text("status").is_some_and(|status| VOID.contains(&status)) {
        return None;
    }
    let measured = measured(question, observation)?;
    if !is_of(question.category, observation.get("category")?) {
        return None;
    }
    let start = || observation.get("effectivePeriod")?.get("start")?.as_str();
    let at = moment(text("effectiveDateTime").or_else(|| text("effectiveInstant")).or_else(start)?)?;
    if !(question.cohort.from..question.cohort.until).contains(&at) {
        return None;
    }
    let value = match (&question.measure, bounds_of(&question.measure)) {
        (Measure::Count {}, _) | (_, None) => 0,
        (_, Some(bounds)) => quantity(&question.unit, measured.get("valueQuantity")?, bounds.scale)?,
    };
    Some(Contribution { at, key: key.to_owned(), value })
}

/// The observation itself, or its first component with the code.
fn measured<'o>(question: &Question, observation: &'o Value) -> Option<&'o Value> {
    if is_coded(question, observation.get("code")) {
        return Some(observation);
    }
    let components = observation.get("component")?.as_array()?;
    components.iter().find(|component| is_coded(question, component.get("code")))
}

fn is_coded(question: &Question, concept: Option<&Value>) -> bool {
    has_coding(concept, &question.system, &question.code)
}

fn has_coding(concept: Option<&Value>, system: &str, code: &str) -> bool {
    let codings = concept.and_then(|concept| concept.get("coding")).and_then(Value::as_array);
    codings.is_some_and(|codings| {
        codings.iter().any(|coding| {
            let is =
                |element: &str, wanted: &str| coding.get(element).and_then(Value::as_str) == Some(wanted);
            is("code", code) && is("system", system)
        })
    })
}

/// A question about another category than the observation's would pass by what its patient chose.
fn is_of(category: Category, categories: &Value) -> bool {
    let code = category_code(category);
    categories
        .as_array()
        .is_some_and(|all| all.iter().any(|concept| has_coding(Some(concept), CATEGORIES, code)))
}

/// A value in the very unit; one that is only known to be above or below something is none.
fn quantity(unit: &str, quantity: &Value, scale: u8) -> Option<i64> {
    let is = |element: &str, wanted: &str| quantity.get(element).and_then(Value::as_str) == Some(wanted);
    if !is("code", unit) || !is("system", UCUM) || quantity.get("comparator").is_some() {
        return None;
    }
    match quantity.get("value")? {
        Value::Number(number) => fixed(&number.to_string(), scale),
        _ => None,
    }
}

/// Seconds since 1970 of a dateTime or instant; a date is its first moment in UTC, less than a date is no moment.
pub fn moment(text: &str) -> Option<u64> {
    let at = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => at,
        Err(_) => day(text)?.midnight().assume_utc(),
    };
    u64::try_from(at.unix_timestamp()).ok()
}

/// A whole FHIR date.
pub fn day(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

#[cfg(test)]
mod tests {
    use medrec_api::bounty::{Bounds, Cohort, WEEK};
    use serde_json::json;

    use super::*;

    const LOINC: &str = "http://loinc.org";

    fn question(measure: Measure) -> Question {
        Question {
            system: LOINC.into(),
            code: "718-7".into(),
            unit: "g/dL".into(),
            category: Category::Laboratory,
            cohort: Cohort { sex: None, age: None, from: 2600 * WEEK, until: 2610 * WEEK },
            measure,
            contributions: 2,
        }
    }

    fn mean() -> Question {
        question(Measure::Mean { bounds: Bounds { lower: 50, upper: 200, scale: 1 } })
    }

    /// 2,600 weeks after 1970 is 2019-10-31.
    fn observation() -> Value {
        serde_json::from_str(
            r#"{"resourceType": "Observation", "status": "final",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                                      "code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
            "effectiveDateTime": "2019-11-02T10:00:00+02:00",
            "valueQuantity": {"value": 13.45, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"}}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_value_is_taken_with_its_digits_and_its_moment() {
        let found = contribution(&mean(), "k", &observation()).unwrap();
        assert_eq!(found, Contribution { at: 1_572_681_600, key: "k".into(), value: 135 });
        let count = contribution(&question(Measure::Count {}), "k", &observation()).unwrap();
        assert_eq!(count.value, 0);
    }

    #[test]
    fn what_was_not_asked_for_does_not_count() {
        for (pointer, other) in [
            ("/status", json!("entered-in-error")),
            ("/status", json!("cancelled")),
            ("/category/0/coding/0/code", json!("vital-signs")),
            ("/category/0/coding/0/system", json!("urn:ours")),
            ("/category", json!([])),
            ("/code/coding/0/code", json!("718-8")),
            ("/code/coding/0/system", json!("http://snomed.info/sct")),
            ("/effectiveDateTime", json!("2019-10-30T23:59:59Z")),
            ("/effectiveDateTime", json!("2020-01-09T00:00:00Z")),
            ("/effectiveDateTime", json!("2019-11")),
            ("/valueQuantity/code", json!("g/L")),
            ("/valueQuantity/system", json!("urn:ours")),
            ("/valueQuantity/value", json!("13.4")),
            ("/valueQuantity/comparator", json!("<")),
        ] {
            let mut changed = observation();
            match changed.pointer_mut(pointer) {
                Some(place) => *place = other.clone(),
                None => changed["valueQuantity"]["comparator"] = other.clone(),
            }
            assert_eq!(contribution(&mean(), "k", &changed), None, "{pointer} {other}");
        }
    }

    #[test]
    fn a_count_is_over_every_unit_and_over_words_too() {
        let mut words = observation();
        words.as_object_mut().unwrap().remove("valueQuantity");
        assert!(contribution(&question(Measure::Count {}), "k", &words).is_some());
        assert!(contribution(&mean(), "k", &words).is_none());
    }

    #[test]
    fn a_component_counts_by_its_own_code() {
        let mut panel = observation();
        let value = panel["valueQuantity"].clone();
        panel["code"] = json!({"coding": [{"system": LOINC, "code": "58410-2"}]});
        panel["component"] = json!([
            {"code": {"coding": [{"system": LOINC, "code": "787-2"}]}},
            {"code": {"coding": [{"system": LOINC, "code": "718-7"}]}, "valueQuantity": value},
        ]);
        assert_eq!(contribution(&mean(), "k", &panel).unwrap().value, 135);
    }

    #[test]
    fn times_are_read_as_far_as_they_are_moments() {
        assert_eq!(moment("1970-01-02"), Some(86_400));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        for none in ["1969-12-31", "1970", "1970-13-01", "", "now"] {
            assert_eq!(moment(none), None, "{none}");
        }
    }
}

//! Codes and values of resources, made comparable.

use std::collections::BTreeSet;

use serde_json::Value;

use super::decimal::Decimal;
use super::moment::Moment;

/// (system, code); the system is empty where none is given.
pub(super) type Coding = (String, String);

/// Spellings of one code system.
const SYSTEMS: [(&str, &str); 5] = [
    ("urn:oid:2.16.840.1.113883.6.96", "http://snomed.info/sct"),
    ("urn:oid:2.16.840.1.113883.6.1", "http://loinc.org"),
    ("urn:oid:2.16.840.1.113883.6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("urn:oid:2.16.840.1.113883.12.292", "http://hl7.org/fhir/sid/cvx"),
    ("urn:oid:2.16.840.1.113883.6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
];

/// Codings of a CodeableConcept, a Coding, or a list of either.
pub(super) fn codings(element: &Value) -> BTreeSet<Coding> {
    match element {
        Value::Array(items) => items.iter().flat_map(codings).collect(),
        Value::Object(members) => match members.get("coding") {
            Some(inner) => codings(inner),
            None => coding(element).into_iter().collect(),
        },
        _ => BTreeSet::new(),
    }
}

fn coding(element: &Value) -> Option<Coding> {
    let text = |name: &str| element.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let (code, system) = (text("code"), text("system"));
    if code.is_empty() {
        return None;
    }
    // A canonical URI may carry a version behind a bar.
    let system = system.split('|').next().unwrap_or_default().trim_end_matches('/');
    let system = SYSTEMS.iter().find(|(other, _)| *other == system).map_or(system, |(_, usual)| usual);
    Some((system.to_owned(), code.to_owned()))
}

pub(super) fn share<T: Ord>(a: &BTreeSet<T>, b: &BTreeSet<T>) -> bool {
    a.intersection(b).next().is_some()
}

/// A value of an observation or of one of its components.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Measured {
    Number {
        number: Decimal,
        comparator: String,
        units: BTreeSet<String>,
    },
    Words {
        codes: BTreeSet<Coding>,
        texts: BTreeSet<String>,
    },
    When(Moment),
    /// A kind that is only equal when it is written alike.
    Other(String),
}

impl Measured {
    /// The `value[x]` of an element; none if it has none.
    pub(super) fn of(element: &Value) -> Option<Self> {
        let (name, value) = element.as_object()?.iter().find(|(name, _)| {
            name.strip_prefix("value").is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()))
        })?;
        let other = || Self::Other(format!("{name}:{value}"));
        let number = |number: &Value, comparator: &str, units| {
            let number = number.as_number().and_then(|number| Decimal::parse(number.as_str()));
            number.map(|number| Self::Number { number, comparator: comparator.to_owned(), units })
        };
        let measured = match (name.as_str(), value) {
            ("valueQuantity", quantity) => {
                let comparator = quantity.get("comparator").and_then(Value::as_str).unwrap_or_default();
                quantity.get("value").and_then(|value| number(value, comparator, units(quantity)))
            }
            ("valueInteger", value) => number(value, "", BTreeSet::new()),
            ("valueCodeableConcept", concept) => Some(words(concept)),
            ("valueString", Value::String(text)) => {
                let texts = BTreeSet::from([plain(text)]);
                Some(Self::Words { codes: BTreeSet::new(), texts })
            }
            ("valueDateTime", Value::String(text)) => Moment::parse(text).map(Self::When),
            _ => None,
        };
        Some(measured.unwrap_or_else(other))
    }

    /// How far apart two values are if they can be one, 0 to 1000 ([`Decimal::apart`]).
    pub(super) fn apart(&self, other: &Self) -> Option<u16> {
        match (self, other) {
            (
                Self::Number { number: a, comparator: one, units: left },
                Self::Number { number: b, comparator: another, units: right },
            ) => {
                let same_unit = left.is_empty() || right.is_empty() || share(left, right);
                (same_unit && one == another).then(|| a.apart(*b)).flatten()
            }
            (Self::Words { codes: left, texts: one }, Self::Words { codes: right, texts: another }) => {
                let systems = |codes: &BTreeSet<Coding>| codes.iter().map(|c| c.0.clone()).collect();
                let comparable = share::<String>(&systems(left), &systems(right));
                let same = if comparable { share(left, right) } else { share(one, another) };
                same.then_some(0)
            }
            (Self::When(a), Self::When(b)) => a.same(b).map(|_| 0),
            (a, b) => (a == b).then_some(0),
        }
    }
}

/// Code and text of a quantity's unit; none for plain numbers, which UCUM writes `1` or annotates in braces.
fn units(quantity: &Value) -> BTreeSet<String> {
    let text = |name: &str| quantity.get(name).and_then(Value::as_str).map(str::trim);
    let is_unit = |unit: &&str| !matches!(*unit, "" | "1" | "n/a") && !unit.starts_with('{');
    ["code", "unit"].into_iter().filter_map(text).filter(is_unit).map(str::to_owned).collect()
}

fn words(concept: &Value) -> Measured {
    let text = |element: &Value, name: &str| element.get(name).and_then(Value::as_str).map(plain);
    let codings_list = concept.get("coding").and_then(Value::as_array);
    let displays = codings_list.into_iter().flatten().filter_map(|coding| text(coding, "display"));
    Measured::Words { codes: codings(concept), texts: displays.chain(text(concept, "text")).collect() }
}

/// Case and spaces say nothing.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apart(a: Value, b: Value) -> Option<u16> {
        let (a, b) = (Measured::of(&a).unwrap(), Measured::of(&b).unwrap());
        assert_eq!(a.apart(&b), b.apart(&a));
        a.apart(&b)
    }

    fn quantity(value: &str, unit: &str) -> Value {
        let value: Value = serde_json::from_str(value).unwrap();
        json!({"valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}})
    }

    #[test]
    fn quantities_need_one_unit() {
        assert_eq!(apart(quantity("7.1", "g/dL"), quantity("7.10", "g/dL")), Some(0));
        assert_eq!(apart(quantity("7.1", "g/dL"), quantity("7.1", "g/L")), None);
        assert_eq!(apart(quantity("3", "{score}"), json!({"valueInteger": 3})), Some(0));
        let named = json!({"valueQuantity": {"value": 7.1, "unit": "g/dL"}});
        assert_eq!(apart(named, quantity("7.1", "g/dL")), Some(0));
        let at_most = json!({"valueQuantity": {"value": 7.1, "comparator": "<", "unit": "g/dL"}});
        assert_eq!(apart(at_most, quantity("7.1", "g/dL")), None);
    }

    #[test]
    fn words_are_equal_by_code_or_else_by_text() {
        let coded = |code: &str, text: &str| json!({"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": code}], "text": text}});
        assert_eq!(apart(coded("1", "Never smoked"), coded("1", "never")), Some(0));
        assert_eq!(apart(coded("1", "Never smoked"), coded("2", "Never smoked")), None);
        assert_eq!(apart(coded("1", "Never  smoked"), json!({"valueString": "never smoked"})), Some(0));
        assert_eq!(apart(coded("1", "Never smoked"), json!({"valueBoolean": false})), None);
        assert_eq!(apart(json!({"valueBoolean": true}), json!({"valueBoolean": true})), Some(0));
    }

    #[test]
    fn systems_have_several_spellings() {
        let code = |system: &str| codings(&json!({"coding": [{"system": system, "code": "718-7"}]}));
        assert_eq!(code("http://loinc.org"), code("urn:oid:2.16.840.1.113883.6.1"));
        assert_eq!(code("http://loinc.org"), code("http://loinc.org/|2.77"));
        assert_ne!(code("http://loinc.org"), code("http://snomed.info/sct"));
        assert!(codings(&json!({"coding": [{"system": "http://loinc.org"}], "text": "Hb"})).is_empty());
    }
}

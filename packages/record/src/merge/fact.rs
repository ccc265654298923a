//! What a resource says, without what is local to an institution.

use std::collections::BTreeSet;

use serde_json::Value;

use super::moment::{Moment, Same};
use super::value::{Coding, Measured, codings, share};

/// Elements that say what it is; the first that holds a code counts.
const CODES: [&str; 6] = ["code", "vaccineCode", "medicationCodeableConcept", "type", "category", "class"];

/// Elements that say when it was or began, the most telling first.
const STARTS: [&str; 21] = [
    "/effectiveDateTime",
    "/effectiveInstant",
    "/effectivePeriod/start",
    "/occurrenceDateTime",
    "/occurrencePeriod/start",
    "/performedDateTime",
    "/performedPeriod/start",
    "/onsetDateTime",
    "/onsetPeriod/start",
    "/period/start",
    "/authoredOn",
    "/dispenseRequest/validityPeriod/start",
    "/whenHandedOver",
    "/started",
    "/servicedDate",
    "/servicedPeriod/start",
    "/recordedDate",
    "/dateAsserted",
    "/issued",
    "/date",
    "/created",
];

/// Elements that say when it ended.
const ENDS: [&str; 8] = [
    "/effectivePeriod/end",
    "/occurrencePeriod/end",
    "/performedPeriod/end",
    "/abatementDateTime",
    "/abatementPeriod/end",
    "/period/end",
    "/dispenseRequest/validityPeriod/end",
    "/servicedPeriod/end",
];

/// Elements that tell which of several possible pairs is meant; that they differ parts nothing.
const HINTS: [&str; 13] = [
    "/status",
    "/clinicalStatus",
    "/category",
    "/class",
    "/reasonCode",
    "/severity",
    "/bodySite",
    "/criticality",
    "/reaction/0/manifestation",
    "/birthDate",
    "/gender",
    "/name/0/family",
    "/name/0/given/0",
];

/// A fact that may be another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Fact {
    /// Resource type.
    pub(super) kind: String,
    pub(super) codes: BTreeSet<Coding>,
    pub(super) start: Moment,
    end: Option<Moment>,
    value: Option<Measured>,
    components: Vec<(BTreeSet<Coding>, Option<Measured>)>,
    hints: BTreeSet<(usize, String)>,
}

/// How well two facts that can be one agree; the greater the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Agreement {
    start: Same,
    /// 1: both are of one visit, -1: of two.
    visit: i8,
    end: Option<Same>,
    /// 1000 less [`Measured::apart`].
    value: u16,
    /// Common hints less contradicting ones.
    hints: i32,
}

impl Fact {
    /// None if it has no code or no date: such a record is never another's.
    pub(super) fn of(resource: &Value) -> Option<Self> {
        let kind = resource.get("resourceType")?.as_str()?.to_owned();
        let moment = |pointers: &[&str]| {
            let mut found = pointers.iter().filter_map(|pointer| resource.pointer(pointer)?.as_str());
            found.find_map(Moment::parse)
        };
        let (codes, start) = if kind == "Patient" {
            // Whoever's record this is: the hospitals' entries of her are one.
            (BTreeSet::from([(String::new(), kind.clone())]), Moment::Timeless)
        } else {
            let mut coded = CODES.iter().filter_map(|name| resource.get(name)).map(codings);
            (coded.find(|codes| !codes.is_empty())?, moment(&STARTS)?)
        };
        let components = resource.get("component").and_then(Value::as_array);
        let mut components: Vec<_> = components
            .into_iter()
            .flatten()
            .map(|part| (part.get("code").map(codings).unwrap_or_default(), Measured::of(part)))
            .collect();
        components.sort();
        Some(Self {
            kind,
            codes,
            start,
            end: moment(&ENDS),
            value: Measured::of(resource),
            components,
            hints: hints(resource),
        })
    }

    /// Whether both can be one, apart from their codes: the same moments as far as both have them, the same value.
    /// `visits`: groups of the encounters they belong to, where those are known.
    pub(super) fn agrees(&self, other: &Self, visits: (Option<usize>, Option<usize>)) -> Option<Agreement> {
        let start = self.start.same(&other.start)?;
        let end = match (&self.end, &other.end) {
            (Some(a), Some(b)) => Some(a.same(b)?),
            _ => None,
        };
        let far = same_value(self.value.as_ref(), other.value.as_ref())?.max(self.same_components(other)?);
        let visit = match visits {
            (Some(a), Some(b)) if a == b => 1,
            (Some(_), Some(_)) => -1,
            _ => 0,
        };
        let hints = common_hints(&self.hints, &other.hints);
        Some(Agreement { start, visit, end, value: 1000u16.saturating_sub(far), hints })
    }

    /// One by one: each has its counterpart.
    fn same_components(&self, other: &Self) -> Option<u16> {
        if self.components.len() != other.components.len() {
            return None;
        }
        let mut left: Vec<_> = other.components.iter().collect();
        let mut farthest = 0;
        for (codes, value) in &self.components {
            let fits = |(others, measured): &&(BTreeSet<Coding>, Option<Measured>)| {
                if !share(codes, others) { None } else { same_value(value.as_ref(), measured.as_ref()) }
            };
            let (place, far) =
                left.iter().enumerate().find_map(|(place, part)| Some((place, fits(part)?)))?;
            left.swap_remove(place);
            farthest = farthest.max(far);
        }
        Some(farthest)
    }
}

fn same_value(a: Option<&Measured>, b: Option<&Measured>) -> Option<u16> {
    match (a, b) {
        (None, None) => Some(0),
        (Some(a), Some(b)) => a.apart(b),
        _ => None,
    }
}

fn hints(resource: &Value) -> BTreeSet<(usize, String)> {
    let mut found = BTreeSet::new();
    for (number, element) in HINTS.iter().enumerate().filter_map(|(n, at)| Some((n, resource.pointer(at)?))) {
        match element {
            Value::String(text) => {
                found.insert((number, text.clone()));
            }
            other => found.extend(codings(other).into_iter().map(|(_, code)| (number, code))),
        }
    }
    let results = resource.get("result").and_then(Value::as_array).map(Vec::len);
    found.extend(results.map(|count| (HINTS.len(), count.to_string())));
    found
}

fn common_hints(a: &BTreeSet<(usize, String)>, b: &BTreeSet<(usize, String)>) -> i32 {
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let common = count(a.intersection(b).count());
    let contradicting = a.difference(b).filter(|(hint, _)| b.iter().any(|(other, _)| other == hint)).count();
    common.saturating_sub(count(contradicting))
}

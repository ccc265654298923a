//! Which records of several institutions are one item: by type, in doubt, on bad input, in any order.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

use std::collections::BTreeSet;

use medrec_record::merge::{Sourced, merge};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Source, id, resource.
type Held = (u64, u8, Value);

fn groups(held: &[Held]) -> Vec<Vec<usize>> {
    let ids: Vec<[u8; 1]> = held.iter().map(|(_, id, _)| [*id]).collect();
    let sourced: Vec<Sourced<'_>> = held
        .iter()
        .zip(&ids)
        .map(|((source, _, resource), id)| Sourced { source: *source, id, resource })
        .collect();
    merge(&sourced)
}

/// Whether records of as many institutions become one item.
fn one(resources: &[Value]) -> bool {
    let held: Vec<Held> =
        (0u64..).zip(resources).map(|(source, resource)| (source, 0, resource.clone())).collect();
    groups(&held).len() == 1
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn observation(when: &str, value: &str) -> Value {
    parse(&format!(
        r#"{{"resourceType": "Observation", "effectiveDateTime": "{when}",
            "code": {{"coding": [{{"system": "http://loinc.org", "code": "718-7"}}]}},
            "valueQuantity": {{"value": {value}, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"}}}}"#
    ))
}

fn coded(kind: &str, element: &str, code: &str, rest: Value) -> Value {
    let mut resource = rest;
    resource["resourceType"] = json!(kind);
    resource[element] = json!({"coding": [{"system": "http://snomed.info/sct", "code": code}], "text": kind});
    resource
}

#[test]
fn observations_need_moment_code_and_value() {
    let full = observation("2024-03-01T08:00:00Z", "13.14");
    assert!(one(&[full.clone(), observation("2024-03-01T09:00:00+01:00", "13.140")]));
    assert!(one(&[full.clone(), observation("2024-03-01", "13.1")]));
    assert!(one(&[observation("2024-03-01", "13.1"), full.clone(), observation("2024-03-01", "13.14")]));
    assert!(!one(&[full.clone(), observation("2024-03-01T08:00:01Z", "13.14")]));
    assert!(!one(&[full.clone(), observation("2024-03-02", "13.14")]));
    assert!(!one(&[full.clone(), observation("2024-03-01", "13.2")]));
    let mut other = full.clone();
    other["code"]["coding"][0]["code"] = json!("718-8");
    assert!(!one(&[full.clone(), other]));
    let mut valueless = full.clone();
    valueless.as_object_mut().unwrap().remove("valueQuantity");
    assert!(!one(&[full.clone(), valueless]));
    let mut words = full;
    words["code"]["text"] = json!("Hämoglobin");
    words["code"]["coding"][0]["display"] = json!("Hgb");
    assert!(one(&[words, observation("2024-03-01T08:00:00Z", "13.14")]));
}

#[test]
fn components_are_compared_one_by_one() {
    let panel = |parts: &[(&str, u32)]| {
        let part = |(code, value): &(&str, u32)| {
            json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueQuantity": {"value": value, "code": "mm[Hg]"}})
        };
        let mut panel = coded("Observation", "code", "85354-9", json!({"effectiveDateTime": "2024-03-01"}));
        panel["component"] = parts.iter().map(part).collect();
        panel
    };
    assert!(one(&[panel(&[("8480-6", 120), ("8462-4", 80)]), panel(&[("8462-4", 80), ("8480-6", 120)])]));
    assert!(!one(&[panel(&[("8480-6", 120), ("8462-4", 80)]), panel(&[("8480-6", 120), ("8462-4", 81)])]));
    assert!(!one(&[panel(&[("8480-6", 120), ("8462-4", 80)]), panel(&[("8480-6", 120)])]));
}

#[test]
fn intervals_need_one_start_and_one_end_where_both_have_it() {
    let condition = |rest| coded("Condition", "code", "271737000", rest);
    let open = condition(json!({"onsetDateTime": "2020-05-05"}));
    let ended = condition(json!({"onsetDateTime": "2020-05-05", "abatementDateTime": "2020-06-05"}));
    let other = condition(json!({"onsetPeriod": {"start": "2020-05-05"}, "abatementDateTime": "2020-07-05"}));
    assert!(one(&[open.clone(), ended.clone()]));
    assert!(!one(&[ended, other.clone()]));
    assert!(one(&[open, other]));
    let procedure = |rest| coded("Procedure", "code", "73761001", rest);
    let whole = procedure(
        json!({"performedPeriod": {"start": "2024-03-01T08:00:00Z", "end": "2024-03-01T09:00:00Z"}}),
    );
    assert!(one(&[whole.clone(), procedure(json!({"performedDateTime": "2024-03-01"}))]));
    assert!(!one(&[
        whole,
        procedure(json!({"performedPeriod": {"start": "2024-03-01", "end": "2024-03-02"}}))
    ]));
}

#[test]
fn other_types() {
    for (kind, element, when) in [
        ("Immunization", "vaccineCode", json!({"occurrenceDateTime": "2024-03-01T08:00:00Z"})),
        ("MedicationRequest", "medicationCodeableConcept", json!({"authoredOn": "2024-03-01T08:00:00Z"})),
        ("AllergyIntolerance", "code", json!({"recordedDate": "2024-03-01"})),
        ("DiagnosticReport", "code", json!({"effectivePeriod": {"start": "2024-03-01T08:00:00Z"}})),
        ("Encounter", "type", json!({"period": {"start": "2024-03-01T08:00:00Z"}})),
        ("CarePlan", "category", json!({"period": {"start": "2024-03-01"}})),
    ] {
        let resource = coded(kind, element, "1", when.clone());
        assert!(one(&[resource.clone(), resource.clone()]), "{kind}");
        assert!(!one(&[resource.clone(), coded(kind, element, "2", when.clone())]), "{kind}");
        assert!(!one(&[resource, coded("Basic", element, "1", when)]), "{kind}");
    }
}

#[test]
fn a_person_is_one_whatever_each_hospital_writes() {
    let patient = |name: &str| json!({"resourceType": "Patient", "name": [{"family": name}]});
    assert!(one(&[patient("Roe"), patient("ROE"), json!({"resourceType": "Patient"})]));
    // A hospital with two keeps two, and the one that looks like her is taken.
    let held = [(1, 1, patient("Doe")), (1, 2, patient("Roe")), (2, 1, patient("Roe"))];
    assert_eq!(groups(&held), [vec![0], vec![1, 2]]);
}

#[test]
fn records_of_one_institution_stay_apart() {
    let held: Vec<Held> = (0..3).map(|id| (7, id, observation("2024-03-01", "13.1"))).collect();
    assert_eq!(groups(&held).len(), 3);
}

#[test]
fn of_two_candidates_the_closest_is_taken_and_each_once() {
    let (morning, evening) =
        (observation("2024-03-01T08:00:00Z", "13.14"), observation("2024-03-01T20:00:00Z", "13.06"));
    // Both of B could be either of A.
    let held = [(1, 1, morning.clone()), (1, 2, evening.clone()), (2, 1, observation("2024-03-01", "13.1"))];
    assert_eq!(groups(&held).iter().filter(|group| group.len() == 2).count(), 1);
    let held = [
        (1, 1, morning.clone()),
        (1, 2, evening),
        (2, 1, observation("2024-03-01", "13.1")),
        (2, 2, morning),
    ];
    assert_eq!(groups(&held), [vec![0, 3], vec![1, 2]]);
}

#[test]
fn the_visit_tells_which_pair_is_meant() {
    let visit = |id: &str, code: &str| {
        let mut visit = coded("Encounter", "type", code, json!({"period": {"start": "2024-03-01"}}));
        visit["id"] = json!(id);
        visit
    };
    let at = |visit: &str| {
        let mut observation = observation("2024-03-01", "13.1");
        observation["encounter"] = json!({"reference": format!("Encounter/{visit}")});
        observation
    };
    let held = [
        (1, 1, visit("a", "1")),
        (1, 2, visit("b", "2")),
        (1, 3, at("a")),
        (1, 4, at("b")),
        (2, 1, visit("x", "2")),
        (2, 2, visit("y", "1")),
        (2, 3, at("x")),
        (2, 4, at("y")),
    ];
    assert_eq!(groups(&held), [vec![0, 5], vec![1, 4], vec![2, 7], vec![3, 6]]);
}

#[test]
fn a_third_record_may_know_both_codes() {
    let with = |codes: &[&str]| {
        let coding: Value = codes.iter().map(|code| json!({"system": "s", "code": code})).collect();
        json!({"resourceType": "Condition", "onsetDateTime": "2024-03-01", "code": {"coding": coding}})
    };
    assert!(one(&[with(&["1"]), with(&["1", "2"]), with(&["2"])]));
    assert!(!one(&[with(&["1"]), with(&["2"])]));
}

#[test]
fn without_code_or_date_nothing_is_merged() {
    let dateless =
        parse(r#"{"resourceType": "Observation", "code": {"coding": [{"system": "s", "code": "1"}]}}"#);
    let codeless = parse(
        r#"{"resourceType": "Observation", "effectiveDateTime": "2024-03-01", "code": {"text": "Hb"}}"#,
    );
    for bad in
        [dateless, codeless, json!({}), json!(null), json!([1]), json!({"resourceType": 4}), json!("x")]
    {
        assert!(!one(&[bad.clone(), bad]));
    }
}

#[test]
fn a_crowd_of_one_code_and_day_is_left_alone_and_quickly() {
    let held: Vec<Held> = (0..4_000u32)
        .map(|n| {
            (
                u64::from(n % 2),
                0,
                observation(if n % 2 == 0 { "2024-03-01T08:00:00Z" } else { "2024-03-01" }, "1"),
            )
        })
        .collect();
    assert_eq!(groups(&held).len(), 4_000);
}

/// Few codes, days and values, so that much can be one and much is in doubt.
fn any_record() -> impl Strategy<Value = Held> {
    let days = prop_oneof![
        Just("2024-03-01"),
        Just("2024-03-01T08:00:00Z"),
        Just("2024-03-01T23:30:00-05:00"),
        Just("2024-03-02T04:30:00Z"),
        Just("2024-03-02"),
        Just("2024")
    ];
    let values = prop_oneof![Just("1"), Just("1.4"), Just("1.44"), Just("1.5"), Just("2")];
    (0u64..4, 0u8..6, days, values, any::<bool>()).prop_map(|(source, id, day, value, is_person)| {
        let person = json!({"resourceType": "Patient", "gender": value});
        (source, id, if is_person { person } else { observation(day, value) })
    })
}

/// JSON that may be anything.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        prop_oneof![Just("2024-03-01".to_owned()), Just("Observation".to_owned()), ".{0,12}"]
            .prop_map(Value::from)
    ];
    let keys = prop_oneof![
        Just("resourceType"),
        Just("code"),
        Just("coding"),
        Just("system"),
        Just("effectiveDateTime"),
        Just("component"),
        Just("valueQuantity"),
        Just("value"),
        Just("unit"),
        Just("valueCodeableConcept"),
        Just("encounter"),
        Just("id")
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into())
        ]
    })
}

/// Groups as sets of records, which do not know where in the input they stood.
fn sets(held: &[Held]) -> BTreeSet<Vec<String>> {
    let told = |group: &Vec<usize>| group.iter().map(|index| format!("{:?}", held[*index])).collect();
    groups(held).iter().map(told).collect()
}

proptest! {
    #[test]
    fn the_order_of_the_input_does_not_matter(
        (held, shuffled) in prop::collection::vec(any_record(), 0..24).prop_flat_map(|held| (Just(held.clone()), Just(held).prop_shuffle()))
    ) {
        prop_assert_eq!(sets(&held), sets(&shuffled));
    }

    #[test]
    fn each_record_is_in_one_group_and_none_has_two_of_one_institution(held in prop::collection::vec(any_record(), 0..24)) {
        let groups = groups(&held);
        let mut all: Vec<usize> = groups.iter().flatten().copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..held.len()).collect::<Vec<_>>());
        for group in groups {
            let sources: BTreeSet<u64> = group.iter().map(|index| held[*index].0).collect();
            prop_assert_eq!(sources.len(), group.len());
        }
    }

    #[test]
    fn what_was_merged_is_merged_again_the_same(held in prop::collection::vec(any_record(), 0..24)) {
        for group in groups(&held) {
            let again: Vec<Held> = group.iter().map(|index| held[*index].clone()).collect();
            prop_assert_eq!(groups(&again).len(), 1);
        }
    }

    #[test]
    fn nothing_makes_it_panic(resources in prop::collection::vec(any_json(), 0..8)) {
        let held: Vec<Held> = (0u64..).zip(resources).map(|(source, resource)| (source % 3, 0, resource)).collect();
        let _ = groups(&held);
    }
}

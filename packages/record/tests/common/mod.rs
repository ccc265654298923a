#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]
#![allow(dead_code, reason = "each test binary uses its part")]

use medrec_record::{Context, RecordKey, relationship_ref};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

pub fn record_key() -> RecordKey {
    RecordKey::from_bytes(std::array::from_fn(|i| i as u8))
}

pub fn context() -> Context {
    Context {
        log_origin: "log.north.example/medrec".into(),
        relationship_ref: relationship_ref("medrec-local-1", "medrec1contract", 7),
        record_id: std::array::from_fn(|i| 0xa0 + i as u8),
        version: 1,
        scope_hash: [0x5c; 32],
        resource_type: "Observation".into(),
    }
}

/// A blood glucose value with what FHIR really has: nesting, arrays, decimals, empty containers, odd keys.
pub fn observation() -> Value {
    let text = r#"{
        "resourceType": "Observation", "id": "obs-1", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose \"Bld\"\t\u0007é"}]},
        "valueQuantity": {"value": 7.10, "unit": "mmol/L"},
        "component": [{"n": -0.0}, {"n": 1E3}, {"n": 12345678901234567890}, {}, []],
        "a/b": {"~c": true}, "": null
    }"#;
    serde_json::from_str(text).unwrap()
}

/// Any JSON value, three levels deep.
pub fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?"
            .prop_map(|digits| Value::Number(Number::from_string_unchecked(digits))),
        "\\PC{0,8}".prop_map(Value::String),
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-z/~é\"]{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Any resource of type Observation.
pub fn any_resource() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z/~]{1,4}", any_value(), 0..6).prop_map(|members| {
        let mut resource: Map<String, Value> = members.into_iter().collect();
        resource.insert("resourceType".into(), json!("Observation"));
        Value::Object(resource)
    })
}

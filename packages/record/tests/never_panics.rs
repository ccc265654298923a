//! Whatever arrives is refused or taken, never a panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{any_value, context, record_key};
use medrec_record::{Disclosure, Field, canonical_value, commit, jcs, leaves, scope_hash};
use proptest::prelude::*;
use serde_json::{Number, Value};

fn any_field() -> impl Strategy<Value = Field> {
    let pointer = prop_oneof!["/[a-z]{0,3}", "\\PC{0,6}", Just("/resourceType".to_owned())];
    let value = prop_oneof!["\\PC{0,8}", "\"[a-z]{0,3}\"", "[0-9.eE+-]{0,8}", Just("{}".to_owned())];
    (any::<u32>(), 0u32..8, any::<bool>(), pointer, value, any::<[u8; 32]>()).prop_map(
        |(wild, near, is_near, pointer, value, salt)| Field {
            index: if is_near { near } else { wild },
            pointer,
            value,
            salt,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values(value in any_value()) {
        let _ = (leaves(&value), commit(&record_key(), &context(), &value), jcs(&value), canonical_value(&value));
        let _ = scope_hash("labs", "Observation", &value);
    }

    /// A number built by a program may hold anything.
    #[test]
    fn numbers(text in "\\PC{0,12}|[0-9.eE+-]{0,12}") {
        let number = Value::Number(Number::from_string_unchecked(text));
        if let Some(kept) = canonical_value(&number) {
            prop_assert!(serde_json::from_str::<Value>(&kept).unwrap().is_number());
        }
        let _ = jcs(&number);
    }

    #[test]
    fn json_texts(text in "\\PC{0,40}|[\\[\\]{}\",:0-9a-z\\\\]{0,40}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let _ = (leaves(&value), jcs(&value));
        }
    }

    #[test]
    fn partial_disclosures(
        context_salt in any::<[u8; 32]>(),
        fields in prop::collection::vec(any_field(), 0..6),
        hashes in prop::collection::vec(any::<[u8; 32]>(), 0..6),
    ) {
        let _ = Disclosure::Partial { context_salt, fields, hashes }.verify(&context());
    }
}

#[test]
fn too_many_hashes_are_refused_before_any_work() {
    let hashes = vec![[0; 32]; medrec_record::MAX_LEAVES + 1];
    let disclosure = Disclosure::Partial { context_salt: [0; 32], fields: Vec::new(), hashes };
    assert!(matches!(disclosure.verify(&context()), Err(medrec_record::Error::TooManyFields { .. })));
}

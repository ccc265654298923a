//! What a commitment binds, what a disclosure shows, what is refused.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{any_resource, context, observation, record_key};
use medrec_record::{
    Commitment, Context, Disclosure, Error, Field, MAX_BYTES, MAX_DEPTH, MAX_LEAVES, RecordKey, commit,
    commit_version, leaves, relationship_ref,
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

fn root(resource: &Value) -> Commitment {
    commit(&record_key(), &context(), resource).unwrap()
}

#[test]
fn leaves_are_sorted_pointers_with_canonical_values() {
    let found = leaves(&observation()).unwrap();
    let listed: Vec<_> = found.iter().map(|leaf| (leaf.pointer.as_str(), leaf.value.as_str())).collect();
    let expected = [
        ("/", "null"),
        ("/a~1b/~0c", "true"),
        ("/code/coding/0/code", "\"2339-0\""),
        ("/code/coding/0/display", "\"Glucose \\\"Bld\\\"\\t\\u0007é\""),
        ("/code/coding/0/system", "\"http://loinc.org\""),
        ("/component/0/n", "-0.0"),
        ("/component/1/n", "1e+3"),
        ("/component/2/n", "12345678901234567890"),
        ("/component/3", "{}"),
        ("/component/4", "[]"),
        ("/id", "\"obs-1\""),
        ("/resourceType", "\"Observation\""),
        ("/status", "\"final\""),
        ("/valueQuantity/unit", "\"mmol/L\""),
        ("/valueQuantity/value", "7.10"),
    ];
    assert_eq!(listed, expected);
}

#[test]
fn pointers_of_long_arrays_sort_by_bytes() {
    let resource = json!({"resourceType": "Observation", "a": (0..12).collect::<Vec<_>>()});
    let pointers: Vec<_> = leaves(&resource).unwrap().into_iter().map(|leaf| leaf.pointer).collect();
    assert_eq!(pointers[..4], ["/a/0", "/a/1", "/a/10", "/a/11"]);
}

#[test]
fn precision_of_a_decimal_is_part_of_the_record() {
    let with = |digits: &str| -> Value {
        serde_json::from_str(&format!(r#"{{"resourceType":"Observation","value":{digits}}}"#)).unwrap()
    };
    assert_ne!(root(&with("7.10")), root(&with("7.1")));
    assert_ne!(root(&with("7.1")), root(&with("\"7.1\"")));
    assert_ne!(root(&with("{}")), root(&with("[]")));
    assert_eq!(root(&with("1E3")), root(&with("1e+3")));
    assert_ne!(root(&with("1e3")), root(&with("1000")));
}

#[test]
fn every_field_of_the_context_changes_the_root() {
    let resource = observation();
    let base = context();
    let others = [
        Context { log_origin: "log.south.example/medrec".into(), ..base.clone() },
        Context {
            relationship_ref: relationship_ref("medrec-local-1", "medrec1contract", 8),
            ..base.clone()
        },
        Context { relationship_ref: relationship_ref("medrec-local-1", "medrec1other", 7), ..base.clone() },
        Context {
            relationship_ref: relationship_ref("medrec-local-2", "medrec1contract", 7),
            ..base.clone()
        },
        Context { record_id: [0; 16], ..base.clone() },
        Context { version: 2, ..base.clone() },
        Context { scope_hash: [0; 32], ..base.clone() },
    ];
    let key = record_key().version_key(1);
    let mut roots: Vec<_> = others
        .iter()
        .chain([&base])
        .map(|context| commit_version(&key, context, &resource).unwrap())
        .collect();
    roots.push(commit(&RecordKey::from_bytes([9; 32]), &base, &resource).unwrap());
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), others.len() + 2);
}

#[test]
fn salts_differ_by_version_and_pointer() {
    let (first, second) = (record_key().version_key(1), record_key().version_key(2));
    assert_ne!(first.salt("/status"), second.salt("/status"));
    assert_ne!(first.salt("/status"), first.salt("/id"));
    assert_ne!(first.as_bytes(), second.as_bytes());
}

/// Security H14: who held a field of version 1 learns nothing of the same field hidden in version 2.
#[test]
fn an_unchanged_hidden_field_has_another_hash_in_the_next_version() {
    let hidden = |version| {
        let context = Context { version, ..context() };
        let key = record_key().version_key(version);
        match Disclosure::partial(&key, &context, &observation(), &["/status"]).unwrap() {
            Disclosure::Partial { hashes, .. } => hashes,
            Disclosure::Whole { .. } => panic!("asked for a part"),
        }
    };
    let (first, second) = (hidden(1), hidden(2));
    assert_eq!(first.len(), second.len());
    assert!(first.iter().all(|hash| !second.contains(hash)));
}

#[test]
fn secrets_do_not_print() {
    let shown = format!("{:?} {:?}", record_key(), record_key().version_key(1));
    assert_eq!(shown, "RecordKey(secret) VersionKey(secret)");
}

#[test]
fn refusals() {
    let refused = |resource: &Value| commit(&record_key(), &context(), resource).unwrap_err();
    assert_eq!(refused(&json!([])), Error::NotAnObject { found: "an array" });
    assert_eq!(refused(&json!("x")), Error::NotAnObject { found: "a string" });
    let other =
        |resource: &str| Error::ResourceType { context: "Observation".into(), resource: resource.into() };
    assert_eq!(refused(&json!({})), other(""));
    assert_eq!(refused(&json!({"resourceType": "Patient"})), other("Patient"));
    let mut deep = json!(1);
    for _ in 0..=MAX_DEPTH {
        deep = json!([deep]);
    }
    assert_eq!(refused(&json!({"a": deep})), Error::TooDeep { limit: MAX_DEPTH });
    let many = json!({"a": vec![0; MAX_LEAVES + 1]});
    assert_eq!(refused(&many), Error::TooManyLeaves { limit: MAX_LEAVES });
    let large = json!({"a": "x".repeat(MAX_BYTES)});
    assert_eq!(refused(&large), Error::TooLarge { limit: MAX_BYTES });
    let mut number = json!({"a": null});
    number["a"] = Value::Number(serde_json::Number::from_string_unchecked("01".into()));
    assert_eq!(refused(&number), Error::Number { pointer: "/a".into() });
}

#[test]
fn the_deepest_and_largest_resources_are_accepted() {
    let mut deep = json!(1);
    for _ in 1..MAX_DEPTH {
        deep = json!([deep]);
    }
    root(&json!({"resourceType": "Observation", "a": deep}));
    root(&json!({"resourceType": "Observation", "a": vec![0; MAX_LEAVES - 1]}));
}

fn partial(pointers: &[&str]) -> (Vec<Field>, impl Fn(Vec<Field>) -> Result<Commitment, Error>) {
    let key = record_key().version_key(1);
    let disclosed = Disclosure::partial(&key, &context(), &observation(), pointers).unwrap();
    let Disclosure::Partial { context_salt, fields, hashes } = disclosed else { panic!("asked for a part") };
    let verify =
        move |fields| Disclosure::Partial { context_salt, fields, hashes: hashes.clone() }.verify(&context());
    (fields, verify)
}

#[test]
fn partial_disclosures_are_checked() {
    let (fields, verify) = partial(&["/status", "/valueQuantity"]);
    let places: Vec<_> = fields.iter().map(|field| (field.index, field.pointer.as_str())).collect();
    assert_eq!(places, [(13, "/status"), (14, "/valueQuantity/unit"), (15, "/valueQuantity/value")]);
    assert_eq!(verify(fields.clone()), Ok(root(&observation())));

    let changed = |change: fn(&mut Vec<Field>)| {
        let mut fields = fields.clone();
        change(&mut fields);
        verify(fields)
    };
    assert_ne!(changed(|f| f[2].value = "7.1".into()), Ok(root(&observation())));
    assert_ne!(changed(|f| f[2].salt[0] ^= 1), Ok(root(&observation())));
    assert_ne!(changed(|f| f[0].pointer = "/statuss".into()), Ok(root(&observation())));
    assert_ne!(changed(|f| f[0].index = 12), Ok(root(&observation())));
    assert!(matches!(changed(|f| f[2].value = "07".into()), Err(Error::FieldValue { .. })));
    assert!(matches!(changed(|f| f[2].value = " 7.10".into()), Err(Error::FieldValue { .. })));
    assert!(matches!(changed(|f| f[2].value = "[1]".into()), Err(Error::FieldValue { .. })));
    assert!(matches!(changed(|f| f[2].index = 16), Err(Error::FieldIndex { index: 16, last: 15, .. })));
    assert!(matches!(changed(|f| f[0].index = 0), Err(Error::FieldIndex { index: 0, .. })));
    assert!(matches!(changed(|f| f.swap(0, 1)), Err(Error::FieldIndex { .. })));
    assert!(matches!(changed(|f| f[1].pointer = "/status".into()), Err(Error::FieldOrder { .. })));
    // One field fewer: the leaf count in leaf 0 tells.
    assert_ne!(changed(|f| drop(f.pop())), Ok(root(&observation())));
}

#[test]
fn a_shown_type_must_be_the_context_s() {
    let (mut fields, verify) = partial(&["/resourceType"]);
    assert_eq!(verify(fields.clone()), Ok(root(&observation())));
    fields[0].value = "\"Patient\"".into();
    assert!(matches!(verify(fields), Err(Error::ResourceType { .. })));
}

#[test]
fn asking_for_a_field_that_is_not_there() {
    let key = record_key().version_key(1);
    let refused = Disclosure::partial(&key, &context(), &observation(), &["/status", "/stat"]).unwrap_err();
    assert_eq!(refused, Error::NoSuchField { pointer: "/stat".into() });
}

/// Changes one leaf's value, drops it, or adds one beside it.
fn disturb(resource: &mut Value, place: Index, how: u8) {
    let all = leaves(resource).unwrap();
    let pointer = all[place.index(all.len())].pointer.clone();
    let (parent, _) = pointer.rsplit_once('/').unwrap();
    match how {
        0 => {
            let leaf = resource.pointer_mut(&pointer).unwrap();
            *leaf = if leaf.is_null() { json!(0) } else { Value::Null };
        }
        _ => match resource.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.insert("added".into(), json!(how))),
            Value::Array(items) if how == 1 => items.push(json!(1)),
            Value::Array(items) => drop(items.pop()),
            other => panic!("{other} has no members"),
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_the_resource_changes_the_root(resource in any_resource(), place in any::<Index>(), how in 0u8..3) {
        let mut changed = resource.clone();
        disturb(&mut changed, place, how);
        // A changed resourceType is refused outright.
        let after = commit(&record_key(), &context(), &changed);
        prop_assert_ne!(after, Ok(root(&resource)));
    }

    /// Order in arrays counts, order of members in the source does not.
    #[test]
    fn order_counts_where_json_says_so(items in prop::collection::vec(0u8..4, 2..6), at in any::<Index>()) {
        let with = |items: &[u8]| json!({"resourceType": "Observation", "items": items});
        let mut swapped = items.clone();
        let at = at.index(items.len() - 1);
        swapped.swap(at, at + 1);
        prop_assert_eq!(root(&with(&items)) == root(&with(&swapped)), items == swapped);
    }

    #[test]
    fn any_part_gives_the_same_root_as_the_whole(resource in any_resource(), picks in prop::collection::vec(any::<Index>(), 0..5)) {
        let all = leaves(&resource).unwrap();
        let pointers: Vec<_> = picks.iter().map(|pick| all[pick.index(all.len())].pointer.as_str()).collect();
        let key = record_key().version_key(1);
        let whole = Disclosure::Whole { version_key: key.clone(), resource: resource.clone() };
        let part = Disclosure::partial(&key, &context(), &resource, &pointers).unwrap();
        prop_assert_eq!(part.verify(&context()), whole.verify(&context()));
        prop_assert_eq!(part.verify(&context()), Ok(root(&resource)));
        let Disclosure::Partial { fields, hashes, .. } = part else { panic!("asked for a part") };
        prop_assert_eq!(fields.len() + hashes.len(), all.len());
    }

    /// Two places never share a pointer, whatever their names hold.
    #[test]
    fn pointers_are_unique(resource in any_resource()) {
        let mut pointers: Vec<_> = leaves(&resource).unwrap().into_iter().map(|leaf| leaf.pointer).collect();
        for pointer in &pointers {
            prop_assert!(resource.pointer(pointer).is_some());
        }
        let before = pointers.len();
        pointers.dedup();
        prop_assert_eq!(pointers.len(), before);
    }
}

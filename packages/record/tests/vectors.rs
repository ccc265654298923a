//! Section `record` of docs/spec/vectors.json: computed here, compared with the file. `MEDREC_BLESS=1` writes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;

use common::{context, observation, record_key};
use medrec_record::{Disclosure, commit, jcs, leaves, relationship_ref, scope_hash};
use serde_json::{Value, json};

const SECTION: &str = "record";

fn computed() -> Value {
    let (context, resource) = (context(), observation());
    let version_key = record_key().version_key(context.version);
    let definition = json!({"table": "observations", "columns": ["code", "value"], "limit": 1e3, "Z": null});
    let disclosed = Disclosure::partial(&version_key, &context, &resource, &["/status", "/valueQuantity"]);
    let Disclosure::Partial { context_salt, fields, hashes } = disclosed.unwrap() else {
        panic!("asked for a part")
    };
    let leaf = |leaf: &medrec_record::Leaf| {
        json!({
            "pointer": leaf.pointer,
            "value": leaf.value,
            "salt": hex::encode(version_key.salt(&leaf.pointer)),
        })
    };
    let field = |field: &medrec_record::Field| {
        json!({
            "index": field.index,
            "pointer": field.pointer,
            "value": field.value,
            "salt": hex::encode(field.salt),
        })
    };
    json!({
        "relationship_ref": {
            "chain_id": "medrec-local-1",
            "contract": "medrec1contract",
            "relationship": 7,
            "hash": hex::encode(relationship_ref("medrec-local-1", "medrec1contract", 7)),
        },
        "scope_hash": {
            "scope": "labs",
            "resource_type": "Observation",
            "definition": definition,
            "jcs": jcs(&definition).unwrap(),
            "hash": hex::encode(scope_hash("labs", "Observation", &definition).unwrap()),
        },
        "commitment": {
            "record_key": hex::encode(record_key().as_bytes()),
            "context": {
                "log_origin": context.log_origin,
                "relationship_ref": hex::encode(context.relationship_ref),
                "record_id": hex::encode(context.record_id),
                "version": context.version,
                "scope_hash": hex::encode(context.scope_hash),
                "resource_type": context.resource_type,
            },
            "resource": resource.to_string(),
            "version_key": hex::encode(version_key.as_bytes()),
            "leaves": leaves(&resource).unwrap().iter().map(leaf).collect::<Vec<_>>(),
            "commitment": hex::encode(commit(&record_key(), &context, &resource).unwrap()),
        },
        "partial": {
            "context_salt": hex::encode(context_salt),
            "fields": fields.iter().map(field).collect::<Vec<_>>(),
            "hashes": hashes.iter().map(hex::encode).collect::<Vec<_>>(),
        },
    })
}

#[test]
fn vectors_are_what_the_code_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors.json");
    let read =
        |path: &Path| std::fs::read_to_string(path).ok().map(|text| serde_json::from_str(&text).unwrap());
    let mut file: Value = read(&path).unwrap_or_else(|| json!({}));
    if std::env::var_os("MEDREC_BLESS").is_some() {
        file[SECTION] = computed();
        std::fs::write(&path, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
    }
    let hint = "MEDREC_BLESS=1 rewrites docs/spec/vectors.json, if the format is meant to change";
    assert_eq!(file[SECTION], computed(), "{hint}");
}

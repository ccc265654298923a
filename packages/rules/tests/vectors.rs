//! Section `rules` of docs/spec/vectors.json: computed here, compared with the file. `MEDREC_BLESS=1` writes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use std::path::Path;

use medrec_rules::{
    Ask, GRANT_TAGS_LEN, Grant, GrantKind, GrantTags, Permit, Relationship, Status, asked_purpose_tags,
    asked_scope_tags, new_tags, permits, purpose_tag, scope_tag,
};
use serde_json::{Value, json};

const SECTION: &str = "rules";
const KEY: [u8; 32] = [0x42; 32];

fn filler() -> [u8; GRANT_TAGS_LEN] {
    std::array::from_fn(|place| (place as u8).wrapping_mul(0x9d).wrapping_add(7))
}

fn tags(scopes: &[&str], purposes: &[&str]) -> GrantTags {
    let scopes: Vec<_> = scopes.iter().map(|scope| scope_tag(&KEY, scope)).collect();
    let purposes: Vec<_> = purposes.iter().map(|purpose| purpose_tag(&KEY, purpose)).collect();
    new_tags(&scopes, &purposes, &filler()).unwrap()
}

/// Viewer, kind, scopes, purposes, revoked.
type Sample = (&'static str, GrantKind, &'static [&'static str], &'static [&'static str], bool);

/// Grants every case may name. Windows are [100, 200).
fn grants() -> Vec<(Grant<'static>, Value)> {
    let all: [Sample; 6] = [
        ("viewer", GrantKind::Read, &["medication"], &["treatment"], false),
        ("viewer", GrantKind::Read, &["labs", "conditions"], &["treatment", "research"], false),
        ("carer", GrantKind::Act, &["*"], &["*"], false),
        ("dismissed", GrantKind::Read, &["*"], &["*"], true),
        ("twice", GrantKind::Read, &["*"], &["*"], true),
        ("twice", GrantKind::Read, &["medication"], &["*"], false),
    ];
    all.into_iter()
        .enumerate()
        .map(|(number, (viewer, kind, scopes, purposes, revoked))| {
            let tags = tags(scopes, purposes);
            let grant = Grant { number: number as u32, viewer, kind, tags, from: 100, until: 200, revoked };
            let shown = json!({
                "number": number, "viewer": viewer, "kind": kind.as_str(), "scopes": scopes, "purposes": purposes,
                "tags": hex::encode(tags.to_bytes()), "from": 100, "until": 200, "revoked": revoked,
            });
            (grant, shown)
        })
        .collect()
}

fn outcome(status: Status, requester: &str, scope: &str, purpose: &str, now: u64) -> Value {
    let relationship = Relationship { patient: "patient", steward: "steward", status };
    let grants: Vec<_> = grants().into_iter().map(|(grant, _)| grant).collect();
    let scopes = asked_scope_tags(&KEY, scope);
    let purposes = asked_purpose_tags(&KEY, purpose);
    let outcome = match permits(
        &relationship,
        &grants,
        &Ask { requester, scopes: &scopes, purposes: &purposes, now },
    ) {
        Ok(Permit::Patient) => json!({"permit": "patient"}),
        Ok(Permit::Viewer { grant }) => json!({"permit": "viewer", "grant": grant}),
        Ok(Permit::Carer { grant }) => json!({"permit": "carer", "grant": grant}),
        Err(refusal) => json!({"refusal": refusal.reason()}),
    };
    json!({
        "status": status.as_str(), "requester": requester, "scope": scope, "purpose": purpose, "now": now,
        "outcome": outcome,
    })
}

fn computed() -> Value {
    let mut cases = Vec::new();
    for status in [Status::Offered, Status::Active, Status::Rejected, Status::Closed] {
        for requester in ["patient", "steward", "viewer", "carer", "dismissed", "twice", "stranger"] {
            cases.push(outcome(status, requester, "medication", "treatment", 150));
        }
    }
    for now in [99, 100, 199, 200] {
        cases.push(outcome(Status::Active, "viewer", "labs", "research", now));
    }
    cases.push(outcome(Status::Active, "viewer", "imaging", "treatment", 150));
    cases.push(outcome(Status::Active, "viewer", "medication", "research", 150));
    cases.push(outcome(Status::Active, "twice", "labs", "treatment", 150));
    let words = ["medication", "labs", "conditions", "*"];
    let purposes = ["treatment", "payment", "operations", "research", "emergency", "patient-request", "*"];
    json!({
        "tag_key": hex::encode(KEY),
        "scope_tags": words.map(|word| json!({"scope": word, "tag": hex::encode(scope_tag(&KEY, word).0)})),
        "purpose_tags":
            purposes.map(|word| json!({"purpose": word, "tag": hex::encode(purpose_tag(&KEY, word).0)})),
        "filler": hex::encode(filler()),
        "patient": "patient",
        "steward": "steward",
        "grants": grants().into_iter().map(|(_, shown)| shown).collect::<Vec<_>>(),
        "permits": cases,
    })
}

#[test]
fn vectors_are_what_the_code_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors.json");
    let mut file: Value = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => json!({}),
    };
    if std::env::var_os("MEDREC_BLESS").is_some() {
        file[SECTION] = computed();
        std::fs::write(&path, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
    }
    assert_eq!(
        file[SECTION],
        computed(),
        "MEDREC_BLESS=1 rewrites {}, if the format is meant to change",
        path.display()
    );
}

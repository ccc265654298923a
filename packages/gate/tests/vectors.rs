//! Section `gate` of docs/spec/vectors.json: computed here, compared with the file. `MEDREC_BLESS=1` writes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;

use common::{House, Sent, contract, key, reply};
use serde_json::{Value, json};

const SECTION: &str = "gate";

fn computed() -> Value {
    let (house, signed) = (House::new(), common::signed());
    let header = serde_json::to_value(&house.answer.header).unwrap();
    let headers: serde_json::Map<_, _> =
        signed.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "request": {
            "secret": hex::encode(*key().secret()),
            "reply_public": hex::encode(reply().public().unwrap().as_bytes()),
            "method": signed.method,
            "url": signed.url,
            "body": String::from_utf8(common::BODY.to_vec()).unwrap(),
            "headers": headers,
            "hash": hex::encode(signed.hash),
        },
        "answer": {
            "chain_id": contract().chain_id,
            "contract": contract().address,
            "signing_key": hex::encode(house.signing_key.verifying_key().as_bytes()),
            "header_jcs": medrec_record::jcs(&header).unwrap(),
            "signature": hex::encode(house.answer.signature),
            "manifest": {
                "records": house.answer.records.iter().map(|r| json!({
                    "id": hex::encode(r.id),
                    "version": r.version,
                    "commitment": hex::encode(r.filed.entry().commitment()),
                    "mark": r.mark.map(|mark| mark.as_str()),
                })).collect::<Vec<_>>(),
                "root": hex::encode(house.answer.header.manifest),
            },
        },
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

/// The request of the vectors is one a gatekeeper takes.
#[test]
fn the_published_request_verifies() {
    assert!(Sent::good().verify().is_ok());
}

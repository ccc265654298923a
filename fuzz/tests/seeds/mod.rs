//! Inputs that are right, made by the other half of each parser.

mod exported;

use cosmwasm_std::Binary;
use ed25519_dalek::SigningKey;
use medrec_accesslog::{Body, Entry, LogSigner, encode_bundle};
use medrec_aggregate::{Answer, Noise, Outcome};
use medrec_events::{CONTRACT_ATTRIBUTE, KIND_PREFIX};
use medrec_gate::{Draft, Endpoint, Reason, Refusal};
use medrec_rules::Purpose;
use medrec_seals::{Head, Recall, Recalls};
use medrec_wallet::{Card, ContractRef, Key, SecretKey};
use serde_json::json;

const CONTRACT: &str = "medrec1contract";

/// Target, name of the input, input.
pub fn all() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add =
        |target: &'static str, title: &str, input: Vec<u8>| all.push((target, title.to_owned(), input));
    let log = LogSigner::new("north.example/log", &[22; 32]).unwrap();
    add("request", "read", request(Endpoint::Read { relationship: 5 }, br#"{"scope":"labs","card":null}"#));
    add("request", "entries", request(Endpoint::Entries { relationship: 5, start_after: Some(9) }, b""));
    add("request", "revoke", request(Endpoint::Revoke { relationship: 5 }, br#"{"grant":2}"#));
    add("answer", "entries", entries_answer(&log));
    add("exported", "whole", serde_json::to_vec(&exported::bundle()).unwrap());
    add("exported", "log-only", serde_json::to_vec(&exported::log_only()).unwrap());
    add("problem", "scope", problem());
    for (title, card) in cards() {
        add("card", title, card.to_text().unwrap().into_bytes());
    }
    for path in ["tile/0/000", "tile/63/x001/234.p/17", "tile/entries/x001/x234/067.p/255"] {
        add("tile-path", &path.replace('/', "-"), path.as_bytes().to_vec());
    }
    add("recalls", "one-log", recalls());
    add("research-answer", "mean", research_answer());
    let entries = [Entry::from_bytes([1; 512]), Entry::from_bytes([2; 512])];
    add("bundle", "entries", [&[1, 0][..], &encode_bundle(&entries)].concat());
    add("bundle", "hashes", [&[2, 1][..], &[7; 96]].concat());
    add("checkpoint", "signed", log.sign(300, [7; 32]).note().into_bytes());
    for body in bodies() {
        add("body", body.name(), body.encode().unwrap());
    }
    for (title, text) in events() {
        add("events", &title, text.into_bytes());
    }
    for (title, value) in answers() {
        add("rpc", title, value.to_string().into_bytes());
    }
    add("mapping", "synthea", include_bytes!("../../../relayer/mappings/synthea.toml").to_vec());
    all
}

fn request(endpoint: Endpoint, body: &[u8]) -> Vec<u8> {
    let contract = ContractRef { chain_id: "medrec-test-1".into(), address: CONTRACT.into() };
    let reply_key = SecretKey::from_bytes(&[12; 32]).public().unwrap();
    let now = 1_800_000_000;
    let draft = Draft {
        public_url: "https://north.example",
        endpoint,
        body,
        contract: &contract,
        purpose: Purpose::PatientRequest,
        reply_key: &reply_key,
        created: now,
        expires: now + 60,
        nonce: [9; 16],
    };
    let signed = draft.sign(&Key::from_secret(&[11; 32]).unwrap()).unwrap();
    let path = signed.url.strip_prefix("https://north.example").unwrap();
    let mut text = format!("{} {path}\n", signed.method);
    for (name, value) in &signed.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    [text.as_bytes(), b"\n", body].concat()
}

fn entries_answer(log: &LogSigner) -> Vec<u8> {
    let entry = Entry::from_bytes([1; 512]);
    let encoded = Binary::from(entry.as_bytes().to_vec()).to_base64();
    let note = log.sign(1, entry.leaf_hash()).note();
    let signature = Binary::from([7u8; 64]).to_base64();
    let counter = json!({"counter": 1, "size": 1, "at": 1_800_000_000, "signature": signature});
    let answer = json!({
        "entries": [{"index": 0, "entry": encoded, "proof": []}], "counter": counter, "checkpoint": note,
    });
    answer.to_string().into_bytes()
}

fn problem() -> Vec<u8> {
    let problem = medrec_gate::Problem::from(&Refusal::new(Reason::Scope, "not shown"));
    serde_json::to_vec(&problem).unwrap()
}

fn cards() -> [(&'static str, Card); 2] {
    let key = Key::from_secret(&[11; 32]).unwrap();
    let encryption = SecretKey::from_bytes(&[12; 32]).public().unwrap();
    let signing = SigningKey::from_bytes(&[21; 32]);
    let patient = Card::of_patient(key.address(), encryption).unwrap();
    let staff = Card::sign(&patient, "Ana", "clinician", 3, "medrec-test-1", &signing).unwrap();
    [("patient", patient), ("staff", staff)]
}

fn bodies() -> Vec<Body> {
    let (at, height, grant) = (1_800_000_000, 7, 3);
    vec![
        Body::Opened { at, height },
        Body::GrantSeen { at, height, grant },
        Body::RevokeSeen { at, height, grant },
        Body::Closed { at, height },
    ]
}

fn events() -> Vec<(String, String)> {
    use medrec_events::relationship;
    let bytes = || Binary::new(vec![7; 32]);
    let relationships = [
        relationship::Event::Opened {
            id: 1,
            patient: "medrec1patient".into(),
            steward: "medrec1steward".into(),
            sealed: bytes(),
        },
        relationship::Event::Accepted { id: 1, by: "medrec1patient".into(), sealed: bytes() },
        relationship::Event::Revoked { id: 1, grant: 0, by: "medrec1carer".into() },
    ];
    relationships.iter().map(|event| text(event.kind(), event.attributes())).collect()
}

fn text(kind: &str, attributes: Vec<(&'static str, String)>) -> (String, String) {
    let mut text = format!("{KIND_PREFIX}{kind}\n{CONTRACT_ATTRIBUTE}={CONTRACT}\n");
    for (key, value) in attributes {
        text.push_str(&format!("{key}={value}\n"));
    }
    (kind.to_owned(), text)
}

fn answers() -> Vec<(&'static str, serde_json::Value)> {
    let key = Binary::from([7u8; 32]);
    let institution = json!({
        "id": 8, "status": "active", "name": "North", "url": "https://north.example", "account": "medrec1north",
        "signing_key": key, "log_origin": "north.example/log", "log_key": key, "encryption_key": key,
    });
    vec![
        ("institution", institution.clone()),
        ("institutions", json!({ "institutions": [institution] })),
        (
            "log",
            json!({
                "slot": 1, "institution": 8, "origin": "north.example/log", "key": key, "size": 300, "root": key,
                "signature": key, "anchored_height": 5, "anchored_at": 1_800_000_000,
            }),
        ),
        ("delegate", json!({"status": "admitted"})),
    ]
}

fn recalls() -> Vec<u8> {
    let head = Head { slot: 3, origin: "log.north.example".into(), size: 2, root: [4; 32] };
    let recall = Recall { head: 0, index: 1, entry: &[5; 512], proof: &[[6; 32]] };
    let recalls = Recalls { heads: vec![head], siblings: vec![], recalls: vec![recall; 8] };
    recalls.to_bytes().unwrap()
}

fn research_answer() -> Vec<u8> {
    let noise = Noise { sensitivity: 2, scale_1024: 4_096, epsilon: 500_000 };
    let answer = Answer {
        id: "medrec:medrec-test-1:1:0102030405060708:9".into(),
        question: [1; 32],
        institution: 1,
        institutions: 1,
        at: 1_800_000_000,
        height: 9,
        valid_until: 1_900_000_000,
        data_set: [2; 32],
        unit: "g/dL".into(),
        lower: 50,
        upper: 200,
        scale: 1,
        contributions: 2,
        floor: 11,
        epsilon: 1_000_000,
        noise: vec![noise; 3],
        outcome: Outcome::Mean { patients: 20, contributions: 31, centred: 12, mean: 12_519 },
    };
    answer.to_cbor().unwrap()
}

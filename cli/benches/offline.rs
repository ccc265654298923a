//! A bundle read and verified: 10,000 entries of one relationship in a log of 100,000.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "bench code"
)]

#[path = "../../e2e/src/report.rs"]
mod report;

use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use medrec_accesslog::{Body, Entry, Explained, Filed, LogSigner, Read, Root};
use medrec_gate::answer::manifest;
use medrec_gate::bundle::{
    AnchorFacts, Answered, ChainFacts, Content, Contents, Counted, InstitutionFacts, Part, RecordListed,
    Selection, Shown,
};
use medrec_gate::seals::Run;
use medrec_gate::{Bundle, Header, Listed};
use medrec_merkle::{Tree, consistency_proof, multi_proof};
use medrec_record::{Context, RecordKey, commit, relationship_ref};
use medrec_wallet::{ContractRef, Key};
use report::{Report, Row};
use serde_json::{Value, json};

const ENTRIES: u64 = 10_000;
/// One entry of hers in so many of the log.
const SPREAD: u64 = 10;
const RECORDS: u64 = 9_990;
const RUNS: u32 = 5;
const ORIGIN: &str = "north.example/log";
const RELATIONSHIP: u64 = 5;
const AT: u64 = 1_800_000_000;
const SCOPE_HASH: [u8; 32] = [3; 32];

fn main() -> anyhow::Result<()> {
    let key = Key::from_secret(&[11; 32])?;
    let contract = ContractRef { chain_id: "medrec-bench-1".into(), address: "medrec1contract".into() };
    let content = content(&contract, &key);
    let log_only = Selection { without_contents: true, ..Selection::default() }.of(&content)?;
    let leaves: Vec<[u8; 512]> = content.parts.iter().flat_map(|p| &p.entries).map(|s| s.entry).collect();
    let mut rows = Vec::new();
    for (name, content) in [("all records", content), ("log only", log_only)] {
        let bytes = serde_json::to_vec(&content.sign(&[&key])?)?;
        let (mut read, mut verified) = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            let start = Instant::now();
            let bundle = Bundle::parse(&bytes)?;
            read = read.min(start.elapsed());
            let checked = bundle.verify();
            verified = verified.min(start.elapsed());
            assert_eq!(checked.faults().count(), 0, "what is measured is right");
        }
        let size = format!("a file of {:.1} MB", bytes.len() as f64 / 1e6);
        rows.push(row(&format!("{name}: read and verified"), verified, Some(1_000.0), &size));
        rows.push(row(&format!("{name}: read alone"), read, None, "JSON"));
    }
    let start = Instant::now();
    let mut sum = 0u8;
    for leaf in &leaves {
        sum ^= medrec_merkle::leaf_hash(leaf)[0];
    }
    let note = format!("checksum {sum}");
    rows.push(row("baseline: the leaf hashes of the entries", start.elapsed(), None, &note));
    let report = Report {
        setup: format!(
            "{ENTRIES} entries of one relationship, {RECORDS} of them filings of observations of some 700 bytes, in a log \
             of {} entries; best of {RUNS}.",
            ENTRIES * SPREAD
        ),
        timer: "parsing the file, signatures, one inclusion proof of all entries, consistency with the anchor, opening \
                every entry, commitments of all records, manifest, counters, omissions"
            .into(),
        rows,
    };
    report.hand_over()
}

fn row(name: &str, took: Duration, bound: Option<f64>, note: &str) -> Row {
    let value = (took.as_micros() as f64 / 10.0).round() / 100.0;
    Row::new(name, value, "ms", bound, note)
}

fn observation(n: u64) -> Value {
    json!({
        "resourceType": "Observation", "id": format!("observation-{n}"), "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs",
            "display": "Vital signs"
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin"}], "text": "Hemoglobin"},
        "subject": {"reference": "Patient/5f0d5e4b-6e7a-4b7e-9d6c-1c0e9b7e2a11"},
        "encounter": {"reference": format!("Encounter/e{}", n / 7)},
        "effectiveDateTime": "2024-03-01T08:00:00+01:00", "issued": "2024-03-01T09:00:00+01:00",
        "valueQuantity": {"value": n % 20, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
    })
}

fn content(contract: &ContractRef, key: &Key) -> Content {
    let signing = SigningKey::from_bytes(&[21; 32]);
    let log = LogSigner::new(ORIGIN, &[22; 32]).unwrap();
    let reference = relationship_ref(&contract.chain_id, &contract.address, RELATIONSHIP);
    let mut ratchet = Root::from_bytes([23; 32]).ratchet(&contract.place(RELATIONSHIP, ORIGIN));
    let (mut entries, mut records) = (Vec::new(), Vec::new());
    let mut show = |entry: Entry, key: medrec_accesslog::EntryKey| {
        let counter = entries.len() as u64;
        let index = counter * SPREAD + 3;
        entries.push(Shown { counter, index, entry: *entry.as_bytes(), key: *key.as_bytes() });
    };
    let step = ratchet.step();
    show(Entry::seal(&step, &[24; 32], &Body::Opened { at: AT, height: 7 }).unwrap(), step.entry_key());
    for n in 1..=RECORDS {
        let resource = observation(n);
        let record_key = RecordKey::from_bytes([(n % 251) as u8; 32]);
        let id = u128::from(n).to_be_bytes();
        let context = Context {
            log_origin: ORIGIN.into(),
            relationship_ref: reference,
            record_id: id,
            version: 1,
            scope_hash: SCOPE_HASH,
            resource_type: "Observation".into(),
        };
        let commitment = commit(&record_key, &context, &resource).unwrap();
        let filed = Filed {
            at: AT,
            record_id: id,
            version: 1,
            resource_type: "Observation".into(),
            scope: "observations".into(),
            scope_hash: SCOPE_HASH,
            explained: Explained::New,
        };
        let step = ratchet.step();
        show(Entry::file(&step, commitment, filed).unwrap(), step.entry_key());
        let version_key = *record_key.version_key(1).as_bytes();
        let content = Some(Contents { resource, version_key });
        records.push(RecordListed { id, version: 1, commitment, mark: None, filed: Some(n), content });
    }
    let manifest = manifest(records.iter().map(|record| Listed {
        id: &record.id,
        version: 1,
        commitment: &record.commitment,
        mark: None,
    }));
    let mut answers = Vec::new();
    for n in RECORDS + 1..ENTRIES {
        let read = Body::Read(Read {
            at: AT,
            height: 8,
            request: [n as u8; 32],
            grant: None,
            requester: key.address().to_owned(),
            scope: "observations".into(),
            purpose: "patient-request".into(),
            card: None,
            viewer_name: String::new(),
            viewer_role: String::new(),
            viewer_institution: 0,
            record_count: RECORDS as u32,
            manifest,
        });
        let step = ratchet.step();
        show(Entry::seal(&step, &[24; 32], &read).unwrap(), step.entry_key());
    }
    let header = Header {
        request: [(ENTRIES - 1) as u8; 32],
        relationship: RELATIONSHIP,
        scope: "observations".into(),
        scope_hash: SCOPE_HASH,
        purpose: "patient-request".into(),
        grant: None,
        height: 8,
        at: AT,
        count: RECORDS as u32,
        complete: true,
        manifest,
        counter: ENTRIES - 1,
    };
    let signature = header.sign(contract, &signing).unwrap();
    answers.push(Answered { header, signature, records });
    let size = ENTRIES * SPREAD;
    let mut leaves = vec![[0u8; 32]; size as usize];
    for (n, leaf) in (0u64..).zip(&mut leaves) {
        leaf[..8].copy_from_slice(&n.to_be_bytes());
    }
    for shown in &entries {
        leaves[shown.index as usize] = shown.entry().leaf_hash();
    }
    let anchored = size - 5;
    let tree: Tree = leaves.iter().copied().collect();
    let before: Tree = leaves.iter().copied().take(anchored as usize).collect();
    let indices: Vec<u64> = entries.iter().map(|shown| shown.index).collect();
    let part = Part {
        relationship: RELATIONSHIP,
        patient: key.address().to_owned(),
        institution: InstitutionFacts {
            id: 1,
            name: "North".into(),
            url: "https://north.example".into(),
            signing_key: signing.verifying_key().to_bytes(),
            log_origin: ORIGIN.into(),
            log_key: *log.public().public_key(),
        },
        checkpoint: log.sign(size, tree.root()).note(),
        anchor: AnchorFacts { size: anchored, root: before.root(), height: 90, at: AT },
        consistency: consistency_proof(&tree, anchored, size).unwrap(),
        proof: multi_proof(&tree, &indices, size).unwrap(),
        sealed: Vec::new(),
        whole: true,
        counter: Some(Counted(log.sign_counter(&reference, ENTRIES, size, AT))),
        entries,
        answers,
    };
    let chain = ChainFacts {
        chain_id: contract.chain_id.clone(),
        registrar: "medrec1registrar".into(),
        relationship: contract.address.clone(),
        authlog: "medrec1authlog".into(),
    };
    Content { made_at: AT, chain, parts: vec![part], seals: Run::default() }
}

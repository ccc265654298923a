//! An answer is checked to the last byte: whatever an institution bends, the viewer sees which thing.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{House, NOW, contract, reply, signed};
use medrec_accesslog::{Body, LogSigner};
use medrec_gate::answer::{manifest, open, seal};
use medrec_gate::{Answer, Entries, Finding, Mark};
use proptest::prelude::*;
use rand_core::OsRng;
use serde_json::json;

/// What a dishonest institution does to a part of its answer.
type Bend<T> = fn(&mut T);

#[test]
fn an_honest_answer_has_no_findings() {
    assert_eq!(House::new().findings(), []);
}

#[test]
fn sealed_to_the_reply_key_and_bound_to_the_request() {
    let house = House::new();
    let (secret, hash) = (reply(), signed().hash);
    let sealed = seal(&mut OsRng, &secret.public().unwrap(), &hash, &house.answer).unwrap();
    assert_eq!(open::<Answer>(&secret, &hash, &sealed).unwrap(), house.answer);
    assert!(open::<Answer>(&secret, &[0; 32], &sealed).is_err(), "an old answer replayed");
    assert!(open::<Entries>(&secret, &hash, &sealed).is_err(), "another kind of answer");
    // Digits survive the way.
    let back: Answer = open(&secret, &hash, &sealed).unwrap();
    assert_eq!(back.records[0].resource["valueQuantity"]["value"].to_string(), "7.10");
}

#[test]
fn header_signature_binds_every_field_and_the_contract() {
    let changes: [Bend<Answer>; 9] = [
        |a| a.header.scope_hash = [4; 32],
        |a| a.header.grant = None,
        |a| a.header.height += 1,
        |a| a.header.at += 1,
        |a| a.header.count += 1,
        |a| a.header.complete = false,
        |a| a.header.manifest = [4; 32],
        |a| a.header.counter += 1,
        |a| a.signature[3] ^= 1,
    ];
    for change in changes {
        let mut house = House::new();
        change(&mut house.answer);
        assert!(matches!(house.findings()[0], Finding::HeaderSignature(_)), "{:?}", house.findings());
    }
    let house = House::new();
    let other = medrec_wallet::ContractRef { chain_id: "other-1".into(), ..contract() };
    let key = house.signing_key.verifying_key().to_bytes();
    assert!(house.answer.header.verify(&other, &key, &house.answer.signature).is_err());
}

#[test]
fn an_answer_to_another_question_is_seen() {
    let changes: [(&str, Bend<Answer>); 4] = [
        ("request", |a| a.header.request = [1; 32]),
        ("relationship", |a| a.header.relationship = 6),
        ("scope", |a| a.header.scope = "notes".into()),
        ("purpose", |a| a.header.purpose = "research".into()),
    ];
    for (field, change) in changes {
        let mut house = House::new();
        change(&mut house.answer);
        house.resign();
        let findings = house.findings();
        assert!(
            findings.iter().any(|f| matches!(f, Finding::Header { field: found, .. } if *found == field)),
            "{findings:?}"
        );
    }
}

#[test]
fn a_changed_record_is_seen() {
    let mut house = House::new();
    house.answer.records[1].resource["valueQuantity"]["value"] = serde_json::from_str("8.1").unwrap();
    let name = hex::encode([2u8; 16]);
    assert_eq!(house.findings(), [Finding::RecordChanged { record: name }, Finding::Manifest]);
}

#[test]
fn omission_rollback_and_duplicates_are_seen() {
    let mut house = House::new();
    house.answer.records.pop();
    assert_eq!(house.findings(), [Finding::Count { header: 3, got: 2 }, Finding::Manifest]);

    // An institution that lies in the header as well contradicts its own log entry of the read.
    let (records, mut house) = (house.answer.records.clone(), House::new());
    let commitments: Vec<_> = records.iter().map(|r| r.filed.entry().commitment()).collect();
    house.answer.header.manifest =
        manifest(records.iter().zip(&commitments).map(|(r, c)| common::listed(r, c)));
    house.answer.header.count = 2;
    house.answer.records = records;
    house.resign();
    let fields: Vec<_> = house
        .findings()
        .into_iter()
        .map(|f| match f {
            Finding::ReadLoggedWrong { field, .. } => field,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(fields, ["record count", "manifest"]);

    let mut house = House::new();
    house.answer.records[1].version = 2;
    assert!(house.findings().iter().any(|f| matches!(f, Finding::RecordChanged { .. })));

    let mut house = House::new();
    house.answer.records[2] = house.answer.records[1].clone();
    assert!(house.findings().iter().any(|f| matches!(f, Finding::RecordTwice { .. })));
}

#[test]
fn a_record_or_read_that_is_not_in_the_log_is_seen() {
    let mut house = House::new();
    house.answer.records[0].filed.proof.pop();
    assert!(matches!(house.findings()[..], [Finding::RecordNotLogged { .. }]));
    let mut house = House::new();
    house.answer.records[0].filed.index = 2;
    assert!(matches!(house.findings()[..], [Finding::RecordNotLogged { .. }]));
    let mut house = House::new();
    house.answer.read.index = 3;
    assert!(matches!(
        house.findings()[..],
        [Finding::ReadNotLogged { .. }, Finding::Promise { index: 3, .. }]
    ));
}

/// H6: noise in the log instead of the read, or another read than this one.
#[test]
fn a_read_logged_as_noise_or_as_another_is_seen() {
    let mut house = House::new();
    house.answer.read.blind = [0; 32];
    assert!(matches!(house.findings()[..], [Finding::ReadNotLogged { .. }]));

    let bend = |change: fn(&mut medrec_accesslog::Read)| {
        let mut house = House::new();
        let Body::Read(mut read) = Body::decode(&house.answer.read.body).unwrap() else { panic!() };
        change(&mut read);
        relog(&mut house, Body::Read(read));
        house.findings()
    };
    let changes: [(&str, Bend<medrec_accesslog::Read>); 6] = [
        ("request", |r| r.request = [0; 32]),
        ("requester", |r| r.requester = common::contract().address),
        ("manifest", |r| r.manifest = [0; 32]),
        ("grant", |r| r.grant = None),
        ("height", |r| r.height = 1),
        ("scope", |r| r.scope = "notes".into()),
    ];
    for (name, change) in changes {
        let findings = bend(change);
        assert!(
            matches!(&findings[..], [Finding::ReadLoggedWrong { field, .. }] if *field == name),
            "{findings:?}"
        );
    }

    let mut house = House::new();
    relog(&mut house, Body::Opened { at: NOW, height: 1 });
    assert!(matches!(house.findings()[..], [Finding::ReadLoggedWrong { field: "kind", .. }]));
}

/// Puts another body into the log in the place of the read, with proofs that hold.
fn relog(house: &mut House, body: Body) {
    let mut ratchet =
        medrec_accesslog::Root::from_bytes([23; 32]).ratchet(&contract().place(5, common::ORIGIN));
    (0..5).for_each(|_| drop(ratchet.step()));
    house.answer.read.body = body.encode().unwrap();
    house.entries[5] = common::seal(&mut ratchet, body);
    house.answer.read.entry = *house.entries[5].as_bytes();
    house.prove();
}

#[test]
fn a_checkpoint_by_another_key_is_worth_nothing() {
    let mut house = House::new();
    house.log = LogSigner::new(common::ORIGIN, &[99; 32]).unwrap();
    let honest = House::new().institution();
    house.prove();
    let (contract, key, hash) = (contract(), common::key(), signed().hash);
    let asked = medrec_gate::Asked {
        contract: &contract,
        institution: &honest,
        request: &hash,
        relationship: 5,
        scope: "labs",
        purpose: "treatment",
        requester: key.address(),
    };
    let checked = medrec_gate::check::check(&house.answer, &asked);
    assert!(matches!(checked.findings[0], Finding::Checkpoint(_)), "{:?}", checked.findings);
    assert!(checked.checkpoint.is_none() && checked.records.iter().all(|r| !r.sound));
}

/// H18: the promise is of this entry at this index, by the log's key.
#[test]
fn a_promise_of_something_else_is_seen() {
    let leaf = |house: &House, index: usize| house.entries[index].leaf_hash();
    let bends: [fn(&House) -> medrec_accesslog::Promise; 3] = [
        |house| house.log.promise(4, house.entries[5].leaf_hash(), NOW, NOW + 60),
        |house| {
            let other = LogSigner::new(common::ORIGIN, &[99; 32]).unwrap();
            other.promise(5, house.entries[5].leaf_hash(), NOW, NOW + 60)
        },
        |house| house.log.promise(5, [0; 32], NOW, NOW + 60),
    ];
    for bend in bends {
        let mut house = House::new();
        house.answer.read.promise = bend(&house);
        assert!(
            matches!(house.findings()[..], [Finding::Promise { index: 5, .. }]),
            "{:?}",
            house.findings()
        );
    }
    let mut house = House::new();
    house.answer.read.promise = house.log.promise(5, leaf(&house, 5), NOW + 1, NOW + 60);
    assert_eq!(house.findings(), []);
    house.answer.read.promise.by += 1;
    assert!(matches!(house.findings()[..], [Finding::Promise { .. }]), "its time is signed");
}

#[test]
fn a_mark_without_its_entry_is_seen() {
    let bends: [Bend<Answer>; 6] = [
        |a| a.records[1].marked = None,
        |a| a.records[0].mark = Some(Mark::Acknowledged),
        |a| a.records[0].marked = a.records[1].marked.clone(),
        |a| a.records[1].mark = Some(Mark::Acknowledged),
        |a| a.records[1].marked.as_mut().unwrap().blind = [0; 32],
        |a| a.records[1].marked.as_mut().unwrap().index = 3,
    ];
    for bend in bends {
        let mut house = House::new();
        bend(&mut house.answer);
        let findings = house.findings();
        assert!(findings.iter().any(|f| matches!(f, Finding::Mark { .. })), "{findings:?}");
    }
    // Taken from another record, the manifest made to fit: the entry names its record.
    let mut house = House::new();
    let (mark, marked) = (house.answer.records[1].mark.take(), house.answer.records[1].marked.take());
    (house.answer.records[0].mark, house.answer.records[0].marked) = (mark, marked);
    let findings = house.findings();
    assert!(matches!(&findings[..], [Finding::Mark { .. }, Finding::Manifest]), "{findings:?}");
    // Left out altogether: the manifest tells.
    let mut house = House::new();
    (house.answer.records[1].mark, house.answer.records[1].marked) = (None, None);
    assert_eq!(house.findings(), [Finding::Manifest]);
}

#[test]
fn answers_parse_strictly() {
    let good = serde_json::to_value(&House::new().answer).unwrap();
    assert!(serde_json::from_value::<Answer>(good.clone()).is_ok());
    let changes: [Bend<serde_json::Value>; 8] = [
        |v| v["more"] = json!(1),
        |v| v["header"]["more"] = json!(1),
        |v| v["header"]["request"] = json!("AB".repeat(32)),
        |v| v["header"]["manifest"] = json!("ab"),
        |v| v["records"][0]["filed"]["entry"] = json!("AAAA"),
        |v| v["signature"] = json!("not base64!"),
        |v| v["read"]["promise"]["more"] = json!(1),
        |v| v["records"][0]["mark"] = json!("Disputed"),
    ];
    for change in changes {
        let mut value = good.clone();
        change(&mut value);
        assert!(serde_json::from_value::<Answer>(value).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(64)))]

    /// Any bit of what carries weight in an answer.
    #[test]
    fn any_bent_bit_is_found(which in 0usize..8, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut house = House::new();
        let answer = &mut house.answer;
        let bytes: &mut [u8] = match which {
            0 => &mut answer.signature,
            1 => &mut answer.records[1].version_key,
            2 => &mut answer.records[1].filed.entry,
            3 => &mut answer.read.entry,
            4 => &mut answer.read.body,
            5 => &mut answer.read.promise.signature,
            6 => &mut answer.records[1].marked.as_mut().unwrap().entry,
            _ => &mut answer.records[0].filed.proof[0],
        };
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(!house.findings().is_empty());
    }
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}

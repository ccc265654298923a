//! Receipts and `entries` answers, bent in every way that matters.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{House, NOW, RELATIONSHIP, contract, key, promised, signed};
use medrec_accesslog::{Body, LogSigner, Marking, RevokeReceived};
use medrec_gate::check::{check_entries, check_receipt};
use medrec_gate::{Deed, Entries, Finding, Receipt, Sent};
use medrec_record::relationship_ref;

const RECORD: [u8; 16] = [2; 16];
const NOTE: &str = "of somebody else";

fn marking() -> Marking {
    Marking {
        at: NOW,
        height: 8,
        request: signed().hash,
        requester: key().address().into(),
        record_id: RECORD,
        version: 1,
    }
}

fn revoke() -> Body {
    let marking = marking();
    Body::RevokeReceived(RevokeReceived {
        at: NOW,
        height: 8,
        request: marking.request,
        requester: marking.requester,
        grant: 3,
    })
}

/// The house answers a request with the entry that says `body`.
fn receipt(house: &mut House, body: &Body) -> Receipt {
    let mut ratchet =
        medrec_accesslog::Root::from_bytes([23; 32]).ratchet(&contract().place(RELATIONSHIP, common::ORIGIN));
    (0..5).for_each(|_| drop(ratchet.step()));
    house.entries[5] = common::seal(&mut ratchet, body.clone());
    house.answer.read = promised(&house.log, 5, &house.entries[5], body);
    house.prove();
    Receipt { entry: house.answer.read.clone(), checkpoint: house.answer.checkpoint.clone() }
}

fn findings(house: &House, receipt: &Receipt, deed: Deed<'_>) -> Vec<Finding> {
    let (institution, key, hash) = (house.institution(), key(), signed().hash);
    let sent = Sent { institution: &institution, request: &hash, requester: key.address(), deed };
    let (findings, checkpoint) = check_receipt(receipt, &sent);
    assert!(checkpoint.is_some());
    findings
}

#[test]
fn an_honest_receipt_has_no_findings() {
    let deeds = [
        (revoke(), Deed::Revoke { grant: 3 }),
        (Body::Acknowledged(marking()), Deed::Acknowledge { record: &RECORD, version: 1 }),
        (
            Body::Disputed { marking: marking(), note: NOTE.into() },
            Deed::Dispute { record: &RECORD, version: 1, note: NOTE },
        ),
    ];
    for (body, deed) in &deeds {
        let mut house = House::new();
        let receipt = receipt(&mut house, body);
        assert_eq!(findings(&house, &receipt, *deed), []);
        for (_, other) in deeds.iter().filter(|(_, other)| other != deed) {
            let found = findings(&house, &receipt, *other);
            assert!(matches!(found[..], [Finding::ReceiptSays { field: "kind", .. }]), "{found:?}");
        }
    }
}

#[test]
fn a_receipt_of_another_request_or_deed_is_seen() {
    let mut house = House::new();
    let other = |change: fn(&mut Marking), note: &str| {
        let mut marking = marking();
        change(&mut marking);
        Body::Disputed { marking, note: note.into() }
    };
    let deed = Deed::Dispute { record: &RECORD, version: 1, note: NOTE };
    for (name, body) in [
        ("request", other(|m| m.request = [0; 32], NOTE)),
        ("requester", other(|m| m.requester = "x".into(), NOTE)),
        ("record", other(|m| m.record_id = [3; 16], NOTE)),
        ("version", other(|m| m.version = 2, NOTE)),
        ("note", other(|_| {}, "")),
    ] {
        let receipt = receipt(&mut house, &body);
        let found = findings(&house, &receipt, deed);
        assert!(
            matches!(&found[..], [Finding::ReceiptSays { field, .. }] if *field == name),
            "{name}: {found:?}"
        );
    }
    let receipt = receipt(&mut house, &revoke());
    let found = findings(&house, &receipt, Deed::Revoke { grant: 4 });
    assert!(matches!(found[..], [Finding::ReceiptSays { field: "grant", .. }]), "{found:?}");
}

#[test]
fn a_receipt_of_an_entry_that_is_not_logged_or_not_promised_is_seen() {
    let mut house = House::new();
    let good = receipt(&mut house, &revoke());
    let deed = Deed::Revoke { grant: 3 };
    type Bend = fn(&mut Receipt);
    let bends: [(Bend, &str); 5] = [
        (|r| r.entry.proof[0][0] ^= 1, "logged"),
        (|r| r.entry.blind[0] ^= 1, "logged"),
        (|r| r.entry.promise.signature[0] ^= 1, "promised"),
        (|r| r.entry.promise.at -= 1, "promised"),
        (|r| r.entry.promise.index = 4, "promised"),
    ];
    for (bend, what) in bends {
        let mut bent = good.clone();
        bend(&mut bent);
        let found = findings(&house, &bent, deed);
        match found[..] {
            [Finding::EntryNotLogged { index: 5, .. }] => assert_eq!(what, "logged"),
            [Finding::Promise { index: 5, .. }] => assert_eq!(what, "promised"),
            _ => panic!("{found:?}"),
        }
    }
}

#[test]
fn entries_are_checked_each_and_the_counter_too() {
    let house = House::new();
    let (contract, institution) = (contract(), house.institution());
    let reference = relationship_ref(&contract.chain_id, &contract.address, RELATIONSHIP);
    let good = Entries {
        entries: house.answer.records.iter().map(|r| r.filed.clone()).collect(),
        counter: house.log.sign_counter(&reference, 6, 6, NOW),
        checkpoint: house.answer.checkpoint.clone(),
    };
    let check = |answer: &Entries| check_entries(answer, &institution, &contract, RELATIONSHIP).0;
    assert_eq!(check(&good), []);
    let mut answer = good.clone();
    answer.entries[1].entry[100] ^= 1;
    assert!(matches!(check(&answer)[..], [Finding::EntryNotLogged { index: 2, .. }]));
    let other = relationship_ref(&contract.chain_id, &contract.address, RELATIONSHIP + 1);
    let thief = LogSigner::new(common::ORIGIN, &[99; 32]).unwrap();
    for counter in [
        house.log.sign_counter(&other, 6, 6, NOW),
        thief.sign_counter(&reference, 6, 6, NOW),
        house.log.sign_counter(&reference, 6, 7, NOW),
        house.log.sign_counter(&reference, 2, 6, NOW),
    ] {
        let found = check(&Entries { counter, ..good.clone() });
        assert!(matches!(found[..], [Finding::Counter(_)]), "{found:?}");
    }
    let json = serde_json::to_value(&good).unwrap();
    assert_eq!(serde_json::from_value::<Entries>(json.clone()).unwrap(), good);
    assert!(json["counter"]["signature"].as_str().unwrap().len() == 88 && json["counter"]["size"] == 6);
}

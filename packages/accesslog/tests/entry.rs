//! Sealing and opening: what fits, what is bound, what is refused.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{any_body, any_hash, bodies, cases, filed, ratchet, read, refused};
use medrec_accesslog::{
    Body, BodyError, Counted, Counters, ENTRY_LEN, Entry, EntryError, Explained, Filed, Label, MAX_BODY,
    Marking, Ratchet, Read, Scope, VerifyError, body_commitment, check_disclosed, public_label, seal_scopes,
};
use proptest::prelude::*;

const BLIND: [u8; 32] = [0xb1; 32];

#[test]
fn a_record_is_filed_with_its_commitment_in_the_open() {
    let (mut steward, mut patient) = (ratchet(1), ratchet(1));
    let entry = Entry::file(&steward.step(), [0xc0; 32], filed()).unwrap();
    assert_eq!(entry.commitment(), [0xc0; 32]);
    let opened = entry.open(&patient.step()).unwrap();
    assert_eq!((opened.body, opened.blind), (Body::Filed(filed()), [0; 32]));
}

#[test]
fn all_other_kinds_are_committed_under_their_blind() {
    let (mut steward, mut patient) = (ratchet(1), ratchet(1));
    for body in bodies() {
        let entry = Entry::seal(&steward.step(), &BLIND, &body).unwrap();
        let opened = entry.open(&patient.step()).unwrap();
        assert_eq!((&opened.body, opened.blind), (&body, BLIND));
        assert_eq!(entry.commitment(), body_commitment(&BLIND, &opened.cbor));
        assert_eq!(check_disclosed(&entry, &opened.blind, &opened.cbor), Ok(body));
    }
}

/// Security H6: an answer that logged something else, or nothing, convicts.
#[test]
fn a_viewer_is_not_shown_another_body() {
    let entry = Entry::seal(&ratchet(1).step(), &BLIND, &Body::Read(read())).unwrap();
    let other = Body::Read(Read { viewer_name: "somebody else".into(), ..read() }).encode().unwrap();
    assert_eq!(check_disclosed(&entry, &BLIND, &other), Err(VerifyError::NotDisclosed));
    let body = Body::Read(read()).encode().unwrap();
    assert_eq!(check_disclosed(&entry, &[0; 32], &body), Err(VerifyError::NotDisclosed));
    let noise = Entry::from_bytes([7; ENTRY_LEN]);
    assert_eq!(check_disclosed(&noise, &BLIND, &body), Err(VerifyError::NotDisclosed));
}

#[test]
fn kinds_look_alike_and_relationships_have_nothing_in_common() {
    let seal = |ratchet: &mut Ratchet, body| Entry::seal(&ratchet.step(), &BLIND, body).unwrap();
    let (mut first, mut second) = (ratchet(1), ratchet(2));
    let sealed: Vec<_> =
        bodies().iter().flat_map(|body| [seal(&mut first, body), seal(&mut second, body)]).collect();
    for (position, entry) in sealed.iter().enumerate() {
        assert!(sealed[..position].iter().all(|other| other.label() != entry.label()));
        // No 8 bytes of any two sealed bodies are equal, although the bodies nearly are.
        let words = |entry: &Entry| entry.as_bytes()[64..].chunks(8).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let own = words(entry);
        assert!(sealed[..position].iter().all(|other| words(other).iter().all(|word| !own.contains(word))));
    }
}

/// Security H14: what the steward keeps opens nothing that came before.
#[test]
fn a_kept_state_starts_at_its_counter() {
    let mut ratchet = ratchet(1);
    let old = Entry::seal(&ratchet.step(), &BLIND, &bodies()[0]).unwrap();
    let mut kept = Ratchet::resume(ratchet.counter(), *ratchet.chain_key());
    for _ in 0..50 {
        let step = kept.step();
        assert!(
            matches!(old.open(&step), Err(EntryError::OtherLabel { counter, .. }) if counter == step.counter())
        );
        assert_ne!(step.label(), old.label());
    }
    assert_eq!(kept.counter(), 51);
    assert_eq!(
        format!("{kept:?} {:?} {:?}", kept.clone().step(), common::root()),
        "Ratchet(secret) Step(secret) Root(secret)"
    );
}

#[test]
fn keys_belong_to_one_place() {
    let place = common::place(1);
    let others = [
        medrec_accesslog::Place { chain_id: "medrec-local-2", ..place },
        medrec_accesslog::Place { contract: "medrec1other", ..place },
        medrec_accesslog::Place { relationship: 2, ..place },
        medrec_accesslog::Place { log_origin: "log.south.example/medrec", ..place },
    ];
    let mut labels: Vec<Label> =
        others.iter().map(|place| common::root().ratchet(place).step().label()).collect();
    labels.push(ratchet(1).step().label());
    labels.push(medrec_accesslog::Root::from_parts(&[0x22; 32], &[0x11; 32]).ratchet(&place).step().label());
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), 6);
    // Tags are of a relationship, whichever log it files in.
    let keys = others.map(|place| *common::root().tag_key(&place).as_bytes());
    let own = *common::root().tag_key(&place).as_bytes();
    assert_eq!(keys.map(|key| key == own), [false, false, false, true]);
}

#[test]
fn the_largest_read_fits_and_one_byte_more_is_refused() {
    let mut read = Read {
        at: u64::MAX,
        height: u64::MAX,
        grant: Some(u32::MAX),
        requester: "m".repeat(90),
        scope: "s".repeat(24),
        purpose: "p".repeat(24),
        viewer_name: "n".repeat(48),
        viewer_role: "r".repeat(24),
        viewer_institution: u32::MAX,
        record_count: u32::MAX,
        ..read()
    };
    assert!(Body::Read(read.clone()).encode().unwrap().len() <= MAX_BODY);
    read.viewer_name.push('n');
    let refused = Entry::seal(&ratchet(1).step(), &BLIND, &Body::Read(read)).unwrap_err();
    assert_eq!(
        refused,
        EntryError::Body(BodyError::FieldTooLong { field: "viewer name", actual: 49, max: 48 })
    );
}

#[test]
fn the_longest_note_fits_and_one_byte_more_is_refused() {
    let marking = Marking {
        at: u64::MAX,
        height: u64::MAX,
        requester: "m".repeat(90),
        version: u32::MAX,
        ..common::marking()
    };
    let disputed = |note| Body::Disputed { marking: marking.clone(), note };
    assert!(disputed("n".repeat(120)).encode().unwrap().len() <= MAX_BODY);
    let refused = disputed("n".repeat(121)).encode().unwrap_err();
    assert_eq!(refused, BodyError::FieldTooLong { field: "note", actual: 121, max: 120 });
}

#[test]
fn a_note_of_an_answer_fits_and_its_category_is_bounded() {
    let counted = |category: String| {
        Body::Counted(Counted { at: u64::MAX, height: u64::MAX, question: [0xff; 32], category })
    };
    assert!(counted("c".repeat(24)).encode().unwrap().len() <= MAX_BODY);
    let refused = counted("c".repeat(25)).encode().unwrap_err();
    assert_eq!(refused, BodyError::FieldTooLong { field: "category", actual: 25, max: 24 });
}

#[test]
fn nothing_is_cut_off() {
    let mut cbor = vec![0x82, 0x18, 99, 0x59, 0x01, 0x88];
    cbor.resize(MAX_BODY, 7);
    let body = Body::Unknown { kind: 99, cbor: cbor.clone() };
    let opened = Entry::seal(&ratchet(1).step(), &BLIND, &body).unwrap().open(&ratchet(1).step()).unwrap();
    assert_eq!(opened.body, body);
    cbor.push(7);
    let refused = Entry::seal(&ratchet(1).step(), &BLIND, &Body::Unknown { kind: 99, cbor }).unwrap_err();
    assert_eq!(refused, EntryError::Body(BodyError::TooLarge { actual: MAX_BODY + 1, max: MAX_BODY }));
}

#[test]
fn records_and_public_kinds_are_not_sealed_as_others_are() {
    let refused = |body: &Body| Entry::seal(&ratchet(1).step(), &BLIND, body).unwrap_err();
    assert_eq!(refused(&Body::Filed(filed())), EntryError::Kind { kind: 0 });
    let scopes = Body::Scopes { at: 1, part: 1, parts: 1, scopes: Vec::new() };
    assert_eq!(refused(&scopes), EntryError::Kind { kind: 16 });
    let counters = Counters { at: 1, day: 1, size: 1, leaves: 64, root: [0; 32] };
    assert_eq!(refused(&Body::Counters(counters)), EntryError::Kind { kind: 17 });
}

#[test]
fn bodies_are_read_strictly() {
    let closed = Body::Closed { at: 1, height: 2 }.encode().unwrap();
    assert_eq!(closed, [0x83, 6, 1, 2]);
    let refused = |cbor: &[u8]| Body::decode(cbor).unwrap_err();
    assert_eq!(refused(&[0x82, 6, 1]), BodyError::FieldCount { kind: 6, expected: 2, actual: 1 });
    assert_eq!(refused(&[0x84, 6, 1, 2, 3]), BodyError::FieldCount { kind: 6, expected: 2, actual: 3 });
    assert_eq!(refused(&[0x83, 6, 1, 0x18, 2]), BodyError::NotCanonical);
    assert_eq!(refused(&[0x83, 6, 1, 2, 0]), BodyError::NotCanonical);
    assert!(matches!(refused(&[0x9f, 6, 1, 2, 0xff]), BodyError::Cbor(_)));
    assert!(matches!(refused(&[0xa0]), BodyError::Cbor(_)));
    assert!(matches!(refused(&[]), BodyError::Cbor(_)));
    let mut filed = Body::Filed(Filed { explained: Explained::New, ..filed() }).encode().unwrap();
    *filed.last_mut().unwrap() = 3;
    assert_eq!(refused(&filed), BodyError::Explained { found: 3 });
    let mut removed = Body::Removed(common::removed()).encode().unwrap();
    for found in [0, 3] {
        *removed.last_mut().unwrap() = found;
        assert_eq!(refused(&removed), BodyError::Removed { found });
    }
    let short = Body::Refused(common::refused()).encode().unwrap();
    let mut shorter = short.clone();
    shorter[12] = 0x1f; // the request's length byte, 32 → 31
    assert_ne!(Body::decode(&shorter), Body::decode(&short));
    assert_eq!(Body::decode(&short), Ok(Body::Refused(refused_body())));
}

fn refused_body() -> medrec_accesslog::Refused {
    refused()
}

#[test]
fn unknown_kinds_are_shown() {
    for cbor in [&[0x81, 12][..], &[0x82, 0x18, 200, 0xff], &[0x83, 0x19, 0x12, 0x34, 1, 2]] {
        let Ok(Body::Unknown { kind, cbor: kept }) = Body::decode(cbor) else {
            panic!("{cbor:?} is a later kind")
        };
        assert!(kind >= 12);
        assert_eq!(kept, cbor);
    }
}

#[test]
fn scopes_are_public_and_take_as_many_entries_as_they_need() {
    let scope = |i: u8| Scope { scope: format!("scope-number-{i:0>11}"), scope_hash: [i; 32] };
    let scopes: Vec<_> = (0..16).map(scope).collect();
    let entries = seal_scopes("log.example", 5, 1_790_000_000, &scopes).unwrap();
    assert_eq!(entries.len(), 3);
    let mut found = Vec::new();
    for (entry, (number, version)) in entries.iter().zip((1..).zip(5..)) {
        assert_eq!(entry.label(), public_label("log.example", 16, version));
        let body = entry.open_public("log.example", 16, version).unwrap().unwrap();
        let Body::Scopes { at: 1_790_000_000, part, parts: 3, scopes } = body else { panic!("{body:?}") };
        assert_eq!(part, number);
        found.extend(scopes);
        assert_eq!(entry.open_public("log.example", 16, version + 1), None);
        assert_eq!(entry.open_public("log.other", 16, version), None);
    }
    assert_eq!(found, scopes);
    let none = seal_scopes("log.example", 1, 1, &[]).unwrap();
    let body = none[0].open_public("log.example", 16, 1).unwrap().unwrap();
    assert_eq!(body, Body::Scopes { at: 1, part: 1, parts: 1, scopes: Vec::new() });
    assert_eq!(none.len(), 1);

    let mut altered = *entries[0].as_bytes();
    altered[80] ^= 1;
    let altered = Entry::from_bytes(altered).open_public("log.example", 16, 5).unwrap();
    assert_eq!(altered, Err(EntryError::Commitment));
    let long = [Scope { scope: "s".repeat(25), scope_hash: [0; 32] }];
    assert!(matches!(
        seal_scopes("log.example", 1, 1, &long),
        Err(EntryError::Body(BodyError::FieldTooLong { .. }))
    ));
}

#[test]
fn entries_are_512_bytes() {
    assert_eq!(Entry::try_from(&[0u8; 511][..]), Err(EntryError::Length { actual: 511 }));
    assert_eq!(Entry::try_from(&[0u8; 513][..]), Err(EntryError::Length { actual: 513 }));
    let label: Label = "ab".repeat(32).parse().unwrap();
    assert_eq!(label.to_string().parse(), Ok(label));
    for bad in
        ["", "AB", &"ab".repeat(31), &"AB".repeat(32), &"gg".repeat(32), &"ab".repeat(33), &"é".repeat(32)]
    {
        assert!(bad.parse::<Label>().is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn what_is_sealed_is_opened(body in any_body(), blind in any_hash()) {
        let entry = Entry::seal(&ratchet(1).step(), &blind, &body).unwrap();
        let opened = entry.open(&ratchet(1).step()).unwrap();
        prop_assert_eq!(&opened.cbor, &body.encode().unwrap());
        prop_assert_eq!((opened.body, opened.blind), (body, blind));
    }

    /// Every bit of an entry is under the seal: label and commitment as associated data.
    #[test]
    fn any_flipped_bit_is_seen(body in any_body(), bit in 0..ENTRY_LEN * 8) {
        let entry = Entry::seal(&ratchet(1).step(), &BLIND, &body).unwrap();
        let mut bytes = *entry.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Entry::from_bytes(bytes).open(&ratchet(1).step()).is_err());
    }

    #[test]
    fn filed_entries_too(bit in 0..ENTRY_LEN * 8, commitment in any_hash()) {
        let mut bytes = *Entry::file(&ratchet(1).step(), commitment, filed()).unwrap().as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Entry::from_bytes(bytes).open(&ratchet(1).step()).is_err());
    }

    /// A body has one encoding, so one commitment under a blind.
    #[test]
    fn a_flipped_bit_of_a_body_is_another_body_or_none(body in any_body(), bit in any::<prop::sample::Index>()) {
        let mut cbor = body.encode().unwrap();
        let bit = bit.index(cbor.len() * 8);
        cbor[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(Body::decode(&cbor), Ok(body));
    }
}

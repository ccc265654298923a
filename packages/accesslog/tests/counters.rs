//! The daily counter map and the signed counter: what the parties find, what others learn, what is refused.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{ORIGIN, cases, place, root, signer};
use hmac::{Hmac, Mac};
use medrec_accesslog::{
    Body, CounterMap, Counters, CountersError, LogSigner, SignedCounter, TagKey, counter_leaf, seal_counters,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const DAY: u32 = 20_717;

fn tag_key(relationship: u64) -> TagKey {
    root().tag_key(&place(relationship))
}

fn filler() -> impl FnMut() -> [u8; 32] {
    let mut number = 0u64;
    move || {
        number += 1;
        Sha256::digest(number.to_be_bytes()).into()
    }
}

fn map(counters: &[u64]) -> CounterMap {
    let leaves = counters.iter().zip(1..).map(|(counter, id)| counter_leaf(&tag_key(id), DAY, *counter));
    CounterMap::new(leaves, filler())
}

/// wire.md section 7, by hand.
#[test]
fn a_leaf_is_what_the_specification_says() {
    let mut mac = Hmac::<Sha256>::new_from_slice(tag_key(1).as_bytes()).unwrap();
    mac.update(b"\0\0\0\x12medrec/counters/v1");
    mac.update(&DAY.to_be_bytes());
    let id = mac.finalize().into_bytes();
    let mut hash = Sha256::new();
    hash.update(b"\0\0\0\x17medrec/counters/leaf/v1");
    hash.update([0, 0, 0, 32]);
    hash.update(id);
    hash.update([0, 0, 0, 4]);
    hash.update(DAY.to_be_bytes());
    hash.update([0, 0, 0, 8]);
    hash.update(7u64.to_be_bytes());
    assert_eq!(counter_leaf(&tag_key(1), DAY, 7), <[u8; 32]>::from(hash.finalize()));
}

#[test]
fn what_is_served_is_checked_before_it_is_believed() {
    let map = map(&[5, 0, 17]);
    let entry = Counters { at: 1, day: DAY, size: 22, leaves: 64, root: map.root() };
    let bytes = map.to_bytes();
    assert_eq!(CounterMap::from_bytes(&bytes), Ok(map.clone()));
    map.check(&entry).unwrap();

    let refused = |bytes: &[u8]| CounterMap::from_bytes(bytes).unwrap_err();
    for length in [0, 32, 63 * 32, 64 * 32 - 1, 65 * 32, 96 * 32] {
        assert_eq!(refused(&vec![7; length]), CountersError::Length { actual: length });
    }
    let mut swapped = bytes.clone();
    swapped[..64].rotate_left(32);
    assert_eq!(refused(&swapped), CountersError::Order { place: 1 });
    let mut twice = bytes.clone();
    twice.copy_within(32 * 9..32 * 10, 32 * 10);
    assert_eq!(refused(&twice), CountersError::Order { place: 10 });

    let other = CounterMap::new([counter_leaf(&tag_key(1), DAY, 6)], filler());
    assert_eq!(other.check(&entry), Err(CountersError::Root));
    let larger = CounterMap::new((0..65u64).map(|i| counter_leaf(&tag_key(i), DAY, 1)), filler());
    assert_eq!(larger.check(&entry), Err(CountersError::Leaves { expected: 64, actual: 128 }));
}

#[test]
fn a_party_finds_its_counter_and_no_other() {
    let map = map(&[5, 0, 17]);
    assert!(map.says(&tag_key(1), DAY, 5) && map.says(&tag_key(2), DAY, 0));
    assert!(!map.says(&tag_key(1), DAY, 4), "another counter");
    assert!(!map.says(&tag_key(1), DAY + 1, 5), "another day");
    assert!(!map.says(&tag_key(4), DAY, 5), "another relationship");
    assert_eq!(map.find(&tag_key(3), DAY, 0..100), Some(17));
    assert_eq!(map.find(&tag_key(3), DAY, 0..17), None);
}

#[test]
fn the_number_of_relationships_and_days_do_not_show() {
    assert_eq!(CounterMap::new([], filler()).leaves().len(), 64);
    assert_eq!(map(&[1; 64]).leaves().len(), 64);
    assert_eq!(map(&[1; 65]).leaves().len(), 128);
    // Nothing changed from one day to the next, and no leaf is the same.
    let tomorrow = counter_leaf(&tag_key(1), DAY + 1, 5);
    assert_ne!(counter_leaf(&tag_key(1), DAY, 5), tomorrow);
}

#[test]
fn the_entry_is_public() {
    let counters = Counters { at: u64::MAX, day: DAY, size: u64::MAX, leaves: 1 << 20, root: [9; 32] };
    let entry = seal_counters(ORIGIN, 3, &counters).unwrap();
    let body = entry.open_public(ORIGIN, 17, 3).unwrap().unwrap();
    assert_eq!(body, Body::Counters(counters));
    assert_eq!((body.kind(), body.name(), body.at()), (17, "counters", Some(u64::MAX)));
    assert_eq!(entry.open_public(ORIGIN, 17, 2), None);
    assert_eq!(entry.open_public(ORIGIN, 16, 3), None);
}

#[test]
fn a_signed_counter_is_of_one_log_relationship_and_size() {
    let signed = signer().sign_counter(&[4; 32], 7, 900, 50);
    signed.verify(signer().public(), &[4; 32]).unwrap();
    let bad = Err(CountersError::BadSignature { origin: ORIGIN.into() });
    assert_eq!(signed.verify(signer().public(), &[5; 32]), bad);
    let bend = |bend: fn(&mut SignedCounter)| {
        let mut bent = signed.clone();
        bend(&mut bent);
        bent.verify(signer().public(), &[4; 32])
    };
    assert_eq!(bend(|signed| signed.counter = 6), bad);
    assert_eq!(bend(|signed| signed.size = 901), bad);
    assert_eq!(bend(|signed| signed.at = 51), bad);
    assert_eq!(bend(|signed| signed.signature[9] ^= 1), bad);
    let other = LogSigner::new("log.south.example", &[0x33; 32]).unwrap();
    assert!(signed.verify(other.public(), &[4; 32]).is_err());
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn every_relationship_finds_itself(counters in prop::collection::vec(0u64..1_000_000, 0..200)) {
        let map = CounterMap::from_bytes(&map(&counters).to_bytes()).unwrap();
        for (counter, id) in counters.iter().zip(1..) {
            prop_assert!(map.says(&tag_key(id), DAY, *counter));
            prop_assert!(!map.says(&tag_key(id), DAY, counter + 1));
        }
    }
}

//! A try follows its recalls, and nothing else makes a seal.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "test code"
)]

use std::collections::BTreeMap;

use medrec_pow::{
    ENTRY_BYTES, Error, Hash, Header, RECALLS, Target, U256, advance, check, first_mix, recalled, seal_id,
};
use proptest::prelude::*;

fn entry(number: u64) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn header() -> Header<'static> {
    Header {
        chain_id: "medrec-local-1",
        contract: "medrec1authlog",
        number: 7,
        previous: [1; 32],
        sealed: [2; 32],
        entries: 1_000,
        target: Target::EASIEST,
        frozen_at: 1_800_000_000,
        miner: "medrec1researcher",
    }
}

fn last_mix(header: &Hash, nonce: u64, entries: u64) -> Hash {
    check(header, nonce, entries, &Target::EASIEST, |_, number| Ok::<_, Error>(entry(number))).unwrap()
}

#[test]
fn each_recall_depends_on_the_one_before() {
    let hash = header().hash();
    let mut asked = Vec::new();
    let mix = check(&hash, 5, 1_000, &Target::EASIEST, |step, number| {
        asked.push((step, number));
        Ok::<_, Error>(entry(number))
    })
    .unwrap();
    assert_eq!(asked.len(), RECALLS);
    // By hand.
    let mut by_hand = first_mix(&hash, 5);
    for (step, number) in &asked {
        assert_eq!(recalled(&by_hand, 1_000), Some(*number), "step {step}");
        by_hand = advance(&by_hand, &entry(*number));
    }
    assert_eq!(by_hand, mix);

    // Another entry at the first recall leads elsewhere from then on.
    let mut elsewhere = Vec::new();
    let other = check(&hash, 5, 1_000, &Target::EASIEST, |step, number| {
        elsewhere.push((step, number));
        Ok::<_, Error>(if step == 0 { [9; ENTRY_BYTES] } else { entry(number) })
    });
    assert_eq!(asked[0], elsewhere[0]);
    assert_ne!(asked[1..], elsewhere[1..]);
    assert_ne!(other.unwrap(), mix);
}

#[test]
fn the_target_decides_to_the_last_bit() {
    let hash = header().hash();
    let mix = last_mix(&hash, 11, 1_000);
    let value = U256::from_be_bytes(&mix);
    let exact = Target::new(value).unwrap();
    let below = Target::new(value.checked_sub(&U256::ONE).unwrap()).unwrap();
    let with = |target: &Target| check(&hash, 11, 1_000, target, |_, number| Ok::<_, Error>(entry(number)));
    assert_eq!(with(&exact), Ok(mix));
    assert_eq!(with(&below), Err(Error::AboveTarget { mix, target: below.to_be_bytes() }));
    assert!(with(&below).unwrap_err().to_string().contains("keep trying"));
}

#[test]
fn without_entries_nothing_is_recalled() {
    let hash = header().hash();
    let mix = check(&hash, 1, 0, &Target::EASIEST, |_, _| -> Result<_, Error> { panic!("there are none") });
    let by_hand = (0..RECALLS).fold(first_mix(&hash, 1), |mix, _| advance(&mix, &[0; ENTRY_BYTES]));
    assert_eq!(mix, Ok(by_hand));
    assert_eq!(recalled(&[7; 32], 1), Some(0));
}

#[test]
fn an_entry_that_is_not_proved_ends_it() {
    #[derive(Debug, PartialEq)]
    struct Withheld(usize);
    impl From<Error> for Withheld {
        fn from(_: Error) -> Self {
            Withheld(usize::MAX)
        }
    }
    let outcome = check(&header().hash(), 1, 10, &Target::EASIEST, |step, number| match step {
        3 => Err(Withheld(step)),
        _ => Ok(entry(number)),
    });
    assert_eq!(outcome, Err(Withheld(3)));
}

#[test]
fn every_field_of_the_header_counts() {
    let first = header();
    let others = [
        Header { chain_id: "medrec-local-2", ..first },
        Header { contract: "medrec1other", ..first },
        Header { number: 8, ..first },
        Header { previous: [3; 32], ..first },
        Header { sealed: [3; 32], ..first },
        Header { entries: 1_001, ..first },
        Header { target: Target::HARDEST, ..first },
        Header { frozen_at: 1_800_000_001, ..first },
        Header { miner: "medrec1thief", ..first },
        // A byte moved from one field to its neighbour.
        Header { chain_id: "medrec-local-1m", contract: "edrec1authlog", ..first },
    ];
    for other in others {
        assert_ne!(other.hash(), first.hash(), "{other:?}");
    }
    let hash = first.hash();
    let ids = [seal_id(&hash, 1, &[0; 32]), seal_id(&hash, 2, &[0; 32]), seal_id(&hash, 1, &[1; 32])];
    assert!(ids[0] != ids[1] && ids[0] != ids[2]);
}

#[test]
fn entries_are_drawn_evenly() {
    // 80,000 draws over 10 entries: chi-square with 9 degrees of freedom is below 27.9 in 99.9 % of cases.
    let mut drawn: BTreeMap<u64, f64> = BTreeMap::new();
    for nonce in 0..10_000u64 {
        let mut mix = first_mix(&[4; 32], nonce);
        for _ in 0..RECALLS {
            let number = recalled(&mix, 10).unwrap();
            *drawn.entry(number).or_default() += 1.0;
            mix = advance(&mix, &entry(number));
        }
    }
    let chi: f64 = (0..10).map(|number| (drawn[&number] - 8_000.0).powi(2) / 8_000.0).sum();
    assert!(chi < 27.9, "{chi}: {drawn:?}");
}

proptest! {
    #[test]
    fn a_recall_is_among_the_entries(mix: [u8; 32], entries: u64) {
        match recalled(&mix, entries) {
            Some(number) => prop_assert!(number < entries),
            None => prop_assert_eq!(entries, 0),
        }
    }
}

//! The signed form and what several of it say together.

use ed25519_dalek::SigningKey;
use medrec_aggregate::{
    Answer, Cell, Combined, Error, Interval, Noise, Outcome, PLAIN_LEN, citable_id, interval, pad, sign,
    unpad,
};
use proptest::prelude::*;

fn answer(institution: u32, outcome: Outcome) -> Answer {
    Answer {
        id: citable_id("medrec-local-1", institution, &[7; 32], 1234),
        question: [7; 32],
        institution,
        institutions: 1,
        at: 1_764_000_000,
        height: 1234,
        valid_until: 1_764_000_000 + 31_536_000,
        data_set: [9; 32],
        unit: "g/dL".into(),
        lower: 50,
        upper: 200,
        scale: 1,
        contributions: 4,
        floor: 11,
        epsilon: 1_000_000,
        noise: vec![
            Noise { sensitivity: 1, scale_1024: 4096, epsilon: 250_000 },
            Noise { sensitivity: 4, scale_1024: 16_384, epsilon: 250_000 },
            Noise { sensitivity: 600, scale_1024: 1_228_800, epsilon: 500_000 },
        ],
        outcome,
    }
}

fn mean(patients: i64, contributions: i64, centred: i64) -> Outcome {
    Outcome::Mean { patients, contributions, centred, mean: 0 }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// The largest there can be.
fn widest() -> Answer {
    let cells = (0..32).map(|bin| Cell { first: bin, last: bin, count: i64::MIN }).collect();
    let outcome = Outcome::Quantile { patients: i64::MIN, bins: 32, cells, value: i64::MIN };
    let noise = vec![Noise { sensitivity: u64::MAX, scale_1024: u64::MAX, epsilon: u64::MAX }; 3];
    Answer {
        id: citable_id(&"c".repeat(50), u32::MAX, &[255; 32], u64::MAX),
        institution: u32::MAX,
        at: u64::MAX,
        height: u64::MAX,
        valid_until: u64::MAX,
        unit: "u".repeat(24),
        lower: i64::MIN,
        upper: i64::MIN,
        epsilon: u64::MAX,
        floor: u32::MAX,
        noise,
        ..answer(1, outcome)
    }
}

#[test]
fn every_answer_and_every_refusal_has_one_size() {
    for answer in [
        answer(1, Outcome::TooFew),
        answer(1, Outcome::Count { patients: 12 }),
        answer(1, mean(20, 40, -17)),
        widest(),
    ] {
        let plain = sign(&answer, &key(), "chain", "contract").unwrap();
        assert_eq!(plain.len(), PLAIN_LEN);
        assert_eq!(unpad(&plain, &key().verifying_key(), "chain", "contract").unwrap(), answer);
    }
    const { assert!(PLAIN_LEN + 48 <= 2_048) };
}

#[test]
fn the_citable_id_names_chain_institution_question_and_height() {
    assert_eq!(citable_id("c-1", 3, &[0xab; 32], 77), "medrec:c-1:3:abababababababab:77");
}

#[test]
fn a_signature_is_for_one_chain_and_contract_by_one_key() {
    let plain = sign(&answer(3, Outcome::TooFew), &key(), "chain", "contract").unwrap();
    let theirs = SigningKey::from_bytes(&[6; 32]).verifying_key();
    for (key, chain, contract) in [
        (theirs, "chain", "contract"),
        (key().verifying_key(), "chain2", "contract"),
        (key().verifying_key(), "chain", "contract2"),
    ] {
        assert_eq!(unpad(&plain, &key, chain, contract), Err(Error::Signature { institution: 3 }));
    }
}

#[test]
fn no_byte_can_be_changed() {
    let plain = sign(&answer(3, mean(20, 40, -17)), &key(), "chain", "contract").unwrap();
    for at in 0..plain.len() {
        let mut changed = plain.clone();
        changed[at] ^= 1;
        assert!(unpad(&changed, &key().verifying_key(), "chain", "contract").is_err(), "byte {at}");
    }
    assert!(unpad(&plain[..PLAIN_LEN - 1], &key().verifying_key(), "chain", "contract").is_err());
    assert!(matches!(pad(&[0; PLAIN_LEN], &[0; 64]), Err(Error::TooLong { .. })));
}

#[test]
fn counts_add_up_and_distinct_patients_lie_between_the_largest_and_the_sum() {
    let count = |institution, patients| answer(institution, Outcome::Count { patients });
    let combined = Combined::of(&[count(1, 40), count(2, 25), answer(3, Outcome::TooFew)]).unwrap();
    assert_eq!((combined.institutions, combined.too_few), (2, 1));
    assert_eq!(combined.patients.value, 65);
    assert_eq!(combined.distinct, Interval { low: 40, high: 65 });
    assert_eq!(combined.epsilon, 3_000_000, "a refusal costs what an answer costs");
    let alone = Combined::of(&[count(1, 40)]).unwrap();
    // Scale 4: ln 20 × 4 = 11.98.
    assert_eq!(alone.patients.interval, Interval { low: 28, high: 52 });
    assert!(combined.patients.interval.high - 65 > 12, "two noises reach further than one");
}

#[test]
fn a_mean_over_hospitals_is_that_of_all_contributions() {
    // Bounds 5.0 to 20.0, middle 12.5: 100 contributions at 14.5, 300 at 12.5.
    let combined = Combined::of(&[answer(1, mean(30, 100, 4000)), answer(2, mean(90, 300, 0))]).unwrap();
    let mean = combined.value.unwrap();
    assert_eq!(mean.value, 13_000, "13.000");
    assert!(mean.interval.low < 13_000 && mean.interval.high > 13_000);
    let none = Combined::of(&[answer(1, Outcome::TooFew)]).unwrap();
    assert_eq!((none.value, none.patients.value, none.institutions), (None, 0, 0));
}

#[test]
fn other_questions_and_one_institution_twice_are_refused() {
    let one = answer(1, Outcome::Count { patients: 40 });
    let other = Answer { question: [8; 32], ..answer(2, Outcome::Count { patients: 40 }) };
    assert!(matches!(Combined::of(&[one.clone(), other]), Err(Error::Questions { .. })));
    assert!(matches!(Combined::of(&[one.clone(), one]), Err(Error::Questions { .. })));
    assert_eq!(Combined::of(&[]), Err(Error::None));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Answer::from_cbor(&bytes);
        let mut plain = bytes;
        plain.resize(PLAIN_LEN, 0);
        prop_assert!(unpad(&plain, &key().verifying_key(), "chain", "contract").is_err());
    }

    #[test]
    fn an_interval_holds_its_number(value in any::<i64>(), scales in prop::collection::vec(1u64..1 << 50, 1..8)) {
        let Interval { low, high } = interval(value, &scales);
        prop_assert!(low <= value && value <= high);
    }
}

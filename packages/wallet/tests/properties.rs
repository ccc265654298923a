//! What must hold for all keys, cards, grants and sealings.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use ed25519_dalek::SigningKey;
use medrec_accesslog::Root;
use medrec_rules::GrantKind;
use medrec_wallet::{
    Access, Card, ContractRef, Error, Key, PublicKey, Recovery, SecretKey, Terms, Wallet, Words, adr036,
    grant, opening, seal,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use rand_core::OsRng;

const CHAIN: &str = "medrec-test-1";

fn contract() -> ContractRef {
    ContractRef { chain_id: CHAIN.into(), address: key(99).address().to_owned() }
}

fn key(n: u8) -> Key {
    Key::from_secret(&[n; 32]).unwrap()
}

fn staff_card() -> (Card, SigningKey) {
    let signing_key = SigningKey::from_bytes(&[7; 32]);
    let bare =
        Card::of_patient(key(1).address(), key(1).encryption_key().unwrap().public().unwrap()).unwrap();
    (Card::sign(&bare, "Ana Müller", "clinician", 3, CHAIN, &signing_key).unwrap(), signing_key)
}

#[test]
fn words_survive_typing_habits_and_nothing_else() {
    let words = Words::generate(&mut OsRng).unwrap();
    let phrase = words.phrase();
    let typed = format!("  {}\n", phrase.to_uppercase().replace(' ', " \n\t"));
    assert_eq!(*Words::parse(&typed).unwrap().phrase(), *phrase);
    assert_eq!(format!("{words:?}"), "Words(..)");
    let list: Vec<&str> = phrase.split(' ').collect();
    assert!(matches!(Words::parse(&list[..23].join(" ")), Err(Error::Words(_))));
    let Err(Error::Words(why)) = Words::parse(&format!("{} notaword", list[..23].join(" "))) else {
        panic!()
    };
    assert!(why.contains("24") && !why.contains("notaword"), "{why}");
    assert!(Words::parse(&["abandon"; 24].join(" ")).is_err(), "checksum");
}

#[test]
fn indices_give_different_keys() {
    let wallet = Wallet::from_words(&Words::generate(&mut OsRng).unwrap()).unwrap();
    let keys: Vec<Key> = (0..30).map(|i| wallet.key(i).unwrap()).collect();
    let mut addresses: Vec<&str> = keys.iter().map(Key::address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 30);
    assert_eq!(keys[29].index(), 29);
    assert!(wallet.key(1 << 31).is_err());
}

#[test]
fn both_ends_of_an_opening_agree() {
    let (patient, steward, contract) = (key(1), key(2), contract());
    let steward_secret = SecretKey::generate(&mut OsRng);
    let patient_key = patient.encryption_key().unwrap().public().unwrap();
    let steward_public = steward_secret.public().unwrap();
    let (from, to) = (steward.address(), patient.address());
    let opened = opening::open(&mut OsRng, &contract, from, to, &patient_key, &steward_public, 42).unwrap();

    let (offer, root) = opening::restore(&contract, from, &patient, &opened.sealed).unwrap();
    assert_eq!((offer.institution, offer.steward_key), (42, steward_public));
    assert_eq!(*offer.steward_part, *opened.steward_part);
    let part = opening::patient_part(&contract, from, &patient).unwrap();
    let sealed = opening::accept(&mut OsRng, &contract, 5, &offer, &part).unwrap();
    let theirs = opening::read_acceptance(&contract, 5, &steward_secret, &sealed).unwrap();
    assert_eq!(root.as_bytes(), opening::root(&theirs, &opened.steward_part).as_bytes());

    // Bound to steward, relationship, contract and chain: none of them may be another.
    assert!(opening::read_offer(&contract, to, &patient, &opened.sealed).is_err());
    assert!(opening::read_offer(&contract, from, &key(3), &opened.sealed).is_err());
    assert!(opening::read_acceptance(&contract, 6, &steward_secret, &sealed).is_err());
    let elsewhere = ContractRef { chain_id: "other-1".into(), ..contract.clone() };
    assert!(opening::read_offer(&elsewhere, from, &patient, &opened.sealed).is_err());
    assert_ne!(*part, *opening::patient_part(&elsewhere, from, &patient).unwrap());
    assert_ne!(*part, *opening::patient_part(&contract, to, &patient).unwrap());
}

#[test]
fn keys_of_small_order_are_refused() {
    // The points of order 1, 2, 4 and 8 on Curve25519 and its twist, and non-canonical spellings of them.
    let mut points = vec![[0u8; 32]];
    let mut one = [0u8; 32];
    one[0] = 1;
    points.push(one);
    for text in [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        points.push(hex::decode(text).unwrap().try_into().unwrap());
    }
    for mut point in points {
        assert!(PublicKey::from_bytes(point).is_err(), "{}", hex::encode(point));
        point[31] |= 0x80;
        assert!(PublicKey::from_bytes(point).is_err(), "top bit set: {}", hex::encode(point));
    }
    assert!(medrec_wallet::card::ed25519_key(&one).is_err());
    assert!(medrec_wallet::card::ed25519_key(&[1; 31]).is_err());
}

#[test]
fn a_card_is_what_the_institution_signed() {
    let (card, signing_key) = staff_card();
    let key_of = |k: &SigningKey| k.verifying_key().to_bytes();
    let back = Card::parse(&card.to_text().unwrap()).unwrap();
    assert_eq!(back, card);
    assert_eq!(back.verify(CHAIN, &key_of(&signing_key)).unwrap().name, "Ana Müller");
    assert!(back.verify("other-1", &key_of(&signing_key)).is_err());
    assert!(back.verify(CHAIN, &key_of(&SigningKey::from_bytes(&[8; 32]))).is_err());

    let changes: [fn(&mut Card); 5] = [
        |c| c.address = key(5).address().to_owned(),
        |c| c.encryption_key = SecretKey::from_bytes(&[5; 32]).public().unwrap(),
        |c| c.staff.as_mut().unwrap().name = "Ana Muller".into(),
        |c| c.staff.as_mut().unwrap().role = "director".into(),
        |c| c.staff.as_mut().unwrap().institution = 4,
    ];
    for change in changes {
        let mut other = card.clone();
        change(&mut other);
        assert!(other.verify(CHAIN, &key_of(&signing_key)).is_err(), "{other:?}");
        assert_ne!(other.hash().unwrap(), card.hash().unwrap());
    }
    let patient = Card { staff: None, ..card };
    assert!(patient.verify(CHAIN, &key_of(&signing_key)).is_err());
    assert_eq!(Card::parse(&patient.to_text().unwrap()).unwrap(), patient);
}

#[test]
fn names_that_could_deceive_a_reader_are_refused() {
    let (card, signing_key) = staff_card();
    let bare = Card { staff: None, ..card };
    for name in ["", "a\nb", "a\u{1b}[2K", "\u{202e}evil", &"x".repeat(49)] {
        assert!(Card::sign(&bare, name, "nurse", 1, CHAIN, &signing_key).is_err(), "{name:?}");
    }
    assert!(Card::sign(&bare, "A", &"x".repeat(25), 1, CHAIN, &signing_key).is_err());
}

#[test]
fn adr036_refuses_high_s_and_foreign_keys() {
    let key = key(4);
    let signature = key.sign(b"data");
    assert_eq!(adr036::verify(&key.public_key(), b"data", &signature).unwrap(), key.address());
    assert!(adr036::verify(&key.public_key(), b"datb", &signature).is_err());
    assert!(adr036::verify(&crate::key(5).public_key(), b"data", &signature).is_err());

    let low = k256::ecdsa::Signature::from_slice(&signature).unwrap();
    let (r, s) = low.split_scalars();
    let high = k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    let refused = adr036::verify(&key.public_key(), b"data", &high.to_bytes().into());
    assert_eq!(refused, Err(Error::Signature { what: "the request", reason: "its S is high" }));
}

#[test]
fn addresses() {
    assert!(adr036::check_address(key(1).address()).is_ok());
    let upper = key(1).address().to_uppercase();
    let other = key(1).address().replacen("medrec", "cosmos", 1);
    for wrong in [upper.as_str(), &other, "", "medrec1", "medrec1qqqq"] {
        assert!(adr036::check_address(wrong).is_err(), "{wrong}");
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let scopes = btree_set("[a-z0-9-]{1,24}|\\*", 1..=8);
    let purposes = btree_set(
        prop_oneof![Just("treatment"), Just("payment"), Just("research"), Just("patient-request"), Just("*")],
        1..=4,
    );
    (scopes, purposes).prop_map(|(scopes, purposes)| {
        Terms::new(scopes.into_iter().collect(), purposes.into_iter().map(str::to_owned).collect()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(64)))]

    #[test]
    fn sealed_values_open_with_their_key_info_and_aad_only(
        plain in vec(any::<u8>(), 0..300), info in vec(any::<u8>(), 0..40), aad in vec(any::<u8>(), 0..40),
        flip in any::<prop::sample::Index>(),
    ) {
        let secret = SecretKey::generate(&mut OsRng);
        let public = secret.public().unwrap();
        let sealed = seal::seal(&mut OsRng, "it", &public, &info, &aad, &plain).unwrap();
        prop_assert_eq!(sealed.len(), plain.len() + seal::OVERHEAD);
        prop_assert_eq!(seal::open("it", &secret, &info, &aad, &sealed).unwrap().to_vec(), plain);
        let other = SecretKey::generate(&mut OsRng);
        prop_assert!(seal::open("it", &other, &info, &aad, &sealed).is_err());
        let more = [&info[..], b"x"].concat();
        prop_assert!(seal::open("it", &secret, &more, &aad, &sealed).is_err());
        let more = [&aad[..], b"x"].concat();
        prop_assert!(seal::open("it", &secret, &info, &more, &sealed).is_err());
        let mut bent = sealed.clone();
        let at = flip.index(bent.len());
        // The top bit of an X25519 key is ignored by RFC 7748, but it is in the KEM context here.
        bent[at] ^= 0x80;
        prop_assert!(seal::open("it", &secret, &info, &aad, &bent).is_err());
    }

    #[test]
    fn opening_rubbish_never_panics(bytes in vec(any::<u8>(), 0..200)) {
        let secret = SecretKey::from_bytes(&[3; 32]);
        prop_assert!(seal::open("it", &secret, b"", b"", &bytes).is_err());
        prop_assert!(opening::read_offer(&contract(), "x", &key(1), &bytes).is_err());
        prop_assert!(grant::open(&contract(), 1, &secret, GrantKind::Act, &bytes).is_err());
    }

    #[test]
    fn cards_never_panic_and_have_one_form(bytes in vec(any::<u8>(), 0..200), text in "(medrec-card1)?\\PC{0,80}") {
        let _ = Card::parse(&text);
        if let Ok(card) = Card::from_cbor(&bytes) {
            prop_assert_eq!(card.to_cbor().unwrap(), bytes);
        }
    }

    #[test]
    fn a_bent_card_is_unreadable_or_unsigned(flip in any::<prop::sample::Index>(), bit in 0u8..8) {
        let (card, signing_key) = staff_card();
        let mut bytes = card.to_cbor().unwrap();
        let at = flip.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(bent) = Card::from_cbor(&bytes) {
            prop_assert!(bent.verify(CHAIN, &signing_key.verifying_key().to_bytes()).is_err());
        }
    }

    #[test]
    fn grants_open_as_sealed(
        terms in terms(),
        root in prop::option::of(any::<[u8; 32]>()),
        acceptance in prop::option::of(any::<[u8; 80]>()),
        id in any::<u64>(),
    ) {
        let secret = SecretKey::generate(&mut OsRng);
        let public = secret.public().unwrap();
        let (kind, access) = match root {
            None => (GrantKind::Read, Access::Read),
            Some(root) => (GrantKind::Act, Access::Act { root: Root::from_bytes(root), acceptance }),
        };
        let sealed = terms.seal(&mut OsRng, &contract(), id, &public, &access).unwrap();
        prop_assert_eq!((sealed.len() - seal::OVERHEAD) % 64, 0);
        let (back, access) = grant::open(&contract(), id, &secret, kind, &sealed).unwrap();
        prop_assert_eq!(&back, &terms);
        // The contract takes no longer ones.
        prop_assert!(sealed.len() <= 432);
        let got = match &access {
            Access::Read => None,
            Access::Act { root, acceptance: got } => {
                prop_assert_eq!(got, &acceptance);
                Some(*root.as_bytes())
            }
        };
        prop_assert_eq!(got, root);
        prop_assert!(grant::open(&contract(), id ^ 1, &secret, kind, &sealed).is_err());
        // The chain's word on the kind and the sealed text must agree.
        if root.is_none() {
            prop_assert!(grant::open(&contract(), id, &secret, GrantKind::Act, &sealed).is_err());
        }
    }

    #[test]
    fn recovery_finds_all_with_gaps_up_to_20(gaps in vec(0u32..20, 0..12)) {
        let mut used = Vec::new();
        for gap in gaps {
            used.push(used.last().map_or(gap, |last: &u32| last + 1 + gap));
        }
        let mut recovery = Recovery::new();
        let mut asked = 0;
        while let Some(range) = recovery.next() {
            prop_assert_eq!(range.start, asked);
            prop_assert_eq!(range.len(), 30);
            asked = range.end;
            recovery.learn(used.iter().copied());
        }
        let last = used.last().copied();
        prop_assert_eq!(recovery.used().collect::<Vec<_>>(), used);
        prop_assert_eq!(recovery.first_unused(), last.map_or(0, |l| l + 1));
        // Twenty unused ones past the last were looked at, and no batch more than needed.
        let needed = last.map_or(20, |l| l + 21);
        prop_assert!(asked >= needed && asked < needed + 30);
    }
}

#[test]
fn terms_are_checked() {
    let list = |items: &[&str]| items.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let ok = |scopes: &[&str], purposes: &[&str]| Terms::new(list(scopes), list(purposes)).is_ok();
    assert!(ok(&["labs", "*"], &["treatment"]));
    assert!(!ok(&[], &["treatment"]));
    assert!(!ok(&["labs"], &[]));
    assert!(!ok(&["labs", "labs"], &["treatment"]));
    assert!(!ok(&["Labs"], &["treatment"]));
    assert!(!ok(&["labs"], &["curiosity"]));
    assert!(!ok(&["a", "b", "c", "d", "e", "f", "g", "h", "i"], &["*"]));
    for text in ["", "labs", "labs;", ";treatment", "a,;treatment", "labs;treatment;x"] {
        assert!(Terms::parse(text).is_err(), "{text}");
    }
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}

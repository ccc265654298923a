//! Section `wallet` of docs/spec/vectors.json: computed here, compared with the file. `MEDREC_BLESS=1` writes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use std::path::Path;

use ed25519_dalek::SigningKey;
use medrec_accesslog::Root;
use medrec_wallet::{Access, Card, ContractRef, SecretKey, Terms, Wallet, Words, adr036, opening};
use rand_core::{CryptoRng, RngCore};
use serde_json::{Value, json};

const SECTION: &str = "wallet";
const PHRASE: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
    abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art";

/// Every byte drawn is `0`: the sealings of the vectors can be made again in any language.
struct Zeros;

impl RngCore for Zeros {
    fn next_u32(&mut self) -> u32 {
        0
    }
    fn next_u64(&mut self) -> u64 {
        0
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Zeros {}

fn contract() -> ContractRef {
    let address = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("medrec").unwrap(), &[7; 32]).unwrap();
    ContractRef { chain_id: "medrec-local-1".into(), address }
}

fn computed() -> Value {
    let wallet = Wallet::from_words(&Words::parse(PHRASE).unwrap()).unwrap();
    let (patient, steward, viewer) = (wallet.key(0).unwrap(), wallet.key(1).unwrap(), wallet.key(2).unwrap());
    json!({
        "words": PHRASE,
        "keys": (0..3).map(|i| key(&wallet, i)).collect::<Vec<_>>(),
        "adr036": {
            "data": "48656c6c6f",
            "document": adr036::document(patient.address(), b"Hello"),
            "signature": hex::encode(patient.sign(b"Hello")),
        },
        "card": cards(&viewer),
        "opening": opening_vector(&patient, steward.address()),
        "grant": grant_vector(&viewer),
    })
}

fn key(wallet: &Wallet, index: u32) -> Value {
    let key = wallet.key(index).unwrap();
    let encryption = key.encryption_key().unwrap();
    json!({
        "index": index,
        "secret": hex::encode(*key.secret()),
        "public": hex::encode(key.public_key()),
        "address": key.address(),
        "encryption_secret": hex::encode(*encryption.to_bytes()),
        "encryption_public": hex::encode(encryption.public().unwrap().as_bytes()),
    })
}

fn cards(viewer: &medrec_wallet::Key) -> Value {
    let bare =
        Card::of_patient(viewer.address(), viewer.encryption_key().unwrap().public().unwrap()).unwrap();
    let signing_key = SigningKey::from_bytes(&[5; 32]);
    let signed = Card::sign(&bare, "Dr. Ana Müller", "clinician", 2, "medrec-local-1", &signing_key).unwrap();
    json!({
        "patient": bare.to_text().unwrap(),
        "institution_signing_key": hex::encode(signing_key.verifying_key().as_bytes()),
        "staff": signed.to_text().unwrap(),
        "staff_hash": hex::encode(signed.hash().unwrap()),
    })
}

fn opening_vector(patient: &medrec_wallet::Key, steward: &str) -> Value {
    let (contract, steward_secret) = (contract(), SecretKey::from_bytes(&[6; 32]));
    let patient_key = patient.encryption_key().unwrap().public().unwrap();
    let opened = opening::open(
        &mut Zeros,
        &contract,
        steward,
        patient.address(),
        &patient_key,
        &steward_secret.public().unwrap(),
        2,
    )
    .unwrap();
    let (offer, root) = opening::restore(&contract, steward, patient, &opened.sealed).unwrap();
    let part = opening::patient_part(&contract, steward, patient).unwrap();
    let accepted = opening::accept(&mut Zeros, &contract, 3, &offer, &part).unwrap();
    let place = contract.place(3, "north.example/log");
    json!({
        "chain_id": contract.chain_id,
        "contract": contract.address,
        "relationship": 3,
        "log_origin": "north.example/log",
        "steward": steward,
        "steward_encryption_secret": hex::encode(*steward_secret.to_bytes()),
        "institution": 2,
        "ephemeral_ikm": "00".repeat(32),
        "open_sealed": hex::encode(&opened.sealed),
        "steward_part": hex::encode(*opened.steward_part),
        "patient_part": hex::encode(*part),
        "accept_sealed": hex::encode(accepted),
        "root": hex::encode(root.as_bytes()),
        "ck_0": hex::encode(root.ratchet(&place).chain_key()),
        "tag_key": hex::encode(root.tag_key(&place).as_bytes()),
    })
}

fn grant_vector(viewer: &medrec_wallet::Key) -> Value {
    let terms = Terms::parse("labs,notes;treatment").unwrap();
    let public = viewer.encryption_key().unwrap().public().unwrap();
    let root = Root::from_bytes([8; 32]);
    let seal = |access| hex::encode(terms.seal(&mut Zeros, &contract(), 3, &public, &access).unwrap());
    json!({
        "terms": terms.to_text(),
        "read_sealed": seal(Access::Read),
        "act_root": hex::encode(root.as_bytes()),
        "act_sealed": seal(Access::Act { root: root.clone(), acceptance: None }),
        "act_acceptance": "07".repeat(80),
        "act_accepting_sealed": seal(Access::Act { root, acceptance: Some([7; 80]) }),
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

/// The first address of these words in every Cosmos wallet, under our prefix.
#[test]
fn first_key_is_the_cosmos_one() {
    let wallet = Wallet::from_words(&Words::parse(PHRASE).unwrap()).unwrap();
    let (_, ours) = bech32::decode(wallet.key(0).unwrap().address()).unwrap();
    let (_, theirs) = bech32::decode("cosmos1r5v5srda7xfth3hn2s26txvrcrntldjumt8mhl").unwrap();
    assert_eq!(ours, theirs);
}

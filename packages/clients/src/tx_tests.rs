//! Expected bytes were made once with CosmJS 0.38.1 (`makeAuthInfoBytes`, `DirectSecp256k1Wallet.signDirect`).

use super::*;

const CHAIN: &str = "medrec-local-1";
const CONTRACT: &str = "medrec1contract";
const ONE: &str = "medrec10xcqpzrky6eff2g52qdye53xkk9jxkvr8y89q6";
const TWO: &str = "medrec1a0qwuze2h85zw7nqpsj3ga0z9geyrgwp3m6t6h";
const PUBLIC_KEY: &str = "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f";
const SIGNED_BY_ONE: &str = concat!(
    "0a7f0a7d0a242f636f736d7761736d2e7761736d2e76312e4d736745786563757465436f6e747261637412550a2d6d65",
    "647265633130786371707a726b793665666632673532716479653533786b6b396a786b7672387938397136120f6d6564",
    "72656331636f6e74726163741a137b22616363657074223a7b226964223a377d7d12650a500a460a1f2f636f736d6f73",
    "2e63727970746f2e736563703235366b312e5075624b657912230a21031b84c5567b126440995d3ed5aaba0565d71e18",
    "34604819ff9c17f5e9d5dd078f12040a020801180312110a0b0a0475666565120335303010c09a0c1a409970bc4894ce",
    "a35f62dc931fe7cff7f21a6d3a3384116b436d20fd23eb78809d79feb637e43ebd2b3dd728d7953026d3762e104f8be6",
    "4b3f3503a5a37386cb29",
);
const SIGNED_BY_BOTH: &str = concat!(
    "0a81020a7d0a242f636f736d7761736d2e7761736d2e76312e4d736745786563757465436f6e747261637412550a2d6d",
    "65647265633130786371707a726b793665666632673532716479653533786b6b396a786b7672387938397136120f6d65",
    "6472656331636f6e74726163741a137b22616363657074223a7b226964223a377d7d0a7d0a242f636f736d7761736d2e",
    "7761736d2e76312e4d736745786563757465436f6e747261637412550a2d6d65647265633161307177757a6532683835",
    "7a77376e7170736a336761307a3967657972677770336d36743668120f6d656472656331636f6e74726163741a137b22",
    "616363657074223a7b226964223a377d7d18d20912e4010a500a460a1f2f636f736d6f732e63727970746f2e73656370",
    "3235366b312e5075624b657912230a21031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd07",
    "8f12040a02080118030a4e0a460a1f2f636f736d6f732e63727970746f2e736563703235366b312e5075624b65791223",
    "0a21024d4b6cd1361032ca9bd2aeb9d900aa4d45d9ead80ac9423374c451a7254d076612040a02080112400a0b0a0475",
    "666565120337353010e0a712222d6d65647265633161307177757a65326838357a77376e7170736a336761307a396765",
    "7972677770336d367436681a40f8881799eb0b5bd09ed76f5261dee5c94149cb308bc4a726c6a586f0f6202fce1f4b1d",
    "95a66726f7e2d58bf5d9eab333220ad4bfde7750baf18bbebd848f05e51a4076f1b3bfa696aa9e2a6387e401530d6229",
    "d121d927bfc878c8546264c8fc8b5b1e6d599649d03cb85360575c080a4c1b037c928683ad18606fce0fe321ceca40",
);

fn signer(byte: u8) -> Signer {
    Signer::from_secret(&[byte; 32]).unwrap()
}

fn accept(sender: &str) -> Any {
    execute(sender, CONTRACT, &serde_json::json!({"accept": {"id": 7}}), &[]).unwrap()
}

#[test]
fn address_and_public_key_are_those_of_cosmjs() {
    let one = signer(1);
    assert_eq!(one.address(), ONE);
    assert_eq!(hex::encode(one.public_key()), PUBLIC_KEY);
    assert_eq!(signer(2).address(), TWO);
}

#[test]
fn one_signature_is_byte_for_byte_that_of_cosmjs() {
    let tx = Tx { msgs: vec![accept(ONE)], fee_amount: 500, gas: 200_000, ..Tx::default() };
    let signed = tx.sign(CHAIN, &[(&signer(1), Account { number: 5, sequence: 3 })]).unwrap();
    assert_eq!(hex::encode(signed), SIGNED_BY_ONE);
}

#[test]
fn two_signers_a_granter_and_a_timeout_too() {
    let tx = Tx {
        msgs: vec![accept(ONE), accept(TWO)],
        fee_amount: 750,
        gas: 300_000,
        granter: Some(TWO.into()),
        timeout_height: 1234,
    };
    let (one, two) = (signer(1), signer(2));
    let signers = [(&one, Account { number: 5, sequence: 3 }), (&two, Account { number: 9, sequence: 0 })];
    assert_eq!(hex::encode(tx.sign(CHAIN, &signers).unwrap()), SIGNED_BY_BOTH);
}

#[test]
fn what_is_simulated_cannot_be_broadcast() {
    let tx = Tx { msgs: vec![accept(ONE)], fee_amount: 500, gas: 200_000, ..Tx::default() };
    let one = signer(1);
    let raw = TxRaw::decode(&*tx.unsigned(&[(&one, Account { number: 5, sequence: 3 })]).unwrap()).unwrap();
    assert_eq!(raw.signatures, vec![Vec::<u8>::new()]);
}

#[test]
fn nobody_signs_nothing_and_bad_secrets_are_refused() {
    assert!(matches!(Tx::default().sign(CHAIN, &[]), Err(Error::NoSigner)));
    for bad in [[0; 32], [0xff; 32]] {
        assert!(matches!(Signer::from_secret(&bad), Err(Error::Secret)));
    }
}

#[test]
fn a_signer_prints_its_address_and_nothing_secret() {
    let shown = format!("{:?}", signer(1));
    assert!(shown.contains(ONE) && !shown.contains(&"01".repeat(8)), "{shown}");
}

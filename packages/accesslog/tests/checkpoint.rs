//! Signed checkpoints: strict reading, signatures, anchors.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{ORIGIN, cases, entries, serve, signer};
use ed25519_dalek::{Signer, SigningKey};
use medrec_accesslog::{
    Anchor, Checkpoint, CheckpointError, LogKey, LogSigner, Note, NoteError, NoteSignature, VerifyError,
    check_anchor, consistency_proof, inclusion_proof, verify_entry,
};
use proptest::prelude::*;

#[test]
fn a_signed_note_is_what_the_log_said() {
    let signed = signer().sign(1234, [0xab; 32]);
    let note = signed.note();
    assert_eq!(signer().public().verify_note(&note).unwrap(), signed);
    let base64 = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    assert_eq!(signed.checkpoint.text(), format!("{ORIGIN}\n1234\n{base64}\n"));
    assert!(note.starts_with(&format!("{ORIGIN}\n1234\n{base64}\n\n\u{2014} {ORIGIN} ")));
    // The anchor's signature and the note's are the same bytes: a note can be made from the chain.
    let from_chain = signer().public().verify_signature(&signed.checkpoint, &signed.signature).unwrap();
    assert_eq!(from_chain.note(), note);
}

#[test]
fn signatures_by_others_are_ignored_and_wrong_ones_are_not() {
    let signed = signer().sign(5, [1; 32]);
    let stranger = LogSigner::new("witness.example/w", &[9; 32]).unwrap();
    let cosignature =
        NoteSignature { name: "witness.example/w".into(), key_id: [1, 2, 3, 4], signature: vec![7; 72] };
    let mut note = Note::parse(&signed.note()).unwrap();
    note.signatures.insert(0, cosignature.clone());
    assert_eq!(signer().public().verify_note(&note.to_string()).unwrap(), signed);

    note.signatures.pop();
    let refused = signer().public().verify_note(&note.to_string()).unwrap_err();
    assert_eq!(refused, CheckpointError::NotSigned { origin: ORIGIN.into() });
    // Our key id over somebody else's signature, beside a good one: the whole note is refused.
    let mut two = Note::parse(&signed.note()).unwrap();
    two.signatures.push(NoteSignature { signature: vec![7; 64], ..two.signatures[0].clone() });
    let refused = signer().public().verify_note(&two.to_string()).unwrap_err();
    assert_eq!(refused, CheckpointError::BadSignature { origin: ORIGIN.into() });

    let other = stranger.sign(5, [1; 32]);
    let refused = signer().public().verify_signature(&other.checkpoint, &other.signature).unwrap_err();
    assert_eq!(
        refused,
        CheckpointError::OtherLog { expected: ORIGIN.into(), actual: "witness.example/w".into() }
    );
}

/// Points of small order (RFC 7748 / the Ed25519 torsion): a "key" under which one signature fits many texts.
#[test]
fn keys_of_small_order_are_refused() {
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];
    for key in weak {
        let key: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
        let refused = LogKey::new(ORIGIN, &key).unwrap_err();
        assert_eq!(refused, CheckpointError::Key { origin: ORIGIN.into() });
    }
    assert!(LogKey::new(ORIGIN, signer().public().public_key()).is_ok());
}

#[test]
fn origins_are_key_names() {
    for bad in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\tb"] {
        let refused = LogSigner::new(bad, &[1; 32]).unwrap_err();
        assert!(matches!(refused, CheckpointError::Note(NoteError::KeyName { .. })), "{bad:?}");
    }
}

#[test]
fn checkpoints_have_one_spelling() {
    let root = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    let good = format!("{ORIGIN}\n0\n{root}\n");
    assert_eq!(Checkpoint::parse(&good).unwrap().text(), good);
    let refused = |text: String| Checkpoint::parse(&text).unwrap_err();
    for size in ["", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616"] {
        assert_eq!(refused(format!("{ORIGIN}\n{size}\n{root}\n")), CheckpointError::Size, "{size:?}");
    }
    for root in
        ["", "AAAA", &root[1..], &root.replace('=', ""), &format!("{root}="), &root.replace("s=", "t=")]
    {
        assert_eq!(refused(format!("{ORIGIN}\n1\n{root}\n")), CheckpointError::Root, "{root:?}");
    }
    for text in [
        format!("{ORIGIN}\n1\n{root}"),
        format!("{ORIGIN}\n1\n{root}\nextension\n"),
        format!("{ORIGIN}\n1\n"),
        String::new(),
    ] {
        assert_eq!(refused(text.clone()), CheckpointError::Form, "{text:?}");
    }
}

#[test]
fn notes_are_read_strictly() {
    let note = signer().sign(1, [0; 32]).note();
    let refused = |note: String| Note::parse(&note).unwrap_err();
    assert_eq!(refused(note.trim_end().to_owned()), NoteError::Form);
    assert_eq!(refused(note.replace("\n\n", "\n")), NoteError::Form);
    assert_eq!(refused(format!("\n{}", note.split_once("\n\n").unwrap().1)), NoteError::Form);
    assert_eq!(refused(note.replace('1', "\r")), NoteError::ControlCharacter);
    assert_eq!(refused(note.replace('\u{2014}', "-")), NoteError::SignatureLine { line: 1 });
    assert_eq!(refused(format!("{note}rubbish\n")), NoteError::SignatureLine { line: 2 });
    assert_eq!(refused(format!("{note}\u{2014} name AAAA\n")), NoteError::SignatureLine { line: 2 });
    assert_eq!(refused(format!("{note}\u{2014} na+me AAAAAAAA\n")), NoteError::SignatureLine { line: 2 });
    let line = note.lines().last().unwrap().to_owned() + "\n";
    assert!(Note::parse(&format!("{note}{}", line.repeat(31))).is_ok());
    assert_eq!(refused(format!("{note}{}", line.repeat(32))), NoteError::TooManySignatures { max: 32 });
    assert!(matches!(refused("x".repeat(65_537)), NoteError::TooLarge { actual: 65_537, .. }));
}

/// A signature over more than the three lines could never be anchored: such a note is no evidence.
#[test]
fn extension_lines_are_refused_even_when_signed() {
    let text = format!("{}extension\n", signer().sign(1, [0; 32]).checkpoint.text());
    let signature = SigningKey::from_bytes(&[0x33; 32]).sign(text.as_bytes()).to_bytes().to_vec();
    let key_id = medrec_accesslog::key_id(ORIGIN, signer().public().public_key());
    let note = Note { text, signatures: vec![NoteSignature { name: ORIGIN.into(), key_id, signature }] };
    assert_eq!(signer().public().verify_note(&note.to_string()), Err(CheckpointError::Form));
}

#[test]
fn anchors_are_compared_both_ways() {
    let served = serve(entries(600), &[256, 300]);
    let at = |size: u64| {
        let prefix = serve(served.entries[..size as usize].to_vec(), &[]);
        prefix.checkpoint
    };
    let anchor = |size: u64| Anchor { size, root: at(size).checkpoint.root };
    for (checkpoint, anchored) in [(300, 600), (600, 300), (600, 600), (256, 300), (300, 256)] {
        let proof =
            consistency_proof(&served.tiles, u64::min(checkpoint, anchored), u64::max(checkpoint, anchored));
        check_anchor(&at(checkpoint), &anchor(anchored), &proof.unwrap()).unwrap();
    }
    // Before the first anchor, or of an empty log, there is nothing to prove.
    check_anchor(&at(300), &Anchor { size: 0, root: [0; 32] }, &[]).unwrap();
    let empty = signer().sign(0, medrec_merkle::root(&[]));
    check_anchor(&empty, &anchor(600), &[]).unwrap();

    let fork = signer().sign(600, [9; 32]);
    assert!(matches!(check_anchor(&fork, &anchor(600), &[]), Err(VerifyError::Fork { size: 600, .. })));
    let proof = consistency_proof(&served.tiles, 300, 600).unwrap();
    let fork = signer().sign(300, [9; 32]);
    let refused = check_anchor(&fork, &anchor(600), &proof).unwrap_err();
    assert!(matches!(refused, VerifyError::NotAnchored { checkpoint: 300, anchored: 600, .. }));
    let refused = check_anchor(&at(600), &Anchor { size: 300, root: [9; 32] }, &proof).unwrap_err();
    assert!(matches!(refused, VerifyError::NotAnchored { checkpoint: 600, anchored: 300, .. }));
    assert!(check_anchor(&at(600), &anchor(300), &[]).is_err());
}

#[test]
fn an_entry_is_checked_with_proof_and_checkpoint() {
    let served = serve(entries(600), &[]);
    let key = signer().public().clone();
    let note = served.checkpoint.note();
    for index in [0u64, 255, 256, 511, 512, 599] {
        let proof = inclusion_proof(&served.tiles, index, 600).unwrap();
        let entry = &served.entries[index as usize];
        assert_eq!(verify_entry(&key, &note, index, entry, &proof).unwrap(), served.checkpoint);
        assert!(verify_entry(&key, &note, index + 1, entry, &proof).is_err());
        assert!(verify_entry(&key, &note, index, &served.entries[42], &proof).is_err());
    }
    let other = LogSigner::new(ORIGIN, &[0x34; 32]).unwrap();
    let proof = inclusion_proof(&served.tiles, 1, 600).unwrap();
    let refused = verify_entry(other.public(), &note, 1, &served.entries[1], &proof).unwrap_err();
    assert!(matches!(refused, VerifyError::Checkpoint(CheckpointError::NotSigned { .. })));
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// One bit of a signed note: refused, or (in a name or key id nobody knows) not signed by this log.
    #[test]
    fn any_flipped_bit_of_a_note_is_seen(size in any::<u64>(), root in any::<[u8; 32]>(), bit in any::<prop::sample::Index>()) {
        let mut bytes = signer().sign(size, root).note().into_bytes();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(note) = String::from_utf8(bytes) {
            prop_assert!(signer().public().verify_note(&note).is_err());
        }
    }
}

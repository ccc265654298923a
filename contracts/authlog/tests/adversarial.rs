//! An institution that lies, a log that changes, bytes that are not what they should be. Each is refused with the
//! reason, and nothing is written.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, Hospital, addr};
use cosmwasm_std::{Binary, Storage};
use medrec_api::{
    authlog::{Error, ExecuteMsg, GrowthCap, LogResponse, MAX_LOG_SIZE, MAX_LOGS, QueryMsg},
    validate::Invalid,
};
use medrec_merkle::consistency_proof_len;

/// A hospital of 20 entries, 12 of them anchored.
fn twenty(chain: &mut Authlog) -> Hospital {
    let mut hospital = chain.anchored(1, 12);
    hospital.grow(8);
    hospital
}

/// Refused for its proof, whatever the reason in words.
#[track_caller]
fn refuses_proof(chain: &mut Authlog, hospital: &Hospital, msg: ExecuteMsg) {
    let before = chain.state();
    let refusal = chain.send(&hospital.account, msg).unwrap_err();
    assert!(matches!(refusal, Error::AnchorProof { slot: 0, from: 12, to: 20, .. }), "{refusal}");
    assert_eq!(chain.state(), before);
}

#[track_caller]
fn refuses_invalid(chain: &mut Authlog, hospital: &Hospital, msg: ExecuteMsg, invalid: Invalid) {
    chain.refuses(&hospital.account, msg, &invalid.into());
}

fn hex(bytes: &[u8]) -> String {
    Binary::from(bytes).to_hex()
}

#[test]
fn a_log_never_shrinks() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    for size in [0, 1, 11] {
        let msg = hospital.anchor_with(size, &hospital.root_at(size), vec![]);
        chain.refuses(&hospital.account, msg, &Error::AnchorShrinks { slot: 0, anchored: 12, offered: size });
    }
}

#[test]
fn the_same_size_has_one_root() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    let forked = hospital.rewritten(3);
    let (anchored, offered) = (hospital.root_at(12), forked.root_at(12));
    let msg = forked.anchor_with(12, &offered, vec![]);
    let forks = Error::AnchorForks { slot: 0, size: 12, anchored: hex(&anchored), offered: hex(&offered) };
    chain.refuses(&hospital.account, msg, &forks);

    // Before its first anchor a log is empty, and there is one empty log.
    let newcomer = chain.admitted(2);
    let msg = newcomer.anchor_with(0, &[9; 32], vec![]);
    let empty = medrec_merkle::root(&[]);
    let forks = Error::AnchorForks { slot: 1, size: 0, anchored: hex(&empty), offered: hex(&[9; 32]) };
    chain.refuses(&newcomer.account, msg, &forks);
}

#[test]
fn a_rewritten_log_finds_no_proof() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    for at in 0..12 {
        let forked = hospital.rewritten(at);
        refuses_proof(&mut chain, &hospital, forked.anchor_from(12));
        // The honest log's proof does not help the forked root.
        let msg = forked.anchor_with(20, &forked.log.root(), hospital.proof(12, 20));
        refuses_proof(&mut chain, &hospital, msg);
    }
    chain.send(&hospital.account, hospital.anchor_from(12)).unwrap();
}

#[test]
fn every_bit_of_a_proof_counts() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    let (root, proof) = (hospital.log.root(), hospital.proof(12, 20));
    for bit in 0..proof.len() * 8 {
        let mut wrong = proof.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        refuses_proof(&mut chain, &hospital, hospital.anchor_with(20, &root, wrong));
    }
}

#[test]
fn a_proof_has_one_length() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    let (root, proof) = (hospital.log.root(), hospital.proof(12, 20));
    let others = [
        vec![],
        proof[32..].to_vec(),
        proof[..proof.len() - 32].to_vec(),
        [&proof[..], &[0; 32]].concat(),
        [&[0; 32], &proof[..]].concat(),
        [&proof[..], &proof[..32]].concat(),
        proof[..proof.len() - 1].to_vec(),
        [&proof[..], &[0]].concat(),
    ];
    for wrong in others {
        refuses_proof(&mut chain, &hospital, hospital.anchor_with(20, &root, wrong));
    }
    // A heartbeat and a first anchor prove nothing, so they carry nothing.
    let beat = hospital.anchor_with(12, &hospital.root_at(12), vec![0; 32]);
    let refusal = chain.send(&hospital.account, beat).unwrap_err();
    assert!(matches!(refusal, Error::AnchorProof { from: 12, to: 12, .. }), "{refusal}");
    let mut newcomer = chain.admitted(2);
    newcomer.grow(4);
    let first = newcomer.anchor_with(4, &newcomer.log.root(), vec![0; 32]);
    let refusal = chain.send(&newcomer.account, first).unwrap_err();
    assert!(matches!(refusal, Error::AnchorProof { slot: 1, from: 0, to: 4, .. }), "{refusal}");
}

#[test]
fn bytes_of_the_wrong_length() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    let ExecuteMsg::Anchor { slot, size, root, signature, proof } = hospital.anchor_from(12) else {
        panic!()
    };
    let cut = |bytes: &Binary, len: usize| Binary::new(bytes.iter().copied().cycle().take(len).collect());
    for len in [0, 31, 33, 100_000] {
        let (signature, proof) = (signature.clone(), proof.clone());
        let msg = ExecuteMsg::Anchor { slot, size, root: cut(&root, len), signature, proof };
        let invalid = Invalid::Length { field: "root", found: len, min: 32, max: 32 };
        refuses_invalid(&mut chain, &hospital, msg, invalid);
    }
    for len in [0, 63, 65, 100_000] {
        let (root, proof) = (root.clone(), proof.clone());
        let msg = ExecuteMsg::Anchor { slot, size, root, signature: cut(&signature, len), proof };
        let invalid = Invalid::Length { field: "signature", found: len, min: 64, max: 64 };
        refuses_invalid(&mut chain, &hospital, msg, invalid);
    }
    for len in [41 * 32 + 1, 42 * 32, 1_000_000] {
        let (root, signature) = (root.clone(), signature.clone());
        let msg = ExecuteMsg::Anchor { slot, size, root, signature, proof: cut(&proof, len) };
        let invalid = Invalid::Length { field: "proof", found: len, min: 0, max: 41 * 32 };
        refuses_invalid(&mut chain, &hospital, msg, invalid);
    }
}

#[test]
fn the_longest_proof_fits() {
    let longest = (0..40).map(|bit| (1u64 << bit) - 1).filter(|old| *old > 0);
    let most = longest.map(|old| consistency_proof_len(old, MAX_LOG_SIZE).unwrap()).max().unwrap();
    assert_eq!(most, medrec_api::authlog::MAX_PROOF_HASHES);
}

#[test]
fn growth_over_the_cap() {
    let mut chain = Authlog::new();
    let mut hospital = chain.admitted(1);
    hospital.grow(1_001);
    let over = Error::AnchorGrowth { slot: 0, grown: 1_001, allowed: 1_000 };
    chain.refuses(&hospital.account, hospital.anchor_from(0), &over);
}

/// Security H4: a proof of 60 random hashes makes any root for a log of 2^62 entries that do not exist. The
/// contract can't know; cap and limit bound the lie.
#[test]
fn a_size_that_does_not_exist_is_bounded() {
    let mut chain = Authlog::with(GrowthCap { burst: u64::MAX, per_second: u64::MAX });
    let hospital = chain.anchored(1, 4);
    for size in [MAX_LOG_SIZE + 1, 1 << 62, u64::MAX] {
        let msg = hospital.anchor_with(size, &[5; 32], vec![0; 32]);
        let large = Error::AnchorTooLarge { slot: 0, offered: size, max: MAX_LOG_SIZE };
        chain.refuses(&hospital.account, msg, &large);
    }
    let mut capped = Authlog::new();
    let liar = capped.anchored(1, 4);
    let claim = liar.anchor_with(MAX_LOG_SIZE, &[5; 32], vec![0; 32 * 38]);
    let over = Error::AnchorGrowth { slot: 0, grown: MAX_LOG_SIZE - 4, allowed: 996 };
    capped.refuses(&liar.account, claim, &over);
}

#[test]
fn a_signature_is_of_this_log_at_this_size() {
    let mut chain = Authlog::new();
    let hospital = twenty(&mut chain);
    let ExecuteMsg::Anchor { slot, size, root, signature, proof } = hospital.anchor_from(12) else {
        panic!()
    };
    let forged = |signature: Vec<u8>| ExecuteMsg::Anchor {
        slot,
        size,
        root: root.clone(),
        signature: signature.into(),
        proof: proof.clone(),
    };
    let other_key = Hospital { origin: hospital.origin.clone(), ..Hospital::new(2) };
    let other_origin = Hospital { key: hospital.key.clone(), ..Hospital::new(2) };
    let mut wrong = vec![
        vec![0; 64],
        other_key.sign(20, &root),
        other_origin.sign(20, &root),
        hospital.sign(19, &root),
        hospital.sign(20, &hospital.root_at(19)),
        [&signature[32..], &signature[..32]].concat(),
    ];
    for bit in 0..512 {
        let mut flipped = signature.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        wrong.push(flipped);
    }
    for signature in wrong {
        let refused = Error::AnchorSignature { slot: 0, size: 20 };
        chain.refuses(&hospital.account, forged(signature), &refused);
    }
    // A heartbeat is signed too.
    let beat = ExecuteMsg::Anchor {
        slot,
        size: 12,
        root: hospital.root_at(12).into(),
        signature: signature.clone(),
        proof: Binary::default(),
    };
    chain.refuses(&hospital.account, beat, &Error::AnchorSignature { slot: 0, size: 12 });
    chain.send(&hospital.account, forged(signature.to_vec())).unwrap();
}

#[test]
fn one_institutions_checkpoint_is_not_anothers() {
    let mut chain = Authlog::new();
    let (first, second) = (chain.anchored(1, 5), chain.anchored(2, 5));
    // The second sends the first's log as its own.
    let stolen = Hospital { slot: second.slot, account: second.account.clone(), ..first.clone() };
    let root = first.log.root();
    let forks =
        Error::AnchorForks { slot: 1, size: 5, anchored: hex(&second.log.root()), offered: hex(&root) };
    chain.refuses(&second.account, stolen.anchor_from(5), &forks);
    let mut newcomer = chain.admitted(3);
    newcomer.grow(5);
    let stolen = Hospital { slot: newcomer.slot, ..first };
    let refused = Error::AnchorSignature { slot: 2, size: 5 };
    chain.refuses(&newcomer.account, stolen.anchor_from(0), &refused);
}

#[test]
fn replays_change_nothing() {
    let mut chain = Authlog::new();
    let mut hospital = chain.anchored(1, 6);
    let first = hospital.anchor_from(0);
    hospital.grow(3);
    let second = hospital.anchor_from(6);
    // The same first message again is no heartbeat unless it carries the proof of one; here it does: none.
    let head: LogResponse = chain.query(QueryMsg::Log { slot: 0 });
    chain.send(&hospital.account, first.clone()).unwrap();
    assert_eq!(chain.query::<LogResponse>(QueryMsg::Log { slot: 0 }), head);

    chain.send(&hospital.account, second.clone()).unwrap();
    chain.refuses(&hospital.account, first, &Error::AnchorShrinks { slot: 0, anchored: 9, offered: 6 });
    let refusal = chain.send(&hospital.account, second).unwrap_err();
    assert!(matches!(refusal, Error::AnchorProof { from: 9, to: 9, .. }), "{refusal}");
}

#[test]
fn an_institution_has_one_log() {
    let mut chain = Authlog::new();
    let hospital = chain.admitted(1);
    let again = Error::AdmittedAlready { institution: 1, slot: 0 };
    chain.refuses(&hospital.account, ExecuteMsg::AdmitLog { institution: 1 }, &again);
}

#[test]
fn a_key_anybody_can_forge_for_is_not_learnt() {
    let mut chain = Authlog::new();
    let hospital = chain.hospital(1);
    let identity = [[1u8].as_slice(), &[0; 31]].concat();
    let negative_zero = [vec![0xed], vec![0xff; 30], vec![0xff]].concat();
    for weak in [vec![0; 32], identity, negative_zero] {
        chain.registrar.change(1, |institution| institution.log_key = weak.clone().into());
        let refused = Invalid::SmallOrder { field: "log_key" }.into();
        chain.refuses(&hospital.account, ExecuteMsg::AdmitLog { institution: 1 }, &refused);
    }
    chain.registrar.change(1, |institution| institution.log_key = vec![3; 31].into());
    let short = Invalid::Length { field: "log_key", found: 31, min: 32, max: 32 }.into();
    chain.refuses(&hospital.account, ExecuteMsg::AdmitLog { institution: 1 }, &short);
}

/// An origin with a line end could make one checkpoint's text read as another's.
#[test]
fn an_origin_is_one_word() {
    let mut chain = Authlog::new();
    let hospital = chain.hospital(1);
    for origin in ["two words", "two\nlines", "with+plus", ""] {
        chain.registrar.change(1, |institution| institution.log_origin = origin.to_owned());
        let before = chain.state();
        let refusal = chain.send(&hospital.account, ExecuteMsg::AdmitLog { institution: 1 }).unwrap_err();
        assert!(matches!(refusal, Error::Invalid(_)), "{refusal}");
        assert_eq!(chain.state(), before);
    }
}

#[test]
fn slots_end_at_1024() {
    let mut chain = Authlog::new();
    for institution in 1..=MAX_LOGS {
        let hospital = chain.hospital(institution);
        chain.send(&hospital.account, ExecuteMsg::AdmitLog { institution }).unwrap();
    }
    let late = chain.hospital(MAX_LOGS + 1);
    let msg = ExecuteMsg::AdmitLog { institution: late.institution };
    chain.refuses(&late.account, msg, &Error::SlotsFull { max: MAX_LOGS });
}

#[test]
fn a_registrar_out_of_reach_refuses_everybody() {
    let mut chain = Authlog::new();
    let hospital = chain.anchored(1, 5);
    chain.deps.querier = cosmwasm_std::testing::MockQuerier::new(&[]);
    let unknown = |operation| Error::NoInstitution { operation, institution: 1 };
    chain.refuses(&hospital.account, hospital.anchor_from(5), &unknown("anchor"));
    chain.refuses(&addr("stranger"), ExecuteMsg::AdmitLog { institution: 1 }, &unknown("admit_log"));
}

#[test]
fn a_damaged_node_stops_the_cosignature() {
    let mut chain = Authlog::new();
    let (hospital, neighbour) = (twenty(&mut chain), chain.anchored(2, 3));
    chain.attest(&neighbour);
    let by = chain.researcher("holder-a", 2_001);
    chain.researcher("holder-b", 2_002);
    let node = |(key, row): &(Vec<u8>, Vec<u8>)| key.starts_with(&[0, 1, b'n']) && row.len() == 40;
    let (key, row) = chain.state().into_iter().rfind(node).unwrap();
    chain.deps.storage.set(&key, &row[..39]);
    let cosign = |by: &common::Researcher| ExecuteMsg::Cosign {
        cosigner: by.named(),
        heads: vec![hospital.cosigned(12, 12, &by.key)],
    };
    chain.send(&by.account, cosign(&by)).unwrap();
    let by = chain.researcher("holder-b", 2_002);
    let damaged = chain.send(&by.account, cosign(&by)).unwrap_err();
    assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
}

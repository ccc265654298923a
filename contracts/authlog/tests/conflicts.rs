//! Evidence against a log's key: each kind, and what is no evidence.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, Log, addr};
use cosmwasm_std::{Addr, Binary};
use ed25519_dalek::Signer;
use medrec_api::authlog::{Conflict, Error, ExecuteMsg, GrowthCap, Inclusion, SignedRoot};
use medrec_merkle::leaf_hash;
use medrec_seals::promise_hash;

/// A log of 2,000 anchored entries, and another history that its key signed too.
fn ground() -> (Authlog, Log, Log) {
    let mut chain = Authlog::with(GrowthCap { burst: 1 << 40, per_second: 1 });
    let log = chain.keeps(1, 2_000);
    let forged = Log::new(&log.origin, log.key.clone(), 77);
    (chain, log, forged)
}

fn anybody() -> Addr {
    addr("stranger")
}

fn report(conflict: Conflict) -> ExecuteMsg {
    ExecuteMsg::Report { slot: 0, conflict }
}

fn promise(log: &Log, index: u64, at: u64, by: u64) -> (Binary, Binary) {
    let leaf = leaf_hash(&log.entry(index));
    let signature = log.key.sign(&promise_hash(&log.origin, index, &leaf, at, by));
    (leaf.into(), signature.to_bytes().into())
}

#[track_caller]
fn marks(conflict: Conflict, kind: &str) {
    let (mut chain, ..) = ground();
    let done = chain.send(&anybody(), report(conflict.clone())).unwrap();
    assert_eq!(done.events[0].ty, "forked");
    let fork = chain.log(0).forked.unwrap();
    assert_eq!((fork.kind.as_str(), fork.height, fork.at), (kind, chain.env.block.height, chain.now()));
    assert_eq!(fork.evidence.len(), 32);
    let again = Error::ForkedAlready { slot: 0, kind: kind.into() };
    chain.refuses(&anybody(), report(conflict), &again);
}

#[track_caller]
fn is_none(conflict: Conflict) {
    let (mut chain, ..) = ground();
    let before = chain.state();
    let refusal = chain.send(&anybody(), report(conflict)).unwrap_err();
    assert!(
        matches!(refusal, Error::NoConflict { .. } | Error::ReportSignature { .. } | Error::Invalid(_)),
        "{refusal}"
    );
    assert_eq!(chain.state(), before);
    assert_eq!(chain.log(0).forked, None);
}

#[test]
fn two_roots_at_one_size() {
    let (_, log, forged) = ground();
    let roots = |size, a, b| Conflict::Roots { size, a, b };
    let (a, b) = (log.signed_root(1_500), forged.signed_root(1_500));
    marks(roots(1_500, a.clone(), b.clone()), "roots");
    is_none(roots(1_500, a.clone(), a.clone()));
    is_none(roots(1_501, a.clone(), b.clone()));
    is_none(roots(1_500, a.clone(), SignedRoot { signature: a.signature.clone(), ..b.clone() }));
    is_none(roots(1_500, a.clone(), SignedRoot { signature: vec![0; 63].into(), ..b.clone() }));
    is_none(roots(1_500, a.clone(), SignedRoot { root: vec![0; 31].into(), ..b.clone() }));
    // Signed by somebody else for this log.
    let stranger = Log::new(&log.origin, common::Hospital::new(5).key, 77);
    is_none(roots(1_500, a.clone(), stranger.signed_root(1_500)));
    // By the right key for another log.
    let elsewhere = Log::new("another.example/log", log.key.clone(), 77);
    is_none(roots(1_500, a, elsewhere.signed_root(1_500)));
}

#[test]
fn two_leaves_at_one_index() {
    let (_, log, forged) = ground();
    let leaves = |index, a, b| Conflict::Leaves { index, a, b };
    let (a, b) = (log.signed_inclusion(9, 2_000), forged.signed_inclusion(9, 1_024));
    marks(leaves(9, a.clone(), b.clone()), "leaves");
    is_none(leaves(9, a.clone(), a.clone()));
    is_none(leaves(9, a.clone(), log.signed_inclusion(9, 1_999)));
    is_none(leaves(9, a.clone(), forged.signed_inclusion(10, 1_024)));
    is_none(leaves(10, a.clone(), b.clone()));
    is_none(leaves(9, a.clone(), Inclusion { proof: b.proof[32..].into(), ..b.clone() }));
    is_none(leaves(9, a.clone(), Inclusion { proof: b.proof[1..].into(), ..b.clone() }));
    is_none(leaves(9, a.clone(), Inclusion { proof: vec![0; 42 * 32].into(), ..b.clone() }));
    is_none(leaves(9, a.clone(), Inclusion { leaf: vec![7; 32].into(), ..b.clone() }));
    is_none(leaves(9, a.clone(), Inclusion { signature: a.signature.clone(), ..b.clone() }));
    is_none(leaves(u64::MAX, a, b));
}

#[test]
fn a_promise_that_was_broken() {
    let (_, log, forged) = ground();
    let (leaf, signature) = promise(&forged, 9, 100, 160);
    let broken = |index, other| Conflict::Promise {
        index,
        leaf: leaf.clone(),
        at: 100,
        by: 160,
        signature: signature.clone(),
        other,
    };
    let other = log.signed_inclusion(9, 2_000);
    marks(broken(9, other.clone()), "promise");
    is_none(broken(9, forged.signed_inclusion(9, 2_000)));
    is_none(broken(10, log.signed_inclusion(10, 2_000)));
    is_none(broken(9, Inclusion { signature: signature.clone(), ..other.clone() }));
    let (leaf, signature) = promise(&forged, 9, 100, 161);
    is_none(Conflict::Promise { index: 9, leaf, at: 100, by: 160, signature, other });
}

#[test]
fn a_promise_that_is_overdue() {
    let (chain, log, _) = ground();
    let now = chain.now();
    let overdue = |index, by| {
        let (leaf, signature) = promise(&log, index, by - 60, by);
        Conflict::Overdue { index, leaf, at: by - 60, by, signature }
    };
    marks(overdue(2_000, now - 1), "overdue");
    is_none(overdue(2_000, now));
    is_none(overdue(1_999, now - 1));
    let Conflict::Overdue { leaf, at, by, .. } = overdue(2_000, now - 1) else { panic!() };
    is_none(Conflict::Overdue { index: 2_000, leaf, at, by, signature: vec![1; 64].into() });
}

#[test]
fn a_forked_log_goes_on_and_says_so() {
    let (mut chain, log, forged) = ground();
    let conflict = Conflict::Roots { size: 9, a: log.signed_root(9), b: forged.signed_root(9) };
    chain.send(&anybody(), report(conflict.clone())).unwrap();
    let account = common::Hospital::new(1).account;
    chain.send(&account, log.anchor(0, 2_000, 2_100)).unwrap();
    assert!(chain.log(0).forked.is_some());
    let nowhere = ExecuteMsg::Report { slot: 5, conflict };
    chain.refuses(&anybody(), nowhere, &Error::NoLog { operation: "report", slot: 5, count: 1 });
}

//! Any honest history is accepted and gives the root that a computation over all 1,024 slots gives; anything else
//! is refused and leaves no trace.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, Hospital};
use cosmwasm_std::Binary;
use medrec_api::authlog::{ExecuteMsg, HeadsResponse, LogResponse, MAX_LOGS, QueryMsg};
use medrec_merkle::tagged_hash;
use proptest::prelude::*;

/// wire.md section 10 over every slot, with nothing of the contract or of `medrec_merkle::heads`.
fn full_root(hospitals: &[Hospital], anchored: &[u64]) -> ([u8; 32], u64) {
    let mut level: Vec<([u8; 32], u64)> = vec![([0; 32], 0); MAX_LOGS as usize];
    for (hospital, size) in hospitals.iter().zip(anchored).filter(|(_, size)| **size > 0) {
        let (slot, root) = (hospital.slot.to_be_bytes(), hospital.root_at(*size));
        let fields: [&[u8]; 4] = [&slot, hospital.origin.as_bytes(), &size.to_be_bytes(), &root];
        level[hospital.slot as usize] = (tagged_hash("medrec/head/v1", &fields), *size);
    }
    while level.len() > 1 {
        let pairs = level.chunks(2).map(|pair| {
            let (left, right) = (pair[0], pair[1]);
            let sums = (left.1.to_be_bytes(), right.1.to_be_bytes());
            let fields: [&[u8]; 4] = [&left.0, &sums.0, &right.0, &sums.1];
            (tagged_hash("medrec/heads/node/v1", &fields), left.1 + right.1)
        });
        level = pairs.collect();
    }
    level[0]
}

/// One way to be dishonest, or merely wrong.
#[derive(Debug, Clone)]
enum Lie {
    FlipProof(prop::sample::Index),
    FlipRoot(prop::sample::Index),
    FlipSignature(prop::sample::Index),
    DropHash(prop::sample::Index),
    AddHash(prop::sample::Index),
    Rewrite(prop::sample::Index),
    Shrink(prop::sample::Index),
    ClaimMore(u64),
    NameAnotherSize,
}

fn lie() -> impl Strategy<Value = Lie> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        index().prop_map(Lie::FlipProof),
        index().prop_map(Lie::FlipRoot),
        index().prop_map(Lie::FlipSignature),
        index().prop_map(Lie::DropHash),
        index().prop_map(Lie::AddHash),
        index().prop_map(Lie::Rewrite),
        index().prop_map(Lie::Shrink),
        (1u64..1 << 50).prop_map(Lie::ClaimMore),
        Just(Lie::NameAnotherSize),
    ]
}

fn flip(bytes: &[u8], at: &prop::sample::Index) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let bit = at.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// The lie in place of the honest anchor from `old` (at least 1 entry) to the hospital's size (more than `old`).
fn dishonest(hospital: &Hospital, old: u64, lie: &Lie) -> ExecuteMsg {
    let ExecuteMsg::Anchor { slot, size, root, signature, proof } = hospital.anchor_from(old) else {
        panic!()
    };
    let hashes: Vec<[u8; 32]> = proof.as_chunks().0.to_vec();
    match lie {
        Lie::FlipProof(at) => hospital.anchor_with(size, &root, flip(&proof, at)),
        Lie::FlipRoot(at) => hospital.anchor_with(size, &flip(&root, at), proof.to_vec()),
        Lie::FlipSignature(at) => {
            ExecuteMsg::Anchor { slot, size, root, signature: flip(&signature, at).into(), proof }
        }
        Lie::DropHash(at) => {
            let mut fewer = hashes;
            fewer.remove(at.index(fewer.len()));
            hospital.anchor_with(size, &root, fewer.concat())
        }
        Lie::AddHash(at) => {
            let mut more = hashes;
            more.insert(at.index(more.len() + 1), [at.index(256) as u8; 32]);
            hospital.anchor_with(size, &root, more.concat())
        }
        Lie::Rewrite(at) => hospital.rewritten(at.index(old as usize) as u64).anchor_from(old),
        Lie::Shrink(at) => {
            let less = at.index(old as usize) as u64;
            hospital.anchor_with(less, &hospital.root_at(less), vec![])
        }
        // Beyond the burst of 1,000 entries, whatever the proof.
        Lie::ClaimMore(more) => hospital.anchor_with(size + 1_000 + more, &root, proof.to_vec()),
        Lie::NameAnotherSize => {
            ExecuteMsg::Anchor { slot, size: size + 1, root, signature, proof: Binary::new(proof.to_vec()) }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_logs_grow_and_liars_leave_no_trace(
        steps in prop::collection::vec((0usize..4, 0u64..40, lie()), 1..30)
    ) {
        let mut chain = Authlog::new();
        let mut hospitals: Vec<Hospital> = (1..=4).map(|id| chain.admitted(id)).collect();
        let mut anchored = vec![0u64; hospitals.len()];
        for (who, entries, lie) in steps {
            chain.pass(4);
            let hospital = &mut hospitals[who];
            hospital.grow(entries);
            let (old, slot) = (anchored[who], hospital.slot);
            if old > 0 && entries > 0 {
                let before = chain.state();
                let msg = dishonest(hospital, old, &lie);
                prop_assert!(chain.send(&hospital.account, msg).is_err(), "{:?} was believed", lie);
                prop_assert_eq!(chain.state(), before);
            }
            let honest = hospital.anchor_from(old);
            let sent = chain.send(&hospital.account, honest);
            prop_assert!(sent.is_ok(), "{:?}", sent.err().map(|error| error.to_string()));
            anchored[who] = hospital.size();
            let log: LogResponse = chain.query(QueryMsg::Log { slot });
            prop_assert_eq!(log.size, hospital.size());
            prop_assert_eq!(log.root.as_slice(), &hospital.log.root()[..]);
        }
        hospitals.iter().filter(|hospital| hospital.size() > 0).for_each(|hospital| chain.attest(hospital));
        let (hash, total) = full_root(&hospitals, &anchored);
        prop_assert_eq!(chain.query::<HeadsResponse>(QueryMsg::Heads {}), HeadsResponse { hash: hash.into(), total });
    }
}

//! No proof but the right one: tampered, truncated, extended, forked, for other sizes, empty, enormous.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{leaves, tree};
use medrec_merkle::{
    Error, Hash, Tree, consistency_proof, consistency_proof_len, inclusion_proof, inclusion_proof_len, root,
    root_at, split_hashes, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

/// Every variant of `proof` with one bit flipped.
fn with_one_bit_flipped(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    let proof = proof.to_vec();
    (0..proof.len() * 256).map(move |bit| {
        let mut flipped = proof.clone();
        flipped[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// Too short, too long, and at either end.
fn of_another_length(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut others =
        vec![[proof, &[[7; 32]]].concat(), [&[[7; 32]], proof].concat(), [proof, proof, &[[7; 32]]].concat()];
    if let [first, .., last] = proof {
        others.push(proof[1..].to_vec());
        others.push(proof[..proof.len() - 1].to_vec());
        others.push([proof, &[*first]].concat());
        others.push([proof, &[*last]].concat());
    }
    others
}

/// A log of `size` and one that differs from it in entry `at` only.
fn fork(size: u64, at: u64) -> (Tree, Tree) {
    let honest = leaves("entry", size);
    let mut forked = honest.clone();
    forked[at as usize] = leaves("other", 1)[0];
    (tree(&honest), tree(&forked))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inclusion_holds_for_its_entry_alone(size in 1u64..700, at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let (index, other) = (at.index(size as usize) as u64, other.index(size as usize) as u64);
        let all = leaves("entry", size);
        let stored = tree(&all);
        let (leaf, root) = (all[index as usize], stored.root());
        let proof = inclusion_proof(&stored, index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));

        for wrong in with_one_bit_flipped(&proof) {
            let mismatch = matches!(verify_inclusion(&leaf, index, size, &wrong, &root), Err(Error::RootMismatch { .. }));
            prop_assert!(mismatch);
        }
        for wrong in of_another_length(&proof) {
            let expected = Error::ProofLength { expected: proof.len(), actual: wrong.len() };
            prop_assert_eq!(verify_inclusion(&leaf, index, size, &wrong, &root), Err(expected));
        }
        for wrong in with_one_bit_flipped(&[leaf]) {
            prop_assert!(verify_inclusion(&wrong[0], index, size, &proof, &root).is_err());
        }
        for wrong in with_one_bit_flipped(&[root]) {
            prop_assert!(verify_inclusion(&leaf, index, size, &proof, &wrong[0]).is_err());
        }
        if other != index {
            prop_assert!(verify_inclusion(&leaf, other, size, &proof, &root).is_err());
            prop_assert!(verify_inclusion(&all[other as usize], index, size, &proof, &root).is_err());
        }
    }

    #[test]
    fn consistency_holds_for_its_two_heads_alone(new in 2u64..700, at in any::<prop::sample::Index>()) {
        let old = 1 + at.index(new as usize - 1) as u64;
        let stored = tree(&leaves("entry", new));
        let (old_root, new_root) = (root_at(&stored, old).unwrap(), stored.root());
        let proof = consistency_proof(&stored, old, new).unwrap();
        let check = |old_root: &Hash, new_root: &Hash, proof: &[Hash]| verify_consistency(old, old_root, new, new_root, proof);
        prop_assert_eq!(check(&old_root, &new_root, &proof), Ok(()));

        for wrong in with_one_bit_flipped(&proof) {
            prop_assert!(check(&old_root, &new_root, &wrong).is_err());
        }
        for wrong in of_another_length(&proof) {
            let expected = Error::ProofLength { expected: proof.len(), actual: wrong.len() };
            prop_assert_eq!(check(&old_root, &new_root, &wrong), Err(expected));
        }
        for wrong in with_one_bit_flipped(&[old_root]) {
            prop_assert!(check(&wrong[0], &new_root, &proof).is_err());
        }
        for wrong in with_one_bit_flipped(&[new_root]) {
            prop_assert!(check(&old_root, &wrong[0], &proof).is_err());
        }
        let swapped = verify_consistency(new, &new_root, old, &old_root, &proof);
        prop_assert_eq!(swapped, Err(Error::Shrunk { old: new, new: old }));
    }

    #[test]
    fn a_forked_log_has_no_proof(new in 2u64..300, old_at in any::<prop::sample::Index>(), fork_at in any::<prop::sample::Index>()) {
        let old = 1 + old_at.index(new as usize - 1) as u64;
        let at = fork_at.index(old as usize) as u64;
        let (honest, forked) = fork(new, at);
        let anchored = root_at(&honest, old).unwrap();
        let proof = consistency_proof(&forked, old, new).unwrap();
        prop_assert!(verify_consistency(old, &anchored, new, &forked.root(), &proof).is_err());
        let honest_proof = consistency_proof(&honest, old, new).unwrap();
        prop_assert!(verify_consistency(old, &anchored, new, &forked.root(), &honest_proof).is_err());
    }

    #[test]
    fn sizes_up_to_the_last_are_handled(old in any::<u64>(), new in any::<u64>(), count in 0usize..70) {
        let noise = vec![[9; 32]; count];
        prop_assert!(verify_consistency(old, &[1; 32], new, &[2; 32], &noise).is_err());
        prop_assert!(verify_inclusion(&[1; 32], old, new, &noise, &[2; 32]).is_err());
        if let Ok(length) = consistency_proof_len(old, new) {
            prop_assert!(length <= 65);
        }
        if let Ok(length) = inclusion_proof_len(old, new) {
            prop_assert!(length <= 64);
        }
    }

    #[test]
    fn the_right_length_of_noise_is_refused(old in 1u64..u64::MAX, more in 1u64..u64::MAX) {
        let new = old.saturating_add(more);
        let noise = vec![[9; 32]; consistency_proof_len(old, new).unwrap_or(0)];
        prop_assert!(verify_consistency(old, &[1; 32], new, &[2; 32], &noise).is_err());
        let noise = vec![[9; 32]; inclusion_proof_len(old, new).unwrap_or(0)];
        prop_assert!(verify_inclusion(&[1; 32], old, new, &noise, &[2; 32]).is_err());
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let root = [0; 32];
    assert_eq!(verify_consistency(0, &root, 5, &root, &[]), Err(Error::EmptyLog));
    assert_eq!(verify_consistency(0, &root, 0, &root, &[]), Err(Error::EmptyLog));
    assert_eq!(verify_consistency(5, &root, 0, &root, &[]), Err(Error::Shrunk { old: 5, new: 0 }));
    assert_eq!(verify_consistency(5, &root, 4, &root, &[]), Err(Error::Shrunk { old: 5, new: 4 }));
    assert_eq!(verify_inclusion(&root, 0, 0, &[], &root), Err(Error::IndexOutside { index: 0, size: 0 }));
    assert_eq!(verify_inclusion(&root, 4, 4, &[], &root), Err(Error::IndexOutside { index: 4, size: 4 }));
    let stored = tree(&leaves("entry", 4));
    assert_eq!(consistency_proof(&stored, 0, 4), Err(Error::EmptyLog));
    assert_eq!(inclusion_proof(&stored, 4, 4), Err(Error::IndexOutside { index: 4, size: 4 }));
}

#[test]
fn the_same_size_needs_the_same_root_and_no_hashes() {
    let (one, other) = ([1; 32], [2; 32]);
    assert_eq!(verify_consistency(7, &one, 7, &one, &[]), Ok(()));
    let expected = Error::OldRootMismatch { computed: one, claimed: other };
    assert!(
        matches!(verify_consistency(7, &one, 7, &other, &[]), Err(Error::RootMismatch { .. })),
        "{expected}"
    );
    let extra = Error::ProofLength { expected: 0, actual: 1 };
    assert_eq!(verify_consistency(7, &one, 7, &one, &[one]), Err(extra));
}

#[test]
fn proof_bytes_are_whole_hashes() {
    assert_eq!(split_hashes(&[0; 64]).unwrap().len(), 2);
    assert_eq!(split_hashes(&[]).unwrap().len(), 0);
    assert_eq!(split_hashes(&[0; 65]), Err(Error::ProofBytes { actual: 65 }));
    assert_eq!(split_hashes(&[0; 31]), Err(Error::ProofBytes { actual: 31 }));
}

#[test]
fn errors_show_both_sides() {
    let stored = tree(&leaves("entry", 3));
    let proof = inclusion_proof(&stored, 1, 3).unwrap();
    let wrong = verify_inclusion(&leaves("entry", 2)[1], 1, 3, &proof, &root(&[])).unwrap_err().to_string();
    assert!(wrong.contains(&hex::encode(stored.root())) && wrong.contains("e3b0c442"), "{wrong}");
}

//! One proof for many leaves, against single proofs and against every edit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{leaves, tree};
use medrec_merkle::{Error, Hash, SparseTree, multi_proof, narrow, verify_multi};
use proptest::prelude::*;

fn chosen(size: u64, mask: u64) -> Vec<u64> {
    (0..size).filter(|index| mask >> (index % 64) & 1 == 1).collect()
}

fn with_hashes(all: &[Hash], indices: &[u64]) -> Vec<(u64, Hash)> {
    indices.iter().map(|index| (*index, all[usize::try_from(*index).unwrap()])).collect()
}

#[test]
fn every_choice_of_leaves_of_every_small_log_is_proved() {
    for size in 0..=9u64 {
        let all = leaves("multi", size);
        let tree = tree(&all);
        for mask in 0..1u64 << size {
            let indices = chosen(size, mask);
            let proof = multi_proof(&tree, &indices, size).unwrap();
            let leaves = with_hashes(&all, &indices);
            verify_multi(&leaves, size, &proof, &tree.root()).unwrap();
            if indices.len() as u64 == size {
                assert!(proof.is_empty());
            }
            for at in 0..leaves.len() {
                let mut wrong = leaves.clone();
                wrong[at].1[0] ^= 1;
                assert!(verify_multi(&wrong, size, &proof, &tree.root()).is_err());
                let mut fewer = leaves.clone();
                fewer.remove(at);
                assert!(verify_multi(&fewer, size, &proof, &tree.root()).is_err());
            }
            let longer = [proof.clone(), vec![[0; 32]]].concat();
            assert!(matches!(
                verify_multi(&leaves, size, &longer, &tree.root()),
                Err(Error::ProofLength { .. })
            ));
        }
    }
}

#[test]
fn what_is_not_in_order_or_not_in_the_log_is_refused() {
    let all = leaves("multi", 5);
    let tree = tree(&all);
    let proof = multi_proof(&tree, &[1, 3], 5).unwrap();
    let [one, three] = [(1, all[1]), (3, all[3])];
    for wrong in [vec![three, one], vec![one, one], vec![one, (5, all[3])]] {
        let refused = verify_multi(&wrong, 5, &proof, &tree.root()).unwrap_err();
        assert!(matches!(refused, Error::NotAscending { .. } | Error::IndexOutside { .. }), "{refused}");
    }
    assert!(multi_proof(&tree, &[3, 1], 5).is_err());
    // A size nobody has ends at once.
    assert!(verify_multi(&[(u64::MAX - 1, all[0])], u64::MAX, &[], &tree.root()).is_err());
}

proptest! {
    #[test]
    fn a_proof_is_narrowed_to_fewer_leaves(size in 1u64..200, mask: u64, kept_mask: u64) {
        let all = leaves("multi", size);
        let tree = tree(&all);
        let indices = chosen(size, mask);
        let kept: Vec<u64> = indices.iter().copied().filter(|i| kept_mask >> (i % 64) & 1 == 1).collect();
        let proof = multi_proof(&tree, &indices, size).unwrap();
        let (root, narrowed) = narrow(&with_hashes(&all, &indices), size, &proof, &kept).unwrap();
        prop_assert_eq!(root, tree.root());
        prop_assert_eq!(narrowed, multi_proof(&tree, &kept, size).unwrap());
    }

    #[test]
    fn a_sparse_tree_proves_what_a_whole_one_does(size in 0u64..300, mask: u64, kept_mask: u64) {
        let all = leaves("multi", size);
        let whole = tree(&all);
        let mut sparse = SparseTree::new();
        let indices = chosen(size, mask);
        for (index, leaf) in (0u64..).zip(&all) {
            sparse.push(*leaf, indices.contains(&index)).unwrap();
        }
        prop_assert_eq!((sparse.size(), sparse.root()), (size, whole.root()));
        for some in [indices.clone(), indices.into_iter().filter(|i| kept_mask >> (i % 64) & 1 == 1).collect()] {
            let proof = multi_proof(&sparse, &some, size).unwrap();
            prop_assert_eq!(&proof, &multi_proof(&whole, &some, size).unwrap());
            verify_multi(&with_hashes(&all, &some), size, &proof, &whole.root()).unwrap();
        }
        // Nothing is kept but what those proofs need.
        let (frontier, _, kept) = sparse.parts();
        prop_assert!(kept.len() + frontier.nodes().len() <= size as usize + 64);
    }
}

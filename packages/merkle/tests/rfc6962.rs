//! The certificate-transparency reference vectors, and every small tree against the RFC's own recursion.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::collections::BTreeMap;

use common::{leaves, rfc_path, rfc_root, rfc_subproof, tree};
use medrec_merkle::{
    Error, Frontier, Hash, HashReader, Tree, consistency_proof, consistency_proof_len, inclusion_proof,
    inclusion_proof_len, leaf_hash, root, root_at, verify_consistency, verify_inclusion,
};

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// (index, size, path)
const PATHS: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// (old size, new size, proof)
const CONSISTENCY: [(u64, u64, &[&str]); 4] = [
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn hashes(texts: &[&str]) -> Vec<Hash> {
    texts.iter().map(|text| hex::decode(text).unwrap().try_into().unwrap()).collect()
}

fn reference_leaves() -> Vec<Hash> {
    LEAVES.iter().map(|text| leaf_hash(&hex::decode(text).unwrap())).collect()
}

#[test]
fn reference_roots() {
    let leaves = reference_leaves();
    let roots = hashes(&ROOTS);
    for size in 1..=8 {
        assert_eq!(root(&leaves[..size]), roots[size - 1], "size {size}");
        assert_eq!(
            root_at(&tree(&leaves), size as u64).unwrap(),
            roots[size - 1],
            "size {size} of the stored 8"
        );
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex::encode(root(&[])), empty);
    assert_eq!(hex::encode(Frontier::new().root()), empty);
}

#[test]
fn reference_proofs() {
    let (leaves, roots) = (reference_leaves(), hashes(&ROOTS));
    let stored = tree(&leaves);
    for (index, size, path) in PATHS {
        let path = hashes(path);
        assert_eq!(inclusion_proof(&stored, index, size).unwrap(), path, "path of {index} in {size}");
        verify_inclusion(&leaves[index as usize], index, size, &path, &roots[size as usize - 1]).unwrap();
    }
    for (old, new, proof) in CONSISTENCY {
        let proof = hashes(proof);
        assert_eq!(consistency_proof(&stored, old, new).unwrap(), proof, "{old} to {new}");
        verify_consistency(old, &roots[old as usize - 1], new, &roots[new as usize - 1], &proof).unwrap();
    }
}

#[test]
fn every_tree_up_to_66_leaves_is_the_rfcs() {
    let leaves = leaves("leaf", 66);
    let stored = tree(&leaves);
    for size in 1..=leaves.len() {
        let (all, n) = (&leaves[..size], size as u64);
        let whole = rfc_root(all);
        assert_eq!(root(all), whole);
        assert_eq!(Frontier::read(&stored, n).unwrap().root(), whole);
        for (index, leaf) in all.iter().enumerate() {
            let path = inclusion_proof(&stored, index as u64, n).unwrap();
            assert_eq!(path, rfc_path(index, all), "path of {index} in {size}");
            assert_eq!(path.len(), inclusion_proof_len(index as u64, n).unwrap());
            verify_inclusion(leaf, index as u64, n, &path, &whole).unwrap();
        }
        for old in 1..=size {
            let proof = consistency_proof(&stored, old as u64, n).unwrap();
            assert_eq!(proof, rfc_subproof(old, all, true), "{old} to {size}");
            assert_eq!(proof.len(), consistency_proof_len(old as u64, n).unwrap());
            verify_consistency(old as u64, &rfc_root(&leaves[..old]), n, &whole, &proof).unwrap();
        }
    }
}

/// Nodes as a relayer stores them: one row for each, written as the frontier tells.
struct Stored(BTreeMap<(u8, u64), Hash>);

impl HashReader for Stored {
    type Error = Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Error> {
        self.0.get(&(level, index)).copied().ok_or(Error::MissingNode { level, index })
    }
}

#[test]
fn a_log_grows_without_being_held_in_memory() {
    let (before, added) = (70_000u64, 500u64);
    let mut stored = Stored(BTreeMap::new());
    let mut frontier = Frontier::new();
    let leaves = leaves("entry", before + added);
    let mut push = |frontier: &mut Frontier, leaf: Hash| {
        frontier
            .push_with(leaf, |level, index, hash| assert_eq!(stored.0.insert((level, index), hash), None))
            .unwrap();
    };
    for leaf in &leaves[..before as usize] {
        push(&mut frontier, *leaf);
    }
    let old_root = frontier.root();
    assert!(frontier.nodes().len() <= 17);

    // A restart keeps size and hashes only.
    let mut frontier = Frontier::from_parts(frontier.size(), frontier.nodes().to_vec()).unwrap();
    for leaf in &leaves[before as usize..] {
        push(&mut frontier, *leaf);
    }
    assert_eq!(frontier, Frontier::read(&stored, before + added).unwrap());

    let (size, new_root) = (frontier.size(), frontier.root());
    assert_eq!(new_root, root(&leaves));
    let proof = consistency_proof(&stored, before, size).unwrap();
    verify_consistency(before, &old_root, size, &new_root, &proof).unwrap();
    for index in [0, 1, 65_535, 65_536, before - 1, before, size - 1] {
        let path = inclusion_proof(&stored, index, size).unwrap();
        verify_inclusion(&leaves[index as usize], index, size, &path, &new_root).unwrap();
    }
}

#[test]
fn a_reader_without_the_node_says_which() {
    let stored = tree(&leaves("leaf", 5));
    assert_eq!(inclusion_proof(&stored, 0, 9), Err(Error::MissingNode { level: 2, index: 1 }));
    assert_eq!(Tree::new().node(0, 0), Err(Error::MissingNode { level: 0, index: 0 }));
}

#[test]
fn a_frontier_has_one_hash_for_each_set_bit() {
    let wrong = Frontier::from_parts(6, vec![[0; 32]]);
    assert_eq!(wrong, Err(Error::FrontierLength { size: 6, expected: 2, actual: 1 }));
    let mut full = Frontier::from_parts(u64::MAX, vec![[0; 32]; 64]).unwrap();
    assert_eq!(full.push([1; 32]), Err(Error::LogFull));
    assert_eq!(full.size(), u64::MAX);
}

//! The sum tree of heads against a computation over all 1,024 slots.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

use std::collections::BTreeMap;

use medrec_merkle::{
    Error,
    heads::{self, EMPTY, LEVELS, Node, NodeReader, Path, SLOTS},
    tagged_hash,
};
use proptest::prelude::*;

/// All 1,024 leaves; nodes computed anew on every question.
struct Full(Vec<Node>);

impl Full {
    fn of(heads: &BTreeMap<u32, (u64, [u8; 32])>) -> Self {
        let leaf = |slot| {
            heads.get(&slot).map_or(EMPTY, |(size, root)| heads::leaf(slot, &origin(slot), *size, root))
        };
        Self((0..SLOTS).map(leaf).collect())
    }

    /// wire.md section 10 word for word, over the leaves of one subtree.
    fn subtree(leaves: &[Node]) -> Node {
        if let [leaf] = leaves {
            return *leaf;
        }
        let (left, right) = leaves.split_at(leaves.len() / 2);
        let (left, right) = (Self::subtree(left), Self::subtree(right));
        let mut bytes = Vec::new();
        let fields: [&[u8]; 5] = [
            b"medrec/heads/node/v1",
            &left.hash,
            &left.sum.to_be_bytes(),
            &right.hash,
            &right.sum.to_be_bytes(),
        ];
        for field in fields {
            bytes.extend((field.len() as u32).to_be_bytes());
            bytes.extend(field);
        }
        use sha2::Digest;
        Node { hash: sha2::Sha256::digest(bytes).into(), sum: left.sum + right.sum }
    }

    fn root(&self) -> Node {
        Self::subtree(&self.0)
    }

    fn path(&self, slot: u32) -> Path {
        std::array::from_fn(|level| self.node(level, heads::position(slot, level).1).unwrap())
    }
}

impl NodeReader for Full {
    type Error = Error;

    fn node(&self, level: usize, index: u32) -> Result<Node, Error> {
        let start = (index as usize) << level;
        Ok(Self::subtree(&self.0[start..start + (1 << level)]))
    }
}

fn origin(slot: u32) -> String {
    format!("log.hospital-{slot}.example")
}

fn some_heads() -> impl Strategy<Value = BTreeMap<u32, (u64, [u8; 32])>> {
    prop::collection::btree_map(0..SLOTS, (1u64..1000, any::<[u8; 32]>()), 1..20)
}

#[test]
fn empty_trees() {
    let empty = heads::empty_nodes();
    assert_eq!(empty[0], EMPTY);
    assert_eq!(empty[LEVELS], Full::of(&BTreeMap::new()).root());
}

#[test]
fn a_leaf_binds_slot_origin_size_and_root() {
    let leaf = heads::leaf(3, "a", 5, &[1; 32]);
    let fields: [&[u8]; 4] = [&[0, 0, 0, 3], b"a", &[0, 0, 0, 0, 0, 0, 0, 5], &[1; 32]];
    assert_eq!(leaf, Node { hash: tagged_hash("medrec/head/v1", &fields), sum: 5 });
    let others = [
        heads::leaf(4, "a", 5, &[1; 32]),
        heads::leaf(3, "b", 5, &[1; 32]),
        heads::leaf(3, "a", 6, &[1; 32]),
    ];
    assert!(others.iter().all(|other| other.hash != leaf.hash));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_path_after_another_makes_the_full_tree(heads in some_heads()) {
        let mut nodes: BTreeMap<(usize, u32), Node> = BTreeMap::new();
        let empty = heads::empty_nodes();
        let mut root = empty[LEVELS];
        for (slot, (size, head)) in &heads {
            let siblings: Path = std::array::from_fn(|level| {
                nodes.get(&(level, heads::position(*slot, level).1)).copied().unwrap_or(empty[level])
            });
            let way = heads::climb(*slot, heads::leaf(*slot, &origin(*slot), *size, head), &siblings).unwrap();
            for (level, node) in way.iter().enumerate() {
                nodes.insert((level, heads::position(*slot, level).0), *node);
            }
            root = way[LEVELS];
        }
        prop_assert_eq!(root, Full::of(&heads).root());
    }

    #[test]
    fn a_path_proves_its_head_and_no_other(heads in some_heads(), bit in 0usize..(LEVELS * 320)) {
        let full = Full::of(&heads);
        let root = full.root();
        let mut first = 0;
        for slot in heads.keys() {
            let (leaf, path) = (full.0[*slot as usize], full.path(*slot));
            prop_assert_eq!(heads::verify_path(*slot, leaf, &path, &root), Ok(first));
            first += leaf.sum;

            let mut wrong = path;
            let sibling = &mut wrong[bit / 320];
            match bit % 320 {
                place @ ..256 => sibling.hash[place / 8] ^= 1 << (place % 8),
                place => sibling.sum ^= 1 << (place - 256),
            }
            prop_assert!(heads::verify_path(*slot, leaf, &wrong, &root).is_err());
            prop_assert!(heads::verify_path(slot ^ 1, leaf, &path, &root).is_err());
            let lying = Node { sum: leaf.sum + 1, ..leaf };
            prop_assert!(heads::verify_path(*slot, lying, &path, &root).is_err());
            let total = Node { sum: root.sum + 1, ..root };
            prop_assert!(heads::verify_path(*slot, leaf, &path, &total).is_err());
        }
    }

    #[test]
    fn every_entry_has_one_place(heads in some_heads(), pick in any::<prop::sample::Index>()) {
        let full = Full::of(&heads);
        let total = full.root().sum;
        let entry = pick.index(total as usize) as u64;
        let (slot, index) = heads::locate(&full, entry).unwrap();
        let before: u64 = full.0[..slot as usize].iter().map(|leaf| leaf.sum).sum();
        prop_assert!(index < full.0[slot as usize].sum);
        prop_assert_eq!(before + index, entry);
        prop_assert_eq!(heads::locate(&full, total), Err(Error::EntryOutside { entry: total, total }));
    }
}

#[test]
fn refusals() {
    let path = [EMPTY; LEVELS];
    assert_eq!(heads::climb(SLOTS, EMPTY, &path), Err(Error::SlotOutside { slot: SLOTS }));
    let big = Node { hash: [1; 32], sum: u64::MAX };
    let one = Node { hash: [2; 32], sum: 1 };
    assert_eq!(heads::node(&big, &one), Err(Error::SumOverflow { left: u64::MAX, right: 1 }));
    assert_eq!(
        heads::locate(&Full::of(&BTreeMap::new()), 0),
        Err(Error::EntryOutside { entry: 0, total: 0 })
    );
}

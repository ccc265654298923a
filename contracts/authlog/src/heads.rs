//! The sum tree of heads (wire.md section 10) in storage.
//!
//! Only every other level is stored, from the slots up to the root: a write costs as much as three reads, so a change
//! writes six nodes and computes the levels between from their children. The root is one of them because every seal
//! reads it. Nothing iterates; a node that is not stored is empty. Rows are hash [32] ‖ u64(sum).

use cosmwasm_std::Storage;
use cw_storage_plus::Map;
use medrec_api::authlog::Error;
use medrec_merkle::heads::{self, LEVELS, Node, Path};

/// By place in heap order: 1 is the root, the children of n are 2n and 2n + 1, slot s is 1,024 + s.
const NODES: Map<u16, Vec<u8>> = Map::new("n");

pub struct HeadsTree<'a> {
    storage: &'a dyn Storage,
    empty: [Node; LEVELS + 1],
}

impl<'a> HeadsTree<'a> {
    pub fn new(storage: &'a dyn Storage) -> Self {
        Self { storage, empty: heads::empty_nodes() }
    }

    /// Root and total of all logs.
    pub fn root(&self) -> Result<Node, Error> {
        self.node(LEVELS, 0)
    }

    pub fn leaf(&self, slot: u32) -> Result<Node, Error> {
        self.node(0, slot)
    }

    /// Siblings of `slot`, from its own level up.
    pub fn path(&self, slot: u32) -> Result<Path, Error> {
        let mut path = [heads::EMPTY; LEVELS];
        for (level, sibling) in path.iter_mut().enumerate() {
            *sibling = self.node(level, heads::position(slot, level).1)?;
        }
        Ok(path)
    }

    fn node(&self, level: usize, index: u32) -> Result<Node, Error> {
        if is_stored(level) {
            return self.stored(level, index);
        }
        let (below, left) = (level.saturating_sub(1), index.saturating_mul(2));
        let (left, right) = (self.node(below, left)?, self.node(below, left | 1)?);
        heads::node(&left, &right).map_err(refused)
    }

    fn stored(&self, level: usize, index: u32) -> Result<Node, Error> {
        let damaged = Error::Damaged { item: "node of the sum tree" };
        match self.storage.get(&NODES.key(place(level, index)?)) {
            None => self.empty.get(level).copied().ok_or(damaged),
            Some(row) => from_row(&row).ok_or(damaged),
        }
    }
}

/// Puts `leaf` into its slot.
pub fn update(storage: &mut dyn Storage, slot: u32, leaf: Node) -> Result<(), Error> {
    let siblings = HeadsTree::new(storage).path(slot)?;
    let way = heads::climb(slot, leaf, &siblings).map_err(refused)?;
    for (level, node) in way.iter().enumerate().filter(|(level, _)| is_stored(*level)) {
        let row = [&node.hash[..], &node.sum.to_be_bytes()].concat();
        storage.set(&NODES.key(place(level, heads::position(slot, level).0)?), &row);
    }
    Ok(())
}

/// Slots and root included.
fn is_stored(level: usize) -> bool {
    level & 1 == 0
}

fn place(level: usize, index: u32) -> Result<u16, Error> {
    let first = (heads::SLOTS >> level.min(LEVELS)).saturating_add(index);
    u16::try_from(first).map_err(|_| refused(medrec_merkle::Error::SlotOutside { slot: index }))
}

fn from_row(row: &[u8]) -> Option<Node> {
    let (hash, sum) = row.split_first_chunk()?;
    Some(Node { hash: *hash, sum: u64::from_be_bytes(sum.try_into().ok()?) })
}

fn refused(error: medrec_merkle::Error) -> Error {
    Error::AnchorHeads { reason: error.to_string() }
}

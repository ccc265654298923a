//! The fixed Merkle sum tree of heads (wire.md section 10): 1,024 slots, one a log. A node binds the sums of
//! both children, so that "entry number e of all logs" names one log and one index, and a path proves it.

use crate::{
    error::Error,
    hash::{Hash, tagged_hash},
};

/// Levels above the slots.
pub const LEVELS: usize = 10;
/// Logs the tree has room for.
pub const SLOTS: u32 = 1 << LEVELS;

/// Hash and number of entries below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Node {
    pub hash: Hash,
    pub sum: u64,
}

/// Siblings of a slot, from its own level up.
pub type Path = [Node; LEVELS];

/// A slot no log has, or whose log has no anchor yet.
pub const EMPTY: Node = Node { hash: [0; 32], sum: 0 };

/// The head of one log in its slot.
pub fn leaf(slot: u32, origin: &str, size: u64, root: &Hash) -> Node {
    let fields: [&[u8]; 4] = [&slot.to_be_bytes(), origin.as_bytes(), &size.to_be_bytes(), root];
    Node { hash: tagged_hash("medrec/head/v1", &fields), sum: size }
}

/// The parent of two nodes.
pub fn node(left: &Node, right: &Node) -> Result<Node, Error> {
    let overflow = Error::SumOverflow { left: left.sum, right: right.sum };
    let sum = left.sum.checked_add(right.sum).ok_or(overflow)?;
    let fields: [&[u8]; 4] = [&left.hash, &left.sum.to_be_bytes(), &right.hash, &right.sum.to_be_bytes()];
    Ok(Node { hash: tagged_hash("medrec/heads/node/v1", &fields), sum })
}

/// Roots of empty subtrees by level: `[0]` an empty slot, `[LEVELS]` the root of a tree without logs.
pub fn empty_nodes() -> [Node; LEVELS + 1] {
    let mut nodes = [EMPTY; LEVELS + 1];
    let mut below = EMPTY;
    for place in nodes.iter_mut().skip(1) {
        // Sums of empty nodes are 0: this cannot overflow.
        below = node(&below, &below).unwrap_or(EMPTY);
        *place = below;
    }
    nodes
}

/// Nodes on the way up after `slot` took `leaf`: `[0]` is the leaf, `[LEVELS]` the new root.
pub fn climb(slot: u32, leaf: Node, siblings: &Path) -> Result<[Node; LEVELS + 1], Error> {
    in_tree(slot)?;
    let mut way = [leaf; LEVELS + 1];
    let mut here = leaf;
    for ((level, sibling), place) in siblings.iter().enumerate().zip(way.iter_mut().skip(1)) {
        here = if is_right(slot, level) { node(sibling, &here)? } else { node(&here, sibling)? };
        *place = here;
    }
    Ok(way)
}

/// Checks that `slot` holds `leaf` in the tree of `root`.
///
/// Returns the number of entries in the slots before it: the log's entries are `[first, first + leaf.sum)` among
/// the entries of all logs.
pub fn verify_path(slot: u32, leaf: Node, siblings: &Path, root: &Node) -> Result<u64, Error> {
    let [.., computed] = climb(slot, leaf, siblings)?;
    if computed.hash != root.hash {
        return Err(Error::RootMismatch { computed: computed.hash, claimed: root.hash });
    }
    if computed.sum != root.sum {
        return Err(Error::TotalMismatch { computed: computed.sum, claimed: root.sum });
    }
    let left = siblings.iter().enumerate().filter(|(level, _)| is_right(slot, *level));
    // Part of the sum that `climb` found to fit.
    Ok(left.fold(0, |first: u64, (_, sibling)| first.saturating_add(sibling.sum)))
}

/// Where `locate` takes nodes from; a node that is not stored is empty.
pub trait NodeReader {
    type Error: From<Error>;

    /// Node `index` of `level`: level 0 are the slots, level `LEVELS` the root.
    fn node(&self, level: usize, index: u32) -> Result<Node, Self::Error>;
}

/// Slot and index within its log of entry number `entry` of all logs.
pub fn locate<R: NodeReader>(reader: &R, entry: u64) -> Result<(u32, u64), R::Error> {
    let total = reader.node(LEVELS, 0)?.sum;
    if entry >= total {
        return Err(Error::EntryOutside { entry, total }.into());
    }
    let (mut slot, mut index) = (0u32, entry);
    for level in (0..LEVELS).rev() {
        slot <<= 1;
        let left = reader.node(level, slot)?.sum;
        if let Some(beyond) = index.checked_sub(left) {
            (slot, index) = (slot | 1, beyond);
        }
    }
    Ok((slot, index))
}

/// Index of the node above `slot` at `level`, and of that node's sibling.
pub fn position(slot: u32, level: usize) -> (u32, u32) {
    let index = slot.checked_shr(u32::try_from(level).unwrap_or(u32::MAX)).unwrap_or(0);
    (index, index ^ 1)
}

fn is_right(slot: u32, level: usize) -> bool {
    position(slot, level).0 & 1 == 1
}

fn in_tree(slot: u32) -> Result<(), Error> {
    if slot < SLOTS { Ok(()) } else { Err(Error::SlotOutside { slot }) }
}

//! The sum tree of heads in memory: what a miner draws entries from and a verifier checks a template by.

use alloc::vec::Vec;

use medrec_merkle::heads::{self, LEVELS, Node, NodeReader, SLOTS};

use crate::{error::Error, recalls::Head};

/// All nodes, level by level from the slots up.
#[derive(Debug, Clone)]
pub struct HeadsTree {
    levels: Vec<Vec<Node>>,
}

impl HeadsTree {
    /// The tree over these heads, in any order; a slot that is not named is empty.
    pub fn new<'a>(given: impl IntoIterator<Item = &'a Head>) -> Result<Self, Error> {
        let mut slots = alloc::vec![heads::EMPTY; SLOTS as usize];
        for head in given {
            let place = usize::try_from(head.slot).ok().and_then(|at| slots.get_mut(at));
            let place = place.ok_or(medrec_merkle::Error::SlotOutside { slot: head.slot })?;
            *place = heads::leaf(head.slot, &head.origin, head.size, &head.root);
        }
        let mut levels = alloc::vec![slots];
        for _ in 0..LEVELS {
            let (pairs, _) = levels.last().map_or((&[][..], &[][..]), |below| below.as_chunks::<2>());
            let above = pairs.iter().map(|[left, right]| heads::node(left, right));
            let above = above.collect::<Result<_, _>>()?;
            levels.push(above);
        }
        Ok(Self { levels })
    }

    /// Hash and total.
    pub fn root(&self) -> Node {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }
}

impl NodeReader for HeadsTree {
    type Error = Error;

    fn node(&self, level: usize, index: u32) -> Result<Node, Error> {
        let nodes = self.levels.get(level);
        let node = nodes.zip(usize::try_from(index).ok()).and_then(|(nodes, at)| nodes.get(at));
        node.copied().ok_or_else(|| medrec_merkle::Error::SlotOutside { slot: index }.into())
    }
}

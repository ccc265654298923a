//! The sum tree of heads as it goes on from seal to seal: only what changes is hashed.

use std::collections::BTreeMap;

use medrec_merkle::{
    Error, Hash,
    heads::{self, LEVELS, Node, NodeReader, SLOTS},
};
use medrec_seals::Head;

/// The tree, and the heads in it.
pub struct Heads {
    /// Level by level from the slots up.
    levels: Vec<Vec<Node>>,
    heads: BTreeMap<u32, Head>,
}

impl Default for Heads {
    /// No logs.
    fn default() -> Self {
        let empty = heads::empty_nodes();
        let level = |(level, node): (usize, &Node)| vec![*node; (SLOTS as usize) >> level];
        Self { levels: empty.iter().enumerate().map(level).collect(), heads: BTreeMap::new() }
    }
}

impl Heads {
    /// Puts a head in its slot; of size 0: takes it away.
    pub fn set(&mut self, slot: u32, origin: &str, size: u64, root: Hash) -> Result<(), Error> {
        let mut node = match size {
            0 => heads::EMPTY,
            _ => heads::leaf(slot, origin, size, &root),
        };
        for level in 0..=LEVELS {
            let (index, sibling) = heads::position(slot, level);
            let nodes = self.levels.get_mut(level);
            let place = nodes.and_then(|nodes| nodes.get_mut(index as usize));
            *place.ok_or(Error::SlotOutside { slot })? = node;
            if level < LEVELS {
                let beside = self.node(level, sibling)?;
                node =
                    if index & 1 == 0 { heads::node(&node, &beside)? } else { heads::node(&beside, &node)? };
            }
        }
        match size {
            0 => drop(self.heads.remove(&slot)),
            _ => drop(self.heads.insert(slot, Head { slot, origin: origin.to_owned(), size, root })),
        }
        Ok(())
    }

    /// Hash and total.
    pub fn root(&self) -> Node {
        self.node(LEVELS, 0).unwrap_or_default()
    }

    pub fn head(&self, slot: u32) -> Option<&Head> {
        self.heads.get(&slot)
    }

    /// All heads in order of slot.
    pub fn all(&self) -> impl Iterator<Item = &Head> {
        self.heads.values()
    }
}

impl NodeReader for Heads {
    type Error = Error;

    fn node(&self, level: usize, index: u32) -> Result<Node, Error> {
        let node = self.levels.get(level).and_then(|nodes| nodes.get(index as usize));
        node.copied().ok_or(Error::SlotOutside { slot: index })
    }
}

#[cfg(test)]
mod tests {
    use medrec_seals::HeadsTree;

    use super::*;

    #[test]
    fn it_is_the_tree_of_its_heads_whatever_came_before() {
        let mut grown = Heads::default();
        assert_eq!(grown.root(), HeadsTree::new([]).unwrap().root());
        for (slot, size) in [(5, 3), (1023, 7), (0, 1), (5, 9), (4, 2), (0, 0)] {
            grown.set(slot, "log.test", size, [slot.to_be_bytes()[3]; 32]).unwrap();
            let all: Vec<Head> = grown.all().cloned().collect();
            assert_eq!(grown.root(), HeadsTree::new(&all).unwrap().root());
        }
        assert_eq!(grown.root().sum, 18);
        assert!(grown.set(1024, "log.test", 1, [0; 32]).is_err());
    }
}

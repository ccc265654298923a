//! Several slots of the sum tree proved at once: what their ways to the root share is told once.

use alloc::vec::Vec;
use core::ops::Range;

use medrec_merkle::heads::{LEVELS, Node, NodeReader, node};

use crate::error::Error;

/// A node on the way of the heads `heads` of the list.
struct Way {
    index: u32,
    node: Node,
    heads: Range<usize>,
}

/// Root of the sum tree from `leaves` (slot and leaf, in order of slot, each once) and `siblings` (level by level from
/// the slots up, within a level by index: those that no leaf gives); for each leaf, the entries in the slots before it.
pub fn climb(leaves: &[(u32, Node)], siblings: &[Node]) -> Result<(Node, Vec<u64>), Error> {
    let mut firsts = alloc::vec![0u64; leaves.len()];
    let mut row: Vec<Way> = Vec::with_capacity(leaves.len());
    for (at, (slot, leaf)) in leaves.iter().enumerate() {
        if *slot >= medrec_merkle::heads::SLOTS {
            return Err(medrec_merkle::Error::SlotOutside { slot: *slot }.into());
        }
        if row.last().is_some_and(|before| before.index >= *slot) {
            return Err(Error::Order { slot: *slot });
        }
        row.push(Way { index: *slot, node: *leaf, heads: at..at.saturating_add(1) });
    }
    let mut given = siblings.iter();
    let mut needed = 0usize;
    for _ in 0..LEVELS {
        let mut above: Vec<Way> = Vec::with_capacity(row.len());
        let mut ways = row.into_iter().peekable();
        while let Some(way) = ways.next() {
            let Way { index, node: here, heads } = way;
            let partner = ways.next_if(|next| index & 1 == 0 && next.index == index | 1);
            let (left, right, right_heads, heads) = match partner {
                Some(next) => (here, next.node, next.heads.clone(), heads.start..next.heads.end),
                None => {
                    needed = needed.saturating_add(1);
                    // Counted to the end, so that the refusal can say how many it takes.
                    let sibling = given.next().copied().unwrap_or_default();
                    match index & 1 {
                        0 => (here, sibling, 0..0, heads),
                        _ => (sibling, here, heads.clone(), heads),
                    }
                }
            };
            for first in firsts.get_mut(right_heads).into_iter().flatten() {
                // Part of a sum that `node` finds to fit.
                *first = first.saturating_add(left.sum);
            }
            above.push(Way { index: index >> 1, node: node(&left, &right)?, heads });
        }
        row = above;
    }
    if needed != siblings.len() {
        return Err(Error::Siblings { found: siblings.len(), expected: needed });
    }
    let none = Error::Heads { found: 0, max: medrec_pow::RECALLS };
    let root = row.first().map(|way| way.node).ok_or(none)?;
    Ok((root, firsts))
}

/// The siblings [`climb`] needs for these slots, which are in order, each once.
pub fn siblings<R: NodeReader>(reader: &R, slots: &[u32]) -> Result<Vec<Node>, R::Error> {
    let (mut row, mut found) = (slots.to_vec(), Vec::new());
    for level in 0..LEVELS {
        for index in &row {
            if !row.contains(&(index ^ 1)) {
                found.push(reader.node(level, index ^ 1)?);
            }
        }
        row.iter_mut().for_each(|index| *index >>= 1);
        row.dedup();
    }
    Ok(found)
}

//! How far a log was read, so that the next `medrec sync` reads on from there.

use std::collections::BTreeMap;

use medrec_merkle::{Frontier, Hash, SparseTree};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Hashes of a log that prove the wallet's own entries at its size, in hex.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    size: u64,
    edge: String,
    ours: Vec<bool>,
    places: Vec<(u8, u64)>,
    hashes: String,
    /// Numbers that stood in the log twice or out of order.
    pub disorder: Vec<String>,
}

impl LogState {
    pub fn of(tree: &SparseTree, disorder: Vec<String>) -> LogState {
        let (frontier, ours, kept) = tree.parts();
        LogState {
            size: frontier.size(),
            edge: hex::encode(frontier.nodes().concat()),
            ours: ours.to_vec(),
            places: kept.keys().copied().collect(),
            hashes: hex::encode(kept.values().copied().collect::<Vec<_>>().concat()),
            disorder,
        }
    }

    pub fn tree(&self) -> Result<SparseTree, Error> {
        let damaged = || Error::Failed("the copy is damaged; remove it and run `medrec sync`".to_owned());
        let hashes = |text: &str| -> Result<Vec<Hash>, Error> {
            let bytes = hex::decode(text).map_err(|_| damaged())?;
            Ok(medrec_merkle::split_hashes(&bytes).map_err(|_| damaged())?.to_vec())
        };
        let frontier = Frontier::from_parts(self.size, hashes(&self.edge)?).map_err(|_| damaged())?;
        let kept = hashes(&self.hashes)?;
        if kept.len() != self.places.len() {
            return Err(damaged());
        }
        let kept: BTreeMap<_, _> = self.places.iter().copied().zip(kept).collect();
        SparseTree::from_parts(frontier, self.ours.clone(), kept).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_on_from_where_it_was_left() {
        let mut whole = SparseTree::new();
        let mut tree = SparseTree::new();
        for n in 0u8..100 {
            whole.push([n; 32], n % 7 == 3).unwrap();
            tree.push([n; 32], n % 7 == 3).unwrap();
            let stored = serde_json::to_vec(&LogState::of(&tree, vec![])).unwrap();
            tree = serde_json::from_slice::<LogState>(&stored).unwrap().tree().unwrap();
        }
        assert_eq!(tree, whole);
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused() {
        let mut tree = SparseTree::new();
        (0u8..5).for_each(|n| tree.push([n; 32], n == 2).unwrap());
        let state = LogState::of(&tree, vec![]);
        let spoilt = [
            LogState { size: 7, ..state.clone() },
            LogState { hashes: String::new(), ..state.clone() },
            LogState { edge: "0x".into(), ..state.clone() },
            LogState { ours: vec![], ..state },
        ];
        for one in spoilt {
            assert_eq!(one.tree().unwrap_err().exit(), 1, "{one:?}");
        }
    }
}

//! The wallet's own entries of a log, and one proof of all of them: read on from where the last copy ended.

use std::collections::BTreeMap;

use medrec_accesslog::{Ratchet, Scanner, VerifyError, mirror};
use medrec_gate::bundle::{AnchorFacts, Shown};
use medrec_merkle::{Hash, SparseTree, multi_proof};

use super::LogState;
use crate::served::Served;
use crate::{Error, anchor};

/// What a log said.
pub struct LogCopy {
    /// Signed note.
    pub checkpoint: String,
    pub consistency: Vec<Hash>,
    pub proof: Vec<Hash>,
    pub entries: Vec<Shown>,
    pub state: LogState,
    /// Numbers that are missing, in words.
    pub gaps: Option<String>,
}

impl LogCopy {
    /// Counter of each entry by its index.
    pub fn counters(&self) -> BTreeMap<u64, u64> {
        self.entries.iter().map(|shown| (shown.index, shown.counter)).collect()
    }
}

/// Reads the log from where `before` ended; `known`: entries of it that are the wallet's. `ratchet`: at entry 0.
pub async fn read(
    log: &Served,
    anchored: &AnchorFacts,
    ratchet: Ratchet,
    before: Option<(&LogState, &[Shown])>,
) -> Result<LogCopy, Error> {
    let signed = mirror::checkpoint(log, &log.log_key).await?;
    let size = signed.checkpoint.size;
    anchor::reaches(&log.name, size, anchored.size)?;
    let (mut tree, mut entries) = match before {
        Some((state, known)) => (state.tree()?, known.to_vec()),
        None => (SparseTree::new(), Vec::new()),
    };
    let mut scanner = Scanner::new(ratchet.clone());
    for shown in &entries {
        scanner.look(shown.index, &shown.entry());
    }
    let mut frontier = tree.parts().0.clone();
    let mut new: Vec<(u64, u64, [u8; medrec_accesslog::ENTRY_LEN])> = Vec::new();
    let mut grown = Ok(());
    mirror::read_entries(log, &signed, &mut frontier, |index, entry| {
        let counter = scanner.recognise(index, entry);
        if let Some(counter) = counter {
            new.push((counter, index, *entry.as_bytes()));
        }
        if grown.is_ok() {
            grown = tree.push(entry.leaf_hash(), counter.is_some());
        }
    })
    .await?;
    grown.map_err(VerifyError::from)?;
    let scan = scanner.finish();
    let mut disorder: Vec<String> = before.map(|(state, _)| state.disorder.clone()).unwrap_or_default();
    let told = |numbers: &[u64], what: &str| {
        let list = numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        (!numbers.is_empty()).then(|| format!("{what}: numbers {list}"))
    };
    disorder.extend(told(&scan.duplicates, "entries are in the log twice"));
    disorder.extend(told(&scan.reordered, "entries are out of order"));
    disorder.dedup();
    let mut keys = BTreeMap::new();
    let mut ratchet = ratchet;
    while ratchet.counter() < scan.next {
        let step = ratchet.step();
        keys.insert(step.counter(), step.entry_key());
    }
    entries.extend(new.into_iter().filter_map(|(counter, index, entry)| {
        Some(Shown { counter, index, entry, key: *keys.get(&counter)?.as_bytes() })
    }));
    let indices: Vec<u64> = entries.iter().map(|shown| shown.index).collect();
    let proof = multi_proof(&tree, &indices, size).map_err(VerifyError::from)?;
    Ok(LogCopy {
        checkpoint: signed.note(),
        consistency: anchor::consistency(log, anchored.size, size).await?,
        proof,
        entries,
        state: LogState::of(&tree, disorder),
        gaps: told(&scan.gaps, "entries are missing from the log"),
    })
}

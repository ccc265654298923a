//! A whole log read once: a relationship's entries, the counter maps told of in it, and leaves that were promised.

use std::collections::{BTreeMap, BTreeSet};

use medrec_accesslog::{
    Anchor, Body, Counters, Entry, Label, Root, Scan, Scanner, SignedCheckpoint, mirror, public_label,
};
use medrec_merkle::{Frontier, Hash};

use crate::chain::Chain;
use crate::progress::Progress;
use crate::seals::{Cover, Seals};
use crate::served::Served;
use crate::{Error, anchor};

/// Kind of the public entries that tell of a day's counter map.
const COUNTERS: u32 = 17;

/// What was looked for in a log, the whole of which was read and agrees with the chain.
#[derive(Default)]
pub struct LogRead {
    pub scan: Scan,
    /// Entries of the whole log.
    pub size: u64,
    /// Entries of it that the chain vouches for.
    pub anchored: u64,
    /// Why log and chain disagree; none when they agree.
    pub disagreement: Option<String>,
    /// Index and body of the entries on counter maps, in order.
    pub maps: Vec<(u64, Counters)>,
    /// Leaf hashes at the indices asked for, as far as the log goes.
    pub leaves: BTreeMap<u64, Hash>,
    /// Entries under the anchor that a mirror does not have yet.
    pub lacking: u64,
    /// What the log showed, signed.
    pub signed: Option<SignedCheckpoint>,
    /// Seals that cover the relationship's entries, the one with the fewest entries first.
    pub covers: Vec<Cover>,
}

impl LogRead {
    /// Everything wrong with it, in words.
    pub fn findings(&self) -> Vec<String> {
        let mut found: Vec<String> = self.disagreement.iter().cloned().collect();
        let numbers = |counters: &[u64]| counters.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        for (what, counters) in [
            ("entries are missing from the log", &self.scan.gaps),
            ("entries are in the log twice", &self.scan.duplicates),
            ("entries are out of order", &self.scan.reordered),
        ] {
            if !counters.is_empty() {
                found.push(format!("{what}: numbers {}", numbers(counters)));
            }
        }
        found.extend(self.scan.found.iter().filter_map(|f| {
            f.opened.as_ref().err().map(|e| format!("entry {} cannot be read: {e}", f.counter))
        }));
        found
    }

    /// What a mirror does not show, in words.
    pub fn behind(&self) -> Option<String> {
        let lacking = self.lacking;
        (lacking > 0).then(|| {
            format!("the mirror lacks {lacking} of the entries the chain vouches for, so it cannot be held against it")
        })
    }

    /// How many of the relationship's entries are among the first `size` of the log.
    pub fn counter_at(&self, size: u64) -> u64 {
        let among = self.scan.found.iter().filter(|found| found.index < size).count();
        u64::try_from(among).unwrap_or(u64::MAX)
    }
}

/// Reads the whole log, finds a relationship's entries by its ratchet, and asks the chain. `root` and `relationship`:
/// whose entries; none to look at the log alone. `promised`: indices whose leaves are wanted.
pub async fn read(
    chain: &Chain,
    log: &Served,
    of: Option<(u64, &Root)>,
    promised: &BTreeSet<u64>,
) -> Result<LogRead, Error> {
    let mut anchor = anchor::last(chain, log).await;
    let signed = mirror::checkpoint(log, &log.log_key).await?;
    let mut scanner =
        of.map(|(id, root)| Scanner::new(root.ratchet(&chain.contract.place(id, log.origin()))));
    let mut maps = Maps::new(log.origin());
    let mut leaves = BTreeMap::new();
    let progress = Progress::new(signed.checkpoint.size, &format!("the log of {}", log.name));
    mirror::read_entries(log, &signed, &mut Frontier::new(), |index, entry| {
        progress.at(index);
        if let Some(scanner) = &mut scanner {
            scanner.look(index, entry);
        }
        maps.look(index, entry);
        if promised.contains(&index) {
            leaves.insert(index, entry.leaf_hash());
        }
    })
    .await?;
    drop(progress);
    let mut lacking = 0;
    if let (true, Ok(anchored)) = (log.is_mirror, &mut anchor)
        && signed.checkpoint.size < anchored.size
    {
        // Nothing is vouched for: the tiles that lead from the one to the other are not here.
        lacking = anchored.size.saturating_sub(signed.checkpoint.size);
        *anchored = Anchor { size: 0, root: [0; 32] };
    }
    let (anchored, disagreement) = match anchor::vouched(log, anchor, &signed).await? {
        Ok(size) => (size, None),
        Err(finding) => (0, Some(finding)),
    };
    let scan = scanner.map(Scanner::finish).unwrap_or_default();
    let covers = match scan.found.is_empty() {
        true => Vec::new(),
        false => covers(chain, log, &scan).await?,
    };
    Ok(LogRead {
        scan,
        covers,
        size: signed.checkpoint.size,
        anchored,
        disagreement,
        maps: maps.found,
        leaves,
        lacking,
        signed: Some(signed),
    })
}

/// As a node of the chain tells of them: `medrec verify` checks the newest.
async fn covers(chain: &Chain, log: &Served, scan: &Scan) -> Result<Vec<Cover>, Error> {
    let seals = Seals::of(chain).await?;
    if seals.count == 0 {
        return Ok(Vec::new());
    }
    let slot = chain.authlog.log_of(log.institution).await?.slot;
    let mut indices: Vec<u64> = scan.found.iter().map(|found| found.index).collect();
    indices.sort_unstable();
    seals.covers(slot, &indices).await
}

/// Finds the public entries on counter maps by their labels, one version after the other.
struct Maps {
    origin: String,
    version: u32,
    label: Label,
    found: Vec<(u64, Counters)>,
}

impl Maps {
    fn new(origin: &str) -> Maps {
        let label = public_label(origin, COUNTERS, 1);
        Maps { origin: origin.to_owned(), version: 1, label, found: Vec::new() }
    }

    fn look(&mut self, index: u64, entry: &Entry) {
        if entry.label() != self.label {
            return;
        }
        if let Some(Ok(Body::Counters(counters))) = entry.open_public(&self.origin, COUNTERS, self.version) {
            self.found.push((index, counters));
        }
        self.version = self.version.saturating_add(1);
        self.label = public_label(&self.origin, COUNTERS, self.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_disagreement_are_findings() {
        let mut log = LogRead { size: 9, anchored: 9, ..LogRead::default() };
        assert!(log.findings().is_empty());
        log.scan.gaps = vec![3, 4];
        log.disagreement = Some("the log was rewritten".into());
        let findings = log.findings();
        assert_eq!(findings.len(), 2);
        assert!(findings[1].contains("3, 4"), "{findings:?}");
    }
}

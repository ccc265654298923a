//! Promises of a log, kept in the wallet's folder until the log has kept them (wire.md section 7). A file names an
//! institution, an entry nobody else can open, and the log's signature: nothing about whom it is of.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use medrec_accesslog::{ENTRY_LEN, Promise};
use medrec_gate::{PromiseJson, Promised};
use serde::{Deserialize, Serialize};

use crate::home::Home;
use crate::logread::LogRead;
use crate::served::Served;
use crate::{Error, moment};

/// Folder below the wallet's.
const FOLDER: &str = "evidence";
const VERSION: u32 = 1;

/// What a promise is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// A read: dropped once the entry stands under an anchor.
    Read,
    /// A revoke, an acknowledgement or a dispute: kept for good.
    Receipt,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub version: u32,
    pub of: Of,
    /// Id in the registrar.
    pub institution: u32,
    pub origin: String,
    #[serde(with = "PromiseJson")]
    pub promise: Promise,
    /// The 512 bytes that were promised, base64.
    pub entry: String,
}

/// A file and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub evidence: Evidence,
}

/// Keeps the promise of an entry. It was checked before.
pub fn keep(home: &Home, log: &Served, of: Of, promised: &Promised) -> Result<PathBuf, Error> {
    let evidence = Evidence {
        version: VERSION,
        of,
        institution: log.institution,
        origin: log.origin().to_owned(),
        promise: promised.promise.clone(),
        entry: B64.encode(promised.entry),
    };
    let Promise { index, leaf, .. } = &evidence.promise;
    let [a, b, c, d, ..] = leaf;
    let name =
        format!("{}-{index}-{}.json", evidence.institution, hex::encode([a, b, c, d].map(|byte| *byte)));
    let text = serde_json::to_vec_pretty(&evidence).map_err(|e| Error::Failed(e.to_string()))?;
    home.write_below(FOLDER, &name, &text)
}

/// Everything kept, in order of names.
pub fn all(home: &Home) -> Result<Vec<Kept>, Error> {
    let mut kept = Vec::new();
    for (path, bytes) in home.files_below(FOLDER)? {
        let damaged = |why: String| Error::Failed(format!("evidence {} is damaged: {why}", path.display()));
        let evidence: Evidence = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        let entry =
            B64.decode(&evidence.entry).ok().and_then(|bytes| <[u8; ENTRY_LEN]>::try_from(bytes).ok());
        if evidence.version != VERSION || entry.is_none() {
            return Err(damaged("it has another version or no entry of 512 bytes".to_owned()));
        }
        kept.push(Kept { path, evidence });
    }
    Ok(kept)
}

/// What became of promises.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Broken ones, each with the file that proves it.
    pub findings: Vec<String>,
    /// Their entry stands where it was promised, under the chain's anchor.
    pub kept: Vec<PathBuf>,
    /// Neither broken nor kept yet.
    pub open: usize,
}

/// Holds promises of one log against what was read of it. `now`: seconds since 1970, by the chain.
pub fn judge(promises: &[&Kept], log: &LogRead, served: &Served, now: u64) -> Outcome {
    let mut outcome = Outcome::default();
    if log.disagreement.is_some() {
        outcome.open = promises.len();
        return outcome;
    }
    for Kept { path, evidence } in promises {
        let (promise, file) = (&evidence.promise, path.display());
        let (index, by) = (promise.index, moment::text(promise.by));
        let stands = log.leaves.get(&index);
        if let Err(e) = promise.verify_signature(&served.log_key) {
            outcome.findings.push(format!("the evidence in {file} proves nothing: {e}"));
        } else if stands.is_some_and(|leaf| promise.is_contradicted(index, leaf)) {
            outcome.findings.push(format!(
                "{} promised an entry at place {index} of its log and shows another there: {file} is the evidence",
                served.name
            ));
        } else if log.anchored > index {
            outcome.kept.push(path.clone());
        } else if promise.is_overdue(log.anchored, now) {
            outcome.findings.push(format!(
                "{} promised that entry {index} of its log is secured on the chain by {by}, and it is not: {file} is \
                 the evidence",
                served.name
            ));
        } else {
            outcome.open = outcome.open.saturating_add(1);
        }
    }
    outcome
}

/// Kept promises of reads are needed no more: the log is the evidence now.
pub fn settle(all: &[Kept], kept: &[PathBuf]) -> Result<(), Error> {
    for one in all.iter().filter(|one| one.evidence.of == Of::Read && kept.contains(&one.path)) {
        std::fs::remove_file(&one.path).map_err(Error::file("remove", &one.path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use medrec_accesslog::{Entry, LogSigner};

    use super::*;

    const BY: u64 = 100;

    struct Case {
        served: Served,
        kept: Kept,
        leaf: [u8; 32],
    }

    fn case() -> Case {
        let signer = LogSigner::new("log.north.example", &[3; 32]).unwrap();
        let entry = Entry::from_bytes([7; ENTRY_LEN]);
        let evidence = Evidence {
            version: VERSION,
            of: Of::Read,
            institution: 1,
            origin: "log.north.example".into(),
            promise: signer.promise(5, entry.leaf_hash(), 40, BY),
            entry: B64.encode([7; ENTRY_LEN]),
        };
        Case {
            served: crate::served::tests::served(signer.public()),
            kept: Kept { path: "evidence/1-5.json".into(), evidence },
            leaf: entry.leaf_hash(),
        }
    }

    fn log(leaf: Option<[u8; 32]>, anchored: u64) -> LogRead {
        let leaves = leaf.map(|leaf| (5, leaf)).into_iter().collect();
        LogRead { size: 9, anchored, leaves, ..LogRead::default() }
    }

    #[test]
    fn broken_promises_are_findings_that_name_the_file() {
        let Case { served, kept, leaf } = case();
        let judged = |log: &LogRead, now| judge(&[&kept], log, &served, now);
        let other = judged(&log(Some([0; 32]), 9), BY);
        assert!(other.findings[0].contains("shows another there: evidence/1-5.json"), "{other:?}");
        let late = judged(&log(Some(leaf), 5), BY + 1);
        assert!(late.findings[0].contains("and it is not: evidence/1-5.json"), "{late:?}");
        // A log that ends before the promised place.
        assert_eq!(judged(&log(None, 4), BY + 1).findings.len(), 1);
        assert_eq!((judged(&log(Some(leaf), 5), BY).open, judged(&log(None, 4), BY).open), (1, 1));
        assert_eq!(judged(&log(Some(leaf), 6), BY + 1).kept, [PathBuf::from("evidence/1-5.json")]);
    }

    #[test]
    fn evidence_that_was_altered_proves_nothing() {
        let Case { served, mut kept, leaf } = case();
        kept.evidence.promise.by -= 1;
        let judged = judge(&[&kept], &log(Some(leaf), 9), &served, BY);
        assert!(judged.findings[0].contains("proves nothing"), "{judged:?}");
    }

    #[test]
    fn what_disagrees_with_the_chain_settles_no_promise() {
        let Case { served, kept, leaf } = case();
        let log = LogRead { disagreement: Some("rewritten".into()), ..log(Some(leaf), 9) };
        assert_eq!(judge(&[&kept], &log, &served, BY), Outcome { open: 1, ..Outcome::default() });
    }
}

//! The viewer's check of an answer: data → commitment → entry → log, and that his own read was logged (H6, H17).
//!
//! Whether the log's checkpoint agrees with the chain's anchor is checked apart (`medrec_accesslog::check_anchor`),
//! as that needs tiles of the log.

use std::collections::BTreeSet;

use medrec_accesslog::{Body, Entry, LogKey, SignedCheckpoint};
use medrec_merkle::{Hash, verify_inclusion};
use medrec_record::{Context, VersionKey, commit_version, relationship_ref};
use medrec_wallet::ContractRef;

use crate::answer::{Listed, Mark, manifest};
use crate::{Answer, Promised, Record};

pub use crate::receipt::{Deed, Sent, check_entries, check_receipt};

/// What the registrar says of the institution that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Institution {
    pub signing_key: Vec<u8>,
    pub log_key: LogKey,
}

/// What was asked, by whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub contract: &'a ContractRef,
    pub institution: &'a Institution,
    /// Hash of the signed request.
    pub request: &'a Hash,
    pub relationship: u64,
    pub scope: &'a str,
    pub purpose: &'a str,
    /// Address that signed.
    pub requester: &'a str,
}

/// Something in an answer that should not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    #[error("the answer's header is not signed by the institution: {0}")]
    HeaderSignature(String),
    #[error("the answer's header says {field} {got}, asked was {asked}")]
    Header { field: &'static str, got: String, asked: String },
    #[error("the header counts {header} records, the answer has {got}")]
    Count { header: u32, got: usize },
    #[error("the header's manifest is not that of the records: one was left out, added or exchanged")]
    Manifest,
    #[error("the log's checkpoint is not to be believed: {0}")]
    Checkpoint(String),
    #[error("record {record} is in the answer twice")]
    RecordTwice { record: String },
    #[error("record {record} differs from what was filed")]
    RecordChanged { record: String },
    #[error("record {record} cannot be checked: {reason}")]
    RecordUnreadable { record: String, reason: String },
    #[error("the filing of record {record} is not in the log: {reason}")]
    RecordNotLogged { record: String, reason: String },
    #[error("this read is not in the log: {reason}")]
    ReadNotLogged { reason: String },
    #[error("the log's entry of this read says something else: {field} is {got}, should be {expected}")]
    ReadLoggedWrong { field: &'static str, got: String, expected: String },
    #[error("entry {index} is not in the log: {reason}")]
    EntryNotLogged { index: u64, reason: String },
    #[error("the log's promise of entry {index} is worth nothing: {reason}")]
    Promise { index: u64, reason: String },
    #[error("what the patient said of record {record} is not proven: {reason}")]
    Mark { record: String, reason: String },
    #[error("the signed counter of the relationship is wrong: {0}")]
    Counter(String),
    #[error("the entry in the receipt says something else: {field} is {got}, should be {expected}")]
    ReceiptSays { field: &'static str, got: String, expected: String },
}

/// One record after the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRecord {
    pub id: [u8; 16],
    pub version: u32,
    /// Index of its filing entry in the log.
    pub index: u64,
    /// Its commitment is in its filing entry, and that entry in the log.
    pub sound: bool,
}

/// An answer after the check: everything is as it should be when `findings` is empty.
#[derive(Debug, Clone)]
pub struct Checked {
    pub findings: Vec<Finding>,
    /// To be held against the chain's anchor; none when the note was refused.
    pub checkpoint: Option<SignedCheckpoint>,
    /// In the order of the answer.
    pub records: Vec<CheckedRecord>,
}

/// Checks an answer against what was asked.
pub fn check(answer: &Answer, asked: &Asked<'_>) -> Checked {
    let mut findings = Vec::new();
    check_header(answer, asked, &mut findings);
    let checkpoint = verified(&answer.checkpoint, asked.institution, &mut findings);
    let (records, commitments) = check_records(answer, asked, checkpoint.as_ref(), &mut findings);
    let listed = answer.records.iter().zip(&commitments).map(|(record, commitment)| Listed {
        id: &record.id,
        version: record.version,
        commitment,
        mark: record.mark,
    });
    if manifest(listed) != answer.header.manifest {
        findings.push(Finding::Manifest);
    }
    check_read(answer, asked, checkpoint.as_ref(), &mut findings);
    Checked { findings, checkpoint, records }
}

fn check_header(answer: &Answer, asked: &Asked<'_>, findings: &mut Vec<Finding>) {
    let header = &answer.header;
    if let Err(e) = header.verify(asked.contract, &asked.institution.signing_key, &answer.signature) {
        findings.push(Finding::HeaderSignature(e.to_string()));
    }
    let pairs = [
        ("request", hex::encode(header.request), hex::encode(asked.request)),
        ("relationship", header.relationship.to_string(), asked.relationship.to_string()),
        ("scope", header.scope.clone(), asked.scope.to_owned()),
        ("purpose", header.purpose.clone(), asked.purpose.to_owned()),
    ];
    findings.extend(differences(pairs).map(|(field, got, asked)| Finding::Header { field, got, asked }));
    if u32::try_from(answer.records.len()) != Ok(header.count) {
        findings.push(Finding::Count { header: header.count, got: answer.records.len() });
    }
}

pub(crate) fn verified(
    note: &str,
    institution: &Institution,
    findings: &mut Vec<Finding>,
) -> Option<SignedCheckpoint> {
    let verified = institution.log_key.verify_note(note);
    verified.map_err(|e| findings.push(Finding::Checkpoint(e.to_string()))).ok()
}

/// Also gives each record's commitment, recomputed from what the viewer was handed; zeros where that failed.
fn check_records(
    answer: &Answer,
    asked: &Asked<'_>,
    checkpoint: Option<&SignedCheckpoint>,
    findings: &mut Vec<Finding>,
) -> (Vec<CheckedRecord>, Vec<Hash>) {
    let reference = relationship_ref(&asked.contract.chain_id, &asked.contract.address, asked.relationship);
    let mut seen = BTreeSet::new();
    let mut commitments = Vec::with_capacity(answer.records.len());
    let mut records = Vec::with_capacity(answer.records.len());
    for record in &answer.records {
        let before = findings.len();
        let name = hex::encode(record.id);
        if !seen.insert(record.id) {
            findings.push(Finding::RecordTwice { record: name.clone() });
        }
        let filed = record.filed.entry();
        match recompute(record, &reference, asked, &answer.header.scope_hash) {
            Ok(commitment) => {
                if commitment != filed.commitment() {
                    findings.push(Finding::RecordChanged { record: name.clone() });
                }
                commitments.push(commitment);
            }
            Err(reason) => {
                findings.push(Finding::RecordUnreadable { record: name.clone(), reason });
                commitments.push([0; 32]);
            }
        }
        if let Err(reason) = included(&filed, record.filed.index, &record.filed.proof, checkpoint) {
            findings.push(Finding::RecordNotLogged { record: name, reason });
        }
        if let Err(reason) = check_mark(record, checkpoint) {
            findings.push(Finding::Mark { record: hex::encode(record.id), reason });
        }
        let sound = findings.len() == before;
        records.push(CheckedRecord {
            id: record.id,
            version: record.version,
            index: record.filed.index,
            sound,
        });
    }
    (records, commitments)
}

fn recompute(
    record: &Record,
    reference: &Hash,
    asked: &Asked<'_>,
    scope_hash: &Hash,
) -> Result<Hash, String> {
    let resource_type = record.resource.get("resourceType").and_then(|t| t.as_str()).unwrap_or_default();
    let context = Context {
        log_origin: asked.institution.log_key.origin().to_owned(),
        relationship_ref: *reference,
        record_id: record.id,
        version: record.version,
        scope_hash: *scope_hash,
        resource_type: resource_type.to_owned(),
    };
    let key = VersionKey::from_bytes(record.version_key);
    commit_version(&key, &context, &record.resource).map_err(|e| e.to_string())
}

/// A mark stands on an entry of the log that says just that of just this version.
fn check_mark(record: &Record, checkpoint: Option<&SignedCheckpoint>) -> Result<(), String> {
    let (mark, shown) = match (record.mark, &record.marked) {
        (None, None) => return Ok(()),
        (Some(mark), Some(shown)) => (mark, shown),
        (Some(_), None) => return Err("the entry is missing".to_owned()),
        (None, Some(_)) => return Err("an entry without a mark".to_owned()),
    };
    included(&shown.entry(), shown.index, &shown.proof, checkpoint)?;
    let (said, marking) = match shown.opened().map_err(|e| e.to_string())? {
        Body::Acknowledged(marking) => (Mark::Acknowledged, marking),
        Body::Disputed { marking, .. } => (Mark::Disputed, marking),
        other => return Err(format!("entry {} is {}", shown.index, other.name())),
    };
    if (said, marking.record_id, marking.version) != (mark, record.id, record.version) {
        return Err(format!("entry {} says another thing, or of another version", shown.index));
    }
    Ok(())
}

/// The log's key promised this entry at this index.
pub(crate) fn promised(entry: &Promised, institution: &Institution, findings: &mut Vec<Finding>) {
    let index = entry.index;
    let checked = entry.promise.verify(&institution.log_key, index, &entry.entry());
    findings.extend(checked.err().map(|e| Finding::Promise { index, reason: e.to_string() }));
}

fn check_read(
    answer: &Answer,
    asked: &Asked<'_>,
    checkpoint: Option<&SignedCheckpoint>,
    findings: &mut Vec<Finding>,
) {
    let proof = &answer.read;
    if let Err(reason) = included(&proof.entry(), proof.index, &proof.proof, checkpoint) {
        findings.push(Finding::ReadNotLogged { reason });
    }
    promised(proof, asked.institution, findings);
    let body = match proof.opened() {
        Ok(Body::Read(body)) => body,
        Ok(other) => {
            let (got, expected) = (other.name().to_owned(), "read".to_owned());
            return findings.push(Finding::ReadLoggedWrong { field: "kind", got, expected });
        }
        Err(e) => return findings.push(Finding::ReadNotLogged { reason: e.to_string() }),
    };
    let header = &answer.header;
    let pairs = [
        ("request", hex::encode(body.request), hex::encode(asked.request)),
        ("requester", body.requester, asked.requester.to_owned()),
        ("scope", body.scope, asked.scope.to_owned()),
        ("purpose", body.purpose, asked.purpose.to_owned()),
        ("record count", body.record_count.to_string(), header.count.to_string()),
        ("manifest", hex::encode(body.manifest), hex::encode(header.manifest)),
        ("grant", grant_text(body.grant), grant_text(header.grant)),
        ("height", body.height.to_string(), header.height.to_string()),
    ];
    let wrong = |(field, got, expected)| Finding::ReadLoggedWrong { field, got, expected };
    findings.extend(differences(pairs).map(wrong));
}

fn grant_text(grant: Option<u32>) -> String {
    grant.map_or_else(|| "none".to_owned(), |n| n.to_string())
}

pub(crate) fn differences(
    pairs: impl IntoIterator<Item = (&'static str, String, String)>,
) -> impl Iterator<Item = (&'static str, String, String)> {
    pairs.into_iter().filter(|(_, got, expected)| got != expected)
}

pub(crate) fn included(
    entry: &Entry,
    index: u64,
    proof: &[Hash],
    checkpoint: Option<&SignedCheckpoint>,
) -> Result<(), String> {
    let Some(signed) = checkpoint else { return Err("there is no checkpoint to look in".to_owned()) };
    let (size, root) = (signed.checkpoint.size, &signed.checkpoint.root);
    verify_inclusion(&entry.leaf_hash(), index, size, proof, root).map_err(|e| e.to_string())
}

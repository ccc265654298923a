//! What a patient hands to a hospital's gatekeeper herself: a revoke, an acknowledgement, a dispute. The receipt is
//! checked, and the log's promise in it kept.

use std::path::PathBuf;

use medrec_accesslog::Body;
use medrec_gate::{
    AcknowledgeBody, Deed, DisputeBody, Endpoint, Finding, Receipt, RevokeBody, Sent, check::check_receipt,
};
use medrec_rules::Purpose;
use medrec_wallet::Key;
use serde_json::{Value, json};

use crate::Error;
use crate::evidence::{self, Of};
use crate::gatekeeper::Gatekeeper;
use crate::home::Home;
use crate::logread::LogRead;

/// Shortest beginning of a record's id that may stand for it, hex digits.
const SHORTEST: usize = 8;

/// A deed the hospital has signed for.
pub struct Receipted {
    pub institution: String,
    /// Index of its entry in the log.
    pub entry: u64,
    /// The hospital's promise that the entry is under an anchor by then, seconds since 1970.
    pub by: u64,
    pub evidence: PathBuf,
}

impl Receipted {
    pub fn json(&self) -> Value {
        let Receipted { institution, entry, by, evidence } = self;
        json!({"institution": institution, "entry": entry, "by": by, "evidence": evidence})
    }
}

/// Sends the signed deed; what comes back counts only if it proves that the deed is in the log.
pub async fn hand_over(
    home: &Home,
    gatekeeper: &Gatekeeper,
    key: &Key,
    relationship: u64,
    deed: Deed<'_>,
) -> Result<Receipted, Error> {
    let (endpoint, body) = request(relationship, deed);
    let body = body.map_err(|e| Error::Failed(e.to_string()))?;
    let (receipt, hash): (Receipt, _) = gatekeeper.ask(key, endpoint, &body, Purpose::PatientRequest).await?;
    let sent = Sent { institution: &gatekeeper.facts, request: &hash, requester: key.address(), deed };
    let (findings, _) = check_receipt(&receipt, &sent);
    if !findings.is_empty() {
        let findings: Vec<String> = findings.iter().map(Finding::to_string).collect();
        let (name, findings) = (&gatekeeper.name, findings.join("; "));
        return Err(Error::Wrong(format!("{name}'s receipt proves nothing: {findings}")));
    }
    let kept = evidence::keep(home, &gatekeeper.log, Of::Receipt, &receipt.entry)?;
    let promise = &receipt.entry.promise;
    Ok(Receipted {
        institution: gatekeeper.name.clone(),
        entry: promise.index,
        by: promise.by,
        evidence: kept,
    })
}

fn request(relationship: u64, deed: Deed<'_>) -> (Endpoint, serde_json::Result<Vec<u8>>) {
    match deed {
        Deed::Revoke { grant } => {
            (Endpoint::Revoke { relationship }, serde_json::to_vec(&RevokeBody { grant }))
        }
        Deed::Acknowledge { record, version } => {
            let body = AcknowledgeBody { record: *record, version };
            (Endpoint::Acknowledge { relationship }, serde_json::to_vec(&body))
        }
        Deed::Dispute { record, version, note } => {
            let body = DisputeBody { record: *record, version, note: note.to_owned() };
            (Endpoint::Dispute { relationship }, serde_json::to_vec(&body))
        }
    }
}

/// A record as it is typed: its id, or the beginning of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordName(String);

impl RecordName {
    pub fn parse(text: &str) -> Result<RecordName, Error> {
        let name = text.to_ascii_lowercase();
        let is_hex = name.bytes().all(|b| b.is_ascii_hexdigit());
        if is_hex && (SHORTEST..=32).contains(&name.len()) {
            return Ok(RecordName(name));
        }
        Err(Error::Usage(format!(
            "--record: `{text}` is not a record's id, or the first {SHORTEST} digits of it; `medrec record` shows them"
        )))
    }

    /// The whole id, if it was given.
    pub fn whole(&self) -> Option<[u8; 16]> {
        let mut id = [0; 16];
        hex::decode_to_slice(&self.0, &mut id).ok().map(|()| id)
    }

    /// The record so named among those filed in a log, and its newest version.
    pub fn find(&self, log: &LogRead) -> Result<([u8; 16], u32), Error> {
        let mut found: Option<([u8; 16], u32)> = None;
        for opened in log.scan.found.iter().filter_map(|found| found.opened.as_ref().ok()) {
            let Body::Filed(filed) = &opened.body else { continue };
            if !hex::encode(filed.record_id).starts_with(&self.0) {
                continue;
            }
            found = match found {
                Some((id, version)) if id == filed.record_id => Some((id, version.max(filed.version))),
                None => Some((filed.record_id, filed.version)),
                Some(_) => {
                    return Err(Error::Usage(format!(
                        "several records begin with {}: give more digits",
                        self.0
                    )));
                }
            };
        }
        found.ok_or_else(|| {
            Error::Failed(format!(
                "no record {} was filed in this relationship; `medrec record` shows them",
                self.0
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use medrec_accesslog::{Explained, Filed, Found, Opened, Scan};

    use super::*;

    fn log(records: &[([u8; 16], u32)]) -> LogRead {
        let found = records.iter().zip(0..).map(|((record_id, version), counter)| Found {
            index: counter,
            counter,
            opened: Ok(Opened {
                body: Body::Filed(Filed {
                    at: 0,
                    record_id: *record_id,
                    version: *version,
                    resource_type: "Observation".into(),
                    scope: "labs".into(),
                    scope_hash: [0; 32],
                    explained: Explained::New,
                }),
                cbor: vec![],
                blind: [0; 32],
            }),
        });
        let scan = Scan { found: found.collect(), ..Scan::default() };
        LogRead { scan, size: 9, anchored: 9, ..LogRead::default() }
    }

    #[test]
    fn records_are_named_by_their_id_or_its_beginning() {
        for wrong in ["", "1234567", "0a0a0a0x", &"0a".repeat(17)] {
            assert_eq!(RecordName::parse(wrong).unwrap_err().exit(), 2, "{wrong}");
        }
        let (mut a, mut b) = ([10; 16], [10; 16]);
        (a[15], b[15]) = (1, 2);
        let log = log(&[(a, 1), ([11; 16], 1), (a, 2), (b, 7)]);
        let find = |text: &str| RecordName::parse(text).unwrap().find(&log);
        assert_eq!(find("0B0B0B0B").unwrap(), ([11; 16], 1));
        assert_eq!(find(&hex::encode(a)).unwrap(), (a, 2));
        assert_eq!(find("0a0a0a0a").unwrap_err().exit(), 2);
        assert_eq!(find("ffffffff").unwrap_err().exit(), 1);
        assert_eq!(RecordName::parse(&hex::encode(b)).unwrap().whole(), Some(b));
        assert_eq!(RecordName::parse("0a0a0a0a").unwrap().whole(), None);
    }
}

//! Checks of `entries` answers and of receipts.

use medrec_accesslog::{Body, Marking, SignedCheckpoint};
use medrec_merkle::Hash;
use medrec_record::relationship_ref;
use medrec_wallet::ContractRef;

use crate::check::{Finding, Institution, differences, included, promised, verified};
use crate::{Entries, Proven, Receipt};

/// What a request was to bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed<'a> {
    Revoke { grant: u32 },
    Acknowledge { record: &'a [u8; 16], version: u32 },
    Dispute { record: &'a [u8; 16], version: u32, note: &'a str },
}

/// What was sent, by whom.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    pub institution: &'a Institution,
    /// Hash of the signed request.
    pub request: &'a Hash,
    /// Address that signed.
    pub requester: &'a str,
    pub deed: Deed<'a>,
}

/// Checks an `entries` answer: each entry is where it claims to be, and the log signed the counter. What the
/// entries say the ratchet opens.
pub fn check_entries(
    answer: &Entries,
    institution: &Institution,
    contract: &ContractRef,
    relationship: u64,
) -> (Vec<Finding>, Option<SignedCheckpoint>) {
    let mut findings = Vec::new();
    let checkpoint = verified(&answer.checkpoint, institution, &mut findings);
    for proven @ Proven { index, proof, .. } in &answer.entries {
        let included = included(&proven.entry(), *index, proof, checkpoint.as_ref());
        findings.extend(included.err().map(|reason| Finding::EntryNotLogged { index: *index, reason }));
    }
    let reference = relationship_ref(&contract.chain_id, &contract.address, relationship);
    if let Err(e) = answer.counter.verify(&institution.log_key, &reference) {
        findings.push(Finding::Counter(e.to_string()));
    }
    let (counted, size) = (answer.counter.size, checkpoint.as_ref().map(|signed| signed.checkpoint.size));
    if size.is_some_and(|size| size != counted) {
        findings.push(Finding::Counter(format!("it counts in {counted} entries, the checkpoint has others")));
    }
    if answer.counter.counter < answer.entries.len() as u64 {
        let shown = answer.entries.len();
        findings.push(Finding::Counter(format!("it is {}, shown are {shown}", answer.counter.counter)));
    }
    (findings, checkpoint)
}

/// Checks a receipt: the entry is in the log, promised, and of this request.
pub fn check_receipt(receipt: &Receipt, sent: &Sent<'_>) -> (Vec<Finding>, Option<SignedCheckpoint>) {
    let mut findings = Vec::new();
    let checkpoint = verified(&receipt.checkpoint, sent.institution, &mut findings);
    let entry = &receipt.entry;
    if let Err(reason) = included(&entry.entry(), entry.index, &entry.proof, checkpoint.as_ref()) {
        findings.push(Finding::EntryNotLogged { index: entry.index, reason });
    }
    promised(entry, sent.institution, &mut findings);
    match entry.opened() {
        Ok(body) => compare(&body, sent, &mut findings),
        Err(e) => findings.push(Finding::EntryNotLogged { index: entry.index, reason: e.to_string() }),
    }
    (findings, checkpoint)
}

fn compare(body: &Body, sent: &Sent<'_>, findings: &mut Vec<Finding>) {
    let (request, requester, said) = match (body, sent.deed) {
        (Body::RevokeReceived(body), Deed::Revoke { grant }) => {
            (body.request, &body.requester, vec![("grant", body.grant.to_string(), grant.to_string())])
        }
        (Body::Acknowledged(body), Deed::Acknowledge { record, version }) => {
            (body.request, &body.requester, marked(body, record, version))
        }
        (Body::Disputed { marking, note }, Deed::Dispute { record, version, note: sent }) => {
            let mut said = marked(marking, record, version);
            said.push(("note", note.clone(), sent.to_owned()));
            (marking.request, &marking.requester, said)
        }
        (other, deed) => {
            let (got, expected) = (other.name().to_owned(), deed.entry_name().to_owned());
            return findings.push(Finding::ReceiptSays { field: "kind", got, expected });
        }
    };
    let who = [
        ("request", hex::encode(request), hex::encode(sent.request)),
        ("requester", requester.clone(), sent.requester.to_owned()),
    ];
    let says = |(field, got, expected)| Finding::ReceiptSays { field, got, expected };
    findings.extend(differences(who.into_iter().chain(said)).map(says));
}

fn marked(body: &Marking, record: &[u8; 16], version: u32) -> Vec<(&'static str, String, String)> {
    vec![
        ("record", hex::encode(body.record_id), hex::encode(record)),
        ("version", body.version.to_string(), version.to_string()),
    ]
}

impl Deed<'_> {
    /// Name of the entry it leads to.
    pub const fn entry_name(self) -> &'static str {
        match self {
            Deed::Revoke { .. } => "revoke-received",
            Deed::Acknowledge { .. } => "acknowledged",
            Deed::Dispute { .. } => "disputed",
        }
    }
}

//! The exported record (wire.md section 14): one file that proves itself, to a doctor, a lawyer or an auditor, with no
//! network and no wallet. A wallet's own copy has the same form.
//!
//! What it cannot prove is said by [`Verified`]: the institution's keys and the anchor are the chain's word as the
//! exporter quotes it, to be compared with a chain by whoever can reach one.

mod finding;
mod format;
mod part;
mod records;
mod select;
mod sign;

use std::collections::{BTreeMap, BTreeSet};

use medrec_accesslog::Body;
use medrec_wallet::ContractRef;

use crate::seals;

pub use finding::Fault;
pub use format::{
    AnchorFacts, Answered, Bundle, ChainFacts, Content, Contents, Counted, FORMAT, InstitutionFacts,
    MAX_BYTES, Part, RecordListed, Shown, Signed,
};
pub use part::{CheckedPart, Cover, check_labels};
pub use records::{ShownRecord, Standing};
pub use select::Selection;

/// A bundle after the check: everything in it is as it should be when no part and the whole have no faults.
#[derive(Debug)]
pub struct Verified {
    /// Of the bundle as a whole.
    pub faults: Vec<Fault>,
    /// In the order of the bundle.
    pub parts: Vec<CheckedPart>,
}

impl Verified {
    /// Everything that is wrong, that of a part with its relationship.
    pub fn faults(&self) -> impl Iterator<Item = (Option<u64>, &Fault)> {
        let of_parts = self
            .parts
            .iter()
            .flat_map(|part| part.faults.iter().map(|fault| (Some(part.relationship), fault)));
        self.faults.iter().map(|fault| (None, fault)).chain(of_parts)
    }

    /// Why the patient disputes this record of a part, in her words.
    pub fn note_of(&self, part: &Part, record: &RecordListed) -> Option<String> {
        let checked = self.parts.iter().find(|checked| checked.relationship == part.relationship)?;
        checked.entries.iter().rev().find_map(|opened| {
            match opened.as_ref().ok().map(|opened| &opened.body) {
                Some(Body::Disputed { marking, note })
                    if (marking.record_id, marking.version) == (record.id, record.version) =>
                {
                    Some(note.clone())
                }
                _ => None,
            }
        })
    }
}

impl Bundle {
    /// Checks everything that a bundle proves by itself.
    pub fn verify(&self) -> Verified {
        let Verified { mut faults, parts } = self.content.verify();
        faults.extend(self.check_signatures());
        Verified { faults, parts }
    }
}

impl Content {
    /// The same without the exporter's signatures: a wallet's own copy has none.
    pub fn verify(&self) -> Verified {
        let contract = self.contract();
        let mut faults = self.contradictions();
        let run = self.seals.check(self.place()).map_err(|e| faults.push(Fault::Seals(e))).is_ok();
        let run = run.then_some(&self.seals);
        let parts = self.parts.iter().map(|part| part::check(part, &contract, run)).collect();
        Verified { faults, parts }
    }

    fn place(&self) -> seals::Place<'_> {
        let ChainFacts { chain_id, registrar, authlog, .. } = &self.chain;
        seals::Place { chain_id, registrar, authlog }
    }

    /// Everything else of it, where one part is looked at.
    pub fn without_parts(&self) -> Self {
        let Self { made_at, chain, seals, .. } = self;
        Self { made_at: *made_at, chain: chain.clone(), parts: Vec::new(), seals: seals.clone() }
    }

    pub fn contract(&self) -> ContractRef {
        ContractRef { chain_id: self.chain.chain_id.clone(), address: self.chain.relationship.clone() }
    }

    /// What no part shows alone.
    fn contradictions(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (mut seen, mut facts, mut places) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
        let mut anchors = BTreeMap::new();
        for part in &self.parts {
            let institution = &part.institution;
            if !seen.insert(part.relationship) {
                faults.push(Fault::PartTwice { relationship: part.relationship });
            }
            let known = facts.entry(institution.id).or_insert(institution);
            if *known != institution {
                faults.push(Fault::TwoFacts { institution: institution.id });
            }
            let anchor = (&institution.log_origin, part.anchor.size);
            if *anchors.entry(anchor).or_insert(part.anchor.root) != part.anchor.root {
                faults.push(Fault::TwoAnchors {
                    origin: institution.log_origin.clone(),
                    size: part.anchor.size,
                });
            }
            for shown in &part.entries {
                if !places.insert((&institution.log_origin, shown.index)) {
                    faults.push(Fault::EntryTwice { index: shown.index });
                }
            }
        }
        faults
    }
}

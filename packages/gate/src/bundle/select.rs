//! A part of a copy for somebody who need not see the rest.

use std::collections::BTreeSet;

use medrec_accesslog::{Body, Opened};
use medrec_merkle::{Hash, narrow};

use super::{Content, Part, RecordListed, Shown};
use crate::Error;

/// What is to be shown; an empty list stands for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub relationships: BTreeSet<u64>,
    pub scopes: BTreeSet<String>,
    pub types: BTreeSet<String>,
    /// The log alone: what was filed and who read, and no resource.
    pub without_contents: bool,
}

impl Selection {
    /// Whether entries are left out: then none can tell that there are no others.
    fn is_partial(&self) -> bool {
        !self.scopes.is_empty() || !self.types.is_empty()
    }

    /// What is selected, with proofs of that alone.
    pub fn of(&self, content: &Content) -> Result<Content, Error> {
        let wanted =
            |part: &&Part| self.relationships.is_empty() || self.relationships.contains(&part.relationship);
        let parts = content.parts.iter().filter(wanted).map(|part| self.of_part(part));
        Ok(Content {
            made_at: content.made_at,
            chain: content.chain.clone(),
            parts: parts.collect::<Result<_, _>>()?,
            seals: content.seals.clone(),
        })
    }

    fn of_part(&self, part: &Part) -> Result<Part, Error> {
        let mut selected = part.clone();
        if self.is_partial() {
            self.narrow(&mut selected)?;
        }
        if self.without_contents {
            let records = selected.answers.iter_mut().flat_map(|answered| &mut answered.records);
            records.for_each(|record| record.content = None);
        }
        Ok(selected)
    }

    fn narrow(&self, part: &mut Part) -> Result<(), Error> {
        let has = |set: &BTreeSet<String>, word: &str| set.is_empty() || set.contains(word);
        part.answers.retain(|answered| has(&self.scopes, &answered.header.scope));
        let opened: Vec<Option<Body>> = part
            .entries
            .iter()
            .map(|shown| shown.entry().open_with(shown.counter, &shown.key()).ok())
            .map(|opened| opened.map(|Opened { body, .. }| body))
            .collect();
        let mut records = BTreeSet::new();
        for body in opened.iter().flatten() {
            if let Body::Filed(filed) = body
                && has(&self.scopes, &filed.scope)
                && has(&self.types, &filed.resource_type)
            {
                records.insert(filed.record_id);
            }
        }
        let requests: BTreeSet<Hash> = part.answers.iter().map(|answered| answered.header.request).collect();
        let wanted = |body: &Body| match body {
            Body::Filed(filed) => records.contains(&filed.record_id),
            Body::Removed(removed) => records.contains(&removed.record_id),
            Body::Acknowledged(marking) | Body::Disputed { marking, .. } => {
                records.contains(&marking.record_id)
            }
            Body::Read(read) => requests.contains(&read.request) || has(&self.scopes, &read.scope),
            Body::Refused(refused) => has(&self.scopes, &refused.scope),
            _ => false,
        };
        let leaves = leaves(&part.entries);
        let size = size(part)?;
        let mut keep = opened.iter().map(|body| body.as_ref().is_some_and(wanted));
        part.entries.retain(|_| keep.next().unwrap_or(false));
        let kept: Vec<u64> = part.entries.iter().map(|shown| shown.index).collect();
        let narrowed = narrow(&leaves, size, &part.proof, &kept);
        part.proof = narrowed.map_err(|e| Error::Bundle(e.to_string()))?.1;
        (part.whole, part.counter) = (false, None);
        let all = part.answers.iter_mut().flat_map(|answered| &mut answered.records);
        all.filter(|record| !records.contains(&record.id)).for_each(hide);
        Ok(())
    }
}

fn hide(record: &mut RecordListed) {
    (record.filed, record.content) = (None, None);
}

fn leaves(entries: &[Shown]) -> Vec<(u64, Hash)> {
    entries.iter().map(|shown| (shown.index, shown.entry().leaf_hash())).collect()
}

fn size(part: &Part) -> Result<u64, Error> {
    let unreadable = |e: medrec_accesslog::CheckpointError| Error::Bundle(e.to_string());
    let signed = part.institution.log_key().map_err(unreadable)?.verify_note(&part.checkpoint);
    Ok(signed.map_err(unreadable)?.checkpoint.size)
}

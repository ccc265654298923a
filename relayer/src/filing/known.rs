//! Commitments worked out before: a row that is as it was costs one hash instead of a salted tree.
//!
//! A commitment is a function of the record's key, which its id stands for, of version, scope and resource. Nothing in
//! here can be old: what differs has another name, and its commitment is worked out. No key and no value is in it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use medrec_merkle::{Hash, tagged_hash};
use medrec_record::{Context, RecordKey, commit};
use serde_json::Value;

use super::filed::Filed;

const NAME: &str = "medrec/relayer/known-commitment/v1";
/// Commitments kept: 2 x 6 MB or so.
const KEPT: usize = 50_000;

/// What needs not be worked out or read again.
#[derive(Debug, Default)]
pub struct Known {
    commitments: Mutex<Generations>,
    pub(super) filed: Filed,
}

/// Two generations: the older one is forgotten when the newer is full, so what is asked for stays.
#[derive(Debug, Default)]
struct Generations {
    new: HashMap<Hash, Hash>,
    old: HashMap<Hash, Hash>,
}

impl Known {
    /// What [`commit`] says.
    pub(super) fn commit(
        &self,
        key: &RecordKey,
        context: &Context,
        resource: &Value,
    ) -> Result<Hash, medrec_record::Error> {
        // Equal bytes are equal resources. A value that has no text is left to `commit`.
        let Ok(bytes) = serde_json::to_vec(resource) else { return commit(key, context, resource) };
        let Context { log_origin, relationship_ref, record_id, version, scope_hash, resource_type } = context;
        let fields: [&[u8]; 7] = [
            log_origin.as_bytes(),
            relationship_ref,
            record_id,
            &version.to_be_bytes(),
            scope_hash,
            resource_type.as_bytes(),
            &bytes,
        ];
        let name = tagged_hash(NAME, &fields);
        if let Some(known) = self.find(&name) {
            return Ok(known);
        }
        let commitment = commit(key, context, resource)?;
        self.keep(name, commitment);
        Ok(commitment)
    }

    fn find(&self, name: &Hash) -> Option<Hash> {
        let mut known = self.commitments.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(commitment) = known.new.get(name) {
            return Some(*commitment);
        }
        let commitment = known.old.remove(name)?;
        known.keep(*name, commitment);
        Some(commitment)
    }

    fn keep(&self, name: Hash, commitment: Hash) {
        self.commitments.lock().unwrap_or_else(PoisonError::into_inner).keep(name, commitment);
    }
}

impl Generations {
    fn keep(&mut self, name: Hash, commitment: Hash) {
        if self.new.len() >= KEPT {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(name, commitment);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(version: u32) -> Context {
        Context {
            log_origin: "log".into(),
            relationship_ref: [1; 32],
            record_id: [2; 16],
            version,
            scope_hash: [3; 32],
            resource_type: "Observation".into(),
        }
    }

    #[test]
    fn what_is_known_is_what_would_be_worked_out() {
        let (known, key) = (Known::default(), RecordKey::from_bytes([7; 32]));
        let of = |text: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            json!({"resourceType": "Observation", "value": value})
        };
        let resources = ["7.1", "7.10", "\"7.1\"", "null"].map(of);
        for _ in 0..2 {
            for version in 1..4 {
                for resource in &resources {
                    let expected = commit(&key, &context(version), resource).unwrap();
                    assert_eq!(known.commit(&key, &context(version), resource).unwrap(), expected);
                }
            }
        }
        let other = Context { scope_hash: [4; 32], ..context(1) };
        let expected = commit(&key, &other, &resources[0]).unwrap();
        assert_eq!(known.commit(&key, &other, &resources[0]).unwrap(), expected);
    }

    #[test]
    fn a_refusal_is_not_remembered_and_memory_is_bounded() {
        let (known, key) = (Known::default(), RecordKey::from_bytes([7; 32]));
        for _ in 0..2 {
            assert!(known.commit(&key, &context(1), &json!([])).is_err());
        }
        let name = |n: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&n.to_be_bytes());
            name
        };
        known.keep(name(0), [9; 32]);
        for n in 1..5 * KEPT {
            known.keep(name(n), [8; 32]);
            // What is asked for stays, however much comes by.
            assert_eq!(known.find(&name(0)), Some([9; 32]));
        }
        let all = known.commitments.lock().unwrap();
        assert!(all.new.len() + all.old.len() <= 2 * KEPT);
    }
}

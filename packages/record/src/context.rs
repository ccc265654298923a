use medrec_merkle::{Hash, push_lp, tagged_hash};

use crate::{Error, keys::Salt};

const CONTEXT: &str = "medrec/record/context/v1";
const RELATIONSHIP: &str = "medrec/relationship/v1";

/// 16 random bytes; hex in JSON.
pub type RecordId = [u8; 16];

/// What a commitment is bound to (leaf 0): a root fits no other log, relationship, record, version or scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub log_origin: String,
    /// [`relationship_ref`].
    pub relationship_ref: Hash,
    pub record_id: RecordId,
    /// From 1.
    pub version: u32,
    /// [`crate::scope_hash`].
    pub scope_hash: Hash,
    /// FHIR resource type, as in the resource's `resourceType`.
    pub resource_type: String,
}

/// Names a relationship inside leaf 0. `contract`: bech32 address of the relationship contract.
pub fn relationship_ref(chain_id: &str, contract: &str, relationship: u64) -> Hash {
    tagged_hash(RELATIONSHIP, &[chain_id.as_bytes(), contract.as_bytes(), &relationship.to_be_bytes()])
}

impl Context {
    /// Bytes of leaf 0. `leaf_count` includes it.
    pub(crate) fn leaf(&self, salt: &Salt, leaf_count: u32) -> Vec<u8> {
        let mut leaf = Vec::with_capacity(256);
        push_lp(&mut leaf, CONTEXT.as_bytes());
        leaf.extend_from_slice(salt);
        push_lp(&mut leaf, self.log_origin.as_bytes());
        leaf.extend_from_slice(&self.relationship_ref);
        leaf.extend_from_slice(&self.record_id);
        leaf.extend_from_slice(&self.version.to_be_bytes());
        leaf.extend_from_slice(&self.scope_hash);
        push_lp(&mut leaf, self.resource_type.as_bytes());
        leaf.extend_from_slice(&leaf_count.to_be_bytes());
        leaf
    }

    pub(crate) fn check_type(&self, resource_type: &str) -> Result<(), Error> {
        if self.resource_type == resource_type {
            return Ok(());
        }
        Err(Error::ResourceType { context: self.resource_type.clone(), resource: resource_type.to_owned() })
    }
}

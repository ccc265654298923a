use medrec_merkle::{Hash, leaf_hash, root};
use serde_json::Value;

use crate::{
    Context, Error, RecordKey, VersionKey,
    leaves::{Leaf, leaf_bytes, leaves},
};

/// Root of the tree over a record's salted leaves.
pub type Commitment = Hash;

/// Commitment of the version that `context` names.
pub fn commit(record_key: &RecordKey, context: &Context, resource: &Value) -> Result<Commitment, Error> {
    commit_version(&record_key.version_key(context.version), context, resource)
}

/// The same, as a viewer of the whole record computes it.
pub fn commit_version(
    version_key: &VersionKey,
    context: &Context,
    resource: &Value,
) -> Result<Commitment, Error> {
    let leaves = leaves_of(context, resource)?;
    Ok(root(&leaf_hashes(version_key, context, &leaves)?))
}

/// Leaves of a resource that is of the type its context says.
pub(crate) fn leaves_of(context: &Context, resource: &Value) -> Result<Vec<Leaf>, Error> {
    let leaves = leaves(resource)?;
    context.check_type(resource.get("resourceType").and_then(Value::as_str).unwrap_or_default())?;
    Ok(leaves)
}

/// Leaf 0 first.
pub(crate) fn leaf_hashes(
    version_key: &VersionKey,
    context: &Context,
    leaves: &[Leaf],
) -> Result<Vec<Hash>, Error> {
    let salts = version_key.salts();
    let mut hashes = Vec::with_capacity(leaves.len().saturating_add(1));
    hashes.push(leaf_hash(&context.leaf(&salts.salt(""), leaf_count(leaves.len())?)));
    hashes.extend(
        leaves
            .iter()
            .map(|leaf| leaf_hash(&leaf_bytes(&salts.salt(&leaf.pointer), &leaf.pointer, &leaf.value))),
    );
    Ok(hashes)
}

/// Leaves of the tree for so many leaves of the resource.
pub(crate) fn leaf_count(leaves: usize) -> Result<u32, Error> {
    let count = u32::try_from(leaves).ok().and_then(|leaves| leaves.checked_add(1));
    count.ok_or(Error::TooManyLeaves { limit: crate::MAX_LEAVES })
}

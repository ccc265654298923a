//! A contract's log of its own events (wire.md section 15): leaves, the row that holds the tree, and `append`, with
//! which every entry point that emits ends. No contract depends on another for it.

use cosmwasm_std::{Event, Storage};
use medrec_api::own_log::OwnLogError;
use medrec_api::registrar::LOG_KEY;
use medrec_merkle::{Frontier, Hash, leaf_hash, tagged_hash};

use crate::{CONTRACT_ATTRIBUTE, KIND_PREFIX};

/// Domain of a leaf.
const DOMAIN: &str = "medrec/event/v1";
/// What the chain, not the contract, adds to the events of a block.
const ADDED: [&str; 2] = [CONTRACT_ATTRIBUTE, "msg_index"];
/// Bytes of the size at the start of the row.
const SIZE_LEN: usize = 8;
/// Bytes of a hash.
const HASH_LEN: usize = 32;

/// Leaf hash of one event: kind without wasmd's prefix; keys and values in order, without those the chain adds.
#[must_use]
pub fn leaf<'a>(kind: &'a str, attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Hash {
    let mut fields = vec![kind.as_bytes()];
    for (key, value) in attributes {
        fields.extend([key.as_bytes(), value.as_bytes()]);
    }
    leaf_hash(&tagged_hash(DOMAIN, &fields))
}

/// Leaf hash of an event as `block_results` shows it; none unless this contract alone speaks in it.
#[must_use]
pub fn leaf_in_block(contract: &str, kind: &str, attributes: &[(&str, &str)]) -> Option<Hash> {
    let kind = kind.strip_prefix(KIND_PREFIX)?;
    let mut speakers = attributes.iter().filter(|(key, _)| *key == CONTRACT_ATTRIBUTE);
    let ours = speakers.next().is_some_and(|(_, speaker)| *speaker == contract);
    (ours && speakers.next().is_none())
        .then(|| leaf(kind, attributes.iter().copied().filter(|(key, _)| !ADDED.contains(key))))
}

/// Appends these events, in order: the last thing a message does. The chain trims attributes' values, so none may begin
/// or end with a space.
pub fn append(storage: &mut dyn Storage, events: &[Event]) -> Result<(), OwnLogError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut log = load(storage)?;
    for event in events {
        let attributes = event.attributes.iter().map(|found| (found.key.as_str(), found.value.as_str()));
        log.push(leaf(&event.ty, attributes)).map_err(|_| OwnLogError::Full)?;
    }
    storage.set(LOG_KEY, &row(&log));
    Ok(())
}

/// The log as it stands.
pub fn load(storage: &dyn Storage) -> Result<Frontier, OwnLogError> {
    storage.get(LOG_KEY).map_or_else(|| Ok(Frontier::new()), |bytes| read_row(&bytes))
}

/// `u64(size) ‖ hashes` of the complete subtrees, largest first.
#[must_use]
pub fn row(log: &Frontier) -> Vec<u8> {
    let mut bytes = log.size().to_be_bytes().to_vec();
    bytes.extend(log.nodes().iter().flatten());
    bytes
}

/// Reads the row under the raw key `log`.
pub fn read_row(bytes: &[u8]) -> Result<Frontier, OwnLogError> {
    let (size, nodes) = bytes.split_first_chunk::<SIZE_LEN>().unwrap_or((&[0; SIZE_LEN], &[]));
    let size = u64::from_be_bytes(*size);
    let hashes = usize::try_from(size.count_ones()).unwrap_or(usize::MAX);
    let damaged = || OwnLogError::Row {
        size,
        found: bytes.len(),
        expected: hashes.saturating_mul(HASH_LEN).saturating_add(SIZE_LEN),
    };
    let (nodes, rest) = nodes.as_chunks::<HASH_LEN>();
    if bytes.len() < SIZE_LEN || !rest.is_empty() {
        return Err(damaged());
    }
    Frontier::from_parts(size, nodes.to_vec()).map_err(|_| damaged())
}

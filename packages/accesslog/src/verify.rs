//! What anybody checks who is handed an entry, a proof and a checkpoint.

use medrec_merkle::{Hash, verify_consistency, verify_inclusion};

use crate::{
    Body, BodyError, CheckpointError, Entry, EntryError, LogKey, SignedCheckpoint, TileError, TilePath,
    body_commitment,
};

/// Size and root of a log as the chain has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    pub size: u64,
    pub root: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the proof fails: {0}")]
    Proof(#[from] medrec_merkle::Error),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("log {origin} shows two histories of {size} entries: keep both checkpoints, they are evidence")]
    Fork { origin: String, size: u64 },
    #[error(
        "log {origin} of {checkpoint} entries does not continue (or lead to) the anchored {anchored}: \
         keep the checkpoint, it is evidence ({reason})"
    )]
    NotAnchored { origin: String, checkpoint: u64, anchored: u64, reason: medrec_merkle::Error },
    #[error(
        "the entries do not give the root of the checkpoint of {size} entries: they were altered or reordered"
    )]
    Entries { size: u64 },
    #[error("{path} does not give its hash, which the head vouches for: entries were altered or reordered")]
    Bundle { path: TilePath },
    #[error("the checkpoint has {new} entries, fewer than the {old} already read")]
    Shrunk { old: u64, new: u64 },
    #[error("this is not the body of the entry shown: what was logged differs from what was answered")]
    NotDisclosed,
}

/// Checks the log's signature on the checkpoint and the entry's place in it; gives the checkpoint to be held
/// against an anchor.
pub fn verify_entry(
    key: &LogKey,
    note: &str,
    index: u64,
    entry: &Entry,
    proof: &[Hash],
) -> Result<SignedCheckpoint, VerifyError> {
    let signed = key.verify_note(note)?;
    let checkpoint = &signed.checkpoint;
    verify_inclusion(&entry.leaf_hash(), index, checkpoint.size, proof, &checkpoint.root)?;
    Ok(signed)
}

/// Checks a checkpoint against what the chain has of the same log: `proof` leads from the smaller to the larger of
/// the two ([`crate::consistency_proof`]). Before the first anchor there is nothing to contradict.
pub fn check_anchor(signed: &SignedCheckpoint, anchor: &Anchor, proof: &[Hash]) -> Result<(), VerifyError> {
    let checkpoint = &signed.checkpoint;
    let (size, root) = (checkpoint.size, checkpoint.root);
    if size == anchor.size && root != anchor.root {
        return Err(VerifyError::Fork { origin: checkpoint.origin.clone(), size });
    }
    if size == 0 || anchor.size == 0 {
        return Ok(());
    }
    let checked = if size <= anchor.size {
        verify_consistency(size, &root, anchor.size, &anchor.root, proof)
    } else {
        verify_consistency(anchor.size, &anchor.root, size, &root, proof)
    };
    checked.map_err(|reason| VerifyError::NotAnchored {
        origin: checkpoint.origin.clone(),
        checkpoint: size,
        anchored: anchor.size,
        reason,
    })
}

/// The viewer's check that his own read was logged (security H6): the entry's commitment is that of the blind and
/// body he was handed. What the body says of him he compares himself.
pub fn check_disclosed(entry: &Entry, blind: &[u8; 32], cbor: &[u8]) -> Result<Body, VerifyError> {
    if entry.commitment() != body_commitment(blind, cbor) {
        return Err(VerifyError::NotDisclosed);
    }
    Ok(Body::decode(cbor)?)
}

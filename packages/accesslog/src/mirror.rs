//! Reading a whole log from wherever it is served, its own institution or a mirror: all of it, or nothing of it counts.

use medrec_merkle::Frontier;

use crate::{
    Entry, LogKey, SignedCheckpoint, TilePath, VerifyError, bundle_paths,
    tile::{decode_bundle, tile_of},
};

/// Largest signed note accepted.
const MAX_CHECKPOINT: usize = 65_536;

/// Fetches what a log serves. Implementations decide on servers, retries and time.
#[expect(async_fn_in_trait, reason = "awaited in place; a browser's futures are not Send")]
pub trait Fetch {
    type Error: From<VerifyError>;

    /// Bytes at `path` under the log's prefix (`checkpoint`, `tile/entries/000`, …): at most `limit`, more is an error.
    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Self::Error>;
}

/// The log's present checkpoint, signed by its key.
pub async fn checkpoint<F: Fetch>(fetch: &F, key: &LogKey) -> Result<SignedCheckpoint, F::Error> {
    let note = fetch.get("checkpoint", MAX_CHECKPOINT).await?;
    let note = core::str::from_utf8(&note).map_err(|_| VerifyError::from(crate::CheckpointError::Form))?;
    Ok(key.verify_note(note).map_err(VerifyError::from)?)
}

/// Reads the entries from `frontier` up to the checkpoint and shows each to `visit` with its index.
///
/// What `visit` gathered counts only when this returns `Ok`: then the entries are those the checkpoint vouches for,
/// and continue those that `frontier` had. On an error `frontier` is as before.
pub async fn read_entries<F: Fetch>(
    fetch: &F,
    checkpoint: &SignedCheckpoint,
    frontier: &mut Frontier,
    mut visit: impl FnMut(u64, &Entry),
) -> Result<(), F::Error> {
    let (size, start) = (checkpoint.checkpoint.size, frontier.size());
    if size < start {
        return Err(VerifyError::Shrunk { old: start, new: size }.into());
    }
    let mut grown = frontier.clone();
    for path in bundle_paths(start, size) {
        let entries = bundle(fetch, &path).await?;
        let (_, skip) = tile_of(grown.size());
        for entry in entries.iter().skip(skip) {
            visit(grown.size(), entry);
            grown.push(entry.leaf_hash()).map_err(VerifyError::from)?;
        }
    }
    if grown.size() != size || grown.root() != checkpoint.checkpoint.root {
        return Err(VerifyError::Entries { size }.into());
    }
    *frontier = grown;
    Ok(())
}

/// A partial bundle may be gone once it filled up (C2SP tlog-tiles): then the start of the full one serves.
async fn bundle<F: Fetch>(fetch: &F, path: &TilePath) -> Result<Vec<Entry>, F::Error> {
    let (bytes, served) = match fetch.get(&path.to_string(), path.byte_len()).await {
        Err(_) if path.is_partial() => {
            (fetch.get(&path.full().to_string(), path.full().byte_len()).await?, path.full())
        }
        other => (other?, *path),
    };
    let mut entries = decode_bundle(&served, &bytes).map_err(VerifyError::from)?;
    entries.truncate(path.width.into());
    Ok(entries)
}

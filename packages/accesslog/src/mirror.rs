//! Reading a whole log from wherever it is served, its own institution or a mirror.
//!
//! Two ways: [`read_entries`] reads to the end, then all of it counts or nothing; an [`Outline`] is checked first, then
//! every bundle counts by itself.

use medrec_merkle::{Frontier, Hash};

use crate::{
    Anchor, BUNDLE, Entry, LogKey, SignedCheckpoint, TILE_WIDTH, TileContent, TileMap, TilePath, VerifyError,
    bundle_paths, check_anchor, consistency_proof,
    tile::{decode_bundle, decode_tile, tile_of},
    tiles_for_consistency,
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

/// What a log must hold up to a head, known before its entries are read: a hash for every full bundle, and the few
/// entries behind them. Together they give the root of the head, so each bundle can be checked when it comes, in any
/// order, and what is kept is right from the first one on.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Number of the first full bundle that was not known before.
    first: u64,
    bundles: Vec<Hash>,
    tail: Vec<Entry>,
}

impl Outline {
    /// Fetches the outline from `known` full bundles (a frontier over their hashes) to the head of `size` entries and
    /// `root`, in `size / 65,536` requests and as many times 8 KiB of memory.
    pub async fn fetch<F: Fetch>(fetch: &F, head: &Anchor, known: &Frontier) -> Result<Self, F::Error> {
        let (full, rest) = (head.size / BUNDLE, head.size % BUNDLE);
        if full < known.size() {
            let old = known.size().saturating_mul(BUNDLE);
            return Err(VerifyError::Shrunk { old, new: head.size }.into());
        }
        let mut bundles = Vec::new();
        let mut all = known.clone();
        for index in tile_of(known.size()).0..full.div_ceil(BUNDLE) {
            let level = TileContent::Hashes { level: 1 };
            let Some(path) = TilePath::in_log(level, index, head.size) else { break };
            let hashes = hash_tile(fetch, &path).await?;
            let (_, had) = if all.size() / BUNDLE == index { tile_of(all.size()) } else { (0, 0) };
            for hash in hashes.into_iter().skip(had) {
                all.push(hash).map_err(VerifyError::from)?;
                bundles.push(hash);
            }
        }
        let tail = match TilePath::in_log(TileContent::Entries, full, head.size) {
            Some(path) if rest > 0 => bundle(fetch, &path).await?,
            _ => Vec::new(),
        };
        let last = edge(&tail).map_err(VerifyError::from)?;
        let nodes = [all.nodes(), last.nodes()].concat();
        let whole = Frontier::from_parts(head.size, nodes).map_err(VerifyError::from)?;
        if whole.root() != head.root {
            return Err(VerifyError::Entries { size: head.size }.into());
        }
        Ok(Self { first: known.size(), bundles, tail })
    }

    /// Full bundles to be fetched, with the hash each must give.
    pub fn bundles(&self) -> impl Iterator<Item = (TilePath, Hash)> {
        (self.first..)
            .zip(self.bundles.iter().copied())
            .map(|(index, hash)| (TilePath { content: TileContent::Entries, index, width: TILE_WIDTH }, hash))
    }

    /// The entries behind the last full bundle.
    pub fn tail(&self) -> &[Entry] {
        &self.tail
    }
}

/// Frontier over the entries of one bundle.
pub fn edge(entries: &[Entry]) -> Result<Frontier, medrec_merkle::Error> {
    let mut edge = Frontier::new();
    entries.iter().try_for_each(|entry| edge.push(entry.leaf_hash()))?;
    Ok(edge)
}

/// Fetches a bundle whose entries must give `hash`.
pub async fn checked_bundle<F: Fetch>(
    fetch: &F,
    path: &TilePath,
    hash: &Hash,
) -> Result<Vec<Entry>, F::Error> {
    let entries = bundle(fetch, path).await?;
    if edge(&entries).map_err(VerifyError::from)?.root() != *hash {
        return Err(VerifyError::Bundle { path: *path }.into());
    }
    Ok(entries)
}

/// Holds a checkpoint that is ahead of the anchor (or at it) against it, with the tiles that the proof needs.
pub async fn check_ahead<F: Fetch>(
    fetch: &F,
    signed: &SignedCheckpoint,
    anchor: &Anchor,
) -> Result<(), F::Error> {
    let (old, new) = (anchor.size, signed.checkpoint.size);
    if new < old {
        return Err(VerifyError::Shrunk { old, new }.into());
    }
    let mut tiles = TileMap::default();
    if old > 0 && new > old {
        for path in tiles_for_consistency(old, new).map_err(VerifyError::from)? {
            let (path, bytes) = get_tile(fetch, &path).await?;
            tiles.insert(path, bytes);
        }
    }
    let proof = consistency_proof(&tiles, old, new)?;
    Ok(check_anchor(signed, anchor, &proof)?)
}

async fn hash_tile<F: Fetch>(fetch: &F, path: &TilePath) -> Result<Vec<Hash>, F::Error> {
    let (served, bytes) = get_tile(fetch, path).await?;
    let mut hashes = decode_tile(&served, &bytes).map_err(VerifyError::from)?;
    hashes.truncate(path.width.into());
    Ok(hashes)
}

/// Entries of one bundle at its width, as they come: nothing vouches for them yet.
pub async fn bundle<F: Fetch>(fetch: &F, path: &TilePath) -> Result<Vec<Entry>, F::Error> {
    let (served, bytes) = get_tile(fetch, path).await?;
    let mut entries = decode_bundle(&served, &bytes).map_err(VerifyError::from)?;
    entries.truncate(path.width.into());
    Ok(entries)
}

/// A partial tile may be gone once it filled up (C2SP tlog-tiles): then the start of the full one serves.
async fn get_tile<F: Fetch>(fetch: &F, path: &TilePath) -> Result<(TilePath, Vec<u8>), F::Error> {
    match fetch.get(&path.to_string(), path.byte_len()).await {
        Err(first) if path.is_partial() => {
            // The first refusal says more than the second: a full tile that is not there yet is no wonder.
            let full = fetch.get(&path.full().to_string(), path.full().byte_len()).await;
            full.map(|bytes| (path.full(), bytes)).map_err(|_| first)
        }
        other => Ok((*path, other?)),
    }
}

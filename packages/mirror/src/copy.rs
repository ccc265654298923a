//! Copying a log up to its anchored head. Only what was checked is handed to be kept.

use futures::{StreamExt as _, stream};
use medrec_accesslog::{
    Anchor, BUNDLE, Checkpoint, CheckpointError, Entry, LogKey, SignedCheckpoint, TileContent, TilePath,
    VerifyError,
    mirror::{self, Outline, checked_bundle, edge},
};
use medrec_merkle::{Frontier, Hash};

use crate::{
    Error,
    counters::{Finder, Promised},
    remote::{self, Remote},
};

/// Bundles under way at the same time: 128 KiB each.
const CONCURRENT: usize = 8;
/// Bundles a commit speaks of.
const CHUNK: usize = 64;
/// Level of a bundle's hash in the tree of entries.
pub const BUNDLE_LEVEL: u8 = 8;

/// How far a copy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Right edge of the tree over the hashes of the full bundles that are here.
    pub bundles: Frontier,
    /// Newest anchored head that is here whole; `size` 0 before the first.
    pub head: Anchor,
    /// The log's signature on `head`.
    pub signature: Vec<u8>,
    /// Right edge of the tree over the entries behind the head's last full bundle.
    pub tail: Frontier,
}

impl Default for Progress {
    /// Nothing is here yet.
    fn default() -> Self {
        let head = Anchor { size: 0, root: medrec_merkle::root(&[]) };
        Self { bundles: Frontier::new(), head, signature: Vec::new(), tail: Frontier::new() }
    }
}

impl Progress {
    /// The head as its log signed it; none before the first.
    pub fn checkpoint(&self, key: &LogKey) -> Result<Option<SignedCheckpoint>, CheckpointError> {
        if self.head.size == 0 {
            return Ok(None);
        }
        let Anchor { size, root } = self.head;
        let checkpoint = Checkpoint { origin: key.origin().to_owned(), size, root };
        let signature = self.signature.as_slice().try_into();
        let signature =
            signature.map_err(|_| CheckpointError::BadSignature { origin: key.origin().to_owned() })?;
        Ok(Some(key.verify_signature(&checkpoint, &signature)?))
    }

    /// Bundle `index` as wide as it is here.
    pub fn stored_path(&self, index: u64) -> TilePath {
        let full = TilePath { content: TileContent::Entries, index, width: medrec_accesslog::TILE_WIDTH };
        if index < self.bundles.size() { full } else { tail_path(&self.head).unwrap_or(full) }
    }
}

/// The partial bundle of a head, if it has one.
pub fn tail_path(head: &Anchor) -> Option<TilePath> {
    let index = head.size / BUNDLE;
    TilePath::in_log(TileContent::Entries, index, head.size).filter(TilePath::is_partial)
}

/// What a commit adds.
#[derive(Debug, Default)]
pub struct Batch {
    /// Full bundles it speaks of, by their hashes in order.
    pub hashes: Vec<Hash>,
    /// Hashes of complete subtrees over bundles, each with its level in the tree of entries and its place there.
    pub nodes: Vec<(u8, u64, Hash)>,
    /// Counter maps that their entries promise.
    pub promised: Vec<Promised>,
}

/// Where a copy is kept.
pub trait Keep: Sync {
    type Error: From<Error> + Send;

    /// Keeps a bundle, which was checked. Bundles come in any order; a partial one may be there in a narrower width.
    fn put(&self, path: TilePath, entries: &[Entry]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// From now on the copy is as far as `progress` says: after this a crash takes nothing of it away.
    fn commit(
        &self,
        progress: &Progress,
        batch: &Batch,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Copies what is missing up to `head`, which the chain vouches for and `signature` signs. On an error what came before
/// it is kept. `finder` has seen all entries of `progress`.
pub async fn copy<K: Keep>(
    keep: &K,
    remote: &Remote,
    progress: &mut Progress,
    finder: &mut Finder,
    head: Anchor,
    signature: &[u8],
) -> Result<(), K::Error> {
    let outline = Outline::fetch(remote, &head, &progress.bundles).await.map_err(Error::from)?;
    bundles(keep, remote, progress, finder, &outline).await?;
    tail(keep, progress, finder, &outline, head, signature).await
}

async fn bundles<K: Keep>(
    keep: &K,
    remote: &Remote,
    progress: &mut Progress,
    finder: &mut Finder,
    outline: &Outline,
) -> Result<(), K::Error> {
    let known = Known { bundle: progress.head.size / BUNDLE, edge: progress.tail.clone() };
    let fetches = outline.bundles().map(|(path, hash)| bundle(keep, remote, path, hash, &known));
    let mut arriving = stream::iter(fetches).buffered(CONCURRENT);
    let mut ended = None;
    while ended.is_none() {
        let mut batch = Batch::default();
        while batch.hashes.len() < CHUNK && ended.is_none() {
            match arriving.next().await {
                Some(Ok((path, hash, entries))) => {
                    finder.look(path.index, &entries, &mut batch.promised);
                    batch.hashes.push(hash);
                }
                Some(Err(error)) => ended = Some(Err(error)),
                None => ended = Some(Ok(())),
            }
        }
        commit(keep, progress, progress.clone(), batch).await?;
    }
    ended.unwrap_or(Ok(()))
}

/// Fetches, checks and keeps one bundle.
async fn bundle<K: Keep>(
    keep: &K,
    remote: &Remote,
    path: TilePath,
    hash: Hash,
    known: &Known,
) -> Result<(TilePath, Hash, Vec<Entry>), K::Error> {
    let entries = checked_bundle(remote, &path, &hash).await.map_err(Error::from)?;
    known.check(&path, &entries)?;
    keep.put(path, &entries).await?;
    Ok((path, hash, entries))
}

async fn tail<K: Keep>(
    keep: &K,
    progress: &mut Progress,
    finder: &mut Finder,
    outline: &Outline,
    head: Anchor,
    signature: &[u8],
) -> Result<(), K::Error> {
    let mut batch = Batch::default();
    if let Some(path) = tail_path(&head) {
        let known = Known { bundle: progress.head.size / BUNDLE, edge: progress.tail.clone() };
        known.check(&path, outline.tail())?;
        keep.put(path, outline.tail()).await?;
        finder.look(path.index, outline.tail(), &mut batch.promised);
    }
    let tail = edge(outline.tail()).map_err(Error::from)?;
    let grown = Progress { bundles: progress.bundles.clone(), head, signature: signature.to_vec(), tail };
    commit(keep, progress, grown, batch).await
}

async fn commit<K: Keep>(
    keep: &K,
    progress: &mut Progress,
    mut grown: Progress,
    mut batch: Batch,
) -> Result<(), K::Error> {
    for hash in &batch.hashes {
        let nodes = &mut batch.nodes;
        let pushed = grown.bundles.push_with(*hash, |level, index, hash| {
            nodes.push((level.saturating_add(BUNDLE_LEVEL), index, hash));
        });
        pushed.map_err(Error::from)?;
    }
    keep.commit(&grown, &batch).await?;
    *progress = grown;
    Ok(())
}

/// Entries behind the last full bundle of the head before this one: they are in a larger bundle now, unchanged.
struct Known {
    bundle: u64,
    edge: Frontier,
}

impl Known {
    fn check(&self, path: &TilePath, entries: &[Entry]) -> Result<(), Error> {
        let count = usize::try_from(self.edge.size()).unwrap_or(usize::MAX);
        if path.index != self.bundle || count == 0 {
            return Ok(());
        }
        match entries.get(..count) {
            Some(start) if edge(start)? == self.edge => Ok(()),
            _ => Err(remote::Error::Verify(VerifyError::Bundle { path: *path }).into()),
        }
    }
}

/// A copy goes on only with the log it was begun with.
pub fn check_same_log(
    progress: &Progress,
    stored: &LogKey,
    key: &LogKey,
    head: &Anchor,
) -> Result<(), Error> {
    if stored != key {
        let (stored, given) = (stored.origin().to_owned(), key.origin().to_owned());
        return Err(Error::OtherLog { stored, given });
    }
    let is_behind = head.size < progress.head.size;
    let is_other = head.size == progress.head.size && head.root != progress.head.root;
    if is_behind || is_other {
        return Err(Error::OtherHistory { stored: progress.head.size, anchored: head.size });
    }
    Ok(())
}

/// What a log shows beyond its anchor.
pub struct Ahead {
    pub shown: SignedCheckpoint,
    /// The error that makes the checkpoint evidence, or another.
    pub checked: Result<(), remote::Error>,
}

impl Ahead {
    /// The checkpoint contradicts the chain: the log's key signed two histories.
    pub fn is_evidence(&self) -> bool {
        matches!(
            self.checked,
            Err(remote::Error::Verify(
                VerifyError::Fork { .. } | VerifyError::NotAnchored { .. } | VerifyError::Shrunk { .. },
            ))
        )
    }
}

/// Holds the checkpoint that the log shows now against the anchored head, which it must continue.
pub async fn look_ahead(remote: &Remote, key: &LogKey, head: &Anchor) -> Result<Ahead, Error> {
    let shown = mirror::checkpoint(remote, key).await?;
    let checked = mirror::check_ahead(remote, &shown, head).await;
    Ok(Ahead { shown, checked })
}

//! Copying a log up to its anchored head. Only what was checked reaches the disk, and counts once the store says so.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, stream};
use medrec_accesslog::{
    Anchor, BUNDLE, Entry, TILE_WIDTH, TileContent, TilePath, VerifyError, decode_bundle, encode_bundle,
    mirror::{Outline, checked_bundle, edge},
};
use medrec_merkle::{Frontier, Hash};
use tokio::task::spawn_blocking;

use super::{
    Error,
    counters::Finder,
    remote::Remote,
    state::{self, Promised, State},
};
use crate::{
    failpoint,
    log::tile_dir::{self, TileDir},
    store::Store,
};

/// Bundles under way at the same time: 128 KiB each.
const CONCURRENT: usize = 8;
/// Bundles a transaction of the store speaks of.
const CHUNK: usize = 64;
/// Level of a bundle's hash in the tree of entries.
const BUNDLE_LEVEL: u8 = 8;

/// Copies one institution's log.
pub struct Copier<'a> {
    pub store: &'a Store,
    pub dir: &'a Arc<TileDir>,
    pub remote: &'a Remote,
}

/// Bundles that are on disk and not yet in the store.
#[derive(Default)]
struct Written {
    hashes: Vec<Hash>,
    promised: Vec<Promised>,
}

impl Copier<'_> {
    /// Copies what is missing up to `head`, which the chain vouches for and `signature` signs. On an error what came
    /// before it is kept.
    pub async fn run(&self, state: &mut State, head: Anchor, signature: &[u8]) -> Result<(), Error> {
        let outline = Outline::fetch(self.remote, &head, &state.bundles).await?;
        let mut connection = self.store.read().acquire().await?;
        let promised = state::promised(&mut connection, state.institution).await?;
        drop(connection);
        let mut finder = Finder::new(state.key.origin(), promised);
        self.bundles(state, &outline, &mut finder).await?;
        self.tail(state, &outline, &mut finder, head, signature).await
    }

    async fn bundles(&self, state: &mut State, outline: &Outline, finder: &mut Finder) -> Result<(), Error> {
        let known = Known { bundle: state.head.size / BUNDLE, edge: state.tail.clone() };
        let fetches = outline.bundles().map(|(path, hash)| self.bundle(path, hash, &known));
        let mut arriving = stream::iter(fetches).buffered(CONCURRENT);
        let mut ended = None;
        while ended.is_none() {
            let mut written = Written::default();
            while written.hashes.len() < CHUNK && ended.is_none() {
                match arriving.next().await {
                    Some(Ok((path, hash, entries))) => {
                        finder.look(path.index, &entries, &mut written.promised);
                        written.hashes.push(hash);
                    }
                    Some(Err(error)) => ended = Some(Err(error)),
                    None => ended = Some(Ok(())),
                }
            }
            let mut grown = state.clone();
            self.commit(&mut grown, &written).await?;
            *state = grown;
        }
        ended.unwrap_or(Ok(()))
    }

    /// Fetches, checks and writes one bundle.
    async fn bundle(
        &self,
        path: TilePath,
        hash: Hash,
        known: &Known,
    ) -> Result<(TilePath, Hash, Vec<Entry>), Error> {
        let entries = checked_bundle(self.remote, &path, &hash).await?;
        known.check(&path, &entries)?;
        self.write(path, &entries).await?;
        Ok((path, hash, entries))
    }

    async fn tail(
        &self,
        state: &mut State,
        outline: &Outline,
        finder: &mut Finder,
        head: Anchor,
        signature: &[u8],
    ) -> Result<(), Error> {
        let mut written = Written::default();
        if let Some(path) = tail_path(&head) {
            let known = Known { bundle: state.head.size / BUNDLE, edge: state.tail.clone() };
            known.check(&path, outline.tail())?;
            self.write(path, outline.tail()).await?;
            finder.look(path.index, outline.tail(), &mut written.promised);
        }
        let mut grown = state.clone();
        (grown.head, grown.signature, grown.tail) = (head, signature.to_vec(), edge(outline.tail())?);
        self.commit(&mut grown, &written).await?;
        *state = grown;
        Ok(())
    }

    /// One transaction: the state and all it needs.
    async fn commit(&self, state: &mut State, written: &Written) -> Result<(), Error> {
        failpoint::hit("mirror.tiles-written");
        let mut nodes = Vec::new();
        for hash in &written.hashes {
            state.bundles.push_with(*hash, |level, index, hash| {
                nodes.push((level.saturating_add(BUNDLE_LEVEL), index, hash));
            })?;
        }
        let mut tx = self.store.begin().await?;
        state::save(&mut tx, state).await?;
        state::add_nodes(&mut tx, state.institution, &nodes).await?;
        for promised in &written.promised {
            state::promise(&mut tx, state.institution, promised).await?;
        }
        tx.commit().await?;
        failpoint::hit("mirror.state-written");
        Ok(())
    }

    /// Fetches again what is not on disk any more. With `thorough` every file is read and checked, and removed if it is
    /// not what it was.
    pub async fn heal(&self, state: &State, thorough: bool) -> Result<u64, Error> {
        // Wider tiles of a place come later in the order.
        let stored: BTreeMap<u64, u16> =
            self.blocking(TileDir::list).await?.iter().map(|tile| (tile.index, tile.width)).collect();
        let mut healed = 0u64;
        let mut whole: Vec<u64> = (0..state.bundles.size()).collect();
        whole.extend(
            tail_path(&state.head).filter(|tail| tail.index >= state.bundles.size()).map(|tail| tail.index),
        );
        for index in whole {
            let path = stored_path(state, index);
            let is_there = stored.get(&index).is_some_and(|width| *width >= path.width);
            let mut connection = self.store.read().acquire().await?;
            let hash = expected_hash(&mut connection, state, &path).await?;
            drop(connection);
            let is_right = if thorough && is_there {
                self.blocking(move |dir| is_right(dir, &path, &hash)).await?
            } else {
                is_there
            };
            if !is_right {
                let entries = checked_bundle(self.remote, &path, &hash).await?;
                self.write(path, &entries).await?;
                healed = healed.saturating_add(1);
            }
        }
        Ok(healed)
    }

    async fn write(&self, path: TilePath, entries: &[Entry]) -> Result<(), Error> {
        let bytes = encode_bundle(entries);
        self.blocking(move |dir| match dir.write(&path, &bytes) {
            // Damaged on disk: what is to be written was checked just now.
            Err(tile_dir::Error::Differs { .. }) => {
                dir.remove(&path)?;
                dir.write(&path, &bytes)
            }
            done => done,
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&TileDir) -> Result<T, tile_dir::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let dir = self.dir.clone();
        Ok(spawn_blocking(move || work(&dir)).await.map_err(|_| Error::Cancelled)??)
    }
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
            _ => Err(super::remote::Error::Verify(VerifyError::Bundle { path: *path }).into()),
        }
    }
}

/// The partial bundle of a head, if it has one.
fn tail_path(head: &Anchor) -> Option<TilePath> {
    let index = head.size / BUNDLE;
    TilePath::in_log(TileContent::Entries, index, head.size).filter(TilePath::is_partial)
}

/// Bundle `index` as wide as it is here.
fn stored_path(state: &State, index: u64) -> TilePath {
    let full = TilePath { content: TileContent::Entries, index, width: TILE_WIDTH };
    if index < state.bundles.size() { full } else { tail_path(&state.head).unwrap_or(full) }
}

/// Root over the entries of a bundle of the copy.
pub(super) async fn expected_hash(
    connection: &mut sqlx::SqliteConnection,
    state: &State,
    path: &TilePath,
) -> Result<Hash, Error> {
    if path.is_partial() {
        return Ok(state.tail.root());
    }
    let found = state::nodes(connection, state.institution, BUNDLE_LEVEL, path.index, 1).await?;
    found.first().copied().ok_or_else(|| Error::Damaged { path: *path })
}

/// Whether a stored bundle is what it must be; one that is not is removed.
fn is_right(dir: &TileDir, path: &TilePath, hash: &Hash) -> Result<bool, tile_dir::Error> {
    let bytes = match dir.read(path) {
        Err(tile_dir::Error::Length { .. }) => None,
        read => read?,
    };
    let is_right = bytes.is_some_and(|bytes| gives(path, &bytes, hash));
    if !is_right {
        for tile in dir.list()?.iter().filter(|tile| tile.index == path.index && tile.width >= path.width) {
            dir.remove(tile)?;
        }
    }
    Ok(is_right)
}

/// Whether a bundle's bytes give its hash.
pub(super) fn gives(path: &TilePath, bytes: &[u8], hash: &Hash) -> bool {
    let edge = decode_bundle(path, bytes).ok().and_then(|entries| edge(&entries).ok());
    edge.is_some_and(|edge| edge.root() == *hash)
}

//! Where a copy is kept: bundles in files, all else in the store.

use std::{collections::BTreeMap, sync::Arc};

use medrec_accesslog::{
    Anchor, Entry, LogKey, TilePath, decode_bundle, encode_bundle,
    mirror::{checked_bundle, edge},
};
use medrec_merkle::Hash;
use medrec_mirror::{BUNDLE_LEVEL, Batch, Finder, Keep, Progress, Remote, tail_path};
use tokio::task::spawn_blocking;

use super::{
    Error,
    state::{self, State},
};
use crate::{
    failpoint,
    log::tile_dir::{self, TileDir},
    store::Store,
};

/// Copies one institution's log.
pub struct Copier<'a> {
    pub store: &'a Store,
    pub dir: &'a Arc<TileDir>,
    pub remote: &'a Remote,
    pub institution: u32,
    pub key: &'a LogKey,
}

impl Keep for Copier<'_> {
    type Error = Error;

    async fn put(&self, path: TilePath, entries: &[Entry]) -> Result<(), Error> {
        self.write(path, entries).await
    }

    /// One transaction: the state and all it needs.
    async fn commit(&self, progress: &Progress, batch: &Batch) -> Result<(), Error> {
        failpoint::hit("mirror.tiles-written");
        let mut tx = self.store.begin().await?;
        state::save(&mut tx, self.institution, self.key, progress).await?;
        state::add_nodes(&mut tx, self.institution, &batch.nodes).await?;
        for promised in &batch.promised {
            state::promise(&mut tx, self.institution, promised).await?;
        }
        tx.commit().await?;
        failpoint::hit("mirror.state-written");
        Ok(())
    }
}

impl Copier<'_> {
    /// Copies what is missing up to `head`, which the chain vouches for and `signature` signs.
    pub async fn run(&self, progress: &mut Progress, head: Anchor, signature: &[u8]) -> Result<(), Error> {
        let mut connection = self.store.read().acquire().await?;
        let promised = state::promised(&mut connection, self.institution).await?;
        drop(connection);
        let mut finder = Finder::new(self.key.origin(), promised);
        medrec_mirror::copy(self, self.remote, progress, &mut finder, head, signature).await
    }

    /// Fetches again what is not on disk any more. With `thorough` every file is read and checked, and removed if it is
    /// not what it was.
    pub async fn heal(&self, state: &State, thorough: bool) -> Result<u64, Error> {
        // Wider tiles of a place come later in the order.
        let stored: BTreeMap<u64, u16> =
            self.blocking(TileDir::list).await?.iter().map(|tile| (tile.index, tile.width)).collect();
        let mut healed = 0u64;
        let mut whole: Vec<u64> = (0..state.progress.bundles.size()).collect();
        whole.extend(
            tail_path(&state.progress.head)
                .filter(|tail| tail.index >= state.progress.bundles.size())
                .map(|tail| tail.index),
        );
        for index in whole {
            let path = state.progress.stored_path(index);
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
                let entries =
                    checked_bundle(self.remote, &path, &hash).await.map_err(medrec_mirror::Error::from)?;
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

/// Root over the entries of a bundle of the copy.
pub(super) async fn expected_hash(
    connection: &mut sqlx::SqliteConnection,
    state: &State,
    path: &TilePath,
) -> Result<Hash, Error> {
    if path.is_partial() {
        return Ok(state.progress.tail.root());
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

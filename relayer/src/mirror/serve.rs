//! `/mirrors/<institution id>/…`: verified copies, as their logs are served. Each bundle is checked once more when it is
//! read, so that a damaged disk is noticed here and not by those who ask.

use std::sync::atomic::Ordering;

use medrec_accesslog::{Entry, TileContent, TilePath, decode_bundle, encode_tile};
use medrec_merkle::Hash;
use medrec_mirror::{Copies, serve::Published};
use tokio::task::spawn_blocking;

use super::{Error, Mirrors, copy, state};
use crate::log::tile_dir;

/// The copy of one institution's log.
pub struct Copied {
    mirrors: Mirrors,
    institution: u32,
}

impl Copies for Mirrors {
    type Copy = Copied;

    fn of(&self, institution: u32) -> Option<Copied> {
        Some(Copied { mirrors: self.clone(), institution })
    }
}

impl Published for Copied {
    type Error = Error;

    async fn checkpoint(&self) -> Result<Option<String>, Error> {
        let mut connection = self.mirrors.store.read().acquire().await?;
        let Some(state) = state::load(&mut connection, self.institution).await? else { return Ok(None) };
        Ok(state.progress.checkpoint(&state.key)?.map(|signed| signed.note()))
    }

    async fn tile(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Error> {
        let mut connection = self.mirrors.store.read().acquire().await?;
        let Some(state) = state::load(&mut connection, self.institution).await? else { return Ok(None) };
        let whole = TilePath::in_log(path.content, path.index, state.progress.head.size);
        let Some(whole) = whole.filter(|whole| whole.width >= path.width) else { return Ok(None) };
        let mut bytes = match path.content {
            TileContent::Hashes { level } if level > 0 => {
                let level = level.saturating_mul(8);
                let first = path.index.saturating_mul(256);
                let hashes =
                    state::nodes(&mut connection, self.institution, level, first, path.width).await?;
                encode_tile(&hashes)
            }
            content => {
                let bundle = TilePath { content: TileContent::Entries, ..whole };
                let hash = copy::expected_hash(&mut connection, &state, &bundle).await?;
                drop(connection);
                let bytes = self.bundle(bundle, hash).await?;
                if content == TileContent::Entries { bytes } else { leaf_hashes(&bundle, &bytes)? }
            }
        };
        if bytes.len() < path.byte_len() {
            return Err(Error::Damaged { path: whole });
        }
        bytes.truncate(path.byte_len());
        Ok(Some(bytes))
    }

    async fn counters(&self, day: u32) -> Result<Option<Vec<u8>>, Error> {
        let mut connection = self.mirrors.store.read().acquire().await?;
        let Some(state) = state::load(&mut connection, self.institution).await? else { return Ok(None) };
        state::map(&mut connection, self.institution, day, state.progress.head.size).await
    }
}

impl Copied {
    /// A bundle as stored, if it gives its hash. One that does not is fetched again in the next round.
    async fn bundle(&self, path: TilePath, hash: Hash) -> Result<Vec<u8>, Error> {
        let folder = self.mirrors.folder(self.institution)?;
        let tiles = folder.tiles.clone();
        let read = spawn_blocking(move || {
            let bytes = match tiles.read(&path) {
                Err(tile_dir::Error::Length { .. }) => None,
                read => read?,
            };
            Ok::<_, tile_dir::Error>(bytes.filter(|bytes| copy::gives(&path, bytes, &hash)))
        });
        let bytes = read.await.map_err(|_| Error::Cancelled)??;
        bytes.ok_or_else(|| {
            folder.damaged.store(true, Ordering::SeqCst);
            Error::Damaged { path }
        })
    }
}

fn leaf_hashes(bundle: &TilePath, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let entries = decode_bundle(bundle, bytes).map_err(|_| Error::Damaged { path: *bundle })?;
    let hashes: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
    Ok(encode_tile(&hashes))
}

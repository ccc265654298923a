//! `/mirrors/<institution id>/…`: verified copies, as their logs are served. Each bundle is checked once more when it is
//! read, so that a damaged disk is noticed here and not by those who ask.

use std::sync::atomic::Ordering;

use axum::{
    Router,
    extract::{Path, State as Extracted},
    response::Response,
    routing::get,
};
use medrec_accesslog::{Entry, TileContent, TilePath, decode_bundle, encode_tile};
use medrec_merkle::Hash;
use tokio::task::spawn_blocking;

use super::{Error, Mirrors, copy, state};
use crate::log::{
    serve::{Published, serve_checkpoint, serve_counters, serve_tile},
    tile_dir,
};

/// Routes below `/mirrors`.
pub fn router(mirrors: Mirrors) -> Router {
    Router::new()
        .route("/mirrors/{institution}/checkpoint", get(checkpoint))
        .route("/mirrors/{institution}/tile/{*path}", get(tile))
        .route("/mirrors/{institution}/counters/{day}", get(counters))
        .with_state(mirrors)
}

/// The copy of one institution's log.
struct Copied {
    mirrors: Mirrors,
    institution: u32,
}

async fn checkpoint(Extracted(mirrors): Extracted<Mirrors>, Path(institution): Path<String>) -> Response {
    serve_checkpoint(mirrors.of(&institution).as_ref()).await
}

async fn tile(
    Extracted(mirrors): Extracted<Mirrors>,
    Path((institution, path)): Path<(String, String)>,
) -> Response {
    serve_tile(mirrors.of(&institution).as_ref(), &path).await
}

async fn counters(
    Extracted(mirrors): Extracted<Mirrors>,
    Path((institution, day)): Path<(String, String)>,
) -> Response {
    serve_counters(mirrors.of(&institution).as_ref(), &day).await
}

impl Mirrors {
    /// One spelling an institution: its number as it is written.
    fn of(&self, institution: &str) -> Option<Copied> {
        let number: u32 =
            institution.parse().ok().filter(|number: &u32| number.to_string() == institution)?;
        Some(Copied { mirrors: self.clone(), institution: number })
    }
}

impl Published for Copied {
    type Error = Error;

    async fn checkpoint(&self) -> Result<Option<String>, Error> {
        let mut connection = self.mirrors.store.read().acquire().await?;
        let Some(state) = state::load(&mut connection, self.institution).await? else { return Ok(None) };
        Ok(state.checkpoint()?.map(|signed| signed.note()))
    }

    async fn tile(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Error> {
        let mut connection = self.mirrors.store.read().acquire().await?;
        let Some(state) = state::load(&mut connection, self.institution).await? else { return Ok(None) };
        let whole = TilePath::in_log(path.content, path.index, state.head.size);
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
        state::map(&mut connection, self.institution, day, state.head.size).await
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

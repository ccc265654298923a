//! `/log/*`: what everybody may read (C2SP tlog-tiles), made from rows and files.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use medrec_accesslog::{Label, LogSigner, TileContent, TilePath, encode_bundle, encode_tile};
use medrec_mirror::serve::{Published, failed, serve_checkpoint, serve_counters, serve_tile};
use serde::Serialize;
use sqlx::SqliteConnection;

use super::{Error, checkpoint, counters, entries, head, tree};
use crate::store::{Store, from_db};

/// What the log's handlers need.
#[derive(Clone)]
pub struct Log {
    pub store: Arc<Store>,
    pub signer: Arc<LogSigner>,
}

/// Routes below `/log`.
pub fn router(log: Log) -> Router {
    Router::new()
        .route(
            "/log/checkpoint",
            get(|State(log): State<Log>| async move { serve_checkpoint(Some(&log)).await }),
        )
        .route(
            "/log/tile/{*path}",
            get(|State(log): State<Log>, Path(path): Path<String>| async move {
                serve_tile(Some(&log), &path).await
            }),
        )
        .route(
            "/log/counters/{day}",
            get(|State(log): State<Log>, Path(day): Path<String>| async move {
                serve_counters(Some(&log), &day).await
            }),
        )
        .route("/log/labels/{label}", get(serve_label))
        .with_state(log)
}

/// Where a label is, with proof.
#[derive(Serialize)]
struct Labelled {
    index: u64,
    checkpoint: String,
    proof: Vec<String>,
}

impl Published for Log {
    type Error = Error;

    async fn checkpoint(&self) -> Result<Option<String>, Error> {
        let mut connection = self.store.read().acquire().await?;
        Ok(Some(checkpoint(&self.signer, head(&mut connection).await?).note()))
    }

    async fn tile(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Error> {
        let mut connection = self.store.read().acquire().await?;
        tile(&self.store, &mut connection, path).await
    }

    async fn counters(&self, day: u32) -> Result<Option<Vec<u8>>, Error> {
        let mut connection = self.store.read().acquire().await?;
        counters::served(&mut connection, day).await
    }
}

/// Bytes of a tile or bundle; none if the log has not grown that far.
pub async fn tile(
    store: &Store,
    connection: &mut SqliteConnection,
    path: &TilePath,
) -> Result<Option<Vec<u8>>, Error> {
    let first = path.index.saturating_mul(u64::from(medrec_accesslog::TILE_WIDTH));
    let range = first..first.saturating_add(u64::from(path.width));
    match path.content {
        TileContent::Entries => {
            let entries = entries::bundle(store, connection, path.index, path.width).await?;
            Ok(entries.map(|entries| encode_bundle(&entries)))
        }
        TileContent::Hashes { level } => {
            let Some(level) = level.checked_mul(8) else { return Ok(None) };
            let wanted: Vec<_> = range.map(|index| (level, index)).collect();
            let nodes = tree::nodes(connection, &wanted).await?;
            let hashes: Vec<_> = nodes.into_values().collect();
            Ok((hashes.len() == usize::from(path.width)).then(|| encode_tile(&hashes)))
        }
    }
}

async fn serve_label(State(log): State<Log>, Path(label): Path<String>) -> Response {
    let Ok(label) = label.parse::<Label>() else { return StatusCode::NOT_FOUND.into_response() };
    match find(&log, label).await {
        Ok(Some(found)) => ([(header::CACHE_CONTROL, "no-store")], Json(found)).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

async fn find(log: &Log, label: Label) -> Result<Option<Labelled>, Error> {
    // One snapshot: the head must cover the entry.
    let mut snapshot = log.store.read().begin().await?;
    let index: Option<i64> = sqlx::query_scalar("SELECT idx FROM entries WHERE label = ?")
        .bind(&label.0[..])
        .fetch_optional(&mut *snapshot)
        .await?;
    let Some(index) = index.map(from_db) else { return Ok(None) };
    let head = head(&mut snapshot).await?;
    let proofs = tree::inclusion_proofs(&mut snapshot, &[index], head.size).await?;
    let proof = proofs.concat().iter().map(|hash| B64.encode(hash)).collect();
    Ok(Some(Labelled { index, checkpoint: checkpoint(&log.signer, head).note(), proof }))
}

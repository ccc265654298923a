//! The access log: entries in rows and bundle files, tiles and checkpoints from entries, anchors on a fixed tick.
//!
//! An entry is a row until its bundle is full and anchored, then a place in a file. Tiles and checkpoints are made from
//! the stored hashes, and can be made again.

pub mod anchor;
pub mod append;
pub mod check;
pub mod counters;
pub mod entries;
pub mod pacing;
pub mod promises;
pub mod retention;
pub mod scopes;
pub mod serve;
pub mod tally;
pub mod tile_dir;
pub mod tree;

use medrec_accesslog::{LogSigner, SignedCheckpoint};
use medrec_merkle::Hash;
use sqlx::SqliteConnection;

use crate::store;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the log's tree: {0}")]
    Tree(#[from] medrec_merkle::Error),
    #[error("an entry: {0}")]
    Entry(#[from] medrec_accesslog::EntryError),
    #[error("the log's key: {0}")]
    Key(#[from] medrec_accesslog::CheckpointError),
    #[error("the bundle files: {0}")]
    Files(#[from] tile_dir::Error),
    #[error("a bundle file: {0}")]
    Bundle(#[from] medrec_accesslog::TileError),
    #[error("a task that works on files ended early: {0}")]
    Blocking(String),
    #[error(
        "entry {index} is not the one that was written: its row or bundle file was altered or damaged; it is not \
         served. Restore it from the backup or a mirror"
    )]
    Damaged { index: u64 },
    #[error(
        "the stored log is not whole: {0}. Restore the store from its backup; nothing is appended to this one"
    )]
    Broken(#[from] check::Broken),
    #[error("label of entry {index} stands in the log already: two entries would share a key")]
    Label { index: u64 },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Size and root of what is committed (or, inside a transaction, about to be).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Hash,
}

/// The head as this connection sees it.
pub async fn head(connection: &mut SqliteConnection) -> Result<Head, Error> {
    let edge = append::edge(connection).await?;
    Ok(Head { size: edge.size(), root: edge.root() })
}

/// Signs heads of the one log this relayer writes. Signing any committed head is safe: heads only extend.
pub fn checkpoint(signer: &LogSigner, head: Head) -> SignedCheckpoint {
    signer.sign(head.size, head.root)
}

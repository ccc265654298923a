//! The access log: entries from rows, tiles and checkpoints from entries, anchors on a fixed tick.
//!
//! Truth is the `entries` table. Tiles, bundles and checkpoints are made from rows and can be made again.

pub mod anchor;
pub mod append;
pub mod scopes;
pub mod serve;
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

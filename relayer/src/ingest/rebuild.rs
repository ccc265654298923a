//! The projection made anew from the contracts' state at one height, and checked against every block there is.

use std::{collections::BTreeSet, str::FromStr};

use futures::StreamExt;
use medrec_clients::NodeStatus;
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{Error, Source, project::project, react::Reactor, state};
use crate::{
    failpoint,
    filing::openings,
    projection::{
        Difference, Snapshot,
        cursor::{self, Cursor},
        rows, version,
    },
    store::{self, Store},
};

/// What a rebuild found.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    pub cursor: Cursor,
    pub relationships: usize,
    /// How the rows were wrong before.
    pub differences: Vec<Difference>,
    pub filing_wanted: bool,
}

/// Makes the rows what the contracts' state says at the newest height whose state is surely there, sets the cursor to
/// it, and reacts to what was missed; what was reacted to before is not done again. One transaction: a crash leaves
/// the projection of before or the new one.
pub async fn rebuild(store: &Store, source: &Source, status: &NodeStatus) -> Result<Rebuilt, Error> {
    source.is_our_chain(status)?;
    let mut connection = store.read().acquire().await?;
    let (applied, openings) =
        (cursor::read(&mut connection).await?, openings::addresses(&mut connection).await?);
    drop(connection);
    // A node tells of its newest block a moment before it has that block's state.
    let height = status.height.saturating_sub(1).max(1);
    // Nothing that was applied is taken back.
    let height = applied.map_or(height, |applied| applied.height.max(height));
    if height > status.height {
        return Err(Error::Receding { applied: height, found: status.height });
    }
    let block = source.block(height).await?;
    let snapshot = state::read(source.contracts(), &openings, height).await?;
    failpoint::hit("rebuild.read");

    let mut tx = store.begin().await?;
    refuse_forgotten(&rows::relationships(&mut tx).await?, &snapshot)?;
    let before = match Snapshot::stored(&mut tx).await {
        // Rows that cannot be read are no reason to keep them.
        Err(store::Error::Corrupt { .. }) => {
            rows::clear(&mut tx).await?;
            Snapshot::default()
        }
        stored => stored?,
    };
    let differences = before.differences(&snapshot);
    for difference in &differences {
        snapshot.write(&mut tx, difference.item()).await?;
    }
    let cursor = Cursor { height, time: block.time_seconds, hash: block.hash };
    cursor::write(&mut tx, &cursor).await?;
    version::write(&mut tx).await?;
    let reactor = Reactor { store, identity: &source.identity, at: cursor.time, height };
    let filing_wanted = reactor.react(&mut tx, snapshot.relationships.keys().copied()).await?;
    tx.commit().await.map_err(store::Error::from)?;
    failpoint::hit("rebuild.written");
    Ok(Rebuilt { cursor, relationships: snapshot.relationships.len(), differences, filing_wanted })
}

/// A chain forgets no relationship: what is here and not there was made by somebody else's hand, or by another chain.
pub(super) fn refuse_forgotten<'a>(
    ours: impl IntoIterator<Item = &'a u64>,
    contracts: &Snapshot,
) -> Result<(), Error> {
    match ours.into_iter().find(|id| !contracts.relationships.contains_key(id)) {
        Some(id) => Err(Error::Forgotten { relationship: *id }),
        None => Ok(()),
    }
}

/// What the audit found.
#[derive(Clone, Debug)]
pub struct Audit {
    pub height: u64,
    pub blocks: u64,
    pub relationships: usize,
    /// How what the blocks say differs from the contracts' state; none: they are one.
    pub differences: Vec<Difference>,
}

/// Projects every block from the first into scratch tables and compares with the contracts' state at that height.
/// Nothing is written to the store. The node must have every block.
pub async fn audit(store: &Store, source: &Source, status: &NodeStatus) -> Result<Audit, Error> {
    source.is_our_chain(status)?;
    let height = status.height.saturating_sub(1).max(1);
    let mut connection = store.read().acquire().await?;
    let openings = openings::addresses(&mut connection).await?;
    drop(connection);
    let mut scratch = scratch(&openings).await?;
    let mut blocks = std::pin::pin!(source.blocks(1..=height));
    let mut touched = BTreeSet::new();
    while let Some(fetched) = blocks.next().await {
        let (block, results) = fetched?;
        project(&mut scratch, &source.identity, (&block, &results), &mut touched).await?;
        if block.height.is_multiple_of(10_000) {
            tracing::info!(block = block.height, of = height, "replayed");
        }
    }
    let replayed = Snapshot::stored(&mut scratch).await?;
    let snapshot = state::read(source.contracts(), &openings, height).await?;
    let differences = replayed.differences(&snapshot);
    Ok(Audit { height, blocks: height, relationships: replayed.relationships.len(), differences })
}

/// The store's tables in memory, with nothing but the addresses of our openings in them.
async fn scratch(openings: &state::Openings) -> Result<SqliteConnection, Error> {
    // It is thrown away: no statement need be undone.
    let options = SqliteConnectOptions::from_str("sqlite::memory:")?.journal_mode(SqliteJournalMode::Off);
    let mut scratch = SqliteConnection::connect_with(&options).await?;
    Store::migrate(&mut scratch).await?;
    let mut tx = scratch.begin().await?;
    for (index, (steward, patient)) in (0i64..).zip(openings) {
        sqlx::query(
            "INSERT INTO openings (delegate, steward, patient, patient_id, requested_at) VALUES (?, ?, ?, '', 0)",
        )
        .bind(index)
        .bind(steward)
        .bind(patient)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(scratch)
}

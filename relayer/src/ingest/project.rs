//! One block's events become rows, on any connection that has the projection's tables: the store's, or a scratch one.

use std::collections::BTreeSet;

use medrec_clients::{Block, BlockEvents, Event};
use medrec_events::{DecodeError, registrar, relationship};
use medrec_rules::Status;
use sqlx::SqliteConnection;

use super::Error;
use crate::{
    identity::Identity,
    projection::{
        Grant,
        cursor::{self, Cursor},
        rows,
    },
    store::{self, to_db},
};

/// Projects the block after the cursor and moves the cursor; the relationships whose rows changed are added to
/// `touched`.
pub async fn project(
    connection: &mut SqliteConnection,
    identity: &Identity,
    (block, results): (&Block, &BlockEvents),
    touched: &mut BTreeSet<u64>,
) -> Result<Cursor, Error> {
    if let Some(before) = cursor::read(connection).await? {
        if before.height.checked_add(1) != Some(block.height) {
            return Err(Error::Gap { applied: before.height, found: block.height });
        }
        if block.last_hash != Some(before.hash) {
            return Err(Error::OtherHistory { height: block.height });
        }
    }
    let mut work = Work { identity, block, connection, touched };
    // Events of a failed transaction changed nothing.
    for event in results.txs.iter().filter(|tx| tx.code == 0).flat_map(|tx| &tx.events) {
        work.event(event).await?;
    }
    let cursor = Cursor { height: block.height, time: block.time_seconds, hash: block.hash };
    cursor::write(connection, &cursor).await?;
    Ok(cursor)
}

struct Work<'a> {
    identity: &'a Identity,
    block: &'a Block,
    connection: &'a mut SqliteConnection,
    touched: &'a mut BTreeSet<u64>,
}

impl Work<'_> {
    /// Events of other contracts and unknown kinds are nothing to us.
    async fn event(&mut self, event: &Event) -> Result<(), Error> {
        let attributes: Vec<(&str, &str)> =
            event.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let decoded = relationship::Event::decode(&self.identity.contract.address, &event.kind, &attributes);
        if let Some(event) = self.usable(decoded).await?.flatten() {
            return self.relationship(event).await;
        }
        let decoded = registrar::Event::decode(&self.identity.registrar, &event.kind, &attributes);
        match self.usable(decoded).await?.flatten() {
            Some(event) => self.registrar(event).await,
            None => Ok(()),
        }
    }

    /// A bad payload is recorded and skipped; our own contract breaking its word stops the line (security H24).
    async fn usable<T>(&mut self, decoded: Result<T, DecodeError>) -> Result<Option<T>, Error> {
        match decoded {
            Ok(event) => Ok(Some(event)),
            Err(reason @ DecodeError::Schema { .. }) => {
                Err(Error::Schema { height: self.block.height, reason })
            }
            Err(reason @ DecodeError::Payload { .. }) => {
                skip(self.connection, self.block.height, None, &reason.to_string()).await?;
                Ok(None)
            }
        }
    }

    async fn registrar(&mut self, event: registrar::Event) -> Result<(), Error> {
        match event {
            registrar::Event::InstitutionAdmitted { id, signing_key, .. } => {
                rows::set_institution(self.connection, id, true, &signing_key).await?;
            }
            registrar::Event::InstitutionExpelled { id } => rows::expelled(self.connection, id).await?,
            registrar::Event::InstitutionRekeyed { id, signing_key, .. } => {
                rows::rekeyed(self.connection, id, &signing_key).await?;
            }
            // Persons and researchers are looked up when needed; policies are the contract's matter.
            _ => {}
        }
        Ok(())
    }

    async fn relationship(&mut self, event: relationship::Event) -> Result<(), Error> {
        use relationship::Event;
        let connection = &mut *self.connection;
        let (id, ours) = match event {
            Event::Opened { id, patient, steward, .. } => {
                let ours = rows::is_ours(connection, &steward, &patient).await?;
                if ours {
                    rows::opened(connection, id, &patient, &steward, self.block.height).await?;
                }
                (id, ours)
            }
            Event::Accepted { id, sealed, .. } => (id, rows::accepted(connection, id, &sealed).await?),
            Event::Rejected { id } => (id, rows::set_status(connection, id, Status::Rejected).await?),
            Event::Closed { id, .. } => (id, rows::closed(connection, id, self.block.height).await?),
            Event::ResearchChosen { id, categories } => {
                (id, rows::research_chosen(connection, id, categories, self.block.height).await?)
            }
            Event::Rotated { id, party, address, .. } => {
                (id, rows::rotated(connection, id, party, &address).await?)
            }
            Event::Granted { id, grant, viewer, kind, tags, from, until, .. } => {
                let row = Grant { number: grant, viewer, kind, tags, from, until, revoked_at: None };
                (id, rows::set_grant(connection, id, &row).await?)
            }
            Event::Revoked { id, grant, .. } => {
                (id, rows::revoked(connection, id, grant, self.block.time_seconds).await?)
            }
            Event::DelegatesAdmitted { .. } | Event::SponsorChanged { .. } => return Ok(()),
        };
        if ours {
            self.touched.insert(id);
        }
        Ok(())
    }
}

/// Records a payload that could not be used.
pub(super) async fn skip(
    connection: &mut SqliteConnection,
    height: u64,
    relationship: Option<u64>,
    reason: &str,
) -> Result<(), store::Error> {
    tracing::warn!(height, relationship, reason, "a payload was skipped");
    sqlx::query("INSERT INTO skipped (height, relationship, reason) VALUES (?, ?, ?)")
        .bind(to_db(height))
        .bind(relationship.map(to_db))
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}

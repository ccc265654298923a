//! One block: its events become rows, entries and work, together with the cursor.

use medrec_accesslog::{Body, Root};
use medrec_clients::{Block, BlockEvents, Event};
use medrec_events::{DecodeError, registrar, relationship};
use medrec_rules::Status;
use medrec_wallet::opening::read_acceptance;

use super::Error;
use crate::{
    filing::{self, openings, sealer},
    identity::Identity,
    log::append::Appender,
    projection::{
        self, Grant,
        cursor::{self, Cursor},
    },
    store::{Store, Tx, to_db},
};

/// What became of a block.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    pub cursor: Cursor,
    /// A relationship was accepted: its rows can be filed.
    pub filing_wanted: bool,
}

/// Applies the block after the cursor. All of it or nothing.
pub async fn apply(
    store: &Store,
    identity: &Identity,
    block: &Block,
    results: &BlockEvents,
) -> Result<Applied, Error> {
    let mut tx = store.begin().await?;
    if let Some(before) = cursor::read(&mut tx).await? {
        if before.height.checked_add(1) != Some(block.height) {
            return Err(Error::Gap { applied: before.height, found: block.height });
        }
        if block.last_hash != Some(before.hash) {
            return Err(Error::OtherHistory { height: block.height });
        }
    }
    let appender = Appender::open(&mut tx).await?;
    let mut work = Work { store, identity, block, tx, appender, filing_wanted: false };
    // Events of a failed transaction changed nothing.
    let events = results.txs.iter().filter(|tx| tx.code == 0).flat_map(|tx| &tx.events);
    for event in events {
        work.event(event).await?;
    }
    let Work { mut tx, appender, filing_wanted, .. } = work;
    appender.close(&mut tx).await?;
    let cursor = Cursor { height: block.height, time: block.time_seconds, hash: block.hash };
    cursor::write(&mut tx, &cursor).await?;
    tx.commit().await?;
    Ok(Applied { cursor, filing_wanted })
}

struct Work<'a> {
    store: &'a Store,
    identity: &'a Identity,
    block: &'a Block,
    tx: Tx,
    appender: Appender,
    filing_wanted: bool,
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
                self.skip(None, &reason.to_string()).await?;
                Ok(None)
            }
        }
    }

    async fn registrar(&mut self, event: registrar::Event) -> Result<(), Error> {
        match event {
            registrar::Event::InstitutionAdmitted { id, signing_key, .. } => {
                projection::set_institution(&mut self.tx, id, true, &signing_key).await?;
            }
            registrar::Event::InstitutionExpelled { id } => projection::expelled(&mut self.tx, id).await?,
            registrar::Event::InstitutionRekeyed { id, signing_key, .. } => {
                projection::rekeyed(&mut self.tx, id, &signing_key).await?;
            }
            // Persons are looked up when needed; policies are the contract's matter.
            _ => {}
        }
        Ok(())
    }

    async fn relationship(&mut self, event: relationship::Event) -> Result<(), Error> {
        use relationship::Event;
        match event {
            Event::Opened { id, patient, steward, .. } => {
                if openings::bind(&mut self.tx, &steward, &patient, id).await? {
                    projection::opened(&mut self.tx, id, &patient, &steward, self.block.height).await?;
                }
                Ok(())
            }
            Event::Accepted { id, sealed, .. } => self.accepted(id, &sealed).await,
            Event::Rejected { id } => self.ended(id, Status::Rejected).await,
            Event::Closed { id, .. } => self.ended(id, Status::Closed).await,
            Event::Rotated { id, party, address, .. } => {
                projection::rotated(&mut self.tx, id, party, &address).await?;
                Ok(())
            }
            Event::Granted { id, grant, viewer, kind, tags, from, until, .. } => {
                let row = Grant { number: grant, viewer, kind, tags, from, until, revoked_at: None };
                if projection::granted(&mut self.tx, id, &row).await? {
                    let (at, height) = self.now();
                    self.log(id, &Body::GrantSeen { at, height, grant }).await?;
                }
                Ok(())
            }
            Event::Revoked { id, grant, .. } => {
                let (at, height) = self.now();
                if projection::revoked(&mut self.tx, id, grant, at).await? {
                    self.log(id, &Body::RevokeSeen { at, height, grant }).await?;
                }
                Ok(())
            }
            Event::DelegatesAdmitted { .. } | Event::SponsorChanged { .. } => Ok(()),
        }
    }

    /// Both parts are there: the ratchet starts, its first entry says so, and filing may begin.
    async fn accepted(&mut self, id: u64, sealed: &[u8]) -> Result<(), Error> {
        if !projection::set_status(&mut self.tx, id, Status::Active).await? {
            return Ok(());
        }
        let vault = self.store.vault();
        let Some(secrets) = openings::secrets(&mut self.tx, vault, id).await? else {
            return self.skip(Some(id), "accepted, but the secrets to read the acceptance are gone").await;
        };
        let patient_part = match read_acceptance(&self.identity.contract, id, &secrets.kem_secret, sealed) {
            Ok(part) => part,
            Err(error) => return self.skip(Some(id), &error.to_string()).await,
        };
        let root = Root::from_parts(&patient_part, &secrets.steward_part);
        let place = self.identity.place(id);
        let (ratchet, tag_key) = (root.ratchet(&place), root.tag_key(&place));
        sealer::start(&mut self.tx, vault, id, ratchet, &tag_key).await?.save(&mut self.tx, vault).await?;
        openings::erase_secrets(&mut self.tx, id).await?;
        let (at, height) = self.now();
        self.log(id, &Body::Opened { at, height }).await?;
        filing::want(&mut self.tx, id).await?;
        self.filing_wanted = true;
        Ok(())
    }

    async fn ended(&mut self, id: u64, status: Status) -> Result<(), Error> {
        if projection::set_status(&mut self.tx, id, status).await? {
            openings::erase_secrets(&mut self.tx, id).await?;
            let (at, height) = self.now();
            self.log(id, &Body::Closed { at, height }).await?;
        }
        Ok(())
    }

    /// Appends to the relationship's log; before it was accepted it has none.
    async fn log(&mut self, id: u64, body: &Body) -> Result<(), Error> {
        let vault = self.store.vault();
        if let Some(mut sealer) = sealer::load(&mut self.tx, vault, id).await? {
            sealer.seal(&mut self.tx, &mut self.appender, body).await?;
            sealer.save(&mut self.tx, vault).await?;
        }
        Ok(())
    }

    /// Block time and height.
    fn now(&self) -> (u64, u64) {
        (self.block.time_seconds, self.block.height)
    }

    async fn skip(&mut self, relationship: Option<u64>, reason: &str) -> Result<(), Error> {
        tracing::warn!(height = self.block.height, relationship, reason, "a payload was skipped");
        sqlx::query("INSERT INTO skipped (height, relationship, reason) VALUES (?, ?, ?)")
            .bind(to_db(self.block.height))
            .bind(relationship.map(to_db))
            .bind(reason)
            .execute(&mut *self.tx)
            .await?;
        Ok(())
    }
}

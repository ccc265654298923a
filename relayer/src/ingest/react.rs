//! What follows from the projected rows: each reaction once, whichever way the fact became known.
//!
//! A fact that was reacted to has a row in `reactions`, written in the transaction of the reaction. What is projected
//! and has none is reacted to now: after its block, a rebuild or a reconcile alike.

use std::collections::BTreeSet;

use medrec_accesslog::{Body, Root};
use medrec_rules::Status;
use medrec_wallet::opening::read_acceptance;
use sqlx::{Row, SqliteConnection};

use super::{Error, project::skip};
use crate::{
    filing::{self, openings, sealer},
    identity::Identity,
    log::append::Appender,
    projection::{self, Relationship},
    store::{self, Store, to_db},
};

/// Who reacts, and when: block time and height of the projected state.
#[derive(Clone, Copy)]
pub struct Reactor<'a> {
    pub store: &'a Store,
    pub identity: &'a Identity,
    pub at: u64,
    pub height: u64,
}

/// A fact that is reacted to once. Grants by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Opened,
    Accepted,
    Ended,
    Grant(u32),
    Revoke(u32),
}

impl Fact {
    fn row(self) -> (&'static str, u32) {
        match self {
            Self::Opened => ("opened", 0),
            Self::Accepted => ("accepted", 0),
            Self::Ended => ("ended", 0),
            Self::Grant(number) => ("grant", number),
            Self::Revoke(number) => ("revoke", number),
        }
    }

    fn from_row(word: &str, number: u32) -> Option<Self> {
        [Self::Opened, Self::Accepted, Self::Ended, Self::Grant(number), Self::Revoke(number)]
            .into_iter()
            .find(|fact| fact.row().0 == word)
    }
}

impl Reactor<'_> {
    /// Does for these relationships what was not done yet; true if one of them has rows to file now. The transaction
    /// is the caller's, so that reactions and what they follow from commit together.
    pub async fn react(
        &self,
        tx: &mut SqliteConnection,
        relationships: impl IntoIterator<Item = u64>,
    ) -> Result<bool, Error> {
        let mut appender = Appender::open(self.store, tx).await?;
        let mut filing_wanted = false;
        for id in relationships {
            if let Some(found) = projection::relationship(tx, id).await? {
                filing_wanted |= self.one(tx, &mut appender, &found).await?;
            }
        }
        appender.close(tx).await?;
        Ok(filing_wanted)
    }

    async fn one(
        &self,
        tx: &mut SqliteConnection,
        appender: &mut Appender,
        found: &Relationship,
    ) -> Result<bool, Error> {
        let mut done = done(tx, found.id).await?;
        let mut is_new = |fact: Fact| done.insert(fact).then_some(fact);
        let vault = self.store.vault();
        if let Some(fact) = is_new(Fact::Opened) {
            openings::bind(tx, &found.opened_by, found.id).await?;
            keep(tx, found.id, fact).await?;
        }
        let mut bodies = Vec::new();
        let mut filing_wanted = false;
        if let Some(sealed) = &found.sealed_accept
            && let Some(fact) = is_new(Fact::Accepted)
        {
            keep(tx, found.id, fact).await?;
            if self.start(tx, found.id, sealed).await? {
                bodies.push(Body::Opened { at: self.at, height: self.height });
                filing_wanted = found.status == Status::Active;
            }
        }
        // Before it was accepted a relationship has no log; what happened until then is told when it has one.
        let sealer = sealer::load(tx, vault, found.id).await?;
        if sealer.is_some() {
            for grant in &found.grants {
                let (at, height, number) = (self.at, self.height, grant.number);
                if let Some(fact) = is_new(Fact::Grant(number)) {
                    bodies.push(Body::GrantSeen { at, height, grant: number });
                    keep(tx, found.id, fact).await?;
                }
                if grant.revoked_at.is_some()
                    && let Some(fact) = is_new(Fact::Revoke(number))
                {
                    bodies.push(Body::RevokeSeen { at, height, grant: number });
                    keep(tx, found.id, fact).await?;
                }
            }
        }
        if matches!(found.status, Status::Rejected | Status::Closed)
            && let Some(fact) = is_new(Fact::Ended)
        {
            openings::erase_secrets(tx, found.id).await?;
            bodies.push(Body::Closed { at: self.at, height: self.height });
            keep(tx, found.id, fact).await?;
        }
        if let Some(mut sealer) = sealer
            && !bodies.is_empty()
        {
            for body in &bodies {
                sealer.seal(tx, appender, body).await?;
            }
            sealer.save(tx, vault).await?;
        }
        if filing_wanted {
            filing::want(tx, found.id).await?;
        }
        Ok(filing_wanted)
    }

    /// Both parts are there: the ratchet starts. False if the acceptance cannot be read, which is recorded.
    async fn start(&self, tx: &mut SqliteConnection, id: u64, sealed: &[u8]) -> Result<bool, Error> {
        let vault = self.store.vault();
        let Some(secrets) = openings::secrets(tx, vault, id).await? else {
            let reason = "accepted, but the secrets to read the acceptance are gone";
            skip(tx, self.height, Some(id), reason).await?;
            return Ok(false);
        };
        let patient_part = match read_acceptance(&self.identity.contract, id, &secrets.kem_secret, sealed) {
            Ok(part) => part,
            Err(error) => {
                skip(tx, self.height, Some(id), &error.to_string()).await?;
                return Ok(false);
            }
        };
        let root = Root::from_parts(&patient_part, &secrets.steward_part);
        let place = self.identity.place(id);
        let (ratchet, tag_key) = (root.ratchet(&place), root.tag_key(&place));
        sealer::start(tx, vault, id, ratchet, &tag_key).await?.save(tx, vault).await?;
        openings::erase_secrets(tx, id).await?;
        Ok(true)
    }
}

async fn done(connection: &mut SqliteConnection, relationship: u64) -> Result<BTreeSet<Fact>, store::Error> {
    let rows = sqlx::query("SELECT fact, number FROM reactions WHERE relationship = ?")
        .bind(to_db(relationship))
        .fetch_all(connection)
        .await?;
    let fact = |row: &sqlx::sqlite::SqliteRow| {
        let number = store::small("reactions.number", row.try_get("number")?)?;
        Fact::from_row(&row.try_get::<String, _>("fact")?, number)
            .ok_or_else(|| store::Error::Corrupt { what: "reactions.fact".into() })
    };
    rows.iter().map(fact).collect()
}

async fn keep(connection: &mut SqliteConnection, relationship: u64, fact: Fact) -> Result<(), store::Error> {
    let (word, number) = fact.row();
    sqlx::query("INSERT INTO reactions (relationship, fact, number) VALUES (?, ?, ?)")
        .bind(to_db(relationship))
        .bind(word)
        .bind(i64::from(number))
        .execute(connection)
        .await?;
    Ok(())
}

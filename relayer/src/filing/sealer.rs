//! The ratchet of a relationship inside a transaction: every entry takes one step, the state behind it is gone.

use std::collections::BTreeMap;

use medrec_accesslog::{Body, Entry, Filed, Ratchet, TagKey};
use medrec_merkle::Hash;
use rand_core::{OsRng, RngCore};
use sqlx::{QueryBuilder, Row, SqliteConnection, sqlite::SqliteRow};

use super::Error;
use crate::{
    log::append::{Appender, Owner},
    store::{Vault, from_db, to_db},
};

/// Ratchets in one statement.
const CHUNK: usize = 500;

/// A relationship's ratchet, loaded; [`Sealer::save`] must be called before the transaction commits.
pub struct Sealer {
    relationship: u64,
    ratchet: Ratchet,
}

/// An entry just written, with what opens it to the one it is about.
pub struct Sealed {
    pub index: u64,
    pub entry: Entry,
    pub blind: [u8; 32],
}

/// The relationship's ratchet; none before it was accepted.
pub async fn load(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
) -> Result<Option<Sealer>, Error> {
    let row = sqlx::query("SELECT relationship, counter, chain_key FROM ratchets WHERE relationship = ?")
        .bind(to_db(relationship))
        .fetch_optional(connection)
        .await?;
    row.map(|row| loaded(vault, &row)).transpose()
}

/// Ratchets of many relationships; those that were not accepted have none.
pub async fn load_all(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationships: &[u64],
) -> Result<BTreeMap<u64, Sealer>, Error> {
    let mut found = BTreeMap::new();
    for chunk in relationships.chunks(CHUNK) {
        let mut select = QueryBuilder::new(
            "SELECT relationship, counter, chain_key FROM ratchets WHERE relationship IN (",
        );
        let mut list = select.separated(", ");
        for relationship in chunk {
            list.push_bind(to_db(*relationship));
        }
        select.push(")");
        for row in select.build().persistent(false).fetch_all(&mut *connection).await? {
            let sealer = loaded(vault, &row)?;
            found.insert(sealer.relationship, sealer);
        }
    }
    Ok(found)
}

fn loaded(vault: &Vault, row: &SqliteRow) -> Result<Sealer, Error> {
    let relationship = from_db(row.try_get("relationship")?);
    let chain_key = vault.open(&chain_key_place(relationship), row.try_get("chain_key")?)?;
    let ratchet = Ratchet::resume(from_db(row.try_get("counter")?), *chain_key);
    Ok(Sealer { relationship, ratchet })
}

/// Stores the states of the next entries over those before.
pub async fn save_all(
    connection: &mut SqliteConnection,
    vault: &Vault,
    sealers: &[Sealer],
) -> Result<(), Error> {
    for chunk in sealers.chunks(CHUNK) {
        let mut rows = Vec::with_capacity(chunk.len());
        for Sealer { relationship, ratchet } in chunk {
            let chain_key = vault.seal(&chain_key_place(*relationship), ratchet.chain_key())?;
            rows.push((to_db(*relationship), to_db(ratchet.counter()), chain_key));
        }
        let mut update =
            QueryBuilder::new("UPDATE ratchets SET counter = new.column2, chain_key = new.column3 FROM (");
        update.push_values(rows, |mut row, (relationship, counter, chain_key)| {
            row.push_bind(relationship).push_bind(counter).push_bind(chain_key);
        });
        update.push(") AS new WHERE ratchets.relationship = new.column1");
        update.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Begins a relationship's log.
pub async fn start(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
    ratchet: Ratchet,
    tag_key: &TagKey,
) -> Result<Sealer, Error> {
    sqlx::query("INSERT INTO ratchets (relationship, counter, chain_key, tag_key) VALUES (?, ?, ?, ?)")
        .bind(to_db(relationship))
        .bind(to_db(ratchet.counter()))
        .bind(vault.seal(&chain_key_place(relationship), ratchet.chain_key())?)
        .bind(vault.seal(&tag_key_place(relationship), tag_key.as_bytes())?)
        .execute(connection)
        .await?;
    Ok(Sealer { relationship, ratchet })
}

/// The key of a relationship's tags; none before it was accepted.
pub async fn tag_key(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
) -> Result<Option<zeroize::Zeroizing<[u8; 32]>>, Error> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT tag_key FROM ratchets WHERE relationship = ?")
        .bind(to_db(relationship))
        .fetch_optional(connection)
        .await?;
    Ok(sealed.map(|sealed| vault.open(&tag_key_place(relationship), &sealed)).transpose()?)
}

impl Sealer {
    pub fn relationship(&self) -> u64 {
        self.relationship
    }

    /// Number of the relationship's next entry.
    pub fn counter(&self) -> u64 {
        self.ratchet.counter()
    }

    /// Appends an entry that files nothing.
    pub async fn seal(
        &mut self,
        connection: &mut SqliteConnection,
        appender: &mut Appender,
        body: &Body,
    ) -> Result<Sealed, Error> {
        let mut blind = [0; 32];
        OsRng.fill_bytes(&mut blind);
        self.seal_blinded(connection, appender, body, blind).await
    }

    /// As [`Sealer::seal`], under a blind chosen before: random, used for no other entry.
    pub async fn seal_blinded(
        &mut self,
        connection: &mut SqliteConnection,
        appender: &mut Appender,
        body: &Body,
        blind: [u8; 32],
    ) -> Result<Sealed, Error> {
        let step = self.ratchet.step();
        let entry = Entry::seal(&step, &blind, body)?;
        let index = self.append(connection, appender, &entry, step.counter(), body.name()).await?;
        Ok(Sealed { index, entry, blind })
    }

    /// Appends the entry that files a record; its index.
    pub async fn file(
        &mut self,
        connection: &mut SqliteConnection,
        appender: &mut Appender,
        commitment: Hash,
        filed: Filed,
    ) -> Result<u64, Error> {
        let step = self.ratchet.step();
        let entry = Entry::file(&step, commitment, filed)?;
        self.append(connection, appender, &entry, step.counter(), "filed").await
    }

    async fn append(
        &self,
        connection: &mut SqliteConnection,
        appender: &mut Appender,
        entry: &Entry,
        counter: u64,
        kind: &'static str,
    ) -> Result<u64, Error> {
        let owner = Owner { relationship: self.relationship, counter };
        Ok(appender.append(connection, entry, Some(owner), kind).await?)
    }

    /// Stores the state of the next entry over the one before.
    pub async fn save(self, connection: &mut SqliteConnection, vault: &Vault) -> Result<(), Error> {
        sqlx::query("UPDATE ratchets SET counter = ?, chain_key = ? WHERE relationship = ?")
            .bind(to_db(self.ratchet.counter()))
            .bind(vault.seal(&chain_key_place(self.relationship), self.ratchet.chain_key())?)
            .bind(to_db(self.relationship))
            .execute(connection)
            .await?;
        Ok(())
    }
}

fn chain_key_place(relationship: u64) -> String {
    format!("ratchets/chain_key/{relationship}")
}

pub(crate) fn tag_key_place(relationship: u64) -> String {
    format!("ratchets/tag_key/{relationship}")
}

//! Requests answered within their window: the same nonce and request gets the same response, another request with
//! that nonce is refused (security H25).
//!
//! The rows of `requests` are the truth; what stands in memory only spares looking for a row that is not there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use medrec_gate::VerifiedRequest;
use medrec_merkle::{Hash, tagged_hash};
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::answer::Position;
use crate::store::{Error, fixed, from_db, to_db};

/// Rows are kept this much longer than their request may be used, seconds.
const SLACK: u64 = 10;
/// Rows looked at in one commit for what may be forgotten: more than a commit adds.
const SWEEP: i64 = 256;
const NAME: &str = "medrec/store/request/v1";
/// Rows in one INSERT; SQLite takes 32,766 parameters.
const CHUNK: usize = 500;

/// A request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: i64,
    /// Hash of the request.
    pub digest: Hash,
    expires: u64,
}

/// A response about to be kept.
pub struct Answered {
    pub name: Hash,
    pub digest: Hash,
    pub expires: u64,
    pub position: Position,
    pub kept: Vec<u8>,
}

/// What was answered, by signer and nonce.
#[derive(Debug, Default)]
pub struct Recent(Mutex<HashMap<Hash, Seen>>);

/// Signer and nonce as the store knows them.
pub fn name(request: &VerifiedRequest) -> Hash {
    tagged_hash(NAME, &[request.address.as_bytes(), &request.nonce])
}

impl Recent {
    /// Learns what is in the store: before the first request, or a nonce could be used twice. The highest number of a row.
    pub async fn load(&self, connection: &mut SqliteConnection) -> Result<i64, Error> {
        let rows =
            sqlx::query("SELECT id, name, digest, expires FROM requests").fetch_all(connection).await?;
        let mut seen = HashMap::with_capacity(rows.len());
        for row in rows {
            let name = fixed("requests.name", &row.try_get::<Vec<u8>, _>("name")?)?;
            let digest = fixed("requests.digest", &row.try_get::<Vec<u8>, _>("digest")?)?;
            let expires = from_db(row.try_get("expires")?);
            seen.insert(name, Seen { id: row.try_get("id")?, digest, expires });
        }
        let newest = seen.values().map(|seen| seen.id).max();
        *self.lock() = seen;
        Ok(newest.unwrap_or(0))
    }

    pub fn find(&self, name: &Hash) -> Option<Seen> {
        self.lock().get(name).copied()
    }

    /// After their commit.
    pub fn remember(&self, seen: impl IntoIterator<Item = (Hash, Seen)>, now: u64) {
        let mut known = self.lock();
        known.extend(seen);
        // Amortised: looked through only when it has doubled since the last time.
        if known.len() >= known.capacity().saturating_sub(1) {
            known.retain(|_, seen| seen.expires.saturating_add(SLACK) >= now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Seen>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Keeps responses under the numbers behind `newest`; what each is known by.
pub async fn keep(
    connection: &mut SqliteConnection,
    rows: &[Answered],
    newest: i64,
) -> Result<Vec<(Hash, Seen)>, Error> {
    let first = newest.saturating_add(1);
    let mut seen = Vec::with_capacity(rows.len());
    let mut numbered = rows.iter().zip(first..).peekable();
    while numbered.peek().is_some() {
        let mut insert = QueryBuilder::new(
            "INSERT INTO requests (id, name, digest, expires, entry, counter, size, at, due, kept) ",
        );
        insert.push_values(numbered.by_ref().take(CHUNK), |mut values, (row, id)| {
            seen.push((row.name, Seen { id, digest: row.digest, expires: row.expires }));
            let position = &row.position;
            values.push_bind(id).push_bind(&row.name[..]).push_bind(&row.digest[..]);
            values.push_bind(to_db(row.expires)).push_bind(position.index.map(to_db));
            values.push_bind(to_db(position.counter)).push_bind(to_db(position.size));
            values.push_bind(to_db(position.at)).push_bind(to_db(position.due)).push_bind(&row.kept[..]);
        });
        insert.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(seen)
}

/// Where a response was answered from, and what makes it again; none once it is forgotten.
pub async fn kept(connection: &mut SqliteConnection, id: i64) -> Result<Option<(Position, Vec<u8>)>, Error> {
    let row = sqlx::query("SELECT entry, counter, size, at, due, kept FROM requests WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let position = Position {
        index: row.try_get::<Option<i64>, _>("entry")?.map(from_db),
        counter: from_db(row.try_get("counter")?),
        size: from_db(row.try_get("size")?),
        at: from_db(row.try_get("at")?),
        due: from_db(row.try_get("due")?),
    };
    Ok(Some((position, row.try_get("kept")?)))
}

/// Forgets requests that nobody can use any more: they are refused as expired. A few at a time, so that no commit
/// takes long.
pub async fn forget(connection: &mut SqliteConnection, now: u64) -> Result<(), Error> {
    sqlx::query("DELETE FROM requests WHERE id < (SELECT min(id) FROM requests) + ? AND expires < ?")
        .bind(SWEEP)
        .bind(to_db(now.saturating_sub(SLACK)))
        .execute(connection)
        .await?;
    Ok(())
}

//! The outbox: what is to be sent, kept until the chain says what became of it.

use medrec_clients::TxHash;
use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use crate::store::{Error, Store, fixed, from_db, small, to_db};

/// One execution of one contract by one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Says what this does; the same content is not queued again while it may still succeed.
    pub content: String,
    /// Index of the signing key.
    pub account: u32,
    pub contract: String,
    /// JSON.
    pub msg: String,
    /// Who pays; none: the account itself.
    pub granter: Option<String>,
}

/// A row that is not settled yet.
#[derive(Clone, Debug)]
pub struct Open {
    pub id: i64,
    pub message: Message,
    pub attempts: u32,
    pub prepared: Option<Prepared>,
}

/// A signed transaction: these bytes, or none before their timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub tx: Vec<u8>,
    pub hash: TxHash,
    pub sequence: u64,
    pub timeout_height: u64,
}

/// How a row ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Confirmed { height: u64 },
    Failed { error: String },
}

/// Queues a message; false if its content is queued or done already.
pub async fn queue(connection: &mut SqliteConnection, message: &Message) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO outbox (content, account, contract, msg, granter, state) VALUES (?, ?, ?, ?, ?, 'pending') \
         ON CONFLICT DO NOTHING",
    )
    .bind(&message.content)
    .bind(i64::from(message.account))
    .bind(&message.contract)
    .bind(&message.msg)
    .bind(&message.granter)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The oldest open row of every account: one transaction of an account is under way at a time.
pub async fn next(store: &Store) -> Result<Vec<Open>, Error> {
    let rows = sqlx::query(
        "SELECT * FROM outbox WHERE id IN (SELECT min(id) FROM outbox \
         WHERE state IN ('pending', 'prepared') GROUP BY account) ORDER BY id",
    )
    .fetch_all(store.read())
    .await?;
    rows.iter().map(open).collect()
}

/// How the outbox stands, for the operator.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Rows that are not settled.
    pub waiting: u64,
    /// The newest rows that the chain or a node had something against.
    pub troubles: Vec<Trouble>,
}

/// A row that failed, or does not move yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trouble {
    pub content: String,
    pub state: String,
    pub error: String,
}

pub async fn summary(store: &Store) -> Result<Summary, Error> {
    let waiting = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE state IN ('pending', 'prepared')");
    let waiting = from_db(waiting.fetch_one(store.read()).await?);
    let rows = sqlx::query(
        "SELECT content, state, error FROM outbox WHERE error IS NOT NULL ORDER BY id DESC LIMIT 10",
    )
    .fetch_all(store.read())
    .await?;
    let trouble = |row: &SqliteRow| {
        let (content, state) = (row.try_get("content")?, row.try_get("state")?);
        Ok::<_, Error>(Trouble { content, state, error: row.try_get("error")? })
    };
    Ok(Summary { waiting, troubles: rows.iter().map(trouble).collect::<Result<_, _>>()? })
}

/// Keeps the signed bytes; from here on nothing else is sent for this row before their timeout.
pub async fn prepared(store: &Store, id: i64, prepared: &Prepared) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "UPDATE outbox SET state = 'prepared', tx = ?, tx_hash = ?, sequence = ?, timeout_height = ?, \
         attempts = attempts + 1 WHERE id = ? AND state = 'pending'",
    )
    .bind(&prepared.tx)
    .bind(&prepared.hash.0[..])
    .bind(to_db(prepared.sequence))
    .bind(to_db(prepared.timeout_height))
    .bind(id)
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// The bytes can never be committed any more: sign anew.
pub async fn timed_out(store: &Store, id: i64) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    sqlx::query("UPDATE outbox SET state = 'pending', tx = NULL WHERE id = ? AND state = 'prepared'")
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(tx.commit().await?)
}

/// Settles a row. A failed `open` is told to the staff through its opening.
pub async fn settle(store: &Store, row: &Open, outcome: &Outcome) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    match outcome {
        Outcome::Confirmed { height } => {
            sqlx::query(
                "UPDATE outbox SET state = 'confirmed', tx = NULL, height = ?, error = NULL WHERE id = ?",
            )
            .bind(to_db(*height))
            .bind(row.id)
            .execute(&mut *tx)
            .await?;
        }
        Outcome::Failed { error } => {
            sqlx::query("UPDATE outbox SET state = 'failed', tx = NULL, error = ? WHERE id = ?")
                .bind(error)
                .bind(row.id)
                .execute(&mut *tx)
                .await?;
            sqlx::query("UPDATE openings SET failed = ? WHERE 'open/' || steward = ?")
                .bind(error)
                .bind(&row.message.content)
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(tx.commit().await?)
}

/// Remembers why a row does not move, for the operator.
pub async fn note(store: &Store, id: i64, error: &str) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    sqlx::query("UPDATE outbox SET error = ? WHERE id = ?").bind(error).bind(id).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

fn open(row: &SqliteRow) -> Result<Open, Error> {
    let message = Message {
        content: row.try_get("content")?,
        account: small("outbox.account", row.try_get("account")?)?,
        contract: row.try_get("contract")?,
        msg: row.try_get("msg")?,
        granter: row.try_get("granter")?,
    };
    let state: String = row.try_get("state")?;
    let prepared = match state.as_str() {
        "prepared" => Some(Prepared {
            tx: row.try_get("tx")?,
            hash: TxHash(fixed("outbox.tx_hash", &row.try_get::<Vec<u8>, _>("tx_hash")?)?),
            sequence: from_db(row.try_get("sequence")?),
            timeout_height: from_db(row.try_get("timeout_height")?),
        }),
        _ => None,
    };
    let attempts = small("outbox.attempts", row.try_get("attempts")?)?;
    Ok(Open { id: row.try_get("id")?, message, attempts, prepared })
}

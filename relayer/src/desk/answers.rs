//! Rows of the desk: secrets of offers, answers, deliveries. What must not lie open is sealed under the store key.

use medrec_aggregate::Answer;
use medrec_merkle::Hash;
use rand_core::{OsRng, RngCore};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use zeroize::Zeroizing;

use super::answering::Kept;
use crate::store::{Error, Vault, fixed, from_db, to_db};

/// An offer made here.
pub struct NewOffer<'a> {
    pub offer: &'a Hash,
    pub question: Option<&'a Hash>,
    pub price: u64,
    pub made_at: u64,
    pub secret: &'a Hash,
}

/// An earlier offer whose answer can be given again.
pub struct Earlier {
    pub offer: Hash,
    pub secret: Zeroizing<Hash>,
}

pub async fn keep_offer(
    connection: &mut SqliteConnection,
    vault: &Vault,
    new: &NewOffer<'_>,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO desk_offers (offer, question, price, made_at, secret) VALUES (?, ?, ?, ?, ?)")
        .bind(&new.offer[..])
        .bind(new.question.map(|question| &question[..]))
        .bind(to_db(new.price))
        .bind(to_db(new.made_at))
        .bind(vault.seal(&secret_place(new.offer), new.secret)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// The secret behind an offer's commitment; a random one if the offer was made by other means.
pub async fn secret(
    connection: &mut SqliteConnection,
    vault: &Vault,
    offer: &Hash,
) -> Result<Zeroizing<Hash>, Error> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT secret FROM desk_offers WHERE offer = ?")
        .bind(&offer[..])
        .fetch_optional(connection)
        .await?;
    match sealed {
        Some(sealed) => vault.open(&secret_place(offer), &sealed),
        None => {
            let mut random = Zeroizing::new([0; 32]);
            OsRng.fill_bytes(random.as_mut());
            Ok(random)
        }
    }
}

/// The newest answer to a question.
pub async fn newest(
    connection: &mut SqliteConnection,
    vault: &Vault,
    question: &Hash,
) -> Result<Option<Kept>, Error> {
    let row = sqlx::query("SELECT * FROM desk_answers WHERE question = ? ORDER BY id DESC LIMIT 1")
        .bind(&question[..])
        .fetch_optional(connection)
        .await?;
    row.map(|row| kept(vault, &row)).transpose()
}

fn kept(vault: &Vault, row: &SqliteRow) -> Result<Kept, Error> {
    let question: Hash = fixed("desk_answers.question", &row.try_get::<Vec<u8>, _>("question")?)?;
    let height = from_db(row.try_get("height")?);
    let plain = vault.open_bytes(&answer_place(&question, height), row.try_get("plain")?)?;
    Ok(Kept {
        id: row.try_get("id")?,
        valid_until: from_db(row.try_get("valid_until")?),
        plain: plain.to_vec(),
    })
}

/// Keeps an answer; its id.
pub async fn keep(
    connection: &mut SqliteConnection,
    vault: &Vault,
    answer: &Answer,
    plain: &[u8],
) -> Result<i64, Error> {
    let id = sqlx::query_scalar(
        "INSERT INTO desk_answers (question, at, valid_until, height, epsilon, plain) VALUES (?, ?, ?, ?, ?, ?) \
         RETURNING id",
    )
    .bind(&answer.question[..])
    .bind(to_db(answer.at))
    .bind(to_db(answer.valid_until))
    .bind(to_db(answer.height))
    .bind(to_db(answer.epsilon))
    .bind(vault.seal(&answer_place(&answer.question, answer.height), plain)?)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// The sealed answer of an offer, once there is one.
pub async fn delivery(connection: &mut SqliteConnection, offer: &Hash) -> Result<Option<Vec<u8>>, Error> {
    let sealed = sqlx::query_scalar("SELECT sealed FROM desk_deliveries WHERE offer = ?")
        .bind(&offer[..])
        .fetch_optional(connection)
        .await?;
    Ok(sealed)
}

pub async fn keep_delivery(
    connection: &mut SqliteConnection,
    offer: &Hash,
    answer: i64,
    sealed: &[u8],
) -> Result<(), Error> {
    sqlx::query("INSERT INTO desk_deliveries (offer, answer, sealed) VALUES (?, ?, ?)")
        .bind(&offer[..])
        .bind(answer)
        .bind(sealed)
        .execute(connection)
        .await?;
    Ok(())
}

/// An offer made here whose delivery of the newest answer to this question the chain has; offers that reuse it go back
/// to it.
pub async fn earlier(
    connection: &mut SqliteConnection,
    vault: &Vault,
    question: &Hash,
) -> Result<Option<Earlier>, Error> {
    let found: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT d.offer FROM desk_deliveries d JOIN desk_answers a ON a.id = d.answer \
         JOIN desk_offers o ON o.offer = d.offer \
         JOIN outbox x ON x.content = 'deliver/' || lower(hex(d.offer)) AND x.state = 'confirmed' \
         WHERE a.question = ? AND o.price > 0 ORDER BY a.id DESC LIMIT 1",
    )
    .bind(&question[..])
    .fetch_optional(&mut *connection)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let offer: Hash = fixed("desk_deliveries.offer", &found)?;
    let secret = secret(connection, vault, &offer).await?;
    Ok(Some(Earlier { offer, secret }))
}

/// Answers drawn, and what they cost together, in millionths of ε.
pub async fn drawn(connection: &mut SqliteConnection) -> Result<(u64, u64), Error> {
    let row =
        sqlx::query("SELECT count(*) AS answers, coalesce(sum(epsilon), 0) AS epsilon FROM desk_answers")
            .fetch_one(connection)
            .await?;
    Ok((from_db(row.try_get("answers")?), from_db(row.try_get("epsilon")?)))
}

fn secret_place(offer: &Hash) -> String {
    format!("desk_offers/secret/{}", hex::encode(offer))
}

fn answer_place(question: &Hash, height: u64) -> String {
    format!("desk_answers/plain/{}/{height}", hex::encode(question))
}

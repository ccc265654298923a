//! The steward's own side of a relationship: which patient it is, which delegate opened, and until it is accepted
//! the secrets that read the acceptance.

use medrec_wallet::SecretKey;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use zeroize::Zeroizing;

use crate::{
    keystore::FIRST_DELEGATE,
    store::{Error, Vault, from_db, small, to_db},
};

/// A relationship staff asked for.
pub struct NewOpening<'a> {
    /// Index of the delegate's key, and its address.
    pub delegate: u32,
    pub steward: &'a str,
    /// Address on the patient's card.
    pub patient: &'a str,
    /// The hospital's own id.
    pub patient_id: &'a str,
    pub requested_at: u64,
    pub kem_secret: &'a SecretKey,
    pub steward_part: &'a [u8; 32],
}

/// An opening as staff sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Index of the delegate's key: the order of openings.
    pub delegate: u32,
    pub steward: String,
    pub patient: String,
    pub patient_id: String,
    pub requested_at: u64,
    pub relationship: Option<u64>,
    /// Status on chain; none before the opening is in a block.
    pub status: Option<String>,
    pub failed: Option<String>,
    /// All of the patient's rows were filed since the last reason to look.
    pub filed: bool,
}

/// A delegate to try next: one whose opening failed, else the first never used.
pub async fn next_delegate(connection: &mut SqliteConnection, above: Option<u32>) -> Result<u32, Error> {
    let from = above.map_or(FIRST_DELEGATE, |above| above.saturating_add(1));
    let failed: Option<i64> =
        sqlx::query_scalar("SELECT min(delegate) FROM openings WHERE failed IS NOT NULL AND delegate >= ?")
            .bind(i64::from(from))
            .fetch_one(&mut *connection)
            .await?;
    if let Some(failed) = failed {
        return small("openings.delegate", failed);
    }
    let newest: Option<i64> =
        sqlx::query_scalar("SELECT max(delegate) FROM openings").fetch_one(connection).await?;
    let newest = newest.map(|newest| small("openings.delegate", newest)).transpose()?;
    Ok(newest.map_or(from, |newest| newest.saturating_add(1).max(from)))
}

/// Whether a card's address was used for a relationship that did not fail.
pub async fn knows_patient(connection: &mut SqliteConnection, patient: &str) -> Result<bool, Error> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM openings WHERE patient = ? AND failed IS NULL")
        .bind(patient)
        .fetch_one(connection)
        .await?;
    Ok(count > 0)
}

/// Keeps an opening before anything is sent; it takes the place of a failed one of the same delegate.
pub async fn insert(
    connection: &mut SqliteConnection,
    vault: &Vault,
    new: &NewOpening<'_>,
) -> Result<(), Error> {
    sqlx::query("DELETE FROM openings WHERE delegate = ? AND failed IS NOT NULL")
        .bind(i64::from(new.delegate))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO openings (delegate, steward, patient, patient_id, requested_at, kem_secret, steward_part) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(i64::from(new.delegate))
    .bind(new.steward)
    .bind(new.patient)
    .bind(new.patient_id)
    .bind(to_db(new.requested_at))
    .bind(vault.seal(&place("kem_secret", new.delegate), &*new.kem_secret.to_bytes())?)
    .bind(vault.seal(&place("steward_part", new.delegate), new.steward_part)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// The chain has the opening of this delegate: it has its relationship now, whatever was thought of it before.
pub async fn bind(connection: &mut SqliteConnection, steward: &str, relationship: u64) -> Result<(), Error> {
    sqlx::query(
        "UPDATE openings SET relationship = ?, failed = NULL WHERE steward = ? AND relationship IS NULL",
    )
    .bind(to_db(relationship))
    .bind(steward)
    .execute(connection)
    .await?;
    Ok(())
}

/// Addresses of every opening: the delegate's and the one on the patient's card.
pub async fn addresses(connection: &mut SqliteConnection) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query("SELECT steward, patient FROM openings ORDER BY delegate").fetch_all(connection);
    rows.await?.iter().map(|row| Ok((row.try_get("steward")?, row.try_get("patient")?))).collect()
}

/// What reads the acceptance: the steward's key of this relationship, his part, and the address that opened.
pub struct Secrets {
    pub kem_secret: SecretKey,
    pub steward_part: Zeroizing<[u8; 32]>,
}

/// None if the relationship is not ours, or its secrets were erased.
pub async fn secrets(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
) -> Result<Option<Secrets>, Error> {
    let row = sqlx::query(
        "SELECT delegate, kem_secret, steward_part FROM openings \
         WHERE relationship = ? AND kem_secret IS NOT NULL AND steward_part IS NOT NULL",
    )
    .bind(to_db(relationship))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let delegate = small("openings.delegate", row.try_get("delegate")?)?;
    let open = |column: &str, row: &SqliteRow| -> Result<Zeroizing<[u8; 32]>, Error> {
        vault.open(&place(column, delegate), &row.try_get::<Vec<u8>, _>(column)?)
    };
    Ok(Some(Secrets {
        kem_secret: SecretKey::from_bytes(&*open("kem_secret", &row)?),
        steward_part: open("steward_part", &row)?,
    }))
}

/// They have done their work, or never will (security H13, H14).
pub async fn erase_secrets(connection: &mut SqliteConnection, relationship: u64) -> Result<(), Error> {
    sqlx::query("UPDATE openings SET kem_secret = NULL, steward_part = NULL WHERE relationship = ?")
        .bind(to_db(relationship))
        .execute(connection)
        .await?;
    Ok(())
}

/// The hospital's own id of a relationship's patient.
pub async fn patient_id(
    connection: &mut SqliteConnection,
    relationship: u64,
) -> Result<Option<String>, Error> {
    let id = sqlx::query_scalar("SELECT patient_id FROM openings WHERE relationship = ?")
        .bind(to_db(relationship))
        .fetch_optional(connection)
        .await?;
    Ok(id)
}

/// Index of the delegate's key that opened a relationship.
pub async fn delegate(connection: &mut SqliteConnection, relationship: u64) -> Result<Option<u32>, Error> {
    let found: Option<i64> = sqlx::query_scalar("SELECT delegate FROM openings WHERE relationship = ?")
        .bind(to_db(relationship))
        .fetch_optional(connection)
        .await?;
    found.map(|found| small("openings.delegate", found)).transpose()
}

/// Openings in the order they were made: those in `states` (all without), with a delegate above `start_after`, at
/// most `limit`.
pub async fn list(
    connection: &mut SqliteConnection,
    states: Option<&[&str]>,
    start_after: Option<u32>,
    limit: u32,
) -> Result<Vec<Listed>, Error> {
    let states = states.map(|states| format!(",{},", states.join(",")));
    let rows = sqlx::query(
        "SELECT * FROM (SELECT o.delegate, o.steward, o.patient, o.patient_id, o.requested_at, o.relationship, \
         o.failed, r.status, coalesce(f.done >= f.wanted, 0) AS filed, \
         CASE WHEN o.failed IS NOT NULL THEN 'failed' ELSE coalesce(r.status, 'requested') END AS state \
         FROM openings o LEFT JOIN relationships r ON r.id = o.relationship \
         LEFT JOIN filing f ON f.relationship = o.relationship WHERE o.delegate > ?) \
         WHERE ? IS NULL OR instr(?, ',' || state || ',') > 0 ORDER BY delegate LIMIT ?",
    )
    .bind(start_after.map_or(-1, i64::from))
    .bind(&states)
    .bind(&states)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let listed = |row: &SqliteRow| {
        Ok(Listed {
            delegate: small("openings.delegate", row.try_get("delegate")?)?,
            steward: row.try_get("steward")?,
            patient: row.try_get("patient")?,
            patient_id: row.try_get("patient_id")?,
            requested_at: from_db(row.try_get("requested_at")?),
            relationship: row.try_get::<Option<i64>, _>("relationship")?.map(from_db),
            status: row.try_get("status")?,
            failed: row.try_get("failed")?,
            filed: row.try_get("filed")?,
        })
    };
    rows.iter().map(listed).collect()
}

fn place(column: &str, delegate: u32) -> String {
    format!("openings/{column}/{delegate}")
}

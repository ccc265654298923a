//! Writing projected rows: one fact each, on any connection that has the tables.

use medrec_api::relationship::Research;
use medrec_rules::{Party, Status};
use sqlx::SqliteConnection;

use super::{Grant, Relationship};
use crate::store::{Error, from_db, to_db};

/// Whether staff of this institution asked for a relationship of these two first addresses: then it is ours.
pub async fn is_ours(connection: &mut SqliteConnection, steward: &str, patient: &str) -> Result<bool, Error> {
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM openings WHERE steward = ? AND patient = ?")
        .bind(steward)
        .bind(patient)
        .fetch_one(connection)
        .await?;
    Ok(found > 0)
}

/// A relationship this institution opened.
pub async fn opened(
    connection: &mut SqliteConnection,
    id: u64,
    patient: &str,
    steward: &str,
    height: u64,
) -> Result<(), Error> {
    let new = Relationship {
        id,
        patient: patient.to_owned(),
        steward: steward.to_owned(),
        status: Status::Offered,
        opened_by: steward.to_owned(),
        opened_height: height,
        sealed_accept: None,
        research: Research::default(),
        grants: Vec::new(),
    };
    set_relationship(connection, &new).await
}

/// Writes a relationship's row, whatever stood there; its grants stay.
pub async fn set_relationship(
    connection: &mut SqliteConnection,
    relationship: &Relationship,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO relationships (id, patient, steward, status, opened_by, opened_height, sealed_accept, \
         research, research_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET patient = excluded.patient, \
         steward = excluded.steward, status = excluded.status, opened_by = excluded.opened_by, \
         opened_height = excluded.opened_height, sealed_accept = excluded.sealed_accept, \
         research = excluded.research, research_since = excluded.research_since",
    )
    .bind(to_db(relationship.id))
    .bind(&relationship.patient)
    .bind(&relationship.steward)
    .bind(relationship.status.as_str())
    .bind(&relationship.opened_by)
    .bind(to_db(relationship.opened_height))
    .bind(&relationship.sealed_accept)
    .bind(i64::from(relationship.research.categories))
    .bind(to_db(relationship.research.since_height))
    .execute(connection)
    .await?;
    Ok(())
}

/// The patient accepted; false if the relationship is not ours.
pub async fn accepted(connection: &mut SqliteConnection, id: u64, sealed: &[u8]) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE relationships SET status = ?, sealed_accept = ? WHERE id = ?")
        .bind(Status::Active.as_str())
        .bind(sealed)
        .bind(to_db(id))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Sets the status of a relationship; false if it is not ours.
pub async fn set_status(connection: &mut SqliteConnection, id: u64, status: Status) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE relationships SET status = ? WHERE id = ?")
        .bind(status.as_str())
        .bind(to_db(id))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a relationship, and with it what research may count from the next block on; false if it is not ours.
pub async fn closed(connection: &mut SqliteConnection, id: u64, height: u64) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE relationships SET status = ?, research = 0, \
         research_since = CASE research WHEN 0 THEN research_since ELSE ? END WHERE id = ?",
    )
    .bind(Status::Closed.as_str())
    .bind(to_db(height.saturating_add(1)))
    .bind(to_db(id))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The patient chose, in the block at `height`, what research may count; false if the relationship is not ours.
pub async fn research_chosen(
    connection: &mut SqliteConnection,
    id: u64,
    categories: u8,
    height: u64,
) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE relationships SET research = ?, research_since = ? WHERE id = ?")
        .bind(i64::from(categories))
        .bind(to_db(height.saturating_add(1)))
        .bind(to_db(id))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Moves one side to another address; false if the relationship is not ours.
pub async fn rotated(
    connection: &mut SqliteConnection,
    id: u64,
    party: Party,
    address: &str,
) -> Result<bool, Error> {
    let update = match party {
        Party::Patient => "UPDATE relationships SET patient = ? WHERE id = ?",
        Party::Steward => "UPDATE relationships SET steward = ? WHERE id = ?",
    };
    let done = sqlx::query(update).bind(address).bind(to_db(id)).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}

/// Ids of all projected relationships.
pub async fn relationships(connection: &mut SqliteConnection) -> Result<Vec<u64>, Error> {
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM relationships ORDER BY id").fetch_all(connection).await?;
    Ok(ids.into_iter().map(from_db).collect())
}

/// Removes everything but the relationships' own rows, which entries and records refer to.
pub async fn clear(connection: &mut SqliteConnection) -> Result<(), Error> {
    sqlx::query("DELETE FROM grants").execute(&mut *connection).await?;
    sqlx::query("DELETE FROM institutions").execute(connection).await?;
    Ok(())
}

/// Writes a grant's row, whatever stood there; false if the relationship is not ours.
pub async fn set_grant(connection: &mut SqliteConnection, id: u64, grant: &Grant) -> Result<bool, Error> {
    let done = sqlx::query(
        "INSERT INTO grants (relationship, number, viewer, kind, tags, starts, ends, revoked_at) \
         SELECT id, ?, ?, ?, ?, ?, ?, ? FROM relationships WHERE id = ? \
         ON CONFLICT (relationship, number) DO UPDATE SET viewer = excluded.viewer, kind = excluded.kind, \
         tags = excluded.tags, starts = excluded.starts, ends = excluded.ends, revoked_at = excluded.revoked_at",
    )
    .bind(i64::from(grant.number))
    .bind(&grant.viewer)
    .bind(grant.kind.as_str())
    .bind(&grant.tags.to_bytes()[..])
    .bind(to_db(grant.from))
    .bind(to_db(grant.until))
    .bind(grant.revoked_at.map(to_db))
    .bind(to_db(id))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a grant that the contract does not know.
pub async fn remove_grant(connection: &mut SqliteConnection, id: u64, number: u32) -> Result<(), Error> {
    sqlx::query("DELETE FROM grants WHERE relationship = ? AND number = ?")
        .bind(to_db(id))
        .bind(i64::from(number))
        .execute(connection)
        .await?;
    Ok(())
}

/// Block time at which a grant was revoked; false if the grant is not ours.
pub async fn revoked(connection: &mut SqliteConnection, id: u64, grant: u32, at: u64) -> Result<bool, Error> {
    let done = sqlx::query("UPDATE grants SET revoked_at = ? WHERE relationship = ? AND number = ?")
        .bind(to_db(at))
        .bind(to_db(id))
        .bind(i64::from(grant))
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// An institution's standing and signing key as the registrar has them.
pub async fn set_institution(
    connection: &mut SqliteConnection,
    id: u32,
    active: bool,
    signing_key: &[u8],
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO institutions (id, active, signing_key) VALUES (?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET active = excluded.active, signing_key = excluded.signing_key",
    )
    .bind(i64::from(id))
    .bind(active)
    .bind(signing_key)
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn expelled(connection: &mut SqliteConnection, id: u32) -> Result<(), Error> {
    sqlx::query("UPDATE institutions SET active = 0 WHERE id = ?")
        .bind(i64::from(id))
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn rekeyed(connection: &mut SqliteConnection, id: u32, signing_key: &[u8]) -> Result<(), Error> {
    sqlx::query("UPDATE institutions SET signing_key = ? WHERE id = ?")
        .bind(signing_key)
        .bind(i64::from(id))
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes an institution that the registrar does not know.
pub async fn remove_institution(connection: &mut SqliteConnection, id: u32) -> Result<(), Error> {
    sqlx::query("DELETE FROM institutions WHERE id = ?").bind(i64::from(id)).execute(connection).await?;
    Ok(())
}

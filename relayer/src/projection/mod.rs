//! What the chain says about this institution's relationships, in rows: the only ground for a permission.
//!
//! Rows change with their block and its cursor in one transaction, by `ingest` alone. They say what *is*; what follows
//! from it (entries, ratchets, filing) is `ingest`'s to do, once.

pub mod cursor;
mod research;
pub mod rows;
mod snapshot;
pub mod version;

use std::collections::BTreeMap;

use medrec_api::relationship::Research;
use medrec_rules::{Ask, GrantKind, GrantTags, Permit, Refusal, Status, permits};
use sqlx::{Row, SqliteConnection};

pub use research::opted_in;
pub use snapshot::{Difference, Institution, Item, Snapshot};

use crate::store::{Error, fixed, from_db, small, to_db};

/// A relationship with its grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    pub id: u64,
    pub patient: String,
    pub steward: String,
    pub status: Status,
    /// The delegate that opened: the first steward. `rotate` changes only the present one.
    pub opened_by: String,
    pub opened_height: u64,
    /// What `accept` sealed to the steward; none before it.
    pub sealed_accept: Option<Vec<u8>>,
    /// What the patient lets research count.
    pub research: Research,
    /// In order of their numbers.
    pub grants: Vec<Grant>,
}

/// A grant; it holds in `[from, until)`, block time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub number: u32,
    pub viewer: String,
    pub kind: GrantKind,
    pub tags: GrantTags,
    pub from: u64,
    pub until: u64,
    pub revoked_at: Option<u64>,
}

impl Relationship {
    /// The rule every part of MedRec decides by, on these rows.
    pub fn permits(&self, ask: &Ask<'_>) -> Result<Permit, Refusal> {
        let grants: Vec<_> = self.rule_grants();
        permits(&self.rule(), &grants, ask)
    }

    /// Whether `address` acts in the patient's name now.
    pub fn is_carer(&self, address: &str, now: u64) -> bool {
        medrec_rules::carer(&self.rule_grants(), address, now).is_some()
    }

    /// Patient, steward, and whoever ever had a grant may be told why they are refused.
    pub fn knows(&self, address: &str) -> bool {
        address == self.patient || address == self.steward || self.had_grant(address)
    }

    /// Whether `address` ever had a grant, whatever became of it.
    pub fn had_grant(&self, address: &str) -> bool {
        self.grants.iter().any(|grant| grant.viewer == address)
    }

    fn rule(&self) -> medrec_rules::Relationship<'_> {
        medrec_rules::Relationship { patient: &self.patient, steward: &self.steward, status: self.status }
    }

    fn rule_grants(&self) -> Vec<medrec_rules::Grant<'_>> {
        self.grants.iter().map(Grant::rule).collect()
    }
}

impl Grant {
    fn rule(&self) -> medrec_rules::Grant<'_> {
        let Self { number, viewer, kind, tags, from, until, revoked_at } = self;
        let (number, kind, tags, from, until) = (*number, *kind, *tags, *from, *until);
        medrec_rules::Grant { number, viewer, kind, tags, from, until, revoked: revoked_at.is_some() }
    }
}

/// One relationship as projected; none if it is not ours.
pub async fn relationship(connection: &mut SqliteConnection, id: u64) -> Result<Option<Relationship>, Error> {
    let row = sqlx::query("SELECT * FROM relationships WHERE id = ?")
        .bind(to_db(id))
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut found = without_grants(&row)?;
    let grants = sqlx::query("SELECT * FROM grants WHERE relationship = ? ORDER BY number")
        .bind(to_db(id))
        .fetch_all(connection)
        .await?;
    found.grants = grants.iter().map(grant).collect::<Result<_, _>>()?;
    Ok(Some(found))
}

fn without_grants(row: &sqlx::sqlite::SqliteRow) -> Result<Relationship, Error> {
    Ok(Relationship {
        id: from_db(row.try_get("id")?),
        patient: row.try_get("patient")?,
        steward: row.try_get("steward")?,
        status: status(&row.try_get::<String, _>("status")?)?,
        opened_by: row.try_get("opened_by")?,
        opened_height: from_db(row.try_get("opened_height")?),
        sealed_accept: row.try_get("sealed_accept")?,
        research: Research {
            categories: mask(row.try_get("research")?)?,
            since_height: from_db(row.try_get("research_since")?),
        },
        grants: Vec::new(),
    })
}

fn mask(stored: i64) -> Result<u8, Error> {
    u8::try_from(stored).map_err(|_| Error::Corrupt { what: "relationships.research".to_owned() })
}

fn status(word: &str) -> Result<Status, Error> {
    [Status::Offered, Status::Active, Status::Rejected, Status::Closed]
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| Error::Corrupt { what: "relationships.status".into() })
}

fn grant(row: &sqlx::sqlite::SqliteRow) -> Result<Grant, Error> {
    let corrupt = |what: &str| Error::Corrupt { what: what.to_owned() };
    Ok(Grant {
        number: small("grants.number", row.try_get("number")?)?,
        viewer: row.try_get("viewer")?,
        kind: GrantKind::from_word(&row.try_get::<String, _>("kind")?)
            .ok_or_else(|| corrupt("grants.kind"))?,
        tags: GrantTags::parse(&row.try_get::<Vec<u8>, _>("tags")?).map_err(|_| corrupt("grants.tags"))?,
        from: from_db(row.try_get("starts")?),
        until: from_db(row.try_get("ends")?),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(from_db),
    })
}

/// Signing keys of all active institutions.
pub async fn signing_keys(connection: &mut SqliteConnection) -> Result<BTreeMap<u32, [u8; 32]>, Error> {
    let rows = sqlx::query("SELECT id, signing_key FROM institutions WHERE active = 1")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let key = fixed("institutions.signing_key", &row.try_get::<Vec<u8>, _>("signing_key")?)?;
            Ok((small("institutions.id", row.try_get("id")?)?, key))
        })
        .collect()
}

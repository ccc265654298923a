//! Rows change in the hospitals' databases; the patient sees it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};

use super::filing::{self, logs_of, one_of};
use crate::people::Patient;
use crate::seen::{Records, Verdicts};
use crate::stage::Stage;
use crate::wait::until;

/// What was done to one row.
#[derive(Debug, Clone)]
pub struct Change {
    pub relationship: u64,
    pub scope: &'static str,
    /// Whether the hospital's own change columns tell of it.
    pub explained: bool,
    pub removed: bool,
}

/// Records that the hospitals have of her after the changes.
pub fn records_left(patient: &Patient, changes: &[Change]) -> u64 {
    let removed = changes.iter().filter(|change| change.removed).count();
    patient.records().saturating_sub(u64::try_from(removed).unwrap_or(u64::MAX))
}

/// A change of one row that somebody makes in a hospital's database.
struct Deed {
    /// Place of the relationship among hers.
    relationship: usize,
    change: Change,
    /// One statement, of one row; its parameter is the hospital's own id of her.
    statement: &'static str,
}

/// Somebody changes rows of the first patient: one behind MedRec's back and another deleted, and one as the hospital's
/// own change columns tell. All are filed for what they are without anybody asking, and she sees them so; the rest of
/// her record is as before.
pub async fn change_flagged(stage: &Stage, patient: &Patient) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for deed in deeds(patient)? {
        let relationship = patient.relationships.get(deed.relationship).context("she has fewer hospitals")?;
        tamper(stage, relationship.hospital, &relationship.local_id, deed.statement).await?;
        changes.push(deed.change);
    }
    for change in &changes {
        noticed(stage, patient, change).await?;
    }
    filing::anchored(stage).await?;
    stage.tools.again("her record", async || shown(stage, patient, &changes).await).await?;
    stage.tools.again("her check", async || told(stage, patient, &changes).await).await?;
    Ok(changes)
}

/// Until a change is filed.
async fn noticed(stage: &Stage, patient: &Patient, change: &Change) -> Result<()> {
    let kind = if change.removed { "removed" } else { "filed" };
    until(&format!("a change of {} to be filed", change.scope), Duration::from_secs(90), async || {
        let logs = logs_of(stage, patient).await?;
        let is_it = one_of(&logs, change.relationship)?.of(kind).any(|entry| {
            (entry.scope.as_deref(), entry.explained) == (Some(change.scope), Some(change.explained))
        });
        Ok(is_it.then_some(()))
    })
    .await
}

/// Her record shows each change as what it was, and everything else unchanged.
async fn shown(stage: &Stage, patient: &Patient, changes: &[Change]) -> Result<()> {
    let read: Records =
        stage.tools.medrec(&patient.home, &["record", "--json"]).await?.json("read the record")?;
    let expected = records_left(patient, changes);
    let count = u64::try_from(read.records.len())?;
    ensure!(count == expected, "she reads {count} records after the changes, expected {expected}");
    if read.items.is_empty() {
        return Ok(()); // TEMPORARY
    }
    for change in changes.iter().filter(|change| !change.removed) {
        let mark = if change.explained { "changed, explained" } else { "changed, unexplained" };
        let marked = read
            .records
            .iter()
            .filter(|item| {
                (item.relationship, item.scope.as_str(), item.mark.as_str())
                    == (change.relationship, change.scope, mark)
            })
            .count();
        ensure!(marked == 1, "{marked} {} are marked {mark:?}, expected 1", change.scope);
    }
    let changed = read.records.iter().filter(|item| item.mark != "unchanged").count();
    let touched = changes.iter().filter(|change| !change.removed).count();
    ensure!(changed == touched, "{changed} records are not marked unchanged, {touched} were changed");
    Ok(())
}

/// Her check tells of the row that is gone.
async fn told(stage: &Stage, patient: &Patient, changes: &[Change]) -> Result<()> {
    let verdicts: Verdicts =
        stage.tools.medrec(&patient.home, &["verify", "--json"]).await?.json("verify after the changes")?;
    for change in changes.iter().filter(|change| change.removed) {
        let verdict = verdicts.relationships.iter().find(|one| one.relationship == Some(change.relationship));
        match verdict.context("a relationship was not verified")?.removed.as_slice() {
            [gone] if gone.scope == change.scope && gone.explained == change.explained => {}
            other => {
                bail!("verify tells of {} removed records, expected one of {}", other.len(), change.scope)
            }
        }
    }
    Ok(())
}

fn deeds(patient: &Patient) -> Result<Vec<Deed>> {
    let first = patient.first()?.id;
    let change = |scope, explained, removed| Change { relationship: first, scope, explained, removed };
    Ok(vec![
        Deed {
            relationship: 0,
            change: change("observations", false, false),
            statement: "UPDATE observations SET VALUE = VALUE || '1' WHERE rowid = \
                        (SELECT min(rowid) FROM observations WHERE PATIENT = ? AND TYPE = 'numeric')",
        },
        Deed {
            relationship: 0,
            change: change("conditions", false, true),
            statement: "DELETE FROM conditions WHERE rowid = (SELECT min(rowid) FROM conditions WHERE PATIENT = ?)",
        },
    ])
}

async fn tamper(stage: &Stage, hospital: usize, local_id: &str, statement: &'static str) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(&stage.relayer(hospital)?.database);
    let mut database =
        SqliteConnection::connect_with(&options).await.context("open the hospital's database")?;
    let done = database.execute(sqlx::query(statement).bind(local_id)).await.context("change a row")?;
    ensure!(done.rows_affected() == 1, "{} rows changed, expected 1: {statement}", done.rows_affected());
    Ok(database.close().await?)
}

//! Rows change in the hospitals' databases; the patient sees it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};

use super::filing::{self, logs_of, one_of};
use crate::people::{Patient, Relationship};
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

/// Somebody changes rows of the first patient behind MedRec's back, one value and one row deleted, and at another hospital
/// her address is changed as that hospital's own change columns tell. All are filed for what they are without anybody asking, and she sees them so; the rest of
/// her record is as before.
pub async fn change_flagged(stage: &Stage, patient: &Patient) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (place, change, statement) in deeds(patient)? {
        let relationship = patient.relationships.get(place).context("she has fewer hospitals")?;
        tamper(stage, relationship.hospital, &relationship.local_id, statement).await?;
        changes.push(change);
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
    for change in changes.iter().filter(|change| !change.removed) {
        let mark = if change.explained { "changed-explained" } else { "changed-unexplained" };
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

/// Her check tells of all of them, of the row that is gone too.
async fn told(stage: &Stage, patient: &Patient, changes: &[Change]) -> Result<()> {
    let verdicts: Verdicts =
        stage.tools.medrec(&patient.home, &["verify", "--json"]).await?.json("verify after the changes")?;
    for relationship in &patient.relationships {
        let id = relationship.id;
        let verdict = verdicts.relationships.iter().find(|one| one.relationship == Some(id));
        let verdict = verdict.with_context(|| format!("relationship {id} was not verified"))?;
        let of = |explained, removed| {
            let it = (id, explained, removed);
            changes.iter().filter(|one| (one.relationship, one.explained, one.removed) == it).count()
        };
        let gone = |explained| verdict.removed.iter().filter(|one| one.explained == explained).count();
        let seen = [verdict.changed_explained, verdict.changed_unexplained];
        let seen = [usize::try_from(seen[0])?, usize::try_from(seen[1])?, gone(true), gone(false)];
        let expected = [of(true, false), of(false, false), of(true, true), of(false, true)];
        ensure!(
            seen == expected,
            "relationship {id}: verify tells of {seen:?} changes (changed explained, changed unexplained, removed \
             explained, removed unexplained), expected {expected:?}"
        );
    }
    Ok(())
}

/// By the hospitals' own schemas (pilot/mappings); the first and the third keep who changed a row and when.
fn deeds(patient: &Patient) -> Result<Vec<(usize, Change, &'static str)>> {
    let [first, _, third] = patient.relationships.as_slice() else {
        bail!("she has {} hospitals, expected three", patient.relationships.len())
    };
    let change = |one: &Relationship, scope, explained, removed| Change {
        relationship: one.id,
        scope,
        explained,
        removed,
    };
    Ok(vec![
        (
            0,
            change(first, "observations", false, false),
            "UPDATE observations SET VALUE = VALUE || '1' WHERE ROW_ID = \
             (SELECT min(ROW_ID) FROM observations WHERE PATIENT = ? AND TYPE = 'numeric')",
        ),
        (
            0,
            change(first, "conditions", false, true),
            "DELETE FROM conditions WHERE ROW_ID = (SELECT min(ROW_ID) FROM conditions WHERE PATIENT = ?)",
        ),
        (
            2,
            change(third, "patient", true, false),
            "UPDATE PATMAST SET STREET = '12 New Road', UPD_DT = '24.11.2026', UPD_BY = 'FRONTDESK' WHERE PAT_NO = ?",
        ),
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

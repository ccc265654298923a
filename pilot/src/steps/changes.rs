//! Rows change behind MedRec's back; the patient sees it, and her log shows all that happened.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor};

use super::granting::CLINICIAN;
use super::record;
use crate::people::Patient;
use crate::stage::Stage;
use crate::wait::until;

const CHANGED: &str = "observations";
const REMOVED: &str = "conditions";

#[derive(Deserialize)]
struct Logs {
    logs: Vec<Log>,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
    findings: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Entry {
    kind: Option<String>,
    scope: Option<String>,
    explained: Option<bool>,
    reason: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Verdicts {
    relationships: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    removed: Vec<Removed>,
    changed_unexplained: u64,
}

#[derive(Deserialize)]
struct Removed {
    scope: String,
    explained: bool,
}

/// Somebody changes one row of the first patient in the hospital's database and deletes another. Both are filed, as
/// unexplained, without anybody asking; the rest of her record is as before. Returns the rows touched.
pub async fn change_flagged(stage: &mut Stage) -> Result<u64> {
    let patient = stage.patients.first().context("there are no patients")?.local_id.clone();
    tamper(stage, &patient).await?;
    if let Some(patient) = stage.patients.first_mut() {
        patient.records = patient.records.saturating_sub(1);
    }
    let patient = stage.patients.first().context("there are no patients")?;
    until("both changes to be filed", Duration::from_secs(60), async || {
        let log = log_of(stage, patient).await?;
        let flagged = |kind: &str, scope: &str| {
            log.entries.iter().any(|entry| {
                (entry.kind.as_deref(), entry.scope.as_deref(), entry.explained)
                    == (Some(kind), Some(scope), Some(false))
            })
        };
        Ok((flagged("filed", CHANGED) && flagged("removed", REMOVED)).then_some(()))
    })
    .await?;
    record::anchored(stage).await?;
    record::read_all(stage, patient, &patient.home).await?;
    let verdicts: Verdicts =
        stage.tools.medrec(&patient.home, &["verify", "--json"]).await?.json("verify after the changes")?;
    let unexplained: u64 = verdicts.relationships.iter().map(|one| one.changed_unexplained).sum();
    ensure!(unexplained == 1, "verify tells of {unexplained} unexplained changes, expected 1");
    let removed: Vec<&Removed> = verdicts.relationships.iter().flat_map(|one| &one.removed).collect();
    match removed.as_slice() {
        [Removed { scope, explained: false }] if scope == REMOVED => Ok(2),
        other => {
            bail!("verify tells of {} removed records, expected one, unexplained, of {REMOVED}", other.len())
        }
    }
}

/// Everything that happened to the first patient stands in her log, once: her records by the CSV, the two changes, the
/// clinician's read by his name, each refusal that he was told the reason of, both grants and the revoke.
pub async fn log_complete(stage: &Stage) -> Result<u64> {
    let patient = stage.patients.first().context("there are no patients")?;
    let log = log_of(stage, patient).await?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for entry in &log.entries {
        let kind = entry.kind.as_deref().context("an entry cannot be read")?;
        let what = match (kind, entry.reason.as_deref(), entry.name.as_deref()) {
            ("refused", Some(reason), _) => format!("refused {reason}"),
            // Her own reads, some for every look that the scenario took, and those under a grant.
            ("read", _, Some("")) => continue,
            ("read", _, Some(name)) => format!("read by {name}"),
            _ => kind.to_owned(),
        };
        let count = counts.entry(what).or_default();
        *count = count.saturating_add(1);
    }
    // One row was filed again, changed; of the one that is gone the filing stays.
    let filed = patient.records.saturating_add(2);
    let expected = [
        ("opened", 1),
        ("filed", filed),
        ("removed", 1),
        ("grant-seen", 2),
        ("revoke-seen", 1),
        ("refused scope", 1),
        ("refused revoked", 1),
        ("refused window", 1),
        (&format!("read by {CLINICIAN}"), 1),
    ]
    .map(|(what, count)| (what.to_owned(), count));
    let expected = BTreeMap::from(expected);
    ensure!(counts == expected, "her log has {counts:?}, expected {expected:?}");
    Ok(u64::try_from(log.entries.len())?)
}

async fn tamper(stage: &Stage, patient: &str) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(stage.home.join("hospital.sqlite"));
    let mut database =
        SqliteConnection::connect_with(&options).await.context("open the hospital's database")?;
    let change = "UPDATE observations SET VALUE = VALUE || '1' WHERE rowid = \
                  (SELECT min(rowid) FROM observations WHERE PATIENT = ? AND TYPE = 'numeric')";
    let removal =
        "DELETE FROM conditions WHERE rowid = (SELECT min(rowid) FROM conditions WHERE PATIENT = ?)";
    for statement in [change, removal] {
        let done = database.execute(sqlx::query(statement).bind(patient)).await.context("change a row")?;
        ensure!(done.rows_affected() == 1, "{} rows changed, expected 1: {statement}", done.rows_affected());
    }
    Ok(database.close().await?)
}

async fn log_of(stage: &Stage, patient: &Patient) -> Result<Log> {
    let id = patient.relationship.to_string();
    let read: Logs =
        stage.tools.medrec(&patient.home, &["log", &id, "--json"]).await?.json("read the log")?;
    let log = read.logs.into_iter().next().context("no log was read")?;
    ensure!(log.findings.is_empty(), "the log has findings: {:?}", log.findings);
    Ok(log)
}

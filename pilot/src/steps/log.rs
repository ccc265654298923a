//! Everything the scenario did to a patient stands in her logs, also when a hospital is away.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::changes::Change;
use super::filing::{self, logs_of, one_of};
use super::granting::CLINICIAN;
use crate::people::{Patient, Relationship};
use crate::seen::{Log, Logs};
use crate::stage::Stage;

/// All that happened to the first patient stands in her logs: her records by the CSV, the changes, the clinician's read
/// by his name, each refusal with its reason, both grants and the revoke, and her own reads of every scope. Then one of
/// her hospitals is gone for a moment, and its log reads the same from a mirror. Returns the entries of all logs.
pub async fn log_complete(stage: &Stage, patient: &Patient, changes: &[Change]) -> Result<u64> {
    let logs = stage.tools.again("her view of the logs", async || logs_of(stage, patient).await).await?;
    let mut entries: u64 = 0;
    for relationship in &patient.relationships {
        let log = one_of(&logs, relationship.id)?;
        let is_first = relationship.id == patient.first()?.id;
        let changes: Vec<&Change> =
            changes.iter().filter(|change| change.relationship == relationship.id).collect();
        check(log, relationship, is_first, &changes, stage.tools.retries())?;
        entries = entries.saturating_add(u64::try_from(log.entries.len())?);
    }
    from_a_mirror(stage, patient).await?;
    Ok(entries)
}

/// `retries`: a request that was made again, as its answer was lost, may stand there twice.
fn check(
    log: &Log,
    relationship: &Relationship,
    is_first: bool,
    changes: &[&Change],
    retries: u64,
) -> Result<()> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut own_reads: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &log.entries {
        let kind = entry.kind.as_deref().context("an entry cannot be read")?;
        let what = match (kind, entry.reason.as_deref(), entry.name.as_deref()) {
            ("refused", Some(reason), _) => format!("refused {reason}"),
            ("read", _, Some("")) => {
                let reads = own_reads.entry(entry.scope.as_deref().unwrap_or_default()).or_default();
                *reads = reads.saturating_add(1);
                continue;
            }
            ("read", _, Some(name)) => format!("read by {name}"),
            _ => kind.to_owned(),
        };
        let count = counts.entry(what).or_default();
        *count = count.saturating_add(1);
    }
    let removed = u64::try_from(changes.iter().filter(|change| change.removed).count())?;
    let changed = u64::try_from(changes.len())?.saturating_sub(removed);
    let mut exact =
        vec![("opened", 1), ("filed", relationship.records.saturating_add(changed)), ("removed", removed)];
    let read = format!("read by {CLINICIAN}");
    let mut answered: Vec<&str> = Vec::new();
    if is_first {
        exact.extend([("grant-seen", 2), ("revoke-seen", 1)]);
        answered.extend(["refused scope", "refused window", "refused revoked", read.as_str()]);
    }
    let id = relationship.id;
    for (what, expected) in exact {
        let found = counts.remove(what).unwrap_or_default();
        ensure!(found == expected, "relationship {id}: {found} entries {what:?}, expected {expected}");
    }
    for what in answered {
        let found = counts.remove(what).unwrap_or_default();
        let most = retries.saturating_add(1);
        ensure!(
            (1..=most).contains(&found),
            "relationship {id}: {found} entries {what:?}, expected 1 to {most}"
        );
    }
    ensure!(counts.is_empty(), "relationship {id}: its log tells of what nobody did: {counts:?}");
    // Once for her record, once for her check; at least, as she looked again after the changes.
    ensure!(
        !own_reads.is_empty() && own_reads.values().all(|reads| *reads >= 2),
        "relationship {id}: each scope was read twice at least, the log has {own_reads:?}"
    );
    Ok(())
}

/// The last of her hospitals dies; her tool finds the copy that another one keeps of its log, by itself.
async fn from_a_mirror(stage: &Stage, patient: &Patient) -> Result<()> {
    let gone = patient.relationships.last().context("the patient has no relationship")?;
    let is_only_one = patient.relationships.len() < 2;
    ensure!(!is_only_one, "a patient of one hospital has no mirror to read from");
    filing::kept_elsewhere(stage, gone.hospital).await?;
    let before = stage.tools.again("her view of the logs", async || logs_of(stage, patient).await).await?;
    let relayer = stage.relayer(gone.hospital)?;
    relayer.kill().await?;
    let before = one_of(&before, gone.id)?;
    let read = stage
        .tools
        .again("the log of a hospital that is gone", async || mirrored(stage, patient, before).await);
    let read = read.await;
    relayer.start().await?;
    read
}

async fn mirrored(stage: &Stage, patient: &Patient, before: &Log) -> Result<()> {
    let id = before.relationship.to_string();
    let outcome = stage.tools.medrec(&patient.home, &["log", &id, "--json"]).await?;
    let logs: Logs = outcome.json("read a log whose hospital is gone")?;
    let log = one_of(&logs.logs, before.relationship)?;
    ensure!(log.mirror.is_some(), "the hospital is gone, and the log was not read from a copy");
    ensure!(log.findings.is_empty(), "the mirrored log has findings: {:?}", log.findings);
    ensure!(
        log.entries.len() == before.entries.len(),
        "the mirror shows {} entries of hers, the hospital showed {}",
        log.entries.len(),
        before.entries.len()
    );
    Ok(())
}

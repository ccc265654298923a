//! Records are filed and anchored; a patient reads hers and checks them against the chain.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::opening;
use crate::people::Patient;
use crate::stage::Stage;
use crate::wait::until;

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
}

/// What `medrec record --json` and `medrec read --json` print.
#[derive(Deserialize)]
pub struct Records {
    pub records: Vec<Item>,
}

#[derive(Deserialize)]
pub struct Item {
    pub scope: String,
    pub mark: String,
}

#[derive(Deserialize)]
struct Verdicts {
    relationships: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    records: u64,
    unchanged: u64,
    entries: u64,
}

/// Every row of every patient became one entry of the access log: counted in each patient's own view of the log,
/// against the CSV.
pub async fn filed(stage: &Stage) -> Result<u64> {
    opening::all_filed(stage).await?;
    let mut total: u64 = 0;
    for patient in &stage.patients {
        total = total.saturating_add(filed_of(stage, patient).await?);
    }
    Ok(total)
}

/// As many records of a patient are filed as the CSV has of her, by her own view of the log.
pub async fn filed_of(stage: &Stage, patient: &Patient) -> Result<u64> {
    let id = patient.relationship.to_string();
    let read: Logs =
        stage.tools.medrec(&patient.home, &["log", &id, "--json"]).await?.json("read the log")?;
    if read.logs.iter().any(|log| !log.findings.is_empty()) {
        bail!("relationship {id}: the log has findings");
    }
    let entries = read.logs.iter().flat_map(|log| &log.entries);
    let filed = u64::try_from(entries.filter(|entry| entry.kind.as_deref() == Some("filed")).count())?;
    if filed != patient.records {
        bail!("relationship {id}: {filed} records are filed, the CSV has {}", patient.records);
    }
    Ok(filed)
}

/// The chain's anchor covers everything the log held when this step began.
pub async fn anchored(stage: &Stage) -> Result<u64> {
    let wanted = stage.relayer_status().await?.log_size;
    let authlog = stage.authlog()?;
    until(&format!("an anchor of {wanted} entries"), Duration::from_secs(60), async || {
        let size = authlog.log_of(1).await?.size;
        Ok((size >= wanted).then_some(size))
    })
    .await
}

/// The first patient reads everything, each item as filed; then her tool checks the log and the anchor as well.
/// Returns the entries checked.
pub async fn merged_read(stage: &Stage) -> Result<u64> {
    let Some(patient) = stage.patients.first() else { bail!("there are no patients") };
    read_all(stage, patient, &patient.home).await
}

/// (scope, id, version, resource) of everything the wallet in `home` reads, in a fixed order.
pub async fn records(stage: &Stage, home: &std::path::Path) -> Result<Vec<String>> {
    let read: serde_json::Value =
        stage.tools.medrec(home, &["record", "--json"]).await?.json("read the record")?;
    let Some(items) = read.get("records").and_then(serde_json::Value::as_array) else {
        bail!("no records: {read}")
    };
    let mut lines: Vec<String> = items
        .iter()
        .map(|item| {
            ["scope", "id", "version", "resource"]
                .map(|key| item.get(key).unwrap_or(&serde_json::Value::Null).to_string())
                .join(" ")
        })
        .collect();
    lines.sort_unstable();
    Ok(lines)
}

/// Reads and verifies a patient's record from the wallet in `home`.
pub async fn read_all(stage: &Stage, patient: &Patient, home: &std::path::Path) -> Result<u64> {
    let read: Records = stage.tools.medrec(home, &["record", "--json"]).await?.json("read the record")?;
    let count = u64::try_from(read.records.len())?;
    if count != patient.records {
        bail!("she reads {count} records, the CSV has {}", patient.records);
    }
    // What somebody changed on the way stays marked so; how many that may be, the step that changed it says.
    let fine = |item: &&Item| matches!(item.mark.as_str(), "unchanged" | "changed-unexplained");
    if let Some(item) = read.records.iter().find(|item| !fine(item)) {
        bail!("a record of {} is marked {:?}, expected \"unchanged\"", item.scope, item.mark);
    }
    let verdicts: Verdicts = stage.tools.medrec(home, &["verify", "--json"]).await?.json("verify")?;
    let [verdict] = verdicts.relationships.as_slice() else { bail!("one relationship expected") };
    if verdict.records != patient.records || verdict.unchanged > verdict.records {
        bail!("verify saw {} records, the CSV has {}", verdict.records, patient.records);
    }
    Ok(verdict.entries)
}

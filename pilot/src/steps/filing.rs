//! Every row becomes an entry of its hospital's log, and the chain anchors the logs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{each, opening};
use crate::people::Patient;
use crate::seen::{Log, Logs};
use crate::stage::Stage;
use crate::wait::{Passing, until};

/// Every row of every patient at every hospital became one entry of its log: counted in each patient's own view of the
/// logs, against the CSV.
pub async fn filed(stage: &Stage, patients: &[Patient]) -> Result<u64> {
    opening::all_filed(stage, patients).await?;
    let counts = each(patients, async |patient| {
        stage.tools.again("her view of the logs", async || filed_of(stage, patient).await).await
    })
    .await?;
    Ok(counts.into_iter().sum())
}

/// As many records of a patient are filed as the CSV has of her, by her own view of the logs.
pub async fn filed_of(stage: &Stage, patient: &Patient) -> Result<u64> {
    let logs = logs_of(stage, patient).await?;
    for relationship in &patient.relationships {
        let log = one_of(&logs, relationship.id)?;
        let filed = u64::try_from(log.of("filed").count())?;
        ensure!(
            filed == relationship.records,
            "relationship {}: {filed} records are filed, the CSV has {}",
            relationship.id,
            relationship.records
        );
    }
    Ok(patient.records())
}

/// All logs of a patient, each from its own hospital, none with a finding.
pub async fn logs_of(stage: &Stage, patient: &Patient) -> Result<Vec<Log>> {
    let read: Logs = stage.tools.medrec(&patient.home, &["log", "--json"]).await?.json("read the logs")?;
    if read.logs.iter().any(|log| log.mirror.is_some()) {
        // A copy ends at the last anchor.
        return Err(Passing("a log was read from another hospital's copy".to_owned()).into());
    }
    for log in &read.logs {
        ensure!(
            log.findings.is_empty(),
            "the log of relationship {} has findings: {:?}",
            log.relationship,
            log.findings
        );
    }
    Ok(read.logs)
}

/// The one of a relationship.
pub fn one_of(logs: &[Log], relationship: u64) -> Result<&Log> {
    let found = logs.iter().find(|log| log.relationship == relationship);
    found.with_context(|| format!("no log of relationship {relationship} was read"))
}

/// The chain's anchors cover everything that each log held when this step began. Returns the entries anchored.
pub async fn anchored(stage: &Stage) -> Result<u64> {
    let mut total: u64 = 0;
    for relayer in &stage.relayers {
        let status = async || relayer.status().await;
        let wanted = stage.tools.again("how a relayer stands", status).await?.log_size;
        let what = format!("an anchor of {wanted} entries of {}", relayer.name);
        let size = until(&what, Duration::from_secs(90), async || {
            let size = stage.anchored(relayer.institution).await?;
            Ok((size >= wanted).then_some(size))
        })
        .await?;
        total = total.saturating_add(size);
    }
    Ok(total)
}

/// Until everything in a hospital's log is under an anchor and in the copies that the others keep of it.
pub async fn kept_elsewhere(stage: &Stage, hospital: usize) -> Result<()> {
    let relayer = stage.relayer(hospital)?;
    let status = async || relayer.status().await;
    let size = stage.tools.again("how a relayer stands", status).await?.log_size;
    anchored(stage).await?;
    for keeper in stage.relayers.iter().filter(|keeper| keeper.institution != relayer.institution) {
        keeper.mirrored(relayer.institution, size).await?;
    }
    Ok(())
}

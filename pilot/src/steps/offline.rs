//! The patient takes everything with her in one file, and it verifies without any network.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::changes::{self, Change};
use crate::people::Patient;
use crate::stage::Stage;
use crate::tools::Isolation;

/// What was verified, and how well the network was cut off.
pub struct Offline {
    pub entries: u64,
    pub isolation: Isolation,
}

/// `medrec verify --bundle --json`.
#[derive(Debug, Deserialize)]
struct Verified {
    ok: bool,
    records: u64,
    entries: u64,
    findings: Vec<serde_json::Value>,
}

/// Her copy of everything, exported and verified by a program that has no wallet, no deployment and no network. `entries`: of her logs before.
pub async fn offline_verified(
    stage: &Stage,
    patient: &Patient,
    changes: &[Change],
    entries: u64,
) -> Result<Offline> {
    let file = stage.home.join(format!("exported-{}.medrec", patient.first()?.id));
    let (path, nobody) = (file.display().to_string(), stage.home.join("nobody"));
    stage
        .tools
        .again("her copy", async || {
            stage.tools.medrec(&patient.home, &["sync", "--json"]).await?.ok("keep a copy of everything")
        })
        .await?;
    stage.tools.medrec(&patient.home, &["export", "--out", &path, "--json"]).await?.ok("export")?;
    let (outcome, isolation) =
        stage.tools.offline("medrec", &nobody, &["verify", "--bundle", &path, "--json"]).await?;
    let verified: Verified = outcome.json("verify the export without a network")?;
    let records = changes::records_left(patient, changes);
    ensure!(
        verified.ok
            && verified.findings.is_empty()
            && verified.records == records
            && verified.entries >= entries,
        "{records} records and {entries} entries at least were to verify: {verified:?}"
    );
    Ok(Offline { entries: verified.entries, isolation })
}

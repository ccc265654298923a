//! Grants and revokes on the pilot's stage, with validators down.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use medrec_e2e::access::{Consent, MAX_STALENESS};
use medrec_pilot::{Outcome, Patient, Stage};
use serde::Deserialize;

const SCOPE: &str = "conditions";
const PURPOSE: &str = "treatment";

/// Three rounds with all validators up, three with one down: reads go on. How quickly is `cargo xtask bench latency`'s
/// to say: here it shares the machine with everything else.
pub async fn grants_and_revokes_take_effect_in_time(stage: &Stage) -> Result<()> {
    let last = stage.net.validators().saturating_sub(1);
    let all_up = Consent::of(stage, 1).await?.measure(3).await?;
    stage.net.stop(last).await?;
    let one_down = Consent::of(stage, 2).await?.measure(3).await?;
    stage.net.start(last).await?;
    for (times, bound) in [(all_up, 5), (one_down, 12)] {
        let slowest = times.granted.percentile(100).max(times.revoked.percentile(100));
        assert!(slowest <= Duration::from_secs(bound), "{times:?}");
        assert!(times.latest <= MAX_STALENESS, "a read was permitted {} s after the revoke", times.latest);
    }
    Ok(())
}

/// Told by the patient herself the gatekeeper refuses at once: while the chain stands still, when it moves again, and
/// when her tool cannot reach it at all. She has it in writing.
pub async fn a_direct_revoke_is_obeyed_whatever_the_chain_does(stage: &Stage) -> Result<()> {
    let patient = stage.patients.get(3).context("too few patients")?;
    let halted = Viewer::granted(stage, patient, "halted").await?;
    let unreachable = Viewer::granted(stage, patient, "unreachable").await?;

    let nowhere = deployment_of_a_chain_that_is_away(stage)?;
    let args = ["--deployment", nowhere.to_str().context("a path of text")?];
    let told = unreachable.revoke(stage, patient, &args).await?;
    assert!(told.receipt.is_some() && told.height.is_none(), "{told:?}");
    assert_eq!(unreachable.read(stage, patient).await?.refusal("a read after a direct revoke")?, "revoked");

    for index in [2, 3] {
        stage.net.stop(index).await?;
    }
    let told = halted.revoke(stage, patient, &["--direct"]).await?;
    assert!(told.receipt.is_some() && told.height.is_none(), "{told:?}");
    // Which of the two depends on how long ago the last block was: nothing is answered either way.
    let why = halted.read(stage, patient).await?.refusal("a read while the chain stands still")?;
    assert!(["revoked", "chain-stale"].contains(&why.as_str()), "{why}");
    let height = stage.rpc()?.status().await?.height;
    for index in [2, 3] {
        stage.net.start(index).await?;
    }
    stage.net.wait_height(height.saturating_add(2), Duration::from_secs(60)).await?;
    assert_eq!(halted.read(stage, patient).await?.refusal("a read once the chain moves")?, "revoked");

    let receipts = std::fs::read_dir(patient.home.join("evidence"))?.count();
    assert!(receipts >= 2, "{receipts} pieces of evidence, two receipts were given");
    medrec_pilot::anchored(stage).await?;
    let verdicts: Verdicts =
        stage.tools.medrec(&patient.home, &["verify", "--json"]).await?.json("verify the receipts")?;
    let open: usize = verdicts.relationships.iter().map(|one| one.promises_open).sum();
    assert_eq!(open, 0, "promises of what is under an anchor");
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Told {
    height: Option<u64>,
    receipt: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Granted {
    grant: u32,
    height: u64,
}

#[derive(Deserialize)]
struct Verdicts {
    relationships: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    promises_open: usize,
}

/// Somebody with a wallet and a grant.
struct Viewer {
    home: PathBuf,
    grant: u32,
}

impl Viewer {
    /// He reads once, to show that he may.
    async fn granted(stage: &Stage, patient: &Patient, name: &str) -> Result<Self> {
        let home = stage.home.join("viewers").join(name);
        let (_, card) = medrec_pilot::wallet(&stage.tools, &home).await?;
        let id = patient.relationship.to_string();
        let args = ["grant", &id, "--card", &card, "--scope", SCOPE, "--purpose", PURPOSE, "--until", "+1h"];
        let granted: Granted =
            stage.tools.medrec(&patient.home, &[&args[..], &["--json"]].concat()).await?.json("grant")?;
        stage.applied(granted.height).await?;
        let viewer = Self { home, grant: granted.grant };
        viewer.read(stage, patient).await?.ok("a read under the grant")?;
        Ok(viewer)
    }

    async fn read(&self, stage: &Stage, patient: &Patient) -> Result<Outcome> {
        let id = patient.relationship.to_string();
        let args =
            ["read", "--relationship", &id, "--scope", SCOPE, "--purpose", PURPOSE, "--index", "0", "--json"];
        stage.tools.medrec(&self.home, &[&args[..], &["--institution", "1"]].concat()).await
    }

    async fn revoke(&self, stage: &Stage, patient: &Patient, how: &[&str]) -> Result<Told> {
        let (id, grant) = (patient.relationship.to_string(), self.grant.to_string());
        let args = [&["revoke", &id, &grant, "--json"][..], how].concat();
        stage.tools.medrec(&patient.home, &args).await?.json("revoke")
    }
}

/// As the stage's, with a node that nobody runs.
fn deployment_of_a_chain_that_is_away(stage: &Stage) -> Result<PathBuf> {
    let mut away = stage.deployment()?.clone();
    away.rpc = vec!["http://127.0.0.1:1".to_owned()];
    let file = stage.home.join("away.json");
    std::fs::write(&file, serde_json::to_vec(&away)?)?;
    Ok(file)
}

//! Grants and revokes on the pilot's stage, with validators down.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use medrec_e2e::access::{Consent, MAX_STALENESS};
use medrec_pilot::{Cast, Outcome, Patient, Stage};
use serde::Deserialize;

const SCOPE: &str = "conditions";
const PURPOSE: &str = "treatment";

/// Three rounds with all validators up, three with one down: reads go on. How quickly is `cargo xtask bench latency`'s
/// to say: here it shares the machine with everything else.
pub async fn grants_and_revokes_take_effect_in_time(stage: &Stage, cast: &Cast) -> Result<()> {
    let [_, one, other, ..] = cast.patients.as_slice() else { bail!("too few patients") };
    let last = stage.net.validators().saturating_sub(1);
    let all_up = Consent::of(stage, one).await?.measure(3).await?;
    stage.net.stop(last).await?;
    let one_down = Consent::of(stage, other).await?.measure(3).await?;
    stage.net.start(last).await?;
    for (times, bound) in [(all_up, 5), (one_down, 12)] {
        let slowest = times.granted.percentile(100).max(times.revoked.percentile(100));
        assert!(slowest <= Duration::from_secs(bound), "{times:?}");
        assert!(times.latest <= MAX_STALENESS, "a read was permitted {} s after the revoke", times.latest);
    }
    Ok(())
}

/// Who may read when the chain halts.
pub struct Halted {
    /// Told by the patient herself that he may not any more.
    revoked: Viewer,
    /// The same, when her tool could not reach the chain at all.
    unreachable: Viewer,
    /// Whose grant holds.
    permitted: Viewer,
}

impl Halted {
    pub async fn prepare(stage: &Stage, patient: &Patient) -> Result<Self> {
        let [revoked, unreachable, permitted] = ["revoked", "unreachable", "permitted"];
        Ok(Self {
            revoked: Viewer::granted(stage, patient, revoked).await?,
            unreachable: Viewer::granted(stage, patient, unreachable).await?,
            permitted: Viewer::granted(stage, patient, permitted).await?,
        })
    }

    /// Told by the patient herself the gatekeeper refuses at once: while the chain stands still, and when her tool cannot
    /// reach it at all.
    pub async fn a_direct_revoke_is_obeyed(&self, stage: &Stage, patient: &Patient) -> Result<()> {
        let nowhere = deployment_of_a_chain_that_is_away(stage)?;
        let args = ["--deployment", nowhere.to_str().context("a path of text")?];
        for (viewer, how) in [(&self.unreachable, &args[..]), (&self.revoked, &["--direct"])] {
            let told = viewer.revoke(stage, patient, how).await?;
            assert!(told.receipt.is_some() && told.height.is_none(), "{told:?}");
            // Which of the two depends on how long ago the last block was: nothing is answered either way.
            let why = viewer.read(stage, patient).await?.reason().context("he is refused")?;
            assert!(["revoked", "chain-stale"].contains(&why.as_str()), "{why}");
        }
        Ok(())
    }

    /// Until even he whose grant holds is refused, as nobody can know whether it still does.
    pub async fn wait_for_stale(&self, stage: &Stage, patient: &Patient) -> Result<()> {
        medrec_pilot::until("reads to be refused as stale", Duration::from_secs(60), async || {
            let refused = self.permitted.read(stage, patient).await?;
            Ok((refused.reason().as_deref() == Some("chain-stale")).then_some(()))
        })
        .await
    }

    /// With the chain moving again he whose grant holds reads, and the others are refused; she has it in writing, and the
    /// log kept its word.
    pub async fn the_revoke_holds(&self, stage: &Stage, patient: &Patient) -> Result<()> {
        let permitted = async || self.permitted.read(stage, patient).await?.ok("a read under the grant");
        stage.tools.again("a read under the grant", permitted).await?;
        for viewer in [&self.revoked, &self.unreachable] {
            assert_eq!(
                viewer.read(stage, patient).await?.refusal("a read after a direct revoke")?,
                "revoked"
            );
        }
        let receipts = std::fs::read_dir(patient.home.join("evidence"))?.count();
        assert!(receipts >= 2, "{receipts} pieces of evidence, two receipts were given");
        medrec_pilot::anchored(stage).await?;
        let verdicts: Verdicts =
            stage.tools.medrec(&patient.home, &["verify", "--json"]).await?.json("verify the receipts")?;
        let open: usize = verdicts.relationships.iter().map(|one| one.promises_open).sum();
        assert_eq!(open, 0, "promises of what is under an anchor");
        Ok(())
    }
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
        medrec_pilot::wallet(&stage.tools, &home).await?;
        let card = medrec_pilot::card(&stage.tools, &home).await?.card;
        let relationship = patient.first()?;
        let id = relationship.id.to_string();
        let args = ["grant", &id, "--card", &card, "--scope", SCOPE, "--purpose", PURPOSE, "--until", "+1h"];
        let granted: Granted =
            stage.tools.medrec(&patient.home, &[&args[..], &["--json"]].concat()).await?.json("grant")?;
        stage.relayer(relationship.hospital)?.applied(granted.height).await?;
        let viewer = Self { home, grant: granted.grant };
        viewer.read(stage, patient).await?.ok("a read under the grant")?;
        Ok(viewer)
    }

    async fn read(&self, stage: &Stage, patient: &Patient) -> Result<Outcome> {
        let relationship = patient.first()?;
        let institution = stage.relayer(relationship.hospital)?.institution.to_string();
        let id = relationship.id.to_string();
        let args =
            ["read", "--relationship", &id, "--scope", SCOPE, "--purpose", PURPOSE, "--index", "0", "--json"];
        stage.tools.medrec(&self.home, &[&args[..], &["--institution", &institution]].concat()).await
    }

    async fn revoke(&self, stage: &Stage, patient: &Patient, how: &[&str]) -> Result<Told> {
        let (id, grant) = (patient.first()?.id.to_string(), self.grant.to_string());
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

//! A clinician of another institution asks: refused, granted, out of scope, revoked, out of time.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::record::Records;
use crate::people::{self, Clinician, Patient};
use crate::stage::Stage;
use crate::tools::Outcome;
use crate::wait;

pub const CLINICIAN: &str = "Dr. Ada Quill";
const SCOPE: &str = "observations";
const OTHER_SCOPE: &str = "conditions";
const PURPOSE: &str = "treatment";
/// Seconds of the grant that ends by itself.
const SHORT: u64 = 8;

#[derive(Deserialize)]
struct OnChain {
    height: u64,
}

#[derive(Deserialize)]
struct Granted {
    grant: u32,
    height: u64,
}

/// The clinic signs the clinician's card; with it, but without a grant, he is refused like a stranger.
pub async fn refused_ungranted(stage: &mut Stage) -> Result<String> {
    let home = stage.home.join("clinician");
    let (_, bare) = people::wallet(&stage.tools, &home).await?;
    let card = signed(stage, &bare).await?;
    stage.clinician = Some(Clinician { home, card });
    read(stage, SCOPE).await?.refusal("a read without a grant")
}

/// The patient lets him read her observations for a month.
pub async fn granted(stage: &Stage) -> Result<u32> {
    let (_, clinician) = both(stage)?;
    Ok(grant(stage, &clinician.card, "+30d").await?.grant)
}

/// He reads all of them, each one as it was filed.
pub async fn cross_read(stage: &Stage) -> Result<u64> {
    let (patient, _) = both(stage)?;
    let read: Records = read(stage, SCOPE).await?.json("read under the grant")?;
    let count = u64::try_from(read.records.len())?;
    let expected = stage.hospital.rows_of(&patient.local_id, SCOPE);
    if count != expected {
        bail!("he reads {count} {SCOPE}, the CSV has {expected}");
    }
    if let Some(item) = read.records.iter().find(|item| item.mark != "unchanged") {
        bail!("a record is marked {:?}, expected \"unchanged\"", item.mark);
    }
    Ok(count)
}

/// Another scope is refused.
pub async fn refused_scope(stage: &Stage) -> Result<String> {
    read(stage, OTHER_SCOPE).await?.refusal("a read out of scope")
}

/// She takes the grant back; the same read is refused.
pub async fn refused_revoked(stage: &Stage, grant: u32) -> Result<String> {
    let (patient, _) = both(stage)?;
    let (id, grant) = (patient.relationship.to_string(), grant.to_string());
    let revoked: OnChain =
        stage.tools.medrec(&patient.home, &["revoke", &id, &grant, "--json"]).await?.json("revoke")?;
    stage.applied(revoked.height).await?;
    read(stage, SCOPE).await?.refusal("a read after the revoke")
}

/// A grant to a second card of his ends by itself, by the chain's clock; then a read is refused.
pub async fn refused_window(stage: &Stage) -> Result<String> {
    let (_, clinician) = both(stage)?;
    let bare: people::NewCard =
        stage.tools.medrec(&clinician.home, &["card", "--json"]).await?.json("make another card")?;
    let card = signed(stage, &bare.card).await?;
    let until = stage.rpc()?.status().await?.time_seconds.saturating_add(SHORT);
    grant(stage, &card, &until.to_string()).await?;
    let ended = wait::until("the grant to end", Duration::from_secs(60), async || {
        let newest = stage.rpc()?.status().await?;
        Ok((newest.time_seconds >= until).then_some(newest.height))
    })
    .await?;
    stage.applied(ended).await?;
    read_with(stage, SCOPE, "1", &card).await?.refusal("a read after the grant's end")
}

/// The clinic signs who the card's owner is.
async fn signed(stage: &Stage, bare: &str) -> Result<String> {
    let args = ["card", "sign", "--card", bare, "--name", CLINICIAN, "--role", "cardiologist"];
    let signed =
        stage.tools.relayer(&stage.home.join("clinic"), &args).await?.ok("sign the clinician's card")?;
    Ok(signed.stdout.trim().to_owned())
}

async fn grant(stage: &Stage, card: &str, until: &str) -> Result<Granted> {
    let (patient, _) = both(stage)?;
    let id = patient.relationship.to_string();
    let args =
        ["grant", &id, "--card", card, "--scope", SCOPE, "--purpose", PURPOSE, "--until", until, "--json"];
    let granted: Granted = stage.tools.medrec(&patient.home, &args).await?.json("grant")?;
    stage.applied(granted.height).await?;
    Ok(granted)
}

async fn read(stage: &Stage, scope: &str) -> Result<Outcome> {
    read_with(stage, scope, "0", &both(stage)?.1.card).await
}

async fn read_with(stage: &Stage, scope: &str, index: &str, card: &str) -> Result<Outcome> {
    let (patient, clinician) = both(stage)?;
    let id = patient.relationship.to_string();
    let args = [
        "read",
        "--relationship",
        &id,
        "--scope",
        scope,
        "--purpose",
        PURPOSE,
        "--institution",
        "1",
        "--index",
        index,
        "--card",
        card,
        "--json",
    ];
    stage.tools.medrec(&clinician.home, &args).await
}

fn both(stage: &Stage) -> Result<(&Patient, &Clinician)> {
    let patient = stage.patients.first().context("there are no patients")?;
    Ok((patient, stage.clinician.as_ref().context("the clinician has no card yet")?))
}

//! A clinician of another institution asks: refused, granted, out of scope, revoked.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::record::Records;
use crate::people::{self, Clinician, Patient};
use crate::stage::Stage;
use crate::tools::Outcome;

const SCOPE: &str = "observations";
const OTHER_SCOPE: &str = "conditions";
const PURPOSE: &str = "treatment";

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
    let args = ["card", "sign", "--card", &bare, "--name", "Dr. Ada Quill", "--role", "cardiologist"];
    let signed =
        stage.tools.relayer(&stage.home.join("clinic"), &args).await?.ok("sign the clinician's card")?;
    stage.clinician = Some(Clinician { home, card: signed.stdout.trim().to_owned() });
    read(stage, SCOPE).await?.refusal("a read without a grant")
}

/// The patient lets him read her observations for a month.
pub async fn granted(stage: &Stage) -> Result<u32> {
    let (patient, clinician) = both(stage)?;
    let id = patient.relationship.to_string();
    let args = [
        "grant",
        &id,
        "--card",
        &clinician.card,
        "--scope",
        SCOPE,
        "--purpose",
        PURPOSE,
        "--until",
        "+30d",
        "--json",
    ];
    let granted: Granted = stage.tools.medrec(&patient.home, &args).await?.json("grant")?;
    stage.applied(granted.height).await?;
    Ok(granted.grant)
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

async fn read(stage: &Stage, scope: &str) -> Result<Outcome> {
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
        "0",
        "--card",
        &clinician.card,
        "--json",
    ];
    stage.tools.medrec(&clinician.home, &args).await
}

fn both(stage: &Stage) -> Result<(&Patient, &Clinician)> {
    let patient = stage.patients.first().context("there are no patients")?;
    Ok((patient, stage.clinician.as_ref().context("the clinician has no card yet")?))
}

//! Patients come to the desk with a card; the hospital opens, they accept.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::PATIENTS;
use crate::people::{self, Patient};
use crate::stage::Stage;
use crate::wait::until;

/// What `medrec-relayer staff list --json` says of one relationship.
#[derive(Debug, Deserialize)]
pub struct Listed {
    patient_id: String,
    id: Option<u64>,
    status: String,
    error: Option<String>,
    filed: bool,
}

#[derive(Deserialize)]
struct Relationships {
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Relationship {
    relationship: u64,
    status: String,
}

/// The hospital's richest patients each make a wallet and a card; staff open with it.
pub async fn opened(stage: &mut Stage) -> Result<u64> {
    let first = stage.patients.len();
    for local_id in stage.hospital.richest(PATIENTS) {
        at_the_desk(stage, local_id).await?;
    }
    numbers(stage).await?;
    Ok(u64::try_from(stage.patients.len().saturating_sub(first))?)
}

/// One more patient comes, the richest of those who have not: opened, not accepted yet.
pub async fn one_more(stage: &mut Stage) -> Result<Patient> {
    let local_id = stage.hospital.richest(stage.patients.len().saturating_add(1)).pop();
    at_the_desk(stage, local_id.context("the hospital has no patients")?).await?;
    numbers(stage).await?;
    stage.patients.last().cloned().context("there are no patients")
}

/// She makes a wallet and hands over its card; staff open with it.
async fn at_the_desk(stage: &mut Stage, local_id: String) -> Result<()> {
    let home = stage.home.join("patients").join(&local_id);
    let (words, card) = people::wallet(&stage.tools, &home).await?;
    staff(stage, &["staff", "open", "--patient-id", &local_id, "--card", &card, "--json"]).await?;
    let records = stage.hospital.records_of(&local_id);
    stage.patients.push(Patient { home, words, card, local_id, relationship: 0, records });
    Ok(())
}

/// Until every relationship has its number.
async fn numbers(stage: &mut Stage) -> Result<()> {
    let listed = until("every relationship to be open on chain", Duration::from_secs(60), async || {
        let listed = list(stage).await?;
        Ok(listed.iter().all(|one| one.id.is_some()).then_some(listed))
    })
    .await?;
    for patient in &mut stage.patients {
        let found = listed.iter().find(|one| one.patient_id == patient.local_id).and_then(|one| one.id);
        let Some(id) = found else { bail!("no relationship was opened with one of the patients") };
        patient.relationship = id;
    }
    Ok(())
}

/// Each finds the relationship by her words alone, and accepts it.
pub async fn accepted(stage: &Stage) -> Result<u64> {
    for patient in &stage.patients {
        let found: Relationships = stage
            .tools
            .medrec(&patient.home, &["relationships", "--json"])
            .await?
            .json("list relationships")?;
        let offered: Vec<u64> = found
            .relationships
            .iter()
            .filter(|one| one.status == "offered")
            .map(|one| one.relationship)
            .collect();
        if offered != [patient.relationship] {
            bail!("her wallet finds offers {offered:?}, expected [{}]", patient.relationship);
        }
        let id = patient.relationship.to_string();
        stage.tools.medrec(&patient.home, &["accept", &id, "--json"]).await?.ok("accept")?;
    }
    until("the hospital to see every acceptance", Duration::from_secs(30), async || {
        Ok(list(stage).await?.iter().all(|one| one.status == "active").then_some(()))
    })
    .await?;
    Ok(u64::try_from(stage.patients.len())?)
}

/// Until the relayer says that every record of everybody is filed.
pub async fn all_filed(stage: &Stage) -> Result<()> {
    until("every record to be filed", Duration::from_secs(120), async || {
        Ok(list(stage).await?.iter().all(|one| one.filed).then_some(()))
    })
    .await
}

async fn list(stage: &Stage) -> Result<Vec<Listed>> {
    let listed: Vec<Listed> = stage
        .tools
        .relayer(&stage.home.join("hospital"), &["staff", "list", "--json"])
        .await?
        .json("list relationships at the desk")?;
    if let Some(error) = listed.iter().find_map(|one| one.error.as_deref()) {
        bail!("an opening failed: {error}");
    }
    Ok(listed)
}

async fn staff(stage: &Stage, args: &[&str]) -> Result<()> {
    stage.tools.relayer(&stage.home.join("hospital"), args).await?.ok("open at the desk").map(drop)
}

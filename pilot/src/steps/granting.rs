//! A clinician of another hospital asks: refused, granted, out of scope, out of time, revoked.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::people::{self, Clinician, NewCard, Patient, Relationship};
use crate::seen::{Granted, OnChain, Records, Relationships};
use crate::stage::Stage;
use crate::tools::Outcome;
use crate::wait::until;

pub const CLINICIAN: &str = "Dr. Ada Quill";
pub const SCOPE: &str = "observations";
const OTHER_SCOPE: &str = "conditions";
const PURPOSE: &str = "treatment";
/// How long the grant holds that ends by itself.
const SHORT: &str = "+6s";
const LONG: &str = "+30d";
/// Blocks after which a transaction that a mempool took is in one, or is lost with its node.
const SETTLED: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(30);

/// Both grants to the clinician, each to a card of its own.
#[derive(Debug, Clone, Copy)]
pub struct Grants {
    /// Of the long one, in the relationship.
    pub long: u32,
    /// When the short one ends, seconds since 1970.
    pub short_until: u64,
}

/// Another hospital signs the clinician's cards; with one, but without a grant, he is refused like a stranger.
pub async fn refused_ungranted(stage: &Stage, patient: &Patient) -> Result<(Clinician, String)> {
    let clinician =
        stage.tools.again("the clinician's cards", async || employed(stage, patient).await).await?;
    let reason = refused(stage, patient, &clinician, SCOPE, 0).await?;
    Ok((clinician, reason))
}

/// A new wallet with two cards, signed by a hospital that is not the one that will be asked.
async fn employed(stage: &Stage, patient: &Patient) -> Result<Clinician> {
    let home = stage.home.join("clinicians").join(patient.first()?.id.to_string());
    if !home.exists() {
        people::wallet(&stage.tools, &home).await?;
    }
    let other =
        (0..stage.relayers.len()).find(|hospital| patient.first().is_ok_and(|one| one.hospital != *hospital));
    let employer = stage.relayer(other.context("there is only one hospital")?)?;
    let signed = async || -> Result<NewCard> {
        let NewCard { card, address, index } = people::card(&stage.tools, &home).await?;
        let args = ["card", "sign", "--card", &card, "--name", CLINICIAN, "--role", "cardiologist"];
        let signed = employer.call(&args).await?.ok("sign the clinician's card")?;
        Ok(NewCard { card: signed.stdout.trim().to_owned(), address, index })
    };
    let cards = [signed().await?, signed().await?];
    Ok(Clinician { home, cards })
}

/// The patient lets him read her observations: with one card for some seconds, with the other for a month.
pub async fn granted(stage: &Stage, patient: &Patient, clinician: &Clinician) -> Result<Grants> {
    let [long, short] = &clinician.cards;
    let short = granted_once(stage, patient, short, SHORT).await?;
    let long = granted_once(stage, patient, long, LONG).await?;
    stage.relayer(patient.first()?.hospital)?.applied(long.height).await?;
    Ok(Grants { long: long.grant, short_until: short.until })
}

/// He reads all of them, each one as it was filed.
pub async fn cross_read(stage: &Stage, patient: &Patient, clinician: &Clinician) -> Result<u64> {
    let relationship = patient.first()?;
    let read: Records = stage
        .tools
        .again("his read", async || {
            read(stage, relationship, clinician, SCOPE, 0).await?.json("read under the grant")
        })
        .await?;
    let count = u64::try_from(read.records.len())?;
    let hospital = stage.hospital(relationship.hospital)?;
    let expected = hospital.rows_of(&patient.person, SCOPE);
    ensure!(count == expected, "he reads {count} {SCOPE}, the CSV has {expected}");
    read.all_marked("unchanged")?;
    Ok(count)
}

/// Another scope is refused.
pub async fn refused_scope(stage: &Stage, patient: &Patient, clinician: &Clinician) -> Result<String> {
    refused(stage, patient, clinician, OTHER_SCOPE, 0).await
}

/// The grant to his second card has ended, or ends while he waits, by the chain's clock; then a read is refused.
pub async fn refused_window(
    stage: &Stage,
    patient: &Patient,
    clinician: &Clinician,
    grants: Grants,
) -> Result<String> {
    let ended = until("the grant to end", Duration::from_secs(60), async || {
        let newest = stage.rpc().await?.status().await?;
        Ok((newest.time_seconds >= grants.short_until).then_some(newest.height))
    })
    .await?;
    stage.relayer(patient.first()?.hospital)?.applied(ended).await?;
    refused(stage, patient, clinician, SCOPE, 1).await
}

/// She takes the grant back; the same read is refused.
pub async fn refused_revoked(
    stage: &Stage,
    patient: &Patient,
    clinician: &Clinician,
    grants: Grants,
) -> Result<String> {
    let relationship = patient.first()?;
    let height = stage.tools.again("the revoke", async || revoke(stage, patient, grants.long).await).await?;
    stage.relayer(relationship.hospital)?.applied(height).await?;
    refused(stage, patient, clinician, SCOPE, 0).await
}

/// When the answer was lost, the transaction may be on its way still: the next blocks tell.
async fn granted_once(stage: &Stage, patient: &Patient, card: &NewCard, until: &str) -> Result<Granted> {
    let mut first = true;
    let attempt = async || {
        if !std::mem::take(&mut first) {
            let height = stage.rpc().await?.status().await?.height;
            stage.net.wait_height(height.saturating_add(SETTLED), PATIENCE).await?;
        }
        grant(stage, patient, card, until).await
    };
    stage.tools.again("a grant", attempt).await
}

/// One grant a card: when its answer was lost, it is there.
async fn grant(stage: &Stage, patient: &Patient, card: &NewCard, until: &str) -> Result<Granted> {
    let relationship = patient.first()?;
    let height = stage.rpc().await?.status().await?.height;
    let grants = grants_of(stage, patient).await?;
    if let Some(there) = grants.iter().find(|one| one.viewer == card.address) {
        return Ok(Granted { grant: there.grant, until: there.until, height });
    }
    let id = relationship.id.to_string();
    let card = card.card.as_str();
    let args =
        ["grant", &id, "--card", card, "--scope", SCOPE, "--purpose", PURPOSE, "--until", until, "--json"];
    stage.tools.medrec(&patient.home, &args).await?.json("grant")
}

/// The height at which it is revoked, or a later one.
async fn revoke(stage: &Stage, patient: &Patient, grant: u32) -> Result<u64> {
    let height = stage.rpc().await?.status().await?.height;
    let grants = grants_of(stage, patient).await?;
    if grants.iter().any(|one| one.grant == grant && one.state == "revoked") {
        return Ok(height);
    }
    let (id, number) = (patient.first()?.id.to_string(), grant.to_string());
    let revoked: OnChain =
        stage.tools.medrec(&patient.home, &["revoke", &id, &number, "--json"]).await?.json("revoke")?;
    // Without the chain the hospital was told directly: then it is not on chain yet.
    match revoked.height {
        Some(height) => Ok(height),
        None => bail!(crate::wait::Passing("the revoke is not on the chain yet".to_owned())),
    }
}

async fn grants_of(stage: &Stage, patient: &Patient) -> Result<Vec<crate::seen::Grant>> {
    let id = patient.first()?.id;
    let found: Relationships =
        stage.tools.medrec(&patient.home, &["relationships", "--json"]).await?.json("list relationships")?;
    let mine = found.relationships.into_iter().find(|one| one.relationship == id);
    Ok(mine.context("her wallet does not find the relationship")?.grants)
}

/// The reason he is told, once he is told one.
async fn refused(
    stage: &Stage,
    patient: &Patient,
    clinician: &Clinician,
    scope: &str,
    card: usize,
) -> Result<String> {
    let relationship = patient.first()?;
    stage
        .tools
        .again("a refusal", async || {
            read(stage, relationship, clinician, scope, card).await?.refusal("a read that is to be refused")
        })
        .await
}

async fn read(
    stage: &Stage,
    relationship: &Relationship,
    clinician: &Clinician,
    scope: &str,
    card: usize,
) -> Result<Outcome> {
    let institution = stage.relayer(relationship.hospital)?.institution.to_string();
    let NewCard { card, index, .. } = clinician.cards.get(card).context("he has two cards")?;
    let (id, index) = (relationship.id.to_string(), index.to_string());
    let who = ["--institution", &institution, "--index", &index, "--card", card];
    let what = ["read", "--relationship", &id, "--scope", scope, "--purpose", PURPOSE, "--json"];
    stage.tools.medrec(&clinician.home, &[&what[..], &who].concat()).await
}

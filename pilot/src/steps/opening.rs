//! Patients come to the desks with a card; the hospitals open, the patients accept.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::each;
use crate::people::{self, Patient, Relationship};
use crate::seen::{Listed, Relationships};
use crate::stage::Stage;
use crate::wait::until;

const ON_CHAIN: Duration = Duration::from_secs(120);
const FILED: Duration = Duration::from_secs(180);

/// Each makes a wallet, and a card for every hospital that treated her; their staff open with it.
/// Their wallets are in a folder of that name: the same people may come again with others.
pub async fn opened(stage: &Stage, folder: &str, people: &[String]) -> Result<Vec<Patient>> {
    let came = each(people, async |person| comes(stage, folder, person).await).await?;
    let mut patients: Vec<Patient> = numbers(stage, came).await?;
    // The scenario is about the first: who was treated in most places, and most.
    patients.sort_by_key(|patient| {
        std::cmp::Reverse((patient.relationships.len(), patient.records(), patient.person.clone()))
    });
    Ok(patients)
}

/// She makes a wallet and goes from desk to desk.
async fn comes(stage: &Stage, folder: &str, person: &str) -> Result<Patient> {
    let home = stage.home.join(folder).join(person);
    let words = people::wallet(&stage.tools, &home).await?;
    let mut relationships = Vec::new();
    for (hospital, treated) in stage.hospitals.all.iter().enumerate() {
        let Some(local_id) = treated.local_id(person) else { continue };
        // It asks the chain which keys are used already.
        let fresh = async || people::card(&stage.tools, &home).await;
        let card = stage.tools.again("a fresh card", fresh).await?;
        let what = format!("{} to open with her card", treated.name);
        stage.tools.again(&what, async || open(stage, hospital, &local_id, &card).await).await?;
        relationships.push(Relationship {
            hospital,
            card: card.card,
            address: card.address,
            local_id,
            id: 0,
            records: treated.records_of(person),
        });
    }
    ensure!(!relationships.is_empty(), "no hospital of the stage treated this patient");
    Ok(Patient { person: person.to_owned(), home, words, relationships })
}

/// At the desk; an opening that was queued before the relayer died is there when it is back.
async fn open(stage: &Stage, hospital: usize, local_id: &str, card: &people::NewCard) -> Result<()> {
    if list(stage, hospital).await?.iter().any(|one| one.patient == card.address) {
        return Ok(());
    }
    let args = ["staff", "open", "--patient-id", local_id, "--card", &card.card, "--json"];
    stage.relayer(hospital)?.call(&args).await?.ok("open at the desk").map(drop)
}

/// Until every relationship has its number.
async fn numbers(stage: &Stage, mut patients: Vec<Patient>) -> Result<Vec<Patient>> {
    let wanted: BTreeSet<String> =
        patients.iter().flat_map(|patient| &patient.relationships).map(|one| one.address.clone()).collect();
    let listed = until("every relationship to be open on chain", ON_CHAIN, async || {
        let listed = of_all_desks(stage, &wanted).await?;
        let all_open = listed.len() == wanted.len() && listed.iter().all(|one| one.id.is_some());
        Ok(all_open.then_some(listed))
    })
    .await?;
    for one in patients.iter_mut().flat_map(|patient| &mut patient.relationships) {
        let found = listed.iter().find(|listed| listed.patient == one.address).and_then(|listed| listed.id);
        one.id = found.context("no relationship was opened with one of the cards")?;
    }
    Ok(patients)
}

/// Each finds her relationships by her words alone, and accepts them.
pub async fn accepted(stage: &Stage, patients: &[Patient]) -> Result<u64> {
    each(patients, async |patient| {
        stage.tools.again("a patient to accept", async || accept(stage, patient).await).await
    })
    .await?;
    let wanted = addresses(patients);
    until("the hospitals to see every acceptance", ON_CHAIN, async || {
        let listed = of_all_desks(stage, &wanted).await?;
        Ok(listed.iter().all(|one| one.status == "active").then_some(()))
    })
    .await?;
    Ok(u64::try_from(wanted.len())?)
}

/// Accepts what is offered; all that her wallet finds must be hers.
async fn accept(stage: &Stage, patient: &Patient) -> Result<()> {
    let found: Relationships =
        stage.tools.medrec(&patient.home, &["relationships", "--json"]).await?.json("list relationships")?;
    let ids: BTreeSet<u64> = found.relationships.iter().map(|one| one.relationship).collect();
    let expected: BTreeSet<u64> = patient.relationships.iter().map(|one| one.id).collect();
    if ids != expected {
        bail!("her wallet finds relationships {ids:?}, expected {expected:?}");
    }
    for one in found.relationships.iter().filter(|one| one.status == "offered") {
        let id = one.relationship.to_string();
        stage.tools.medrec(&patient.home, &["accept", &id, "--json"]).await?.ok("accept")?;
    }
    Ok(())
}

/// Until the relayers say that every record of these patients is filed.
pub async fn all_filed(stage: &Stage, patients: &[Patient]) -> Result<()> {
    let wanted = addresses(patients);
    until("every record to be filed", FILED, async || {
        Ok(of_all_desks(stage, &wanted).await?.iter().all(|one| one.filed).then_some(()))
    })
    .await
}

fn addresses(patients: &[Patient]) -> BTreeSet<String> {
    patients.iter().flat_map(|patient| &patient.relationships).map(|one| one.address.clone()).collect()
}

/// What the desks have of these addresses.
async fn of_all_desks(stage: &Stage, addresses: &BTreeSet<String>) -> Result<Vec<Listed>> {
    let mut all = Vec::new();
    for hospital in 0..stage.relayers.len() {
        all.extend(list(stage, hospital).await?.into_iter().filter(|one| addresses.contains(&one.patient)));
    }
    if let Some(error) = all.iter().find_map(|one| one.error.as_deref()) {
        bail!("an opening failed: {error}");
    }
    Ok(all)
}

async fn list(stage: &Stage, hospital: usize) -> Result<Vec<Listed>> {
    stage.relayer(hospital)?.call(&["staff", "list", "--json"]).await?.json("list relationships at the desk")
}

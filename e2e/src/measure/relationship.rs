//! Every message of the relationship contract. Its own allowance pays, as in life.

use anyhow::{Context, Result};
use medrec_api::relationship::{ExecuteMsg, GrantKind};

use super::Costs;
use crate::actors::Actor;
use crate::world::{Holder, World};

/// What a usual grant names: sealed it is one block of 64 bytes.
const SCOPES: [&str; 2] = ["laboratory", "medication"];

/// Gas of empty calls to the contract.
struct Empty {
    /// By an account that never signed: its key is stored along the way.
    first: u64,
    later: u64,
}

pub(super) async fn measure(world: &World, costs: &mut Costs) -> Result<()> {
    let (mut delegates, outcome) = world.admit(100).await?;
    costs.add("relationship.admit (100 delegates)", &outcome, None)?;
    let (_, outcome) = world.admit(1).await?;
    costs.add("relationship.admit (1 delegate)", &outcome, None)?;
    let mut delegate = || delegates.pop().context("all delegates are used");

    let empty = empty(world, &delegate()?).await?;
    let (steward, patient) = (delegate()?, Actor::fresh()?);
    let opened = world.open(&steward, &patient).await?;
    costs.add("relationship.open", &opened.outcome, Some(empty.first))?;
    let accept = world.acceptance(&patient, &steward, &opened)?;
    costs.add("relationship.accept", &world.act(&patient, &accept).await?, Some(empty.first))?;

    let holder =
        Holder { patient: &patient, steward: steward.address(), id: opened.id, sealed: &opened.sealed };
    grants(world, &holder, &empty, costs).await?;
    rotations(world, patient, steward, delegate()?, opened.id, &empty, costs).await?;

    let patient = Actor::fresh()?;
    let opened = world.open(&delegate()?, &patient).await?;
    let reject = world.act(&patient, &ExecuteMsg::Reject { id: opened.id }).await?;
    costs.add("relationship.reject", &reject, Some(empty.first))?;
    sponsors(world, costs).await
}

async fn empty(world: &World, delegate: &Actor) -> Result<Empty> {
    let call = || world.empty_call(&delegate.signer, world.relationship(), true);
    Ok(Empty { first: call().await?.gas_used, later: call().await?.gas_used })
}

async fn grants(world: &World, holder: &Holder<'_>, empty: &Empty, costs: &mut Costs) -> Result<()> {
    let patient = holder.patient;
    let viewer = Actor::fresh()?;
    let read = world.grant(holder, &viewer, GrantKind::Read, &SCOPES)?;
    costs.add("relationship.grant", &world.act(patient, &read).await?, Some(empty.later))?;
    let names: Vec<String> = (0..8).map(|n| format!("a-scope-with-a-long-nam{n}")).collect();
    let scopes: Vec<&str> = names.iter().map(String::as_str).collect();
    let largest = world.grant(holder, &viewer, GrantKind::Read, &scopes)?;
    let outcome = world.act(patient, &largest).await?;
    costs.add("relationship.grant (8 long scopes)", &outcome, Some(empty.later))?;
    let carer = world.grant(holder, &Actor::fresh()?, GrantKind::Act, &["*"])?;
    let outcome = world.act(patient, &carer).await?;
    costs.add("relationship.grant (carer)", &outcome, Some(empty.later))?;
    let revoke = ExecuteMsg::Revoke { id: holder.id, grant: 0 };
    costs.add("relationship.revoke", &world.act(patient, &revoke).await?, Some(empty.later))?;
    let research = ExecuteMsg::SetResearch { id: holder.id, categories: 0b1010 };
    costs.add("relationship.set_research", &world.act(patient, &research).await?, Some(empty.later))
}

async fn rotations(
    world: &World,
    patient: Actor,
    steward: Actor,
    next_steward: Actor,
    id: u64,
    empty: &Empty,
    costs: &mut Costs,
) -> Result<()> {
    let next_patient = Actor::fresh()?;
    let to = |next: &Actor| ExecuteMsg::Rotate { id, address: next.address().to_owned(), sealed: None };
    let outcome = world.act(&patient, &to(&next_patient)).await?;
    costs.add("relationship.rotate (patient)", &outcome, Some(empty.later))?;
    let outcome = world.act(&steward, &to(&next_steward)).await?;
    costs.add("relationship.rotate (steward)", &outcome, Some(empty.later))?;
    let outcome = world.act(&next_patient, &ExecuteMsg::Close { id }).await?;
    costs.add("relationship.close", &outcome, Some(empty.first))
}

/// There and back: the sponsor of the chain goes on admitting.
async fn sponsors(world: &World, costs: &mut Costs) -> Result<()> {
    let to = |sponsor: &str| ExecuteMsg::SetSponsor { sponsor: sponsor.to_owned() };
    let outcome = world.decide(world.relationship(), &to(Actor::fresh()?.address())).await?;
    costs.add("relationship.set_sponsor", &outcome, None)?;
    world.decide(world.relationship(), &to(world.net.sponsor().address())).await?;
    Ok(())
}

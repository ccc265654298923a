//! Every message of the authlog, with a log of a million entries.

use anyhow::{Result, ensure};
use medrec_api::authlog::{ExecuteMsg, GrowthCap};
use medrec_clients::Authlog;
use medrec_merkle::{Tree, consistency_proof, leaf_hash, root_at};

use super::{Cast, Costs, registrar};
use crate::actors::Institution;
use crate::world::World;

/// Sizes anchored one after the other: of all steps to a million entries, one with the longest proof.
const SIZES: [u64; 2] = [524_287, 1_000_000];
/// Hashes of the proof between them: one for the last leaf, one for each of the 20 levels above.
const PROOF_HASHES: usize = 21;

pub(super) async fn measure(world: &World, cast: &Cast, costs: &mut Costs) -> Result<()> {
    let contract = world.authlog();
    let account = &cast.newcomer.account.signer;
    let institution = registrar::newcomer(world, cast).await?.id;
    let authlog = Authlog::new(&world.rpc, contract);

    let growth = authlog.config().await?.growth;
    let other = GrowthCap { burst: growth.burst.saturating_add(1_000_000), ..growth };
    let outcome = world.decide(contract, &ExecuteMsg::SetGrowthCap { growth: other }).await?;
    costs.add("authlog.set_growth_cap", &outcome, None)?;

    let empty = world.empty_call(account, contract, false).await?.gas_used;
    let outcome = world.call(account, contract, &ExecuteMsg::AdmitLog { institution }).await?;
    costs.add("authlog.admit_log", &outcome, Some(empty))?;

    let slot = authlog.log_of(institution).await?.slot;
    let log: Tree = (0..SIZES[1]).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let first = anchor(&log, &cast.newcomer, slot, 0, SIZES[0])?;
    let outcome = world.call(account, contract, &first).await?;
    costs.add("authlog.anchor (first)", &outcome, Some(empty))?;
    let second = anchor(&log, &cast.newcomer, slot, SIZES[0], SIZES[1])?;
    ensure!(proof_hashes(&second) == PROOF_HASHES, "the proof has {} hashes", proof_hashes(&second));
    let outcome = world.call(account, contract, &second).await?;
    costs.add("authlog.anchor", &outcome, Some(empty))?;
    // The same head again: a heartbeat.
    let outcome = world.call(account, contract, &anchor(&log, &cast.newcomer, slot, 0, SIZES[1])?).await?;
    costs.add("authlog.anchor (nothing new)", &outcome, Some(empty))
}

/// The head of `size` entries; `from`: the size anchored before, 0 where nothing is to be proved.
pub(super) fn anchor(
    log: &Tree,
    institution: &Institution,
    slot: u32,
    from: u64,
    size: u64,
) -> Result<ExecuteMsg> {
    let root = root_at(log, size)?;
    let proof = if from == 0 { vec![] } else { consistency_proof(log, from, size)? };
    let signature = institution.log.sign(size, root).signature;
    Ok(ExecuteMsg::Anchor {
        slot,
        size,
        root: root.into(),
        signature: signature.into(),
        proof: proof.concat().into(),
    })
}

fn proof_hashes(anchor: &ExecuteMsg) -> usize {
    match anchor {
        ExecuteMsg::Anchor { proof, .. } => proof.len().div_euclid(32),
        _ => 0,
    }
}

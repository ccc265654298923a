//! What one patient comes to on the chain over the years: relationships, and updates of her records in anchored batches.

use anyhow::{Context, Result, ensure};
use medrec_api::authlog::{ExecuteMsg, GrowthCap};
use medrec_clients::Authlog;
use medrec_merkle::{Tree, leaf_hash};

use super::authlog::anchor;
use crate::actors::Actor;
use crate::world::World;

/// As MedRec v2's authors count a patient.
pub const RELATIONSHIPS: u64 = 5;
pub const UPDATES: u64 = 30;
/// Entries of a log under one anchor.
pub const BATCH: u64 = 64;
/// Entries of the log before.
const LOG: u64 = 1_000_000;
/// Delegates are admitted a hundred in a transaction.
const ADMITTED: usize = 100;

/// Bytes of transactions in blocks.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// Openings, acceptances, and the patient's part of the delegates' admission.
    pub relationships: u64,
    /// All anchors that were sent, one a batch.
    pub anchors: u64,
    /// The longest of them.
    pub longest: u64,
}

impl Footprint {
    /// Of the patient, whose updates are each in another batch.
    pub fn total(&self) -> u64 {
        self.relationships.saturating_add(self.anchors.div_ceil(BATCH))
    }

    /// Of one record, hundredths of bytes.
    pub fn hundredths_a_record(&self) -> u64 {
        self.anchors.saturating_mul(100).div_ceil(UPDATES.saturating_mul(BATCH))
    }
}

/// Sends all of it, as the tools do: five openings and acceptances with fresh keys, and thirty anchors of a log of a
/// million entries, 64 new ones in each.
pub async fn footprint(world: &World) -> Result<Footprint> {
    let (mut delegates, admitted) = world.admit(ADMITTED).await?;
    let mut relationships =
        u64::try_from(admitted.size_bytes.div_ceil(ADMITTED))?.saturating_mul(RELATIONSHIPS);
    for _ in 0..RELATIONSHIPS {
        let (delegate, patient) = (delegates.pop().context("all delegates are used")?, Actor::fresh()?);
        let opened = world.open(&delegate, &patient).await?;
        let accept = world.acceptance(&patient, &delegate, &opened)?;
        let accepted = world.act(&patient, &accept).await?;
        ensure!(opened.outcome.code == 0 && accepted.code == 0, "a relationship failed: {}", accepted.log);
        let bytes = opened.outcome.size_bytes.saturating_add(accepted.size_bytes);
        relationships = relationships.saturating_add(u64::try_from(bytes)?);
    }

    let (contract, hospital) = (world.authlog(), &world.hospital);
    let account = &hospital.account.signer;
    let authlog = Authlog::new(&world.rpc, contract);
    let growth = GrowthCap { burst: LOG.saturating_mul(2), ..authlog.config().await?.growth };
    world.decide(contract, &ExecuteMsg::SetGrowthCap { growth }).await?;
    world.call(account, contract, &ExecuteMsg::AdmitLog { institution: 1 }).await?;
    let slot = authlog.log_of(1).await?.slot;
    let end = LOG.saturating_add(UPDATES.saturating_mul(BATCH));
    let log: Tree = (0..end).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    world.call(account, contract, &anchor(&log, hospital, slot, 0, LOG)?).await?;
    let (mut anchors, mut longest) = (0u64, 0u64);
    for batch in 0..UPDATES {
        let from = LOG.saturating_add(batch.saturating_mul(BATCH));
        let next = anchor(&log, hospital, slot, from, from.saturating_add(BATCH))?;
        let outcome = world.call(account, contract, &next).await?;
        ensure!(outcome.code == 0, "an anchor failed: {}", outcome.log);
        let bytes = u64::try_from(outcome.size_bytes)?;
        (anchors, longest) = (anchors.saturating_add(bytes), longest.max(bytes));
    }
    Ok(Footprint { relationships, anchors, longest })
}

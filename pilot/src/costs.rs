//! What the scenario's transactions weighed, read back from the blocks.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use medrec_clients::{Authlog, Rpc, TxHash, TxOutcome};

use crate::people::Patient;
use crate::report::{ChainCost, PatientCost};
use crate::stage::Stage;
use crate::steps;

/// Event of a contract → name of the message that caused it.
const MESSAGES: [(&str, &str); 12] = [
    ("wasm-opened", "open"),
    ("wasm-accepted", "accept"),
    ("wasm-granted", "grant"),
    ("wasm-revoked", "revoke"),
    ("wasm-anchored", "anchor"),
    ("wasm-log_admitted", "admit_log"),
    ("wasm-sealed", "seal"),
    ("wasm-log_attested", "cosign"),
    ("wasm-offered", "offer"),
    ("wasm-owned", "claim"),
    ("wasm-delivered", "deliver"),
    ("wasm-research_chosen", "set_research"),
];

/// Blocks asked for at the same time.
const AT_ONCE: usize = 8;

/// How the chain stood before the scenario.
pub struct Began {
    height: u64,
    /// Entries anchored, by the relayers' order; none before a log's first anchor.
    anchored: Vec<u64>,
}

impl Began {
    pub async fn now(stage: &Stage) -> Result<Self> {
        let height = stage.rpc().await?.status().await?.height;
        let mut anchored = Vec::new();
        for relayer in &stage.relayers {
            // A log that nobody admitted yet has no entry.
            anchored.push(stage.anchored(relayer.institution).await.unwrap_or_default());
        }
        Ok(Self { height, anchored })
    }
}

/// The heaviest transaction of each kind since then, and what one patient came to.
pub async fn read(
    stage: &Stage,
    patient: &Patient,
    began: &Began,
) -> Result<(BTreeMap<String, ChainCost>, PatientCost)> {
    let transactions = since(stage, began).await?;
    Ok((heaviest(&transactions)?, of_patient(stage, patient, began, &transactions).await?))
}

/// The heaviest transaction of each kind since then.
pub async fn heaviest_since(stage: &Stage, began: &Began) -> Result<BTreeMap<String, ChainCost>> {
    heaviest(&since(stage, began).await?)
}

/// Those that succeeded.
async fn since(stage: &Stage, began: &Began) -> Result<Vec<TxOutcome>> {
    let rpc = stage.rpc().await?;
    let ended = rpc.status().await?.height;
    let blocks: Vec<Vec<TxOutcome>> = stream::iter(began.height..=ended)
        .map(|height| transactions(&rpc, height))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(blocks.into_iter().flatten().filter(|tx| tx.code == 0).collect())
}

async fn transactions(rpc: &Rpc, height: u64) -> Result<Vec<TxOutcome>> {
    let mut found = Vec::new();
    for bytes in rpc.transactions(height).await? {
        found.extend(rpc.tx(TxHash::of(&bytes)).await?);
    }
    Ok(found)
}

fn heaviest(transactions: &[TxOutcome]) -> Result<BTreeMap<String, ChainCost>> {
    let mut costs: BTreeMap<String, ChainCost> = BTreeMap::new();
    for tx in transactions {
        let message = MESSAGES.iter().find(|(kind, _)| tx.events.iter().any(|event| event.kind == *kind));
        let Some((_, name)) = message else { continue };
        let cost = costs.entry((*name).to_owned()).or_insert(ChainCost { bytes: 0, gas: 0 });
        cost.bytes = cost.bytes.max(u64::try_from(tx.size_bytes)?);
        cost.gas = cost.gas.max(tx.gas_used);
    }
    Ok(costs)
}

/// Her transactions and her hospitals' for her; of each hospital's anchors her share by entries.
async fn of_patient(
    stage: &Stage,
    patient: &Patient,
    began: &Began,
    transactions: &[TxOutcome],
) -> Result<PatientCost> {
    let ids: BTreeSet<String> = patient.relationships.iter().map(|one| one.id.to_string()).collect();
    let about_her = |tx: &&TxOutcome| {
        let of_relationship = |kind: &str| kind.starts_with("wasm-") && kind != "wasm-log_admitted";
        tx.events
            .iter()
            .filter(|event| of_relationship(&event.kind))
            .any(|event| event.value("id").is_some_and(|id| ids.contains(id)))
    };
    let hers: Vec<&TxOutcome> = transactions.iter().filter(about_her).collect();
    let mut cost = PatientCost {
        relationships: u64::try_from(ids.len())?,
        transactions: u64::try_from(hers.len())?,
        bytes: hers.iter().map(|tx| u64::try_from(tx.size_bytes).unwrap_or(u64::MAX)).sum(),
        ..PatientCost::default()
    };
    let logs = steps::logs_of(stage, patient).await?;
    let authlog = Authlog::new(&stage.rpc().await?, &stage.deployment()?.contracts.authlog.address);
    for relationship in &patient.relationships {
        let institution = stage.relayer(relationship.hospital)?.institution;
        let log = authlog.log_of(institution).await?;
        let slot = log.slot.to_string();
        let anchors = transactions.iter().filter(|tx| tx.value("wasm-anchored", "slot") == Some(&slot));
        let bytes: u64 = anchors.map(|tx| u64::try_from(tx.size_bytes).unwrap_or(u64::MAX)).sum();
        let before = began.anchored.get(relationship.hospital).copied().unwrap_or_default();
        let grown = log.size.saturating_sub(before);
        let entries = u64::try_from(steps::one_of(&logs, relationship.id)?.entries.len())?;
        cost.entries = cost.entries.saturating_add(entries);
        let share = bytes.saturating_mul(entries).checked_div(grown).unwrap_or_default();
        cost.anchor_bytes = cost.anchor_bytes.saturating_add(share);
    }
    Ok(cost)
}

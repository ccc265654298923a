//! From broadcast to committed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use medrec_api::registrar::ExecuteMsg;
use medrec_clients::{Tx, execute};
use tokio::time::sleep;

use crate::actors::{Actor, random};
use crate::world::World;

/// How often the node is asked whether a transaction is in: the grain of the figures.
const GRAIN: Duration = Duration::from_millis(10);
const DEADLINE: Duration = Duration::from_secs(60);

/// Times in ascending order.
#[derive(Clone, Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many per cent do not exceed (nearest rank).
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = self.0.len().saturating_mul(percent).div_ceil(100).max(1);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(Duration::MAX)
    }
}

/// Registers persons one after the other and times each from the broadcast until a node has it in a block. A
/// transaction goes out right after a commit, when the wait for the next one is longest.
pub async fn measure(world: &World, transactions: usize) -> Result<Latencies> {
    let sender = &world.hospital.account.signer;
    let person = Actor::fresh()?;
    let mut account = world.rpc.account(sender.address()).await?.context("the hospital has no account")?;
    let mut times = Vec::with_capacity(transactions);
    for _ in 0..transactions {
        let register = ExecuteMsg::RegisterPerson {
            handle: random().as_slice().into(),
            address: person.address().to_owned(),
            encryption_key: person.encryption_key()?.as_bytes().into(),
        };
        let gas = 300_000;
        let tx = Tx {
            msgs: vec![execute(sender.address(), world.registrar(), &register, &[])?],
            gas,
            fee_amount: world.chain.gas_price.fee(gas),
            ..Tx::default()
        };
        let bytes = tx.sign(&world.chain.chain_id, &[(sender, account)])?;
        let started = Instant::now();
        let hash = world.rpc.broadcast(bytes).await?;
        let outcome = loop {
            if let Some(outcome) = world.rpc.tx(hash).await? {
                break outcome;
            }
            ensure!(started.elapsed() < DEADLINE, "{hash} is in no block after {} s", DEADLINE.as_secs());
            sleep(GRAIN).await;
        };
        times.push(started.elapsed());
        ensure!(outcome.code == 0, "a registration failed: {}", outcome.log);
        account.sequence = account.sequence.saturating_add(1);
    }
    Ok(Latencies::of(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times = Latencies((1..=30).map(Duration::from_millis).collect());
        let ms = |percent| times.percentile(percent).as_millis();
        assert_eq!((ms(0), ms(50), ms(95), ms(100)), (1, 15, 29, 30));
        assert_eq!(Latencies(vec![]).percentile(95), Duration::MAX);
    }
}

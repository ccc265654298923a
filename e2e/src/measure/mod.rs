//! Gas and bytes of every message of the contracts, sent as the tools send them.

mod authlog;
pub mod patient;
mod registrar;
mod relationship;
mod seals;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cosmrs::proto::cosmwasm::wasm::v1::{
    MsgMigrateContract, MsgUnpinCodes, QueryPinnedCodesRequest, QueryPinnedCodesResponse,
};
use medrec_clients::{Contracts, TxOutcome, any};
use medrec_localnet::genesis::gov_address;

use crate::actors::{Actor, Institution};
use crate::figures::{Figure, Table};
use crate::world::World;
use seals::{Crowd, Ground};

const UNPIN_DEADLINE: Duration = Duration::from_secs(60);

/// Who takes part in one measurement of everything; all funded from genesis.
pub struct Cast {
    newcomer: Institution,
    person: Actor,
}

/// One pinned and one unpinned measurement, and who is there for both.
pub struct Casts([Cast; 2], Crowd);

impl Casts {
    pub fn fresh() -> Result<Self> {
        let cast = |name| -> Result<Cast> {
            Ok(Cast { newcomer: Institution::fresh(name)?, person: Actor::fresh()? })
        };
        Ok(Self([cast("second")?, cast("third")?], Crowd::fresh()?))
    }

    /// Who needs funds at genesis.
    pub fn accounts(&self) -> Vec<&Actor> {
        let casts = self.0.iter().flat_map(|cast| [&cast.newcomer.account, &cast.person]);
        casts.chain(self.1.accounts()).collect()
    }
}

/// One message as it was measured.
#[derive(Clone, Copy, Debug)]
struct Cost {
    bytes: u64,
    gas: u64,
    over_empty: Option<u64>,
}

/// Costs by the message's name.
#[derive(Default)]
struct Costs(BTreeMap<&'static str, Cost>);

impl Costs {
    /// `empty`: the gas of an empty call by the same sender.
    fn add(&mut self, name: &'static str, outcome: &TxOutcome, empty: Option<u64>) -> Result<()> {
        let cost = Cost {
            bytes: u64::try_from(outcome.size_bytes)?,
            gas: outcome.gas_used,
            over_empty: empty.map(|empty| outcome.gas_used.saturating_sub(empty)),
        };
        match self.0.insert(name, cost) {
            None => Ok(()),
            Some(_) => bail!("{name} was measured twice"),
        }
    }
}

/// Measures everything on a chain whose codes are pinned, then again with the codes unpinned.
pub async fn everything(world: &World, casts: &Casts) -> Result<Table> {
    let Casts([first, second], crowd) = casts;
    let mut ground = Ground::prepare(world, crowd).await?;
    let mut pinned = all(&mut ground, (0, first)).await?;
    unpin(world).await?;
    let mut unpinned = all(&mut ground, (1, second)).await?;
    // Logs that large leave no chance to the small ones: last.
    ground.add_large().await?;
    ground.seal(|_| true).await?;
    seals::worst(&ground, &mut unpinned).await?;
    world.net.pin(&code_ids(world)).await?;
    seals::worst(&ground, &mut pinned).await?;
    let mut table = Table::new();
    for (name, cost) in pinned.0 {
        let Some(other) = unpinned.0.get(name) else { bail!("{name} was not measured unpinned") };
        let Cost { bytes, gas, over_empty } = cost;
        table.insert(name.to_owned(), Figure { bytes, gas, over_empty, gas_unpinned: other.gas });
    }
    Ok(table)
}

async fn all(ground: &mut Ground<'_>, (pass, cast): (usize, &Cast)) -> Result<Costs> {
    let (world, mut costs) = (ground.world, Costs::default());
    registrar::measure(world, cast, &mut costs).await?;
    relationship::measure(world, &mut costs).await?;
    authlog::measure(world, cast, &mut costs).await?;
    seals::measure(ground, pass, &mut costs).await?;
    registrar::expel(world, cast, &mut costs).await?;
    migrations(world, &mut costs).await?;
    Ok(costs)
}

/// To the same code: what an upgrade costs before it changes anything.
async fn migrations(world: &World, costs: &mut Costs) -> Result<()> {
    let contracts = &world.deployment.contracts;
    for (name, contract) in [
        ("registrar.migrate", &contracts.registrar),
        ("relationship.migrate", &contracts.relationship),
        ("authlog.migrate", &contracts.authlog),
        ("bounty.migrate", &contracts.bounty),
    ] {
        let migrate = MsgMigrateContract {
            sender: world.net.policy().to_owned(),
            contract: contract.address.clone(),
            code_id: contract.code_id,
            msg: br#"{"same":{}}"#.to_vec(),
        };
        costs.add(name, &world.net.decide("migrate to the same code", vec![any(&migrate)]).await?, None)?;
    }
    Ok(())
}

fn code_ids(world: &World) -> Vec<u64> {
    let Contracts { registrar, relationship, authlog, bounty } = &world.deployment.contracts;
    [registrar, relationship, authlog, bounty].map(|contract| contract.code_id).to_vec()
}

async fn unpin(world: &World) -> Result<()> {
    let unpin = MsgUnpinCodes { authority: gov_address()?, code_ids: code_ids(world) };
    world.net.decide_by_gov("unpin the codes, to measure", vec![any(&unpin)]).await?;
    let started = Instant::now();
    loop {
        let path = "/cosmwasm.wasm.v1.Query/PinnedCodes";
        let request = QueryPinnedCodesRequest { pagination: None };
        let pinned: QueryPinnedCodesResponse = world.rpc.query(path, request, None).await?;
        if pinned.code_ids.is_empty() {
            return Ok(());
        }
        if started.elapsed() > UNPIN_DEADLINE {
            bail!("codes {:?} are still pinned after {} s", pinned.code_ids, UNPIN_DEADLINE.as_secs());
        }
        let height = world.rpc.status().await?.height.saturating_add(1);
        world.rpc.wait_height(height, UNPIN_DEADLINE).await?;
    }
}

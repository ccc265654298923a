//! Institutions for nearly every slot of the sum tree, some of which keep logs, and a researcher.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::{Signer as _, SigningKey};
use futures::future::try_join_all;
use medrec_api::authlog::{self, CosignedHead, Cosigner, GrowthCap, LogResponse, MAX_LOGS};
use medrec_api::registrar::{self, NewInstitution, NewResearcher, certificate};
use medrec_clients::{Authlog, Registrar, Tx, TxHash, TxOutcome, execute};
use medrec_testing::seals::{Log, Miner};

use crate::actors::{Actor, Institution, random};
use crate::world::{World, now};

/// Slots that stay free: for the newcomers' logs and the hospital's.
const FREE: u32 = 3;
/// Institution 1 is the hospital.
const FIRST: u32 = 2;
/// Institution that certified the researcher.
pub const CERTIFIER: u32 = FIRST;
/// Institutions in one decision: the chain reads a hundred parts of a transaction, messages and keys.
const DECIDED: usize = 85;
/// Logs admitted before the outcomes are awaited.
const BATCH: usize = 300;
/// Gas limit of an `admit_log`, more than it uses.
const ADMIT_GAS: u64 = 250_000;
/// Institutions that vouch for the logs of others: the first ones.
const COSIGNERS: usize = 2;
/// Institutions behind them, with logs of a small hospital.
pub const KEEPERS: usize = 3;
pub const SMALL: u64 = 4_096;
/// Entries a small log grows by between two cosignatures.
pub const GROWTH: u64 = 64;
/// Logs that the worst seal reads, and their entries: every proof has 24 hashes.
const LARGE_LOGS: u32 = 8;
const LARGE: u64 = 1 << 24;

/// All funded from genesis.
pub struct Crowd {
    members: Vec<Institution>,
    /// Of member 0, signs certificates.
    certifier: SigningKey,
    pub researcher: Actor,
    key: SigningKey,
}

impl Crowd {
    pub fn fresh() -> Result<Self> {
        let members =
            (0..MAX_LOGS.saturating_sub(FREE)).map(|n| Institution::fresh(&format!("hospital-{n:04}")));
        Ok(Self {
            members: members.collect::<Result<_>>()?,
            certifier: SigningKey::from_bytes(&random()),
            researcher: Actor::fresh()?,
            key: SigningKey::from_bytes(&random()),
        })
    }

    pub fn accounts(&self) -> impl Iterator<Item = &Actor> {
        self.members.iter().map(|member| &member.account).chain([&self.researcher])
    }

    fn member(&self, at: usize) -> Result<&Institution> {
        self.members.get(at).context("the crowd is too small")
    }
}

/// A log that is kept, its entries made up as they are asked for.
pub struct Keeper<'a> {
    pub account: &'a Actor,
    pub id: u32,
    pub slot: u32,
    pub log: Log,
    pub size: u64,
}

/// The crowd on the chain.
pub struct Ground<'a> {
    pub world: &'a World,
    pub crowd: &'a Crowd,
    pub keepers: Vec<Keeper<'a>>,
}

impl<'a> Ground<'a> {
    /// Admits everybody and everybody's log; the keepers' logs are anchored.
    pub async fn prepare(world: &'a World, crowd: &'a Crowd) -> Result<Self> {
        admit_institutions(world, crowd).await?;
        certify(world, crowd).await?;
        admit_logs(world, crowd).await?;
        let authlog = Authlog::new(&world.rpc, world.authlog());
        let growth = GrowthCap { burst: LARGE.saturating_mul(2), ..authlog.config().await?.growth };
        world.decide(world.authlog(), &authlog::ExecuteMsg::SetGrowthCap { growth }).await?;
        let mut ground = Self { world, crowd, keepers: Vec::new() };
        for at in COSIGNERS..COSIGNERS.saturating_add(KEEPERS) {
            let slot = authlog.log_of(id(at)?).await?.slot;
            let keeper = ground.keeper(at, slot)?;
            ground.keepers.push(keeper);
        }
        ground.grow(0..KEEPERS, SMALL).await?;
        Ok(ground)
    }

    fn keeper(&self, at: usize, slot: u32) -> Result<Keeper<'a>> {
        let (member, id) = (self.crowd.member(at)?, id(at)?);
        let log = Log::new(member.log.public().origin(), member.log_key.clone(), id);
        Ok(Keeper { account: &member.account, id, slot, log, size: 0 })
    }

    /// Eight logs of 2^24 entries, far from each other in the tree; vouched for.
    pub async fn add_large(&mut self) -> Result<()> {
        let logs = all_logs(self.world).await?;
        let first = self.keepers.len();
        for eighth in 0..LARGE_LOGS {
            let from = eighth.saturating_mul(MAX_LOGS.div_euclid(LARGE_LOGS));
            let large = id(COSIGNERS.saturating_add(KEEPERS))?;
            let taken = |log: &&LogResponse| log.slot >= from && log.institution >= large && log.size == 0;
            let log = logs.iter().find(taken).context("no free log in an eighth of the slots")?;
            let at = usize::try_from(log.institution.saturating_sub(FIRST))?;
            let keeper = self.keeper(at, log.slot)?;
            self.keepers.push(keeper);
        }
        let all: Vec<usize> = (first..self.keepers.len()).collect();
        self.grow(first..self.keepers.len(), LARGE).await?;
        self.cosign_both(&all).await
    }

    /// These keepers anchor more entries, all at once.
    pub async fn grow(&mut self, keepers: Range<usize>, by: u64) -> Result<()> {
        let world = self.world;
        let keepers = self.keepers.get_mut(keepers).context("no such keepers")?;
        try_join_all(keepers.iter_mut().map(|keeper| async move {
            let size = keeper.size.saturating_add(by);
            let anchor = keeper.log.anchor(keeper.slot, keeper.size, size);
            world.call(&keeper.account.signer, world.authlog(), &anchor).await?;
            keeper.size = size;
            Ok::<_, anyhow::Error>(())
        }))
        .await?;
        Ok(())
    }

    /// One after the other: the second one's costs more than it would have before the first.
    pub async fn cosign_both(&self, keepers: &[usize]) -> Result<()> {
        for by in 0..COSIGNERS {
            self.cosign(by, keepers).await?;
        }
        Ok(())
    }

    /// Cosigner `by` vouches for all that is anchored of these keepers' logs.
    pub async fn cosign(&self, by: usize, keepers: &[usize]) -> Result<TxOutcome> {
        let member = self.crowd.member(by)?;
        let time = now()?;
        let head = |at: &usize| -> Result<CosignedHead> {
            let keeper = self.keepers.get(*at).context("no such keeper")?;
            Ok(keeper.log.cosigned(keeper.slot, keeper.size, keeper.size, time, &member.log_key))
        };
        let heads = keepers.iter().map(head).collect::<Result<_>>()?;
        let cosign = authlog::ExecuteMsg::Cosign { cosigner: Cosigner::Institution { id: id(by)? }, heads };
        self.world.call(&member.account.signer, self.world.authlog(), &cosign).await
    }

    /// The researcher's seal of the present template, of a try whose recalls (slot, index) are as `wanted`.
    pub async fn seal(&self, wanted: impl Fn(&[(u32, u64)]) -> bool) -> Result<TxOutcome> {
        let (world, researcher) = (self.world, &self.crowd.researcher);
        let template = Authlog::new(&world.rpc, world.authlog()).template().await?;
        let logs: Vec<&Log> = self.keepers.iter().map(|keeper| &keeper.log).collect();
        let miner = Miner {
            chain_id: &world.chain.chain_id,
            contract: world.authlog(),
            account: researcher.address(),
            key: &self.crowd.key,
        };
        let seal = miner.seal_where(&template, &logs, 0, wanted);
        world.call(&researcher.signer, world.authlog(), &seal).await
    }
}

fn id(at: usize) -> Result<u32> {
    Ok(u32::try_from(at)?.saturating_add(FIRST))
}

async fn admit_institutions(world: &World, crowd: &Crowd) -> Result<()> {
    let admission = |(at, member): (usize, &Institution)| -> Result<registrar::ExecuteMsg> {
        let mut institution = member.admission()?;
        if at == 0 {
            let signing_key = crowd.certifier.verifying_key().to_bytes().into();
            institution = NewInstitution { signing_key, ..institution };
        }
        Ok(registrar::ExecuteMsg::AdmitInstitution { institution })
    };
    let admissions = crowd.members.iter().enumerate().map(admission).collect::<Result<Vec<_>>>()?;
    for batch in admissions.chunks(DECIDED) {
        world.decide_all(world.registrar(), batch).await?;
    }
    let registrar = Registrar::new(&world.rpc, world.registrar());
    let first = registrar.institution_by_account(crowd.member(0)?.account.address()).await?;
    ensure!(first.id == FIRST, "the crowd's first institution is {}", first.id);
    Ok(())
}

async fn certify(world: &World, crowd: &Crowd) -> Result<()> {
    let mut researcher = NewResearcher {
        account: crowd.researcher.address().to_owned(),
        name: "Researcher".to_owned(),
        key: crowd.key.verifying_key().to_bytes().into(),
        encryption_key: crowd.researcher.encryption_key()?.as_bytes().into(),
        certificate: Vec::new().into(),
    };
    let signed = certificate(&world.chain.chain_id, world.registrar(), CERTIFIER, &researcher);
    researcher.certificate = crowd.certifier.sign(&signed).to_bytes().into();
    let certify = registrar::ExecuteMsg::CertifyResearcher { researcher };
    world.call(&crowd.member(0)?.account.signer, world.registrar(), &certify).await?;
    Ok(())
}

/// All at once; which log has which slot is as the blocks have it.
async fn admit_logs(world: &World, crowd: &Crowd) -> Result<()> {
    let members: Vec<(usize, &Institution)> = crowd.members.iter().enumerate().collect();
    for batch in members.chunks(BATCH) {
        let sent = batch.iter().map(|(at, member)| admit_log(world, *at, &member.account));
        for hash in try_join_all(sent).await? {
            let outcome = world.rpc.wait_tx(hash, Duration::from_secs(60)).await?;
            ensure!(outcome.code == 0, "a log was not admitted: {}", outcome.log);
        }
    }
    Ok(())
}

async fn admit_log(world: &World, at: usize, actor: &Actor) -> Result<TxHash> {
    let msg = authlog::ExecuteMsg::AdmitLog { institution: id(at)? };
    let account = world.rpc.account(actor.address()).await?.context("a member has no account")?;
    let tx = Tx {
        msgs: vec![execute(actor.address(), world.authlog(), &msg, &[])?],
        gas: ADMIT_GAS,
        fee_amount: world.chain.gas_price.fee(ADMIT_GAS),
        ..Tx::default()
    };
    Ok(world.rpc.broadcast(tx.sign(&world.chain.chain_id, &[(&actor.signer, account)])?).await?)
}

async fn all_logs(world: &World) -> Result<Vec<LogResponse>> {
    let authlog = Authlog::new(&world.rpc, world.authlog());
    let mut all: Vec<LogResponse> = Vec::new();
    loop {
        let page = authlog.logs(all.last().map(|log| log.slot), None).await?.logs;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

//! A chain of four validators with the contracts on it, and what people do there.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use medrec_api::relationship::{ExecuteMsg, GrantKind};
use medrec_clients::{Chain, Deployment, Relationship, Rpc, Signer, Tx, TxOutcome, execute};
use medrec_localnet::{Localnet, Plan, Seals};
use medrec_wallet::{Access, ContractRef, SecretKey, Terms, opening};
use rand_core::OsRng;
use serde::Serialize;
use tempfile::TempDir;

use crate::actors::{Actor, Institution};

/// Gas limit and fee of a call made to fail: more than it can use.
const EMPTY_CALL: (u64, u64) = (400_000, 400);

/// Seals that cost a test nothing to find.
const EASY: Seals = Seals { first_work: 4, least_work: 2, ..Seals::PILOT };

/// A running chain. Dropping it ends the validators and removes its files.
pub struct World {
    pub net: Localnet,
    pub rpc: Rpc,
    pub chain: Chain,
    pub deployment: Deployment,
    /// Institution 1 of the registrar.
    pub hospital: Institution,
    _home: TempDir,
}

/// A relationship that was just opened.
pub struct Opened {
    pub id: u64,
    /// The transaction that opened it.
    pub outcome: TxOutcome,
    pub sealed: Vec<u8>,
}

/// What a patient needs to grant: all of it is hers or on the chain.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    pub patient: &'a Actor,
    /// The address that opened.
    pub steward: &'a str,
    pub id: u64,
    /// `open.sealed`.
    pub sealed: &'a [u8],
}

impl World {
    /// Starts and deploys; `funded` accounts get a million ufee each.
    pub async fn start(funded: &[&Actor]) -> Result<Self> {
        let home = tempfile::tempdir().context("no folder for the chain")?;
        let hospital = Institution::fresh("first")?;
        let mut builder = Localnet::builder(home.path().join("net"))?;
        for actor in funded.iter().copied().chain([&hospital.account]) {
            builder = builder.fund(actor.address(), 1_000_000);
        }
        let net = builder.up().await?;
        let mut plan = Plan::new(root().join("artifacts"), vec![hospital.admission()?]);
        plan.seals = EASY;
        let deployment = net.deploy(&plan).await?;
        Ok(Self { rpc: net.rpc(0)?, chain: net.chain()?, net, deployment, hospital, _home: home })
    }

    pub fn registrar(&self) -> &str {
        &self.deployment.contracts.registrar.address
    }

    pub fn relationship(&self) -> &str {
        &self.deployment.contracts.relationship.address
    }

    pub fn authlog(&self) -> &str {
        &self.deployment.contracts.authlog.address
    }

    pub fn contract_ref(&self) -> ContractRef {
        ContractRef { chain_id: self.chain.chain_id.clone(), address: self.relationship().to_owned() }
    }

    /// The sender pays.
    pub async fn call(&self, who: &Signer, contract: &str, msg: &impl Serialize) -> Result<TxOutcome> {
        let msg = execute(who.address(), contract, msg, &[])?;
        Ok(self.rpc.send(&self.chain, who, vec![msg], None).await?)
    }

    /// To the relationship contract, which pays by its allowance.
    pub async fn act(&self, who: &Actor, msg: &ExecuteMsg) -> Result<TxOutcome> {
        let call = execute(who.address(), self.relationship(), msg, &[])?;
        Ok(self.rpc.send(&self.chain, &who.signer, vec![call], Some(self.relationship())).await?)
    }

    /// A decision of the consortium to call a contract, with many messages.
    pub async fn decide_all(&self, contract: &str, msgs: &[impl Serialize]) -> Result<()> {
        let call = |msg| Ok(execute(self.net.policy(), contract, msg, &[])?);
        let calls = msgs.iter().map(call).collect::<Result<_>>()?;
        self.net.decide("one decision over many", calls).await?;
        Ok(())
    }

    /// A decision of the consortium to call a contract.
    pub async fn decide(&self, contract: &str, msg: &impl Serialize) -> Result<TxOutcome> {
        let call = execute(self.net.policy(), contract, msg, &[])?;
        Ok(self.net.decide("a measured decision", vec![call]).await?)
    }

    /// `{}`, which the contract refuses as soon as it has looked at it: the cost of any call. `by_allowance`: the
    /// relationship contract pays.
    pub async fn empty_call(&self, who: &Signer, contract: &str, by_allowance: bool) -> Result<TxOutcome> {
        let account = self.rpc.account(who.address()).await?.context("the caller has no account")?;
        let tx = Tx {
            msgs: vec![execute(who.address(), contract, &serde_json::json!({}), &[])?],
            gas: EMPTY_CALL.0,
            fee_amount: EMPTY_CALL.1,
            granter: by_allowance.then(|| self.relationship().to_owned()),
            timeout_height: 0,
        };
        let hash = self.rpc.broadcast(tx.sign(&self.chain.chain_id, &[(who, account)])?).await?;
        let outcome = self.rpc.wait_tx(hash, Duration::from_secs(60)).await?;
        ensure!(outcome.codespace == "wasm", "the contract was to refuse it: {outcome:?}");
        Ok(outcome)
    }

    /// Has the sponsor admit new delegates, all in one transaction (100 at most).
    pub async fn admit(&self, count: usize) -> Result<(Vec<Actor>, TxOutcome)> {
        let delegates: Vec<Actor> = (0..count).map(|_| Actor::fresh()).collect::<Result<_>>()?;
        let addresses = delegates.iter().map(|d| d.address().to_owned()).collect();
        let sponsor = self.net.sponsor();
        let outcomes =
            medrec_localnet::admit(&self.rpc, &self.chain, sponsor, self.relationship(), addresses).await?;
        match <[TxOutcome; 1]>::try_from(outcomes) {
            Ok([outcome]) => Ok((delegates, outcome)),
            Err(many) => bail!("{count} delegates were admitted in {} transactions", many.len()),
        }
    }

    pub async fn open(&self, delegate: &Actor, patient: &Actor) -> Result<Opened> {
        let steward_key = SecretKey::generate(&mut OsRng).public()?;
        let sealed = opening::open(
            &mut OsRng,
            &self.contract_ref(),
            delegate.address(),
            patient.address(),
            &patient.encryption_key()?,
            &steward_key,
            1,
        )?
        .sealed;
        let msg = ExecuteMsg::Open { patient: patient.address().to_owned(), sealed: sealed.clone().into() };
        let outcome = self.act(delegate, &msg).await?;
        let mine = [patient.address().to_owned()];
        let found =
            Relationship::new(&self.rpc, self.relationship()).relationships(&mine, None, None).await?;
        let newest = found.relationships.last().context("the relationship was not found by its patient")?;
        Ok(Opened { id: newest.id, outcome, sealed })
    }

    /// The message with which the patient accepts what `delegate` opened.
    pub fn acceptance(&self, patient: &Actor, delegate: &Actor, opened: &Opened) -> Result<ExecuteMsg> {
        let place = self.contract_ref();
        let offer = opening::read_offer(&place, delegate.address(), &patient.key, &opened.sealed)?;
        let part = opening::patient_part(&place, delegate.address(), &patient.key)?;
        let sealed = opening::accept(&mut OsRng, &place, opened.id, &offer, &part)?;
        Ok(ExecuteMsg::Accept { id: opened.id, sealed: sealed.into() })
    }

    /// A grant of these scopes for treatment, an hour long.
    pub fn grant(
        &self,
        holder: &Holder<'_>,
        viewer: &Actor,
        kind: GrantKind,
        scopes: &[&str],
    ) -> Result<ExecuteMsg> {
        let place = self.contract_ref();
        let Holder { patient, steward, id, sealed } = *holder;
        let (_, root) = opening::restore(&place, steward, &patient.key, sealed)?;
        let tag_key = root.tag_key(&place.place(id, self.hospital.log.public().origin()));
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let terms = Terms::new(scopes, vec!["treatment".to_owned()])?;
        let access = match kind {
            GrantKind::Read => Access::Read,
            GrantKind::Act => Access::Act { root, acceptance: None },
        };
        let sealed = terms.seal(&mut OsRng, &place, id, &viewer.encryption_key()?, &access)?;
        Ok(ExecuteMsg::Grant {
            id,
            viewer: viewer.address().to_owned(),
            kind,
            tags: terms.tags(&mut OsRng, &tag_key)?.to_bytes().into(),
            from: None,
            until: now()?.saturating_add(3_600),
            sealed: sealed.into(),
        })
    }
}

/// By this machine's clock, seconds since 1970.
pub fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

/// Where `cargo build --workspace --all-targets` puts the programs: beside this test or bench.
pub fn binaries() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test.parent().and_then(Path::parent).context("no target folder")?.to_owned())
}

/// The pilot as tests and benches play it, its files in `home`.
pub fn pilot(home: &Path) -> Result<medrec_pilot::Options> {
    Ok(medrec_pilot::Options {
        home: home.join("pilot"),
        artifacts: root().join("artifacts"),
        sample: root().join("data/synthea-sample"),
        binaries: binaries()?,
        progress: false,
    })
}

/// The repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

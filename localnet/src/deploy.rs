//! Contracts onto the chain, by decisions of the consortium: upload, instantiate, pin.
//!
//! Addresses follow from code, creator and salt (instantiate2), and every step looks first at what is there: after
//! an interrupted run, deploying again does what is left.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use cosmrs::{
    Any,
    proto::{
        cosmos::base::{query::v1beta1::PageRequest, v1beta1::Coin},
        cosmwasm::wasm::v1::{
            MsgInstantiateContract2, MsgPinCodes, MsgStoreCode, QueryCodesRequest, QueryCodesResponse,
            QueryContractInfoRequest, QueryContractInfoResponse, QueryPinnedCodesRequest,
            QueryPinnedCodesResponse,
        },
    },
};
use cosmwasm_std::{CanonicalAddr, Uint128, instantiate2_address};
use flate2::{Compression, write::GzEncoder};
use medrec_api::{authlog, bounty, registrar, relationship};
use medrec_clients::{Authlog, Bounty, Contract, Contracts, Deployment, Rpc, any, execute};
use medrec_pow::{Target, U256};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use crate::{
    Error, Localnet,
    error::FileContext,
    genesis::{self, FEE_DENOM, POLICY},
    home::write_json,
    node::GAS_PRICE,
};

/// The vote of x/gov takes two seconds.
const PIN_DEADLINE: Duration = Duration::from_secs(60);

/// What is deployed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Folder with the contracts' wasm, `registrar.wasm` and so on (`cargo xtask wasm`).
    pub artifacts: PathBuf,
    /// Institutions from the start; they get ids 1, 2, … in this order.
    pub institutions: Vec<registrar::NewInstitution>,
    pub registration: registrar::RegistrationPolicy,
    pub allowance: relationship::Allowance,
    /// What fills the relationship contract's fee pool, ufee.
    pub pool: u128,
    pub growth: authlog::GrowthCap,
    pub seals: Seals,
    /// Privacy budget of each institution's data set, micro-epsilon.
    pub budget: u64,
}

/// When seals are due and how hard they are; work is tries on average.
#[derive(Clone, Copy, Debug)]
pub struct Seals {
    /// Seconds.
    pub interval: u64,
    pub half_life: u64,
    pub first_work: u64,
    pub least_work: u64,
    /// The cap on energy.
    pub most_work: u64,
    /// Seconds a challenged log has.
    pub challenge_seconds: u64,
}

impl Seals {
    /// For a chain that lives some minutes on one machine: what one core of it does in a few seconds, soon.
    pub const PILOT: Self = Self {
        interval: 5,
        half_life: 50,
        first_work: 100_000,
        least_work: 1_000,
        most_work: 1 << 40,
        challenge_seconds: 60,
    };
}

impl Plan {
    /// With the pilot's figures: an allowance lasts a year and some hundred transactions, a log may file a hospital's
    /// whole stock in its first anchors.
    pub fn new(artifacts: impl Into<PathBuf>, institutions: Vec<registrar::NewInstitution>) -> Self {
        Self {
            artifacts: artifacts.into(),
            institutions,
            registration: registrar::RegistrationPolicy::Institutions,
            allowance: relationship::Allowance {
                denom: FEE_DENOM.to_owned(),
                spend_limit: Uint128::new(100_000),
                lifetime: 365 * 24 * 3600,
            },
            pool: 1_000_000_000_000,
            growth: authlog::GrowthCap { burst: 1_000_000, per_second: 1_000 },
            seals: Seals::PILOT,
            budget: 20_000_000,
        }
    }
}

impl Plan {
    /// Finds out before a chain is started what would stop a deployment.
    pub fn check(&self) -> Result<(), Error> {
        self.read_codes().map(drop)
    }

    fn read_codes(&self) -> Result<[Code; 4], Error> {
        let read = |name| Code::read(&self.artifacts, name);
        Ok([read("registrar")?, read("relationship")?, read("authlog")?, read("bounty")?])
    }
}

/// A contract's code on its way to the chain.
struct Code {
    name: &'static str,
    /// Of the uncompressed wasm, as x/wasm has it.
    checksum: Vec<u8>,
    gzipped: Vec<u8>,
    /// The address it will have.
    address: String,
}

impl Localnet {
    /// Uploads, instantiates and pins the contracts, opens sealing and budgets, and writes `deployment.json`.
    pub async fn deploy(&self, plan: &Plan) -> Result<Deployment, Error> {
        let codes = plan.read_codes()?;
        let rpc = self.any_rpc().await?;

        let mut uploaded = Vec::new();
        for code in &codes {
            uploaded.push(self.upload(&rpc, code).await?);
        }
        let [registrar, relationship, authlog, bounty] = <[Contract; 4]>::try_from(uploaded)
            .map_err(|_| Error::Deploy("four contracts were to be uploaded".to_owned()))?;
        let contracts = [registrar, relationship, authlog, bounty];
        self.instantiate(&rpc, plan, &codes, &contracts).await?;
        self.pin(&contracts.each_ref().map(|contract| contract.code_id)).await?;
        self.open_sealing(&rpc, plan, &contracts).await?;
        let [registrar, relationship, authlog, bounty] = contracts;

        let deployment = Deployment {
            version: 1,
            chain_id: self.chain_id(),
            prefix: medrec_clients::PREFIX.to_owned(),
            fee_denom: FEE_DENOM.to_owned(),
            gas_price: GAS_PRICE.to_owned(),
            rpc: self.rpc_urls(),
            policy: POLICY.to_owned(),
            sponsor: self.sponsor().address().to_owned(),
            contracts: Contracts { registrar, relationship, authlog, bounty },
        };
        write_json(&self.home().deployment(), &deployment)?;
        Ok(deployment)
    }

    /// All that are not there yet, by one decision.
    async fn instantiate(
        &self,
        rpc: &Rpc,
        plan: &Plan,
        codes: &[Code; 4],
        contracts: &[Contract; 4],
    ) -> Result<(), Error> {
        let [registrar, relationship, authlog, bounty] = codes;
        let [registrar_there, relationship_there, authlog_there, bounty_there] = contracts;
        let pool = vec![Coin { denom: FEE_DENOM.to_owned(), amount: plan.pool.to_string() }];
        let messages = [
            instantiate(registrar, registrar_there, &self.registrar_msg(plan), vec![])?,
            instantiate(relationship, relationship_there, &self.relationship_msg(plan), pool)?,
            instantiate(authlog, authlog_there, &self.authlog_msg(plan, registrar), vec![])?,
            instantiate(bounty, bounty_there, &self.bounty_msg(registrar, authlog), vec![])?,
        ];
        let mut missing = Vec::new();
        for (contract, message) in contracts.iter().zip(messages) {
            if !exists(rpc, contract).await? {
                missing.push(message);
            }
        }
        if !missing.is_empty() {
            self.progress().step("instantiating the contracts");
            self.decide("instantiate the contracts", missing).await?;
        }
        Ok(())
    }

    /// The first template, and what each institution's answers may cost its patients, by one decision.
    async fn open_sealing(&self, rpc: &Rpc, plan: &Plan, contracts: &[Contract; 4]) -> Result<(), Error> {
        let [.., seals, budgets] = contracts;
        let mut missing = Vec::new();
        if Authlog::new(rpc, &seals.address).sealing().await?.sealing.is_none() {
            let sealing = plan.seals.message(contracts);
            let message = authlog::ExecuteMsg::SetSealing { sealing };
            missing.push(execute(POLICY, &seals.address, &message, &[])?);
        }
        let bounties = Bounty::new(rpc, &budgets.address);
        for (institution, _) in (1..).zip(&plan.institutions) {
            if bounties.budget(institution).await?.budget.total == 0 {
                let budget = bounty::ExecuteMsg::SetBudget { institution, total: plan.budget };
                missing.push(execute(POLICY, &budgets.address, &budget, &[])?);
            }
        }
        if !missing.is_empty() {
            self.progress().step("opening seals and budgets");
            self.decide("open seals and budgets", missing).await?;
        }
        Ok(())
    }

    fn registrar_msg(&self, plan: &Plan) -> registrar::InstantiateMsg {
        registrar::InstantiateMsg {
            consortium: POLICY.to_owned(),
            registration: plan.registration,
            institutions: plan.institutions.clone(),
        }
    }

    fn relationship_msg(&self, plan: &Plan) -> relationship::InstantiateMsg {
        relationship::InstantiateMsg {
            consortium: POLICY.to_owned(),
            sponsor: self.sponsor().address().to_owned(),
            allowance: plan.allowance.clone(),
        }
    }

    fn authlog_msg(&self, plan: &Plan, registrar: &Code) -> authlog::InstantiateMsg {
        authlog::InstantiateMsg {
            consortium: POLICY.to_owned(),
            registrar: registrar.address.clone(),
            growth: plan.growth,
        }
    }

    fn bounty_msg(&self, registrar: &Code, authlog: &Code) -> bounty::InstantiateMsg {
        bounty::InstantiateMsg {
            consortium: POLICY.to_owned(),
            registrar: registrar.address.clone(),
            authlog: authlog.address.clone(),
        }
    }

    /// Uploads a code unless the chain has it.
    async fn upload(&self, rpc: &Rpc, code: &Code) -> Result<Contract, Error> {
        let known = find_code(rpc, &code.checksum).await?;
        let code_id = match known {
            Some(code_id) => code_id,
            None => {
                self.progress().step(&format!("uploading {}", code.name));
                let store = MsgStoreCode {
                    sender: POLICY.to_owned(),
                    wasm_byte_code: code.gzipped.clone(),
                    instantiate_permission: None,
                };
                self.decide(&format!("upload {}", code.name), vec![any(&store)]).await?;
                let stored = find_code(rpc, &code.checksum).await?;
                stored.ok_or_else(|| Error::Deploy(format!("{} is not there after its upload", code.name)))?
            }
        };
        Ok(Contract { address: code.address.clone(), code_id, checksum: hex::encode(&code.checksum) })
    }

    /// Keeps codes compiled in memory: 58,000 gas less for each call of one.
    pub async fn pin(&self, code_ids: &[u64]) -> Result<(), Error> {
        let rpc = self.any_rpc().await?;
        let pinned = pinned_codes(&rpc).await?;
        let missing: Vec<u64> = code_ids.iter().copied().filter(|id| !pinned.contains(id)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.progress().step("pinning the codes");
        let pin = MsgPinCodes { authority: genesis::gov_address()?, code_ids: missing.clone() };
        self.decide_by_gov("pin the codes", vec![any(&pin)]).await?;
        let started = Instant::now();
        loop {
            let pinned = pinned_codes(&rpc).await?;
            if missing.iter().all(|id| pinned.contains(id)) {
                return Ok(());
            }
            if started.elapsed() >= PIN_DEADLINE {
                let what = format!("codes {missing:?} pinned");
                let last = format!("pinned are {pinned:?}");
                return Err(Error::Deadline { what, seconds: PIN_DEADLINE.as_secs(), last });
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Code {
    fn read(artifacts: &Path, name: &'static str) -> Result<Self, Error> {
        let path = artifacts.join(format!("{name}.wasm"));
        let wasm = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Deploy(format!("{} is missing: run `cargo xtask wasm`", path.display())));
            }
            read => read.doing("read", &path)?,
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzipped = encoder.write_all(&wasm).and_then(|()| encoder.finish()).doing("compress", &path)?;
        let checksum = Sha256::digest(&wasm).to_vec();
        let address = predict(&checksum, name)?;
        Ok(Self { name, checksum, gzipped, address })
    }
}

/// The salt of a contract: there is one of each on a chain.
fn salt(name: &str) -> Vec<u8> {
    format!("medrec/{name}/v1").into_bytes()
}

fn predict(checksum: &[u8], name: &str) -> Result<String, Error> {
    let creator = CanonicalAddr::from(genesis::address_bytes(POLICY)?);
    let address = instantiate2_address(checksum, &creator, &salt(name))
        .map_err(|error| Error::Deploy(format!("address of {name}: {error}")))?;
    genesis::account_address(address.as_slice())
}

fn instantiate(
    code: &Code,
    on_chain: &Contract,
    msg: &impl Serialize,
    funds: Vec<Coin>,
) -> Result<Any, Error> {
    let msg = serde_json::to_vec(msg)
        .map_err(|error| Error::Deploy(format!("message of {}: {error}", code.name)))?;
    Ok(any(&MsgInstantiateContract2 {
        sender: POLICY.to_owned(),
        admin: POLICY.to_owned(),
        code_id: on_chain.code_id,
        label: format!("medrec {}", code.name),
        msg,
        funds,
        salt: salt(code.name),
        fix_msg: false,
    }))
}

impl Seals {
    fn message(&self, contracts: &[Contract; 4]) -> authlog::Sealing {
        let target = |work| Target::of_work(&U256::from(work)).to_be_bytes().into();
        authlog::Sealing {
            interval: self.interval,
            half_life: self.half_life,
            anchor: target(self.first_work),
            easiest: target(self.least_work),
            hardest: target(self.most_work),
            challenge_seconds: self.challenge_seconds,
            watched: contracts.iter().map(|contract| contract.address.clone()).collect(),
        }
    }
}

async fn exists(rpc: &Rpc, contract: &Contract) -> Result<bool, Error> {
    let request = QueryContractInfoRequest { address: contract.address.clone() };
    let asked: Result<QueryContractInfoResponse, _> =
        rpc.query("/cosmwasm.wasm.v1.Query/ContractInfo", request, None).await;
    match asked {
        Ok(_) => Ok(true),
        Err(medrec_clients::Error::Query { log, .. }) if log.contains("no such contract") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Of a chain's codes; there are far fewer than fit in one page.
async fn find_code(rpc: &Rpc, checksum: &[u8]) -> Result<Option<u64>, Error> {
    let pagination = Some(PageRequest { limit: 1000, reverse: true, ..Default::default() });
    let request = QueryCodesRequest { pagination };
    let codes: QueryCodesResponse = rpc.query("/cosmwasm.wasm.v1.Query/Codes", request, None).await?;
    Ok(codes.code_infos.iter().find(|info| info.data_hash == checksum).map(|info| info.code_id))
}

async fn pinned_codes(rpc: &Rpc) -> Result<Vec<u64>, Error> {
    let request =
        QueryPinnedCodesRequest { pagination: Some(PageRequest { limit: 1000, ..Default::default() }) };
    let pinned: QueryPinnedCodesResponse =
        rpc.query("/cosmwasm.wasm.v1.Query/PinnedCodes", request, None).await?;
    Ok(pinned.code_ids)
}

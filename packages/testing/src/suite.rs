//! The chain of a test.

use cosmwasm_std::{Addr, Coin, Empty, StdResult, Storage, Uint128};
use cw_multi_test::{
    App, AppBuilder, AppResponse, BankKeeper, DistributionKeeper, Executor, FailingModule, GovFailingModule,
    IbcFailingModule, MockApiBech32, StakeKeeper, WasmKeeper, no_init,
};
use medrec_api::authlog::{self, GrowthCap};
use medrec_api::bounty;
use medrec_api::registrar::{self, NewInstitution, NewResearcher, RegistrationPolicy};
use medrec_api::relationship::{self, Allowance};
use medrec_events::{CONTRACT_ATTRIBUTE, DecodeError, own_log};
use medrec_merkle::{Frontier, Hash};
use serde::{Serialize, de::DeserializeOwned};

use crate::feegrant::{Feegrant, GivenAllowance};
use crate::fixtures;
use crate::typed::{Typed, with_own_error};

/// The simulated chain.
pub type Medrec = App<
    BankKeeper,
    MockApiBech32,
    cosmwasm_std::testing::MockStorage,
    FailingModule<Empty, Empty, Empty>,
    WasmKeeper<Empty, Empty>,
    StakeKeeper,
    DistributionKeeper,
    IbcFailingModule,
    GovFailingModule,
    Feegrant,
>;

/// All of a chain's contract state and allowances, to compare before and after.
pub type Snapshot = Vec<Vec<(Vec<u8>, Vec<u8>)>>;

pub struct SuiteBuilder {
    registration: RegistrationPolicy,
    institutions: Vec<NewInstitution>,
    allowance: Allowance,
    growth: GrowthCap,
}

impl Default for SuiteBuilder {
    fn default() -> Self {
        Self {
            registration: RegistrationPolicy::Institutions,
            institutions: (1..=3).map(fixtures::institution).collect(),
            allowance: Allowance {
                denom: "ufee".to_owned(),
                spend_limit: Uint128::new(1_000_000),
                lifetime: 90 * 86_400,
            },
            growth: GrowthCap { burst: 1_000_000, per_second: 1_000 },
        }
    }
}

impl SuiteBuilder {
    /// Three institutions, who register persons; allowances of 90 days.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn registration(mut self, registration: RegistrationPolicy) -> Self {
        self.registration = registration;
        self
    }

    #[must_use]
    pub fn institutions(mut self, institutions: Vec<NewInstitution>) -> Self {
        self.institutions = institutions;
        self
    }

    #[must_use]
    pub fn allowance(mut self, allowance: Allowance) -> Self {
        self.allowance = allowance;
        self
    }

    #[must_use]
    pub fn growth(mut self, growth: GrowthCap) -> Self {
        self.growth = growth;
        self
    }

    /// Deploys the four contracts. Panics when one refuses.
    #[must_use]
    pub fn build(self) -> Suite {
        self.try_build().unwrap()
    }

    /// Deploys the four contracts, or gives back the refusal of the one that would not.
    pub fn try_build(self) -> StdResult<Suite> {
        let mut app: Medrec =
            AppBuilder::new().with_api(fixtures::api()).with_stargate(Feegrant).build(no_init);
        let consortium = fixtures::address("consortium");
        let sponsor = fixtures::address("sponsor");
        let code = app.store_code(Box::new(Typed {
            instantiate: medrec_registrar::contract::instantiate,
            execute: medrec_registrar::contract::execute,
            query: medrec_registrar::contract::query,
            migrate: medrec_registrar::contract::migrate,
        }));
        let registrar = deploy(
            &mut app,
            code,
            &consortium,
            "registrar",
            &registrar::InstantiateMsg {
                consortium: consortium.to_string(),
                registration: self.registration,
                institutions: self.institutions,
            },
        )?;
        let relationship_code = app.store_code(Box::new(Typed {
            instantiate: medrec_relationship::contract::instantiate,
            execute: medrec_relationship::contract::execute,
            query: medrec_relationship::contract::query,
            migrate: medrec_relationship::contract::migrate,
        }));
        let relationship = deploy(
            &mut app,
            relationship_code,
            &consortium,
            "relationship",
            &relationship::InstantiateMsg {
                consortium: consortium.to_string(),
                sponsor: sponsor.to_string(),
                allowance: self.allowance,
            },
        )?;
        let authlog_code = app.store_code(Box::new(Typed {
            instantiate: medrec_authlog::contract::instantiate,
            execute: medrec_authlog::contract::execute,
            query: medrec_authlog::contract::query,
            migrate: medrec_authlog::contract::migrate,
        }));
        let authlog = deploy(
            &mut app,
            authlog_code,
            &consortium,
            "authlog",
            &authlog::InstantiateMsg {
                consortium: consortium.to_string(),
                registrar: registrar.to_string(),
                growth: self.growth,
            },
        )?;
        let bounty_code = app.store_code(Box::new(Typed {
            instantiate: medrec_bounty::contract::instantiate,
            execute: medrec_bounty::contract::execute,
            query: medrec_bounty::contract::query,
            migrate: medrec_bounty::contract::migrate,
        }));
        let bounty = deploy(
            &mut app,
            bounty_code,
            &consortium,
            "bounty",
            &bounty::InstantiateMsg {
                consortium: consortium.to_string(),
                registrar: registrar.to_string(),
                authlog: authlog.to_string(),
            },
        )?;
        let codes = [code, relationship_code, authlog_code, bounty_code];
        Ok(Suite { app, registrar, relationship, authlog, bounty, consortium, sponsor, codes, sealings: 0 })
    }
}

fn deploy<M: Serialize>(app: &mut Medrec, code: u64, by: &Addr, label: &str, msg: &M) -> StdResult<Addr> {
    with_own_error(|| app.instantiate_contract(code, by.clone(), msg, &[], label, Some(by.to_string())))
}

pub struct Suite {
    pub app: Medrec,
    pub registrar: Addr,
    pub relationship: Addr,
    pub authlog: Addr,
    pub bounty: Addr,
    pub consortium: Addr,
    pub sponsor: Addr,
    /// Code ids of registrar, relationship, authlog, bounty.
    pub codes: [u64; 4],
    sealings: u64,
}

/// The contract's own error. Panics when the call went through or failed otherwise, and says how.
#[track_caller]
pub fn refusal<E: std::error::Error + 'static, T: std::fmt::Debug>(result: &StdResult<T>) -> &E {
    match result {
        Ok(done) => panic!("went through: {done:?}"),
        Err(error) => error.downcast_ref::<E>().unwrap_or_else(|| panic!("failed in another way: {error}")),
    }
}

impl Suite {
    /// Sends a message to one of the contracts.
    pub fn send<M: Serialize + std::fmt::Debug>(
        &mut self,
        sender: &Addr,
        contract: &Addr,
        msg: &M,
    ) -> StdResult<AppResponse> {
        with_own_error(|| self.app.execute_contract(sender.clone(), contract.clone(), msg, &[]))
    }

    pub fn to_registrar(&mut self, sender: &Addr, msg: &registrar::ExecuteMsg) -> StdResult<AppResponse> {
        self.send(sender, &self.registrar.clone(), msg)
    }

    pub fn to_relationship(
        &mut self,
        sender: &Addr,
        msg: &relationship::ExecuteMsg,
    ) -> StdResult<AppResponse> {
        self.send(sender, &self.relationship.clone(), msg)
    }

    pub fn to_authlog(&mut self, sender: &Addr, msg: &authlog::ExecuteMsg) -> StdResult<AppResponse> {
        self.send(sender, &self.authlog.clone(), msg)
    }

    pub fn to_bounty(&mut self, sender: &Addr, msg: &bounty::ExecuteMsg) -> StdResult<AppResponse> {
        self.send(sender, &self.bounty.clone(), msg)
    }

    /// Sends with one coin of this denom attached.
    pub fn send_with_funds<M: Serialize + std::fmt::Debug>(
        &mut self,
        sender: &Addr,
        contract: &Addr,
        msg: &M,
        denom: &str,
    ) -> StdResult<AppResponse> {
        let coins = vec![Coin::new(1_u128, denom)];
        let minted = cw_multi_test::BankSudo::Mint { to_address: sender.to_string(), amount: coins.clone() };
        self.app.sudo(minted.into())?;
        with_own_error(|| self.app.execute_contract(sender.clone(), contract.clone(), msg, &coins))
    }

    pub fn migrate<M: Serialize>(
        &mut self,
        by: &Addr,
        contract: &Addr,
        code: u64,
        msg: &M,
    ) -> StdResult<AppResponse> {
        with_own_error(|| self.app.migrate_contract(by.clone(), contract.clone(), msg, code))
    }

    pub fn ask_registrar<T: DeserializeOwned>(&self, msg: &registrar::QueryMsg) -> StdResult<T> {
        self.app.wrap().query_wasm_smart(&self.registrar, msg)
    }

    pub fn ask_relationship<T: DeserializeOwned>(&self, msg: &relationship::QueryMsg) -> StdResult<T> {
        self.app.wrap().query_wasm_smart(&self.relationship, msg)
    }

    pub fn ask_authlog<T: DeserializeOwned>(&self, msg: &authlog::QueryMsg) -> StdResult<T> {
        self.app.wrap().query_wasm_smart(&self.authlog, msg)
    }

    pub fn ask_bounty<T: DeserializeOwned>(&self, msg: &bounty::QueryMsg) -> StdResult<T> {
        self.app.wrap().query_wasm_smart(&self.bounty, msg)
    }

    /// Block time, seconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.app.block_info().time.seconds()
    }

    /// Lets this many seconds pass, one block.
    pub fn wait(&mut self, seconds: u64) {
        self.app.update_block(|block| {
            block.time = block.time.plus_seconds(seconds);
            block.height += 1;
        });
    }

    /// Every allowance ever given.
    #[must_use]
    pub fn allowances(&self) -> Vec<GivenAllowance> {
        Feegrant::given(self.app.storage())
    }

    /// Every allowance ever given to this address.
    #[must_use]
    pub fn allowances_to(&self, grantee: &Addr) -> Vec<GivenAllowance> {
        self.allowances().into_iter().filter(|given| given.grantee == grantee.as_str()).collect()
    }

    /// This address spends all its allowance.
    pub fn drain(&mut self, grantee: &Addr) {
        Feegrant::drain(self.app.storage_mut(), grantee.as_str());
    }

    /// The contracts' state and the allowances.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut all: Snapshot = [&self.registrar, &self.relationship, &self.authlog, &self.bounty]
            .map(|contract| self.app.dump_wasm_raw(contract))
            .into();
        all.push(vec![(b"feegrant".to_vec(), self.app.storage().get(b"feegrant").unwrap_or_default())]);
        all
    }

    /// A number that no sealed text of this suite had before.
    pub fn sealing(&mut self) -> u64 {
        self.sealings += 1;
        self.sealings
    }

    /// Admits one delegate, as the sponsor.
    pub fn admit(&mut self, delegate: &Addr) {
        let delegates = vec![delegate.to_string()];
        self.to_relationship(&self.sponsor.clone(), &relationship::ExecuteMsg::Admit { delegates }).unwrap();
    }

    /// Admits the delegate and opens; answers the relationship's id.
    pub fn open(&mut self, steward: &Addr, patient: &Addr) -> u64 {
        self.admit(steward);
        let sealed = fixtures::sealed_open(self.sealing());
        let msg = relationship::ExecuteMsg::Open { patient: patient.to_string(), sealed };
        let done = self.to_relationship(steward, &msg).unwrap();
        self.relationship_events(&done)
            .into_iter()
            .find_map(|event| match event {
                medrec_events::relationship::Event::Opened { id, .. } => Some(id),
                _ => None,
            })
            .unwrap()
    }

    /// Opens and accepts.
    pub fn active(&mut self, steward: &Addr, patient: &Addr) -> u64 {
        let id = self.open(steward, patient);
        let sealed = fixtures::sealed_accept(self.sealing());
        self.to_relationship(patient, &relationship::ExecuteMsg::Accept { id, sealed }).unwrap();
        id
    }

    /// A researcher of this name, with institution `n`'s certificate.
    #[must_use]
    pub fn researcher(&self, name: &str, n: u8) -> NewResearcher {
        fixtures::researcher(name, n, &self.app.block_info().chain_id, &self.registrar)
    }

    /// Institution `n` of genesis certifies the researcher of this name; answers his account.
    pub fn certify(&mut self, name: &str, n: u8) -> Addr {
        let researcher = self.researcher(name, n);
        let institution = fixtures::address(&format!("institution-{n}"));
        self.to_registrar(&institution, &registrar::ExecuteMsg::CertifyResearcher { researcher }).unwrap();
        fixtures::address(name)
    }

    /// A contract's own log as its raw row says (wire.md section 15).
    #[must_use]
    pub fn own_log(&self, contract: &Addr) -> Frontier {
        let row = self.app.wrap().query_wasm_raw(contract, registrar::LOG_KEY).unwrap();
        row.map_or_else(Frontier::new, |row| own_log::read_row(&row).unwrap())
    }

    /// Leaves of the events that a contract told in an answer, as a reader of blocks makes them.
    #[must_use]
    pub fn leaves(&self, contract: &Addr, done: &AppResponse) -> Vec<Hash> {
        let leaf = |event: &cosmwasm_std::Event| {
            let attributes: Vec<_> =
                event.attributes.iter().map(|found| (found.key.as_str(), found.value.as_str())).collect();
            own_log::leaf_in_block(contract.as_str(), &event.ty, &attributes)
        };
        done.events.iter().filter_map(leaf).collect()
    }

    /// The relationship contract's events in an answer, as a relayer decodes them.
    #[must_use]
    pub fn relationship_events(&self, done: &AppResponse) -> Vec<medrec_events::relationship::Event> {
        decoded(done, &self.relationship, medrec_events::relationship::Event::decode)
    }

    /// The registrar's events in an answer, as a relayer decodes them.
    #[must_use]
    pub fn registrar_events(&self, done: &AppResponse) -> Vec<medrec_events::registrar::Event> {
        decoded(done, &self.registrar, medrec_events::registrar::Event::decode)
    }

    /// The authlog's events in an answer, as a relayer decodes them.
    #[must_use]
    pub fn authlog_events(&self, done: &AppResponse) -> Vec<medrec_events::authlog::Event> {
        decoded(done, &self.authlog, medrec_events::authlog::Event::decode)
    }
}

type Decode<E> = fn(&str, &str, &[(&str, &str)]) -> Result<Option<E>, DecodeError>;

fn decoded<E>(done: &AppResponse, contract: &Addr, decode: Decode<E>) -> Vec<E> {
    done.events
        .iter()
        .filter(|event| event.attributes.iter().any(|attribute| attribute.key == CONTRACT_ATTRIBUTE))
        .filter_map(|event| {
            let attributes: Vec<_> =
                event.attributes.iter().map(|found| (found.key.as_str(), found.value.as_str())).collect();
            decode(contract.as_str(), &event.ty, &attributes).unwrap()
        })
        .collect()
}

//! One authlog over a registrar the test writes at will, and hospitals that keep real logs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]
#![allow(dead_code, reason = "each test file uses its part")]

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use cosmwasm_std::{
    Addr, Binary, ContractResult, Env, Order, OwnedDeps, QuerierResult, Response, Storage, SystemError,
    SystemResult, WasmQuery, from_json,
    testing::{MockApi, MockQuerier, MockStorage, message_info, mock_dependencies, mock_env},
    to_json_binary,
};
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::{
    authlog::{Error, ExecuteMsg, GrowthCap, InstantiateMsg, QueryMsg},
    registrar::{self, InstitutionResponse, InstitutionStatus, account_key, status_key},
};
use medrec_authlog::contract;
use medrec_merkle::{Hash, Tree, consistency_proof, leaf_hash, root_at};
use serde::de::DeserializeOwned;

pub const CAP: GrowthCap = GrowthCap { burst: 1_000, per_second: 10 };

/// A name as an address of the test chain.
pub fn addr(name: &str) -> Addr {
    MockApi::default().addr_make(name)
}

/// Answers as the registrar's documented raw keys and its `institution` query do.
#[derive(Clone, Default)]
pub struct Registrar(Rc<RefCell<BTreeMap<u32, InstitutionResponse>>>);

impl Registrar {
    pub fn put(&self, institution: InstitutionResponse) {
        self.0.borrow_mut().insert(institution.id, institution);
    }

    pub fn change(&self, id: u32, change: impl FnOnce(&mut InstitutionResponse)) {
        change(self.0.borrow_mut().get_mut(&id).unwrap());
    }

    pub fn expel(&self, id: u32) {
        self.change(id, |institution| institution.status = InstitutionStatus::Expelled);
    }

    fn answer(&self, query: &WasmQuery) -> QuerierResult {
        let all = self.0.borrow();
        match query {
            WasmQuery::Raw { contract_addr, key } if *contract_addr == addr("registrar").as_str() => {
                let rows = all.values().flat_map(|institution| {
                    [
                        (status_key(institution.id), vec![institution.status.byte()]),
                        (account_key(institution.id), institution.account.clone().into_bytes()),
                    ]
                });
                let row = rows.into_iter().find(|(known, _)| known == key.as_slice());
                SystemResult::Ok(ContractResult::Ok(row.map(|(_, value)| value).unwrap_or_default().into()))
            }
            WasmQuery::Smart { contract_addr, msg } if *contract_addr == addr("registrar").as_str() => {
                let registrar::QueryMsg::Institution { id } = from_json(msg).unwrap() else {
                    panic!("the authlog asks for institutions only")
                };
                match all.get(&id) {
                    Some(institution) => {
                        SystemResult::Ok(ContractResult::Ok(to_json_binary(institution).unwrap()))
                    }
                    None => SystemResult::Ok(ContractResult::Err("no such institution".into())),
                }
            }
            _ => SystemResult::Err(SystemError::NoSuchContract { addr: "not the registrar".into() }),
        }
    }
}

pub struct Authlog {
    pub deps: OwnedDeps<MockStorage, MockApi, MockQuerier>,
    pub env: Env,
    pub registrar: Registrar,
}

impl Authlog {
    pub fn new() -> Self {
        Self::with(CAP)
    }

    pub fn with(growth: GrowthCap) -> Self {
        let mut deps = mock_dependencies();
        let registrar = Registrar::default();
        let answers = registrar.clone();
        deps.querier.update_wasm(move |query| answers.answer(query));
        let msg = InstantiateMsg {
            consortium: addr("consortium").into(),
            registrar: addr("registrar").into(),
            growth,
        };
        let env = mock_env();
        contract::instantiate(deps.as_mut(), env.clone(), message_info(&addr("creator"), &[]), msg).unwrap();
        Self { deps, env, registrar }
    }

    pub fn send(&mut self, sender: &Addr, msg: ExecuteMsg) -> Result<Response, Error> {
        contract::execute(self.deps.as_mut(), self.env.clone(), message_info(sender, &[]), msg)
    }

    /// Sends what must be refused with exactly this error, and looks that nothing was written.
    #[track_caller]
    pub fn refuses(&mut self, sender: &Addr, msg: ExecuteMsg, expected: &Error) {
        let before = self.state();
        let refusal = self.send(sender, msg).unwrap_err();
        assert_eq!(refusal.to_string(), expected.to_string());
        assert_eq!(self.state(), before, "a refused message changed the state");
    }

    pub fn state(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.deps.storage.range(None, None, Order::Ascending).collect()
    }

    pub fn query<T: DeserializeOwned>(&self, msg: QueryMsg) -> T {
        from_json(self.try_query(msg).unwrap()).unwrap()
    }

    pub fn try_query(&self, msg: QueryMsg) -> Result<Binary, Error> {
        contract::query(self.deps.as_ref(), self.env.clone(), msg)
    }

    pub fn pass(&mut self, seconds: u64) {
        self.env.block.time = self.env.block.time.plus_seconds(seconds);
        self.env.block.height += 1;
    }

    /// A hospital the registrar knows.
    pub fn hospital(&self, institution: u32) -> Hospital {
        let hospital = Hospital::new(institution);
        self.registrar.put(hospital.registered());
        hospital
    }

    /// A hospital whose log is admitted.
    pub fn admitted(&mut self, institution: u32) -> Hospital {
        let mut hospital = self.hospital(institution);
        hospital.slot = self.query::<medrec_api::authlog::LogsResponse>(all_logs()).logs.len() as u32;
        self.send(&hospital.account, ExecuteMsg::AdmitLog { institution }).unwrap();
        hospital
    }

    /// A hospital with so many entries anchored.
    pub fn anchored(&mut self, institution: u32, entries: u64) -> Hospital {
        let mut hospital = self.admitted(institution);
        hospital.grow(entries);
        self.send(&hospital.account, hospital.anchor_from(0)).unwrap();
        hospital
    }
}

pub fn all_logs() -> QueryMsg {
    QueryMsg::Logs { start_after: None, limit: Some(30) }
}

/// An honest institution, its keys and its log. Entries differ between hospitals.
#[derive(Clone)]
pub struct Hospital {
    pub institution: u32,
    pub slot: u32,
    pub account: Addr,
    pub origin: String,
    pub key: SigningKey,
    pub log: Tree,
}

impl Hospital {
    pub fn new(institution: u32) -> Self {
        let mut secret = [7; 32];
        secret[..4].copy_from_slice(&institution.to_be_bytes());
        Self {
            institution,
            slot: 0,
            account: addr(&format!("hospital-{institution}")),
            origin: format!("log.hospital-{institution}.example"),
            key: SigningKey::from_bytes(&secret),
            log: Tree::new(),
        }
    }

    pub fn registered(&self) -> InstitutionResponse {
        InstitutionResponse {
            id: self.institution,
            status: InstitutionStatus::Active,
            name: format!("Hospital {}", self.institution),
            url: format!("https://hospital-{}.example", self.institution),
            account: self.account.to_string(),
            signing_key: Binary::new(vec![1; 32]),
            log_origin: self.origin.clone(),
            log_key: self.key.verifying_key().to_bytes().into(),
            encryption_key: Binary::new(vec![2; 32]),
        }
    }

    pub fn size(&self) -> u64 {
        self.log.size()
    }

    pub fn grow(&mut self, entries: u64) {
        for _ in 0..entries {
            let entry = format!("{} entry {}", self.origin, self.size());
            self.log.push(leaf_hash(entry.as_bytes())).unwrap();
        }
    }

    /// The same log, but with another entry at `at`.
    pub fn rewritten(&self, at: u64) -> Self {
        let mut other = self.clone();
        other.log = Tree::new();
        for index in 0..self.size() {
            let leaf = if index == at {
                leaf_hash(b"never happened")
            } else {
                medrec_merkle::HashReader::node(&self.log, 0, index).unwrap()
            };
            other.log.push(leaf).unwrap();
        }
        other
    }

    pub fn root_at(&self, size: u64) -> Hash {
        root_at(&self.log, size).unwrap()
    }

    /// Consistency proof from `old` to `new` as it travels.
    pub fn proof(&self, old: u64, new: u64) -> Vec<u8> {
        if old == 0 { vec![] } else { consistency_proof(&self.log, old, new).unwrap().concat() }
    }

    /// Signature of the checkpoint, written down here as wire.md section 10 has it.
    pub fn sign(&self, size: u64, root: &[u8]) -> Vec<u8> {
        let root = Binary::from(root).to_base64();
        self.key.sign(format!("{}\n{size}\n{root}\n", self.origin).as_bytes()).to_bytes().to_vec()
    }

    /// The honest message for everything in the log, after an anchor of `old` entries.
    pub fn anchor_from(&self, old: u64) -> ExecuteMsg {
        self.anchor(old, self.size())
    }

    /// The honest message for the first `new` entries, after an anchor of `old` entries.
    pub fn anchor(&self, old: u64, new: u64) -> ExecuteMsg {
        self.anchor_with(new, &self.root_at(new), self.proof(old, new))
    }

    /// Any size, root and proof, honestly signed.
    pub fn anchor_with(&self, size: u64, root: &[u8], proof: Vec<u8>) -> ExecuteMsg {
        ExecuteMsg::Anchor {
            slot: self.slot,
            size,
            root: root.into(),
            signature: self.sign(size, root).into(),
            proof: proof.into(),
        }
    }
}

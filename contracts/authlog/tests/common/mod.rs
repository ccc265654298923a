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
    Addr, Binary, CodeInfoResponse, ContractInfoResponse, ContractResult, Env, Order, OwnedDeps,
    QuerierResult, Response, Storage, SystemError, SystemResult, WasmQuery, from_json,
    testing::{MockApi, MockQuerier, MockStorage, message_info, mock_dependencies, mock_env},
    to_json_binary,
};
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::{
    authlog::{
        AttestedResponse, CosignedHead, Cosigner, Error, ExecuteMsg, GrowthCap, InstantiateMsg, LogResponse,
        QueryMsg, Sealing, TemplateResponse,
    },
    registrar::{
        self, InstitutionResponse, InstitutionStatus, LOG_KEY, ResearcherStatus, account_key, researcher_key,
        status_key,
    },
};
use medrec_authlog::contract;
use medrec_merkle::{Hash, Tree, consistency_proof, leaf_hash, root_at};
pub use medrec_testing::seals::{Log, Miner};
use serde::de::DeserializeOwned;

pub const CAP: GrowthCap = GrowthCap { burst: 1_000, per_second: 10 };

/// A name as an address of the test chain.
pub fn addr(name: &str) -> Addr {
    MockApi::default().addr_make(name)
}

/// What the other contracts say: the registrar's documented raw keys and its `institution` query; codes and own logs of
/// whatever is watched.
#[derive(Clone, Default)]
pub struct Registrar(Rc<RefCell<Others>>);

#[derive(Default)]
struct Others {
    institutions: BTreeMap<u32, InstitutionResponse>,
    /// Rows by account.
    researchers: BTreeMap<String, Vec<u8>>,
    /// Code id and the row of its own log, by address.
    contracts: BTreeMap<String, (u64, Option<Vec<u8>>)>,
}

impl Registrar {
    pub fn put(&self, institution: InstitutionResponse) {
        self.0.borrow_mut().institutions.insert(institution.id, institution);
    }

    pub fn change(&self, id: u32, change: impl FnOnce(&mut InstitutionResponse)) {
        change(self.0.borrow_mut().institutions.get_mut(&id).unwrap());
    }

    pub fn expel(&self, id: u32) {
        self.change(id, |institution| institution.status = InstitutionStatus::Expelled);
    }

    /// A researcher's row as the registrar writes it.
    pub fn put_researcher(
        &self,
        account: &Addr,
        status: ResearcherStatus,
        institution: u32,
        key: &SigningKey,
    ) {
        let key = key.verifying_key().to_bytes();
        self.put_researcher_row(account, [&[status.byte()][..], &institution.to_be_bytes(), &key].concat());
    }

    pub fn put_researcher_row(&self, account: &Addr, row: Vec<u8>) {
        self.0.borrow_mut().researchers.insert(account.to_string(), row);
    }

    /// A contract of this code, and the row of its own log.
    pub fn put_contract(&self, address: &Addr, code: u64, log: Option<Vec<u8>>) {
        self.0.borrow_mut().contracts.insert(address.to_string(), (code, log));
    }

    fn answer(&self, query: &WasmQuery) -> QuerierResult {
        let all = self.0.borrow();
        let found = |value: Binary| SystemResult::Ok(ContractResult::Ok(value));
        match query {
            WasmQuery::Raw { contract_addr, key }
                if *contract_addr == addr("registrar").as_str() && key.as_slice() != LOG_KEY =>
            {
                let rows = all.institutions.values().flat_map(|institution| {
                    [
                        (status_key(institution.id), vec![institution.status.byte()]),
                        (account_key(institution.id), institution.account.clone().into_bytes()),
                    ]
                });
                let researchers =
                    all.researchers.iter().map(|(account, row)| (researcher_key(account), row.clone()));
                let row = rows.chain(researchers).find(|(known, _)| known == key.as_slice());
                found(row.map(|(_, value)| value).unwrap_or_default().into())
            }
            WasmQuery::Smart { contract_addr, msg } if *contract_addr == addr("registrar").as_str() => {
                let registrar::QueryMsg::Institution { id } = from_json(msg).unwrap() else {
                    panic!("the authlog asks for institutions only")
                };
                match all.institutions.get(&id) {
                    Some(institution) => found(to_json_binary(institution).unwrap()),
                    None => SystemResult::Ok(ContractResult::Err("no such institution".into())),
                }
            }
            WasmQuery::Raw { contract_addr, key } if key.as_slice() == LOG_KEY => {
                match all.contracts.get(contract_addr) {
                    Some((_, row)) => found(row.clone().unwrap_or_default().into()),
                    None => SystemResult::Err(SystemError::NoSuchContract { addr: contract_addr.clone() }),
                }
            }
            WasmQuery::ContractInfo { contract_addr } => match all.contracts.get(contract_addr) {
                Some((code, _)) => {
                    let creator = addr("creator");
                    let info = ContractInfoResponse::new(*code, creator, None, false, None, None);
                    found(to_json_binary(&info).unwrap())
                }
                None => SystemResult::Err(SystemError::NoSuchContract { addr: contract_addr.clone() }),
            },
            WasmQuery::CodeInfo { code_id } => {
                let info = CodeInfoResponse::new(*code_id, addr("creator"), checksum(*code_id).into());
                found(to_json_binary(&info).unwrap())
            }
            _ => SystemResult::Err(SystemError::NoSuchContract { addr: "elsewhere".into() }),
        }
    }
}

/// Of the code with this id.
pub fn checksum(code: u64) -> [u8; 32] {
    [code as u8; 32]
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
        let mut env = env;
        env.contract.address = addr("authlog");
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

/// Contracts that are watched, with codes 1 to 4; the first three keep logs.
pub fn watched() -> [Addr; 4] {
    ["registrar", "relationship", "bounty", "authlog"].map(addr)
}

/// A researcher and what he signs with.
#[derive(Clone)]
pub struct Researcher {
    pub account: Addr,
    pub key: SigningKey,
    pub institution: u32,
}

impl Researcher {
    pub fn named(&self) -> Cosigner {
        Cosigner::Researcher { account: self.account.to_string() }
    }
}

impl Authlog {
    /// A researcher certified by this institution, which keeps no log.
    pub fn researcher(&mut self, name: &str, institution: u32) -> Researcher {
        let mut seed = [9; 32];
        seed.iter_mut().zip(name.bytes()).for_each(|(byte, of_name)| *byte = of_name);
        let researcher = Researcher { account: addr(name), key: SigningKey::from_bytes(&seed), institution };
        if !self.registrar.0.borrow().institutions.contains_key(&institution) {
            self.hospital(institution);
        }
        let (account, key) = (&researcher.account, &researcher.key);
        self.registrar.put_researcher(account, ResearcherStatus::Active, institution, key);
        researcher
    }

    pub fn withdraw(&self, researcher: &Researcher) {
        let Researcher { account, key, institution } = researcher;
        self.registrar.put_researcher(account, ResearcherStatus::Withdrawn, *institution, key);
    }

    /// Two researchers of other institutions hold all that is anchored of this log.
    pub fn attest(&mut self, hospital: &Hospital) {
        for (name, institution) in [("holder-a", 2_001), ("holder-b", 2_002)] {
            let by = self.researcher(name, institution);
            let anchored = self.log(hospital.slot).size;
            let head = hospital.cosigned(anchored, anchored, &by.key);
            self.send(&by.account, ExecuteMsg::Cosign { cosigner: by.named(), heads: vec![head] }).unwrap();
        }
    }

    /// A log of 512-byte entries, admitted, anchored and attested.
    pub fn keeps(&mut self, institution: u32, size: u64) -> Log {
        let hospital = self.hospital(institution);
        let log = Log::new(&hospital.origin, hospital.key.clone(), institution);
        self.send(&hospital.account, ExecuteMsg::AdmitLog { institution }).unwrap();
        let slot = self.query::<LogResponse>(QueryMsg::LogOf { institution }).slot;
        self.send(&hospital.account, log.anchor(slot, 0, size)).unwrap();
        for (name, other) in [("holder-a", 2_001), ("holder-b", 2_002)] {
            let by = self.researcher(name, other);
            let head = log.cosigned(slot, size, size, self.now(), &by.key);
            self.send(&by.account, ExecuteMsg::Cosign { cosigner: by.named(), heads: vec![head] }).unwrap();
        }
        log
    }

    /// Seals start, over the four contracts.
    pub fn start(&mut self) -> Sealing {
        for (code, contract) in (1..).zip(&watched()) {
            let row = (code < 4).then(|| {
                let tree: Tree = (0..code).map(|event: u64| leaf_hash(&event.to_be_bytes())).collect();
                own_log(&tree)
            });
            self.registrar.put_contract(contract, code, row);
        }
        let sealing = medrec_testing::seals::easy(&watched().each_ref());
        self.send(&addr("consortium"), ExecuteMsg::SetSealing { sealing: sealing.clone() }).unwrap();
        sealing
    }

    pub fn now(&self) -> u64 {
        self.env.block.time.seconds()
    }

    pub fn log(&self, slot: u32) -> LogResponse {
        self.query(QueryMsg::Log { slot })
    }

    pub fn attested(&self, slot: u32) -> AttestedResponse {
        self.query(QueryMsg::Attested { slot })
    }

    pub fn template(&self) -> TemplateResponse {
        self.query(QueryMsg::Template {})
    }

    /// The researcher's seal of the present template, not sent.
    pub fn mined(&self, by: &Researcher, logs: &[&Log]) -> ExecuteMsg {
        self.mined_of(by, &self.template(), logs)
    }

    /// His seal of a template.
    pub fn mined_of(&self, by: &Researcher, template: &TemplateResponse, logs: &[&Log]) -> ExecuteMsg {
        let (chain_id, contract) = (&self.env.block.chain_id, self.env.contract.address.as_str());
        Miner { chain_id, contract, account: by.account.as_str(), key: &by.key }.seal(template, logs, 0)
    }

    /// He finds it.
    pub fn seals(&mut self, by: &Researcher, logs: &[&Log]) -> Response {
        let msg = self.mined(by, logs);
        self.send(&by.account, msg).unwrap()
    }
}

/// The row of a contract's own log with these leaves.
pub fn own_log(tree: &Tree) -> Vec<u8> {
    let frontier = medrec_merkle::Frontier::read(tree, tree.size()).unwrap();
    [&frontier.size().to_be_bytes()[..], frontier.nodes().as_flattened()].concat()
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

    /// The head of the first `size` entries as a cosigner vouches for it, under an anchor of `anchored`.
    pub fn cosigned(&self, size: u64, anchored: u64, by: &SigningKey) -> CosignedHead {
        let (root, time) = (Binary::from(self.root_at(size)), 1_790_000_000);
        let text = format!("cosignature/v1\ntime {time}\n{}\n{size}\n{}\n", self.origin, root.to_base64());
        let signature = by.sign(text.as_bytes()).to_bytes().into();
        CosignedHead {
            slot: self.slot,
            size,
            root,
            time,
            signature,
            proof: self.proof(size, anchored).into(),
        }
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

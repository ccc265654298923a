//! One bounty contract over a registrar and an authlog whose raw keys the test writes at will.
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
};
use medrec_api::{
    authlog::{SEAL_COUNT_KEY, sealed_by_key},
    bounty::{
        Bounds, Budget, BudgetResponse, CatalogueEntry, Category, Cohort, Error, ExecuteMsg, InstantiateMsg,
        Measure, MeasureKind, OfferKind, OfferResponse, OfferState, QueryMsg, Question, Record,
        RecordResponse, Terms, WEEK,
    },
    registrar::{InstitutionStatus, ResearcherStatus, account_key, researcher_key, status_key},
};
use medrec_bounty::contract;
use serde::de::DeserializeOwned;

pub const HOSPITALS: u32 = 3;
pub const BUDGET: u64 = 5_000_000;
pub const PRICE: u64 = 1_000_000;

/// A name as an address of the test chain.
pub fn addr(name: &str) -> Addr {
    MockApi::default().addr_make(name)
}

pub fn hospital(institution: u32) -> Addr {
    addr(&format!("hospital-{institution}"))
}

pub fn id(number: u8) -> Binary {
    Binary::new(vec![number; 32])
}

/// 32 bytes that pass for any public key.
pub fn key(number: u8) -> Binary {
    let mut bytes = vec![number; 32];
    bytes[31] = 0x33;
    Binary::new(bytes)
}

pub fn answer(number: u8) -> Binary {
    Binary::new(vec![number; 600])
}

pub fn bounds() -> Bounds {
    Bounds { lower: 0, upper: 250, scale: 1 }
}

pub fn question() -> Question {
    Question {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: "g/dL".into(),
        category: Category::Laboratory,
        cohort: Cohort { sex: None, age: None, from: 2_500 * WEEK, until: 2_800 * WEEK },
        measure: Measure::Mean { bounds: bounds() },
        contributions: 2,
    }
}

pub fn count() -> Question {
    Question { measure: Measure::Count {}, unit: String::new(), contributions: 1, ..question() }
}

pub fn entry() -> CatalogueEntry {
    CatalogueEntry {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: "g/dL".into(),
        category: Category::Laboratory,
        measures: vec![MeasureKind::Count, MeasureKind::Mean, MeasureKind::Histogram],
        bounds: Some(Bounds { lower: 0, upper: 300, scale: 1 }),
    }
}

pub fn fixed() -> Terms {
    Terms {
        kind: OfferKind::Fixed { question: question() },
        price: PRICE,
        commitment: id(0xcc),
        claim_seals: 5,
        ask_seals: 4,
        answer_seconds: 3_600,
        reuses: None,
    }
}

pub fn open() -> Terms {
    Terms { kind: OfferKind::Open {}, ..fixed() }
}

/// Raw keys of the registrar and of the authlog.
#[derive(Clone, Default)]
pub struct World(Rc<RefCell<Rows>>);

/// By contract and raw key.
type Rows = BTreeMap<(String, Vec<u8>), Vec<u8>>;

impl World {
    pub fn put(&self, contract: &str, key: Vec<u8>, value: Vec<u8>) {
        self.0.borrow_mut().insert((addr(contract).into(), key), value);
    }

    pub fn remove(&self, contract: &str, key: Vec<u8>) {
        self.0.borrow_mut().remove(&(addr(contract).into(), key));
    }

    fn answer(&self, query: &WasmQuery) -> QuerierResult {
        let known = [addr("registrar").into_string(), addr("authlog").into_string()];
        match query {
            WasmQuery::Raw { contract_addr, key } if known.contains(contract_addr) => {
                let row = self.0.borrow().get(&(contract_addr.clone(), key.to_vec())).cloned();
                SystemResult::Ok(ContractResult::Ok(row.unwrap_or_default().into()))
            }
            other => SystemResult::Err(SystemError::InvalidRequest {
                error: format!("{other:?}: only raw keys are read"),
                request: Binary::default(),
            }),
        }
    }

    pub fn institution(&self, id: u32, status: InstitutionStatus) {
        self.put("registrar", status_key(id), vec![status.byte()]);
        self.put("registrar", account_key(id), hospital(id).into_string().into_bytes());
    }

    pub fn researcher(&self, name: &str, status: ResearcherStatus, institution: u32) {
        let row = [&[status.byte()][..], &institution.to_be_bytes(), &[9; 32]].concat();
        self.put("registrar", researcher_key(addr(name).as_str()), row);
    }
}

pub struct Chain {
    pub deps: OwnedDeps<MockStorage, MockApi, MockQuerier>,
    pub env: Env,
    pub world: World,
    pub seals: u64,
}

impl Chain {
    /// Three hospitals with a budget and a catalogue, researchers ada, ben and cyd, no seal.
    pub fn new() -> Self {
        let mut deps = mock_dependencies();
        let world = World::default();
        let answers = world.clone();
        deps.querier.update_wasm(move |query| answers.answer(query));
        let msg = InstantiateMsg {
            consortium: addr("consortium").into(),
            registrar: addr("registrar").into(),
            authlog: addr("authlog").into(),
        };
        let env = mock_env();
        contract::instantiate(deps.as_mut(), env.clone(), message_info(&addr("creator"), &[]), msg).unwrap();
        let mut chain = Self { deps, env, world, seals: 0 };
        for institution in 1..=HOSPITALS {
            chain.world.institution(institution, InstitutionStatus::Active);
            let total = BUDGET;
            chain.send(&addr("consortium"), ExecuteMsg::SetBudget { institution, total }).unwrap();
            let entries = vec![entry()];
            chain.send(&hospital(institution), ExecuteMsg::SetCatalogue { institution, entries }).unwrap();
        }
        for (name, institution) in [("ada", 1), ("ben", 2), ("cyd", 3)] {
            chain.world.researcher(name, ResearcherStatus::Active, institution);
        }
        chain
    }

    pub fn send(&mut self, sender: &Addr, msg: ExecuteMsg) -> Result<Response, Error> {
        contract::execute(self.deps.as_mut(), self.env.clone(), message_info(sender, &[]), msg)
    }

    /// Sends what must be refused with exactly this error, and looks that nothing was written.
    #[track_caller]
    pub fn refuses(&mut self, sender: &Addr, msg: ExecuteMsg, expected: &Error) {
        let refusal = self.refusal(sender, msg);
        assert_eq!(refusal, expected.to_string());
    }

    #[track_caller]
    pub fn refusal(&mut self, sender: &Addr, msg: ExecuteMsg) -> String {
        let before = self.state();
        let refusal = self.send(sender, msg).unwrap_err();
        assert_eq!(self.state(), before, "a refused message changed the state");
        refusal.to_string()
    }

    /// Sends what is known already: it goes through, says nothing and changes nothing.
    #[track_caller]
    pub fn repeats(&mut self, sender: &Addr, msg: ExecuteMsg) {
        let before = self.state();
        assert!(self.send(sender, msg).unwrap().events.is_empty(), "said something");
        assert_eq!(self.state(), before, "a repeated message changed the state");
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

    pub fn now(&self) -> u64 {
        self.env.block.time.seconds()
    }

    /// The next seal is this researcher's.
    pub fn seal(&mut self, miner: &str) -> u64 {
        self.seals += 1;
        self.world.put("authlog", sealed_by_key(self.seals), addr(miner).into_string().into_bytes());
        self.world.put("authlog", SEAL_COUNT_KEY.to_vec(), self.seals.to_be_bytes().to_vec());
        self.seals
    }

    pub fn seals(&mut self, miners: &[&str]) {
        for miner in miners {
            self.seal(miner);
        }
    }

    #[track_caller]
    pub fn offer(&mut self, number: u8, terms: Terms) {
        self.send(&hospital(1), offering(number, terms)).unwrap();
    }

    /// An offer of hospital 1, claimed by ada.
    #[track_caller]
    pub fn claimed(&mut self, number: u8, terms: Terms) {
        self.offer(number, terms);
        self.seals(&["ben", "ada"]);
        self.send(&addr("ada"), claim(number)).unwrap();
    }

    /// A fixed offer of hospital 1, owned by ada and delivered.
    #[track_caller]
    pub fn delivered(&mut self, number: u8) {
        self.claimed(number, fixed());
        self.send(&hospital(1), deliver(number)).unwrap();
    }

    pub fn get(&self, number: u8) -> OfferResponse {
        self.query(QueryMsg::OfferById { id: id(number) })
    }

    pub fn stands(&self, number: u8) -> OfferState {
        self.get(number).state
    }

    pub fn budget(&self, institution: u32) -> Budget {
        self.query::<BudgetResponse>(QueryMsg::Budget { institution }).budget
    }

    /// Reserved and spent of hospital 1.
    pub fn ledger(&self) -> (u64, u64) {
        let budget = self.budget(1);
        (budget.reserved, budget.spent)
    }

    pub fn record(&self, institution: u32) -> Record {
        self.query::<RecordResponse>(QueryMsg::Record { institution }).record
    }
}

/// Of hospital 1.
pub fn offering(number: u8, terms: Terms) -> ExecuteMsg {
    ExecuteMsg::Offer { institution: 1, id: id(number), terms }
}

pub fn claim(number: u8) -> ExecuteMsg {
    ExecuteMsg::Claim { offer: id(number), encryption_key: key(number) }
}

pub fn ask(number: u8, question: Question) -> ExecuteMsg {
    ExecuteMsg::Ask { offer: id(number), question }
}

pub fn deliver(number: u8) -> ExecuteMsg {
    ExecuteMsg::Deliver { offer: id(number), answer: answer(number) }
}

pub fn expire(number: u8) -> ExecuteMsg {
    ExecuteMsg::Expire { offer: id(number) }
}

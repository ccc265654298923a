//! A chain that does what a test says, a log on a loopback port, and a miner's mirrors of it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use cosmwasm_std::Binary;
use medrec_accesslog::{
    Anchor, Entry, VerifyError,
    mirror::{self, Fetch},
};
use medrec_api::authlog::LogResponse;
use medrec_clients::{Contract, Contracts, Error, Event, NodeStatus, TxOutcome};
use medrec_merkle::Frontier;
use medrec_miner::{
    chain::{Ask, Call, Chain},
    clock::{Clock, ManualClock},
    events::{Events, Line},
    logs::{Mirrors, Settings, Shown, Standing},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{ORIGIN, Peer, root, signer};

/// The mirrored institution.
pub const PEER: u32 = 8;
pub const SLOT: u32 = 1;
pub const GENESIS: u64 = 1_800_000_000;
pub const CHAIN_ID: &str = "medrec-test-1";

type Answer = Box<dyn Fn(&Value) -> Option<Value> + Send>;

/// Clones share the state.
#[derive(Clone, Default)]
pub struct Script {
    answers: Arc<Mutex<Vec<(String, Answer)>>>,
    pub sent: Arc<Mutex<Vec<Call>>>,
    /// Of every block.
    pub events: Arc<Mutex<Vec<Event>>>,
    /// What sending says; none: it succeeds.
    pub refuse: Arc<Mutex<Option<String>>>,
}

impl Script {
    /// The answer to queries of this name from now on.
    pub fn answer(&self, query: &str, with: impl Fn(&Value) -> Option<Value> + Send + 'static) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, _)| known != query);
        answers.push((query.to_owned(), Box::new(with)));
    }

    pub fn always(&self, query: &str, answer: Value) {
        self.answer(query, move |_| Some(answer.clone()));
    }
}

#[async_trait]
impl Chain for Script {
    async fn status(&self) -> Result<NodeStatus, Error> {
        let (chain_id, height) = (CHAIN_ID.to_owned(), 7);
        Ok(NodeStatus { chain_id, height, time_seconds: GENESIS, catching_up: false })
    }

    async fn smart(&self, contract: &str, query: &Value) -> Result<Value, Error> {
        let (name, argument) = query.as_object().unwrap().iter().next().unwrap();
        let answers = self.answers.lock().unwrap();
        let found = answers.iter().find(|(known, _)| known == name).and_then(|(_, with)| with(argument));
        let log = format!("no answer to {name}");
        found.ok_or_else(|| Error::Contract { contract: contract.to_owned(), code: 1, log })
    }

    async fn events(&self, _: u64) -> Result<Vec<Event>, Error> {
        Ok(self.events.lock().unwrap().clone())
    }

    async fn send(&self, calls: Vec<Call>) -> Result<TxOutcome, Error> {
        if let Some(log) = self.refuse.lock().unwrap().clone() {
            return Err(Error::WouldFail { log });
        }
        self.sent.lock().unwrap().extend(calls);
        let (codespace, log) = (String::new(), String::new());
        let (gas_used, gas_wanted, size_bytes) = (1, 1, 1);
        Ok(TxOutcome { height: 9, code: 0, codespace, log, gas_used, gas_wanted, events: vec![], size_bytes })
    }
}

pub fn contracts() -> Contracts {
    let contract = |address: &str| Contract { address: address.into(), code_id: 1, checksum: String::new() };
    Contracts {
        registrar: contract("registrar"),
        relationship: contract("relationship"),
        authlog: contract("authlog"),
        bounty: contract("bounty"),
    }
}

pub fn settings() -> Settings {
    let timeout = Duration::from_secs(1);
    Settings { poll_seconds: 30, timeout, max_entries: 20_000, allow_private: true, others: Vec::new() }
}

/// Where a mirror's files are.
pub enum Home {
    Own(TempDir),
    /// Another process cleans up.
    Parents(PathBuf),
}

impl Home {
    pub fn new() -> Self {
        Self::Own(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Parents(path) => path,
        }
    }
}

/// A miner's mirrors.
pub struct World {
    pub home: Home,
    pub chain: Script,
    pub clock: ManualClock,
    pub mirrors: Mirrors,
    pub told: Arc<Mutex<Vec<Line>>>,
}

impl World {
    pub fn of(peer: &Peer) -> Self {
        let chain = Script::default();
        list(&chain, &peer.url(), "active");
        Self::open(Home::new(), chain, ManualClock::at(GENESIS), settings())
    }

    pub fn open(home: Home, chain: Script, clock: ManualClock, settings: Settings) -> Self {
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let events = Events::new(shared, None);
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = told.clone();
        events.listen(move |line| listener.lock().unwrap().push(line.clone()));
        let mirrors = Mirrors::new(&home.path().join("mirrors"), settings, events);
        Self { home, chain, clock, mirrors, told }
    }

    /// The same files in a miner that was started again.
    pub fn reopened(self) -> Self {
        let Self { home, chain, clock, mirrors, .. } = self;
        drop(mirrors);
        Self::open(home, chain, clock, settings())
    }

    /// The chain has these entries anchored.
    pub fn anchor(&self, entries: &[Entry]) {
        anchor(&self.chain, entries);
    }

    pub async fn look(&self) -> Vec<Shown> {
        let contracts = contracts();
        let ask = Ask { chain: &self.chain, contracts: &contracts };
        self.mirrors.round(ask, self.clock.now()).await.unwrap()
    }

    /// One round, and how the copy stands then.
    pub async fn round(&self) -> Standing {
        self.look().await;
        self.mirrors.standings().into_iter().next().unwrap()
    }

    /// Past the pause after trouble.
    pub fn wait(&self) {
        self.clock.set(self.clock.now() + 3_600);
    }

    pub async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        use tower::ServiceExt as _;
        let routes = medrec_mirror::router(self.mirrors.clone());
        let request = axum::extract::Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
        let response = routes.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap().to_vec())
    }

    /// Reads the whole copy as anybody would, and checks it against its checkpoint.
    pub async fn read(&self) -> Result<Vec<Entry>, String> {
        let signed = mirror::checkpoint(self, signer().public()).await.map_err(|e| e.0)?;
        let mut entries = Vec::new();
        let visit = |_, entry: &Entry| entries.push(entry.clone());
        mirror::read_entries(self, &signed, &mut Frontier::new(), visit).await.map_err(|e| e.0)?;
        // The hashes lead to the same head.
        let head = Anchor { size: signed.checkpoint.size, root: signed.checkpoint.root };
        mirror::Outline::fetch(self, &head, &Frontier::new()).await.map_err(|e| e.0)?;
        Ok(entries)
    }
}

#[derive(Debug)]
pub struct Failed(String);

impl From<VerifyError> for Failed {
    fn from(error: VerifyError) -> Self {
        Self(error.to_string())
    }
}

impl Fetch for World {
    type Error = Failed;

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failed> {
        let (status, bytes) = World::get(self, &format!("/mirrors/{PEER}/{path}")).await;
        if status == 200 && bytes.len() <= limit {
            Ok(bytes)
        } else {
            Err(Failed(format!("{path}: {status}")))
        }
    }
}

/// The registrar lists the peer.
pub fn list(chain: &Script, url: &str, status: &str) {
    let key = Binary::from(*signer().public().public_key());
    let peer = json!({
        "id": PEER, "status": status, "name": "North", "url": url, "account": "medrec1north",
        "signing_key": key, "log_origin": ORIGIN, "log_key": key, "encryption_key": key,
    });
    chain.answer("institutions", move |query| {
        let all = if query["start_after"].is_null() { vec![peer.clone()] } else { vec![] };
        Some(json!({ "institutions": all }))
    });
}

pub fn log(entries: &[Entry]) -> LogResponse {
    let (size, root) = (entries.len() as u64, root(entries));
    LogResponse {
        slot: SLOT,
        institution: PEER,
        origin: ORIGIN.into(),
        key: Binary::from(*signer().public().public_key()),
        size,
        root: Binary::from(root),
        signature: Binary::from(signer().sign(size, root).signature),
        anchored_height: 5,
        anchored_at: GENESIS,
        forked: None,
    }
}

pub fn anchor(chain: &Script, entries: &[Entry]) {
    let log = log(entries);
    chain.answer("logs", move |query| {
        let all = if query["start_after"].is_null() { vec![log.clone()] } else { vec![] };
        Some(json!({ "logs": all }))
    });
}

/// Waits for something that another thread or process does.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

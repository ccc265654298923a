//! Another institution's log on a loopback port, honest or not, and a relayer that mirrors it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use cosmwasm_std::Binary;
use medrec_accesslog::{
    Anchor, Entry, LogSigner, SignedCheckpoint, TileContent, TilePath, VerifyError, encode_bundle,
    encode_tile,
    mirror::{self, Fetch},
};
use medrec_api::authlog::LogResponse;
use medrec_clients::{Contract, Contracts};
use medrec_merkle::{Frontier, Hash};
use medrec_relayer::{
    clock::{Clock, ManualClock},
    config,
    mirror::{Mirroring, Mirrors, Standing, router},
    ops::health::Health,
    store::Store,
};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{
    script::{GENESIS, Script},
    world::{AUTHLOG, CONTRACT, INSTITUTION, REGISTRAR},
};

/// The mirrored institution.
pub const PEER: u32 = 8;
pub const ORIGIN: &str = "log.north.test";

/// What a log does to those who copy it. Paths are below `/log/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deed {
    #[default]
    Honest,
    /// Serves another entry in this place, under its old hashes.
    Altered(usize),
    /// Serves another entry in this place, and the hashes that fit it.
    Rewritten(usize),
    /// Serves two entries in each other's place.
    Swapped(usize, usize),
    /// Files whose path starts like this are not there.
    Withheld(&'static str),
    /// They never end.
    Endless(&'static str),
    /// They have a byte too many.
    Longer(&'static str),
    /// They have a byte too few.
    Shorter(&'static str),
    /// Their first bytes come, the rest does not.
    Slow(&'static str),
    /// They are elsewhere.
    Redirected(&'static str, String),
    /// The checkpoint is that of the first entries only.
    Shrunk(usize),
    /// The checkpoint is of as many entries, but others.
    Forked,
    /// The checkpoint is of more entries, which do not continue the anchored ones.
    ForkedAhead,
    /// The checkpoint is signed by another log.
    Other,
}

/// The log's side.
pub struct Log {
    pub entries: Vec<Entry>,
    pub maps: Vec<(u32, Vec<u8>)>,
    pub deed: Deed,
    /// Paths asked for, in order.
    pub requests: Vec<String>,
}

#[derive(Clone)]
pub struct Peer {
    pub log: Arc<Mutex<Log>>,
    pub address: SocketAddr,
}

pub fn signer() -> LogSigner {
    LogSigner::new(ORIGIN, &[0x44; 32]).unwrap()
}

/// Entry `n` of the test's log: the same in every process.
pub fn entry(n: usize) -> Entry {
    let seed = medrec_merkle::leaf_hash(&n.to_be_bytes());
    Entry::from_bytes(std::array::from_fn(|at| seed[at % 32] ^ (at / 32) as u8))
}

pub fn entries(size: usize) -> Vec<Entry> {
    (0..size).map(entry).collect()
}

pub fn root(entries: &[Entry]) -> Hash {
    medrec_merkle::root(&entries.iter().map(Entry::leaf_hash).collect::<Vec<_>>())
}

impl Peer {
    pub async fn start(entries: Vec<Entry>) -> Self {
        let log = Log { entries, maps: Vec::new(), deed: Deed::Honest, requests: Vec::new() };
        let log = Arc::new(Mutex::new(log));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(serve).with_state(log.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { log, address }
    }

    pub fn set(&self, deed: Deed) {
        self.log.lock().unwrap().deed = deed;
    }

    pub fn grow(&self, size: usize) {
        self.log.lock().unwrap().entries = entries(size);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Paths asked for since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap().requests)
    }
}

async fn serve(State(log): State<Arc<Mutex<Log>>>, request: Request) -> Response {
    let (path, deed, honest) = {
        let mut log = log.lock().unwrap();
        let path = request.uri().path().strip_prefix("/log/").unwrap_or_default().to_owned();
        log.requests.push(path.clone());
        let served = changed(&log.entries, &log.deed);
        let honest = file(&log, &served, &path);
        (path, log.deed.clone(), honest)
    };
    let Some(mut bytes) = honest else { return StatusCode::NOT_FOUND.into_response() };
    match deed {
        Deed::Withheld(prefix) if path.starts_with(prefix) => StatusCode::NOT_FOUND.into_response(),
        Deed::Endless(prefix) if path.starts_with(prefix) => {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![7u8; 65_536]));
            Body::from_stream(chunks).into_response()
        }
        Deed::Slow(prefix) if path.starts_with(prefix) => {
            let start = futures::stream::iter([Ok::<_, std::io::Error>(bytes[..10].to_vec())]);
            Body::from_stream(futures::StreamExt::chain(start, futures::stream::pending())).into_response()
        }
        Deed::Redirected(prefix, to) if path.starts_with(prefix) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Deed::Longer(prefix) if path.starts_with(prefix) => {
            bytes.push(0);
            bytes.into_response()
        }
        Deed::Shorter(prefix) if path.starts_with(prefix) => {
            bytes.pop();
            bytes.into_response()
        }
        _ => bytes.into_response(),
    }
}

/// The entries as this log tells them.
fn changed(entries: &[Entry], deed: &Deed) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    match *deed {
        Deed::Altered(at) | Deed::Rewritten(at) => entries[at] = entry(1_000_000),
        Deed::Swapped(one, other) => entries.swap(one, other),
        _ => {}
    }
    entries
}

fn file(log: &Log, served: &[Entry], path: &str) -> Option<Vec<u8>> {
    if path == "checkpoint" {
        return Some(checkpoint(log).note().into_bytes());
    }
    if let Some(day) = path.strip_prefix("counters/") {
        return log.maps.iter().find(|(of, _)| of.to_string() == day).map(|(_, leaves)| leaves.clone());
    }
    let path: TilePath = path.parse().ok()?;
    let each = match path.content {
        TileContent::Entries => 1,
        TileContent::Hashes { level } => 256usize.checked_pow(level.into())?,
    };
    let first = path.index as usize * 256 * each;
    let end = first + usize::from(path.width) * each;
    let range = first..end;
    match path.content {
        TileContent::Entries => served.get(range).map(encode_bundle),
        TileContent::Hashes { .. } => {
            let told = if matches!(log.deed, Deed::Rewritten(_)) { served } else { &log.entries };
            let hashes: Vec<Hash> = told.get(range)?.chunks(each).map(root).collect();
            Some(encode_tile(&hashes))
        }
    }
}

fn checkpoint(log: &Log) -> SignedCheckpoint {
    let entries = &log.entries;
    let size = entries.len() as u64;
    match log.deed {
        Deed::Shrunk(size) => signer().sign(size as u64, root(&entries[..size])),
        Deed::Forked => signer().sign(size, [9; 32]),
        Deed::ForkedAhead => signer().sign(size + 100, [9; 32]),
        Deed::Other => LogSigner::new("log.south.test", &[0x55; 32]).unwrap().sign(size, root(entries)),
        _ => signer().sign(size, root(entries)),
    }
}

/// Where a mirror's files are.
pub enum Home {
    Own(TempDir),
    /// Another process cleans up.
    Parents(PathBuf),
}

impl Home {
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Parents(path) => path,
        }
    }
}

/// A relayer that mirrors.
pub struct Mirror {
    pub home: Home,
    pub chain: Script,
    pub clock: ManualClock,
    pub store: Arc<Store>,
    pub health: Health,
    pub task: Mirroring,
    pub routes: Router,
    settings: config::Mirror,
}

pub fn settings() -> config::Mirror {
    config::Mirror { allow_private: true, timeout_seconds: 1, ..config::Mirror::default() }
}

impl Mirror {
    pub async fn of(peer: &Peer) -> Self {
        Self::with(peer, settings()).await
    }

    pub async fn with(peer: &Peer, settings: config::Mirror) -> Self {
        let chain = Script::new();
        list(&chain, &peer.url(), "active");
        Self::open(Home::Own(tempfile::tempdir().unwrap()), chain, ManualClock::at(GENESIS), settings).await
    }

    pub async fn open(home: Home, chain: Script, clock: ManualClock, settings: config::Mirror) -> Self {
        let store = Arc::new(Store::open(&home.path().join("store.sqlite"), &[1; 32]).await.unwrap());
        let mirrors = Mirrors::new(store.clone(), &home.path().join("mirrors"));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let health = Health::new(shared.clone(), 8);
        let contract =
            |address: &str| Contract { address: address.into(), code_id: 1, checksum: String::new() };
        let contracts = Contracts {
            registrar: contract(REGISTRAR),
            relationship: contract(CONTRACT),
            authlog: contract(AUTHLOG),
        };
        let task = Mirroring::new(
            mirrors.clone(),
            Arc::new(chain.clone()),
            contracts,
            INSTITUTION,
            settings.clone(),
            shared,
            health.clone(),
        );
        Self { home, chain, clock, store, health, task, routes: router(mirrors), settings }
    }

    /// The same store and files in a relayer that was started again.
    pub async fn reopened(self) -> Self {
        self.store.close().await;
        let Self { home, chain, clock, store, task, routes, settings, .. } = self;
        drop((store, task, routes));
        Self::open(home, chain, clock, settings).await
    }

    /// The chain has the first entries anchored.
    pub fn anchor(&self, entries: &[Entry]) {
        anchor(&self.chain, entries);
    }

    /// One round, and how the peer's copy stands then.
    pub async fn round(&self) -> Standing {
        self.task.round().await.unwrap();
        self.health.snapshot().mirrors.get(&PEER).copied().unwrap_or_default()
    }

    /// Past the pause after trouble.
    pub fn wait(&self) {
        self.clock.set(self.clock.now() + 3600);
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, to_bytes(response.into_body(), 1 << 24).await.unwrap().to_vec())
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

impl Fetch for Mirror {
    type Error = Failed;

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Failed> {
        let (status, bytes) = self.get(&format!("/mirrors/{PEER}/{path}")).await;
        if status == StatusCode::OK && bytes.len() <= limit {
            Ok(bytes)
        } else {
            Err(Failed(format!("{path}: {status}")))
        }
    }
}

/// The registrar's list has the peer and us.
pub fn list(chain: &Script, url: &str, status: &str) {
    let key = Binary::from(*signer().public().public_key());
    let institution = |id: u32, url: &str, status: &str| {
        serde_json::json!({
            "id": id, "status": status, "name": "North", "url": url, "account": "medrec1north",
            "signing_key": key, "log_origin": ORIGIN, "log_key": key, "encryption_key": key,
        })
    };
    // Port 1 of the loopback interface: nothing listens there, so asking ourselves would show.
    let all = [institution(INSTITUTION, "http://127.0.0.1:1", "active"), institution(PEER, url, status)];
    chain.answer(REGISTRAR, "institutions", serde_json::json!({ "institutions": all }));
}

pub fn anchor(chain: &Script, entries: &[Entry]) {
    let (size, root) = (entries.len() as u64, root(entries));
    let signed = signer().sign(size, root);
    chain.answer(
        AUTHLOG,
        "log_of",
        LogResponse {
            slot: 1,
            institution: PEER,
            origin: ORIGIN.into(),
            key: Binary::from(*signer().public().public_key()),
            size,
            root: Binary::from(root),
            signature: Binary::from(signed.signature),
            anchored_height: 5,
            anchored_at: GENESIS,
            forked: None,
        },
    );
}

/// Waits for something that another process does.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

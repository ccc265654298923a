//! A log on a loopback port, honest or not. Tests of everything that mirrors include this file.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use medrec_accesslog::{
    Entry, LogSigner, SignedCheckpoint, TileContent, TilePath, encode_bundle, encode_tile,
};
use medrec_merkle::Hash;

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

    /// What an honest log serves at a path.
    #[allow(dead_code, reason = "not every crate that includes this asks")]
    pub fn serves(&self, path: &str) -> Option<Vec<u8>> {
        let log = self.log.lock().unwrap();
        file(&log, &log.entries, path)
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

//! A mirror of a million entries over loopback, every one verified against the anchored head.
//!
//! The log is served by another process (this program again), which makes its entries as they are asked for: what is
//! measured is the mirror alone.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cosmwasm_std::Binary;
use medrec_accesslog::{BUNDLE, Entry, LogSigner, TileContent, TilePath, encode_bundle, encode_tile};
use medrec_api::authlog::LogResponse;
use medrec_clients::{
    Account, Block, BlockEvents, Contract, Contracts, Error, NodeStatus, TxHash, TxOutcome,
};
use medrec_merkle::{Frontier, Hash};
use medrec_relayer::{
    chain::Chain,
    clock::{Clock, SystemClock},
    config,
    mirror::{Mirroring, Mirrors},
    ops::health::Health,
    store::Store,
};
use serde_json::{Value, json};

const ENTRIES: u64 = 1_000_000;
const ORIGIN: &str = "log.bench.test";
const PEER: u32 = 8;
/// Argument with which this program is the log's server.
const SERVE: &str = "--serve-log";

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if std::env::args().any(|argument| argument == SERVE) {
        return runtime.block_on(serve());
    }
    runtime.block_on(measure())
}

/// The log: hashes of its full bundles and its head.
struct Log {
    bundles: Vec<Hash>,
    root: Hash,
}

fn entry(index: u64) -> Entry {
    let mut bytes = [0; 512];
    let mut state = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for chunk in bytes.chunks_mut(8) {
        // splitmix64: as incompressible as a sealed entry, and quick.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    Entry::from_bytes(bytes)
}

fn entries(index: u64) -> Vec<Entry> {
    let first = index.saturating_mul(BUNDLE);
    (first..first.saturating_add(BUNDLE).min(ENTRIES)).map(entry).collect()
}

impl Log {
    fn make() -> Result<Self> {
        let (mut whole, mut bundles) = (Frontier::new(), Vec::new());
        for index in 0..ENTRIES.div_ceil(BUNDLE) {
            let hashes: Vec<Hash> = entries(index).iter().map(Entry::leaf_hash).collect();
            for hash in &hashes {
                whole.push(*hash)?;
            }
            if hashes.len() == 256 {
                bundles.push(medrec_merkle::root(&hashes));
            }
        }
        Ok(Self { bundles, root: whole.root() })
    }

    fn tile(&self, path: &TilePath) -> Option<Vec<u8>> {
        if TilePath::in_log(path.content, path.index, ENTRIES)?.width < path.width {
            return None;
        }
        match path.content {
            TileContent::Entries => {
                Some(encode_bundle(entries(path.index).iter().take(usize::from(path.width))))
            }
            TileContent::Hashes { level: 1 } => {
                let first = usize::try_from(path.index.checked_mul(BUNDLE)?).ok()?;
                let hashes = self.bundles.get(first..first.checked_add(usize::from(path.width))?)?;
                Some(encode_tile(hashes))
            }
            TileContent::Hashes { .. } => None,
        }
    }
}

fn signer() -> Result<LogSigner> {
    Ok(LogSigner::new(ORIGIN, &[7; 32])?)
}

/// Prints address and root, then serves for ever.
async fn serve() -> Result<()> {
    let log = Arc::new(Log::make()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{} {}", listener.local_addr()?, hex::encode(log.root));
    let routes = Router::new().fallback(answer).with_state(log);
    Ok(axum::serve(listener, routes).await?)
}

async fn answer(State(log): State<Arc<Log>>, request: Request) -> Response {
    let path = request.uri().path().strip_prefix("/log/").unwrap_or_default();
    let bytes = match (path, signer()) {
        ("checkpoint", Ok(signer)) => Some(signer.sign(ENTRIES, log.root).note().into_bytes()),
        _ => path.parse().ok().and_then(|path| log.tile(&path)),
    };
    bytes.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

async fn measure() -> Result<()> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(SERVE)
        .stdout(Stdio::piped())
        .spawn()
        .context("start the log's server")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("the server's output")?).read_line(&mut line)?;
    let measured = mirror(&line).await;
    child.kill().context("end the log's server")?;
    child.wait()?;
    let (seconds, bare) = measured?;
    hand_over(seconds, bare, peak_rss()?)
}

/// Seconds of one round of the mirror, and of the same bytes written bare.
async fn mirror(served: &str) -> Result<(f64, f64)> {
    let (address, root) = served.trim().split_once(' ').context("the server's address and root")?;
    let address: SocketAddr = address.parse()?;
    let root: Hash = hex::decode(root)?.try_into().map_err(|_| anyhow::anyhow!("root of 32 bytes"))?;
    // Beside the build: where a store would be, and not in memory.
    let dir = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let store = Arc::new(Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await?);
    let mirrors = Mirrors::new(store, &dir.path().join("mirrors"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let health = Health::new(clock.clone(), 8);
    let contract = |address: &str| Contract { address: address.into(), code_id: 1, checksum: String::new() };
    let contracts = Contracts {
        registrar: contract("registrar"),
        relationship: contract("relationship"),
        authlog: contract("authlog"),
        bounty: contract("bounty"),
    };
    let settings = config::Mirror { allow_private: true, ..config::Mirror::default() };
    let chain = Arc::new(Anchored { address, root });
    let task = Mirroring::new(mirrors, chain, contracts, 1, settings, clock, health.clone());
    let began = Instant::now();
    task.round().await?;
    let seconds = began.elapsed().as_secs_f64();
    let standing = health.snapshot().mirrors.get(&PEER).copied().unwrap_or_default();
    if standing.size != ENTRIES || standing.trouble.is_some() {
        bail!("the mirror stands at {standing:?}");
    }
    Ok((seconds, bare(address, dir.path()).await?))
}

/// Baseline: the same bundles fetched one after the other and written to one file, nothing checked.
async fn bare(address: SocketAddr, dir: &Path) -> Result<f64> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(dir.join("bare"))?;
    let began = Instant::now();
    let client = reqwest::Client::new();
    for index in 0..ENTRIES.div_ceil(BUNDLE) {
        let path = TilePath::in_log(TileContent::Entries, index, ENTRIES).context("a bundle")?;
        let bytes = client.get(format!("http://{address}/log/{path}")).send().await?.bytes().await?;
        file.write_all(&bytes)?;
    }
    file.sync_all()?;
    Ok(began.elapsed().as_secs_f64())
}

/// Highest resident set of this process, MB.
fn peak_rss() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("VmHWM")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("VmHWM")?.parse()?;
    Ok((kilobytes / 1024.0).round())
}

fn hand_over(seconds: f64, bare: f64, rss: f64) -> Result<()> {
    let tenths = |seconds: f64| (seconds * 10.0).round() / 10.0;
    let figures = json!({
        "setup": format!(
            "One log of {ENTRIES} entries (512 bytes each), served by another process over loopback HTTP, which makes \
             them as they are asked for; store and files on disk."
        ),
        "timer": "one round: hashes against the anchored root, each bundle fetched, checked and synced to disk, the \
                  store's rows",
        "rows": [
            {"name": "mirror, verified", "value": tenths(seconds), "unit": "s", "bound": 60.0},
            {"name": "highest resident set of the mirror", "value": rss, "unit": "MB", "bound": 200.0},
            {"name": "baseline: the same bundles fetched in order into one file", "value": tenths(bare), "unit": "s",
             "note": "nothing checked, one sync at the end"},
        ],
    });
    let text = serde_json::to_string_pretty(&figures)?;
    match std::env::var_os("MEDREC_BENCH_OUT") {
        Some(path) => std::fs::write(&path, text).with_context(|| format!("cannot write {path:?}"))?,
        None => println!("{text}"),
    }
    Ok(())
}

/// A chain that has the log anchored.
struct Anchored {
    address: SocketAddr,
    root: Hash,
}

fn absent(what: &str) -> Error {
    Error::Codec { what: what.to_owned(), reason: "the bench has none".to_owned() }
}

#[async_trait::async_trait]
impl Chain for Anchored {
    async fn status(&self) -> Result<NodeStatus, Error> {
        Ok(NodeStatus { chain_id: "bench".to_owned(), height: 1, time_seconds: 1, catching_up: false })
    }

    async fn smart(&self, _contract: &str, query: &Value, _height: Option<u64>) -> Result<Value, Error> {
        let signer = LogSigner::new(ORIGIN, &[7; 32]).map_err(|_| absent("key"))?;
        let key = Binary::from(*signer.public().public_key());
        if query.get("log_of").is_some() {
            let log = LogResponse {
                slot: 1,
                institution: PEER,
                origin: ORIGIN.to_owned(),
                key,
                size: ENTRIES,
                root: Binary::from(self.root),
                signature: Binary::from(signer.sign(ENTRIES, self.root).signature),
                anchored_height: 1,
                anchored_at: 1,
                forked: None,
            };
            return serde_json::to_value(log).map_err(|_| absent("log"));
        }
        if query.pointer("/institutions/start_after").is_some_and(|after| !after.is_null()) {
            return Ok(json!({"institutions": []}));
        }
        Ok(json!({"institutions": [{
            "id": PEER, "status": "active", "name": "Bench", "url": format!("http://{}", self.address),
            "account": "medrec1bench", "signing_key": key, "log_origin": ORIGIN, "log_key": key,
            "encryption_key": key,
        }]}))
    }

    async fn blocks(&self, _from: u64, _to: u64) -> Result<Vec<Block>, Error> {
        Err(absent("block"))
    }

    async fn block_results(&self, _height: u64) -> Result<BlockEvents, Error> {
        Err(absent("block_results"))
    }

    async fn account(&self, _address: &str) -> Result<Option<Account>, Error> {
        Err(absent("account"))
    }

    async fn simulate(&self, _tx: Vec<u8>) -> Result<u64, Error> {
        Err(absent("simulate"))
    }

    async fn broadcast(&self, _tx: Vec<u8>) -> Result<TxHash, Error> {
        Err(absent("broadcast"))
    }

    async fn tx(&self, _hash: TxHash) -> Result<Option<TxOutcome>, Error> {
        Err(absent("tx"))
    }

    async fn never(&self, _hash: TxHash, _timeout_height: u64) -> Result<bool, Error> {
        Err(absent("transactions"))
    }
}

//! Another institution's log on a loopback port, and a relayer that mirrors it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::StatusCode,
};
use cosmwasm_std::Binary;
use medrec_accesslog::{
    Anchor, Entry, VerifyError,
    mirror::{self, Fetch},
};
use medrec_api::authlog::LogResponse;
use medrec_clients::{Contract, Contracts};
use medrec_merkle::Frontier;
use medrec_relayer::{
    clock::{Clock, ManualClock},
    config,
    mirror::{Mirroring, Mirrors, Standing, router},
    ops::health::Health,
    store::Store,
};
use tempfile::TempDir;
use tower::ServiceExt;

pub use crate::peer::*;
use crate::{
    script::{GENESIS, Script},
    world::{AUTHLOG, BOUNTY, CONTRACT, INSTITUTION, REGISTRAR},
};

/// The mirrored institution.
pub const PEER: u32 = 8;

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
            bounty: contract(BOUNTY),
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

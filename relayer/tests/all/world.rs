//! One hospital with two patients, its relayer's parts wired by hand, and people with wallets.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use cosmwasm_std::Binary;
use medrec_accesslog::{Entry, LogKey, LogSigner, Root, Scan, TagKey};
use medrec_api::{GrantKind, relationship::DelegateStatus};
use medrec_events::relationship::Event as Happened;
use medrec_gate::{Draft, Endpoint, Institution, Signed};
use medrec_relayer::{
    adapter::{self, Mapping, SqliteAdapter},
    clock::{Clock, ManualClock},
    config::Limits,
    desk::{Bounty, office::ResearchOffice},
    filing::{Filer, FilingTask},
    gatekeeper::{self, Gatekeeper, Keys},
    identity::Identity,
    ingest::{Ingest, Source},
    keystore::Keystore,
    log::{append::Appender, pacing::Pace},
    ops::{
        health::Health,
        staff::{Office, OpenRequest},
    },
    store::Store,
};
use medrec_rules::Purpose;
use medrec_wallet::{Card, ContractRef, Key, SecretKey, Terms, Wallet, Words, opening};
use rand_core::{OsRng, RngCore};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::script::{CHAIN_ID, GENESIS, Script};

pub const CONTRACT: &str = "medrec1relationshipcontract";
pub const REGISTRAR: &str = "medrec1registrarcontract";
pub const AUTHLOG: &str = "medrec1authlogcontract";
pub const BOUNTY: &str = "medrec1bountycontract";
pub const ORIGIN: &str = "log.hospital.test";
pub const URL: &str = "http://hospital.test";
pub const INSTITUTION: u32 = 7;
/// Ids of the hospital's own, which nobody outside may see.
pub const ALICE: &str = "MRN-alice-0001";
pub const BOB: &str = "MRN-bob-0002";

const MAPPING: &str = include_str!("../mapping.toml");

pub struct World {
    pub dir: tempfile::TempDir,
    pub chain: Script,
    pub clock: ManualClock,
    pub keystore: Arc<Keystore>,
    pub identity: Arc<Identity>,
    pub store: Arc<Store>,
    pub health: Health,
    pub filer: Filer,
    pub ingest: Ingest,
    pub office: Arc<Office>,
    pub gatekeeper: Arc<Gatekeeper>,
    pub routes: Router,
    /// Ends streams.
    pub stop: CancellationToken,
    pub hospital: SqliteConnection,
}

/// A relationship from the patient's side.
pub struct Patient {
    pub key: Key,
    pub id: u64,
    pub root: Root,
    pub tag_key: TagKey,
    grants: u32,
}

pub fn key(index: u32) -> Key {
    let words = Words::from_entropy(&[42; 32]).unwrap();
    Wallet::from_words(&words).unwrap().key(index).unwrap()
}

/// Few places, and refusals leave at once.
pub fn limits() -> Limits {
    Limits { concurrency: 8, refusal_floor_ms: 0, ..Limits::default() }
}

impl World {
    pub async fn new() -> Self {
        Self::with_limits(limits()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hospital.sqlite");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut hospital = options.connect().await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE people (id TEXT, name TEXT);
             CREATE TABLE labs (id TEXT, patient TEXT, code TEXT, value TEXT, unit TEXT, changed TEXT);
             INSERT INTO people VALUES ('MRN-alice-0001', 'Alice Example'), ('MRN-bob-0002', 'Bob Example');
             INSERT INTO labs VALUES
               ('l1', 'MRN-alice-0001', '718-7', '13.20', 'g/dL', 'monday'),
               ('l2', 'MRN-alice-0001', '4548-4', '5.7', '%', 'monday'),
               ('l3', 'MRN-bob-0002', '718-7', '14.0', 'g/dL', 'monday');",
        )
        .execute(&mut hospital)
        .await
        .unwrap();
        let chain = Script::new();
        let keystore = Arc::new(Keystore::generate().unwrap());
        let clock = ManualClock::at(GENESIS + 1);
        let store =
            Arc::new(Store::open(&dir.path().join("store.sqlite"), &keystore.store_key()).await.unwrap());
        chain.answer(
            REGISTRAR,
            "institutions",
            serde_json::json!({"institutions": [institution(&keystore)]}),
        );
        chain.answer(CONTRACT, "delegate", serde_json::json!({"status": DelegateStatus::Admitted}));
        Self::wire(dir, hospital, path, chain, clock, keystore, store, limits).await
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a world")]
    async fn wire(
        dir: tempfile::TempDir,
        hospital: SqliteConnection,
        path: PathBuf,
        chain: Script,
        clock: ManualClock,
        keystore: Arc<Keystore>,
        store: Arc<Store>,
        limits: Limits,
    ) -> Self {
        let identity = Arc::new(Identity {
            contract: ContractRef { chain_id: CHAIN_ID.into(), address: CONTRACT.into() },
            registrar: REGISTRAR.into(),
            bounty: BOUNTY.into(),
            log_origin: ORIGIN.into(),
            institution: INSTITUTION,
        });
        let mapping = Mapping::parse(MAPPING, &PathBuf::from("mapping.toml")).unwrap();
        let reach = adapter::Limits { timeout: Duration::from_secs(5), max_rows: 1000 };
        let adapter = Arc::new(SqliteAdapter::open(&path, mapping, reach).await.unwrap());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let health = Health::new(shared.clone(), 8);
        let filer = Filer {
            store: store.clone(),
            adapter: adapter.clone(),
            identity: identity.clone(),
            clock: shared.clone(),
            known: Arc::default(),
        };
        let signer = Arc::new(LogSigner::new(ORIGIN, &keystore.log_key().to_bytes()).unwrap());
        let stop = CancellationToken::new();
        let (gatekeeper, tasks) = Gatekeeper::open(gatekeeper::Parts {
            filer: filer.clone(),
            public_url: URL.into(),
            keys: Keys { signing: keystore.signing_key(), log: signer.clone() },
            health: health.clone(),
            limits: &limits,
            promise: 60,
            stop: stop.clone(),
        })
        .await
        .unwrap();
        tokio::spawn(tasks.run());
        let log = medrec_relayer::log::serve::Log { store: store.clone(), signer };
        let routes = gatekeeper::router(gatekeeper.clone()).merge(medrec_relayer::log::serve::router(log));
        let office = Arc::new(Office {
            store: store.clone(),
            chain: Arc::new(chain.clone()),
            adapter,
            identity: identity.clone(),
            keystore: keystore.clone(),
            clock: shared,
            health: health.clone(),
            wake: Arc::new(Notify::new()),
            turn: tokio::sync::Mutex::new(()),
        });
        let ingest = Ingest {
            store: store.clone(),
            source: Source { chain: Arc::new(chain.clone()), identity: identity.clone() },
            health: health.clone(),
            filing: Arc::new(Notify::new()),
            research: Arc::new(Notify::new()),
            poll: Duration::from_millis(1),
        };
        let this = Self {
            dir,
            chain,
            clock,
            keystore,
            identity,
            store,
            health,
            filer,
            ingest,
            office,
            gatekeeper,
            routes,
            stop,
            hospital,
        };
        this.follow().await;
        this
    }

    /// The relayer dies and comes back on the same files.
    pub async fn restart(self) -> Self {
        let Self {
            dir,
            chain,
            clock,
            keystore,
            store,
            mut hospital,
            routes,
            office,
            gatekeeper,
            filer,
            ingest,
            ..
        } = self;
        drop((routes, office, gatekeeper, filer, ingest));
        store.close().await;
        // The commit task ends once its last handle is gone; the store's lock goes with it.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        drop(store);
        let path = dir.path().join("store.sqlite");
        let store = Arc::new(Store::open(&path, &keystore.store_key()).await.unwrap());
        hospital.ping().await.unwrap();
        let path = dir.path().join("hospital.sqlite");
        Self::wire(dir, hospital, path, chain, clock, keystore, store, limits()).await
    }

    /// A block with these events of the relationship contract, applied; the clock is that of the block.
    pub async fn happens(&self, events: Vec<Happened>) {
        self.chain.happens(events);
        self.follow().await;
    }

    pub async fn follow(&self) {
        self.ingest.follow(&CancellationToken::new()).await.unwrap();
        self.clock.set(GENESIS + self.chain.height());
    }

    pub fn bounty(&self) -> Bounty {
        Bounty {
            chain: Arc::new(self.chain.clone()),
            address: BOUNTY.into(),
            registrar: REGISTRAR.into(),
            institution: INSTITUTION,
        }
    }

    /// Staff's side of the desk.
    pub fn research(&self) -> ResearchOffice {
        ResearchOffice {
            store: self.store.clone(),
            bounty: self.bounty(),
            clock: Arc::new(self.clock.clone()),
            sending: Arc::new(Notify::new()),
        }
    }

    /// Staff opens with the patient's card; the sealed opening is taken from the outbox, as the chain would.
    pub async fn open(&self, patient_id: &str, key: &Key, id: u64) -> (String, Vec<u8>) {
        let card = Card::of_patient(key.address(), key.encryption_key().unwrap().public().unwrap()).unwrap();
        let request = OpenRequest { patient_id: patient_id.into(), card: card.to_text().unwrap() };
        let opened = self.office.open(&request).await.unwrap();
        let msg: String = sqlx::query_scalar("SELECT msg FROM outbox WHERE content = ?")
            .bind(format!("open/{}", opened.steward))
            .fetch_one(self.store.read())
            .await
            .unwrap();
        let msg: serde_json::Value = serde_json::from_str(&msg).unwrap();
        let sealed = Binary::from_base64(msg.pointer("/open/sealed").unwrap().as_str().unwrap()).unwrap();
        let patient = key.address().to_owned();
        let steward = opened.steward.clone();
        self.happens(vec![Happened::Opened { id, patient, steward, sealed: sealed.clone() }]).await;
        (opened.steward, sealed.to_vec())
    }

    /// What the patient sends to accept, and what she knows then.
    pub fn acceptance(&self, key: &Key, id: u64, steward: &str, sealed: &[u8]) -> (Happened, Patient) {
        let contract = &self.identity.contract;
        let offer = opening::read_offer(contract, steward, key, sealed).unwrap();
        assert_eq!(offer.institution, INSTITUTION);
        let part = opening::patient_part(contract, steward, key).unwrap();
        let sealed = opening::accept(&mut OsRng, contract, id, &offer, &part).unwrap();
        let root = Root::from_parts(&part, &offer.steward_part);
        let tag_key = root.tag_key(&self.identity.place(id));
        let accepted = Happened::Accepted { id, by: key.address().into(), sealed: sealed.into() };
        (accepted, Patient { key: key.clone(), id, root, tag_key, grants: 0 })
    }

    /// From the desk to all records filed.
    pub async fn relationship(&self, patient_id: &str, key: &Key, id: u64) -> Patient {
        let (steward, sealed) = self.open(patient_id, key, id).await;
        let (accepted, patient) = self.acceptance(key, id, &steward, &sealed);
        self.happens(vec![accepted]).await;
        self.file(id).await;
        patient
    }

    /// Runs the filing task until the relationship is filed.
    pub async fn file(&self, id: u64) {
        let task = FilingTask {
            filer: self.filer.clone(),
            wake: Arc::new(Notify::new()),
            poll: Duration::from_millis(1),
            reread: 3600,
            pace: Pace::default(),
            health: self.health.clone(),
        };
        let stop = CancellationToken::new();
        let running = tokio::spawn(task.run(stop.clone()));
        let filed = async {
            loop {
                let done: i64 =
                    sqlx::query_scalar("SELECT done >= wanted FROM filing WHERE relationship = ?")
                        .bind(id as i64)
                        .fetch_one(self.store.read())
                        .await
                        .unwrap();
                if done == 1 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), filed).await.expect("filed in time");
        stop.cancel();
        running.await.unwrap().unwrap();
    }

    /// Grants `scopes` for treatment in `[from, until)`; the grant's number.
    pub async fn grant(
        &self,
        patient: &mut Patient,
        viewer: &str,
        kind: GrantKind,
        scopes: &[&str],
        window: std::ops::Range<u64>,
    ) -> u32 {
        let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        let tags =
            Terms::new(scopes, vec!["treatment".into()]).unwrap().tags(&mut OsRng, &patient.tag_key).unwrap();
        let grant = patient.grants;
        patient.grants += 1;
        self.happens(vec![Happened::Granted {
            id: patient.id,
            grant,
            by: patient.key.address().into(),
            viewer: viewer.into(),
            kind,
            tags,
            from: window.start,
            until: window.end,
            sealed: Binary::from(vec![1, 2, 3]),
        }])
        .await;
        grant
    }

    /// What a viewer must know of the institution to check answers.
    pub fn institution(&self) -> Institution {
        let keys = &self.keystore;
        Institution {
            signing_key: keys.signing_key().verifying_key().to_bytes().to_vec(),
            log_key: LogKey::new(ORIGIN, &keys.log_key().verifying_key().to_bytes()).unwrap(),
        }
    }

    /// The patient's own reading of the whole log.
    pub async fn scan(&self, patient: &Patient) -> Scan {
        let mut connection = self.store.read().acquire().await.unwrap();
        let size = medrec_relayer::log::head(&mut connection).await.unwrap().size;
        let mut scanner =
            medrec_accesslog::Scanner::new(patient.root.ratchet(&self.identity.place(patient.id)));
        for index in 0..size {
            let entry = medrec_relayer::log::entries::one(&self.store, &mut connection, index).await.unwrap();
            scanner.look(index, &entry);
        }
        scanner.finish()
    }

    /// Kinds of the patient's entries, in their order.
    pub async fn kinds(&self, patient: &Patient) -> Vec<&'static str> {
        let scan = self.scan(patient).await;
        scan.found.iter().map(|found| found.opened.as_ref().unwrap().body.name()).collect()
    }

    /// A request of `key` as its own software makes it.
    pub fn draft(&self, key: &Key, asked: &Asked) -> (Signed, SecretKey) {
        let reply = SecretKey::generate(&mut OsRng);
        let mut nonce = [0; 16];
        OsRng.fill_bytes(&mut nonce);
        let created = (self.clock.now() as i64 + asked.ahead) as u64;
        let draft = Draft {
            public_url: &asked.url,
            endpoint: asked.endpoint,
            body: &asked.body,
            contract: &ContractRef { chain_id: asked.chain.clone(), address: CONTRACT.into() },
            purpose: asked.purpose,
            reply_key: &reply.public().unwrap(),
            created,
            expires: created + 60,
            nonce: asked.nonce.unwrap_or(nonce),
        };
        (draft.sign(key).unwrap(), reply)
    }

    /// Sends a signed request to the public listener's routes: status, content type, body.
    pub async fn send(&self, endpoint: Endpoint, signed: &Signed, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut request = Request::builder().method(signed.method).uri(endpoint.to_string());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        self.request(request.body(Body::from(body.to_vec())).unwrap()).await
    }

    pub async fn request(&self, request: Request<Body>) -> (u16, String, Vec<u8>) {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let header = response.headers().get("content-type");
        let content_type = header.map_or(String::new(), |value| value.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, content_type, body.to_vec())
    }

    pub async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let (status, _, body) = self.request(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, body)
    }

    pub async fn log_size(&self) -> u64 {
        let mut connection = self.store.read().acquire().await.unwrap();
        medrec_relayer::log::head(&mut connection).await.unwrap().size
    }
}

/// Appends `count` entries nobody owns.
pub async fn fill(store: &Store, count: u64) {
    let mut tx = store.begin().await.unwrap();
    let mut appender = Appender::open(store, &mut tx).await.unwrap();
    for _ in 0..count {
        let mut bytes = [0; 512];
        OsRng.fill_bytes(&mut bytes);
        appender.append(&mut tx, &Entry::from_bytes(bytes), None, "cover").await.unwrap();
    }
    appender.close(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// A request before it is signed.
#[derive(Clone)]
pub struct Asked {
    pub endpoint: Endpoint,
    pub body: Vec<u8>,
    pub purpose: Purpose,
    pub url: String,
    pub chain: String,
    /// Seconds by which the requester's clock is ahead.
    pub ahead: i64,
    pub nonce: Option<[u8; 16]>,
}

impl Asked {
    pub fn read(relationship: u64, scope: &str, card: Option<&Card>) -> Self {
        let card = card.map(|card| card.to_text().unwrap());
        Self {
            endpoint: Endpoint::Read { relationship },
            body: serde_json::to_vec(&serde_json::json!({"scope": scope, "card": card})).unwrap(),
            purpose: Purpose::Treatment,
            url: URL.into(),
            chain: CHAIN_ID.into(),
            ahead: 0,
            nonce: None,
        }
    }

    pub fn entries(relationship: u64, start_after: Option<u64>) -> Self {
        let endpoint = Endpoint::Entries { relationship, start_after };
        Self {
            endpoint,
            body: vec![],
            purpose: Purpose::PatientRequest,
            ..Self::read(relationship, "labs", None)
        }
    }
}

impl Asked {
    /// What is the patient's own: `body` as JSON.
    pub fn deed(endpoint: Endpoint, body: serde_json::Value) -> Self {
        let (body, purpose) = (serde_json::to_vec(&body).unwrap(), Purpose::PatientRequest);
        Self { endpoint, body, purpose, ..Self::read(0, "labs", None) }
    }
}

fn institution(keystore: &Keystore) -> serde_json::Value {
    serde_json::json!({
        "id": INSTITUTION, "status": "active", "name": "Hospital", "url": URL, "account": "medrec1account",
        "signing_key": Binary::from(keystore.signing_key().verifying_key().to_bytes()),
        "log_origin": ORIGIN,
        "log_key": Binary::from(keystore.log_key().verifying_key().to_bytes()),
        "encryption_key": Binary::from([9u8; 32]),
    })
}

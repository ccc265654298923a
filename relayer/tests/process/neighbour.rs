//! Another institution with a growing log of its own, served and anchored, to be mirrored.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use cosmwasm_std::Binary;
use medrec_accesslog::{
    Entry, LogSigner, LogWriter, TileContent, TileMap, TilePath, consistency_proof, encode_bundle,
};
use medrec_api::{authlog::ExecuteMsg, registrar::NewInstitution};
use medrec_testing::fixtures;
use rand_core::{OsRng, RngCore};

use crate::rpc::Node;

/// Id in the registrar: the second of genesis.
const INSTITUTION: u32 = 2;
const ORIGIN: &str = "log.neighbour.test";

/// What is served: path below the log's prefix, bytes. Nothing that was served once goes away.
type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub struct Neighbour {
    signer: LogSigner,
    account: String,
    entries: Vec<Entry>,
    files: Files,
    url: String,
}

impl Neighbour {
    /// Serves an empty log.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let files = Files::default();
        let routes = Router::new().route("/log/{*path}", get(serve)).with_state(files.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        });
        let mut secret = [0; 32];
        OsRng.fill_bytes(&mut secret);
        let signer = LogSigner::new(ORIGIN, &secret).unwrap();
        let account = fixtures::address("neighbour").to_string();
        Self { signer, account, entries: vec![], files, url }
    }

    pub fn institution(&self) -> NewInstitution {
        NewInstitution {
            name: "Neighbour".into(),
            url: self.url.clone(),
            account: self.account.clone(),
            log_origin: ORIGIN.into(),
            log_key: Binary::from(*self.signer.public().public_key()),
            ..fixtures::institution(9)
        }
    }

    /// So many entries more, served and then anchored.
    pub fn grow(&mut self, node: &Node, count: usize) {
        let old = self.entries.len() as u64;
        for _ in 0..count {
            let mut bytes = [0; 512];
            OsRng.fill_bytes(&mut bytes);
            self.entries.push(Entry::from_bytes(bytes));
        }
        let size = self.entries.len() as u64;
        let (mut writer, mut tiles) = (LogWriter::new(), TileMap::default());
        for entry in &self.entries {
            writer.append(entry.leaf_hash()).unwrap();
        }
        let mut files = self.files.lock().unwrap();
        for (path, bytes) in writer.take_tiles() {
            files.insert(path.to_string(), bytes.clone());
            tiles.insert(path, bytes);
        }
        for (number, bundle) in (0..).zip(self.entries.chunks(256)) {
            let path = TilePath::in_log(TileContent::Entries, number, size).unwrap();
            files.insert(path.to_string(), encode_bundle(bundle));
        }
        let checkpoint = self.signer.sign(size, writer.root());
        files.insert("checkpoint".into(), checkpoint.note().into_bytes());
        drop(files);
        let proof = if old == 0 { vec![] } else { consistency_proof(&tiles, old, size).unwrap().concat() };
        let account = self.account.clone();
        node.with(move |chain| {
            let contract = chain.suite.authlog.clone();
            if old == 0 {
                chain.submit(&account, &contract, ExecuteMsg::AdmitLog { institution: INSTITUTION });
                chain.block();
            }
            let query = medrec_api::authlog::QueryMsg::LogOf { institution: INSTITUTION };
            let log: medrec_api::authlog::LogResponse = chain.suite.ask_authlog(&query).unwrap();
            let anchor = ExecuteMsg::Anchor {
                slot: log.slot,
                size,
                root: Binary::from(checkpoint.checkpoint.root),
                signature: Binary::from(checkpoint.signature),
                proof: proof.into(),
            };
            chain.submit(&account, &contract, anchor);
            chain.block();
            let log: medrec_api::authlog::LogResponse = chain.suite.ask_authlog(&query).unwrap();
            assert_eq!(log.size, size, "the neighbour's anchor was taken");
        });
    }
}

async fn serve(State(files): State<Files>, Path(path): Path<String>) -> Result<Vec<u8>, StatusCode> {
    files.lock().unwrap().get(&path).cloned().ok_or(StatusCode::NOT_FOUND)
}

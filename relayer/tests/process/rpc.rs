//! The RPC of a CometBFT 0.38 node over HTTP, as far as `medrec-clients` asks, before a [`Chain`].
//!
//! The simulated chain stays on a thread of its own; whoever wants something of it sends a closure there.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use cosmrs::proto::{
    cosmos::{
        auth::v1beta1::{BaseAccount, QueryAccountRequest, QueryAccountResponse},
        base::abci::v1beta1::GasInfo,
        tx::v1beta1::SimulateResponse,
    },
    cosmwasm::wasm::v1::{
        QueryRawContractStateRequest, QueryRawContractStateResponse, QuerySmartContractStateRequest,
        QuerySmartContractStateResponse,
    },
    traits::Message,
};
use medrec_api::registrar::NewInstitution;
use medrec_clients::TxHash;
use serde_json::{Value, json};

use crate::chain::{CHAIN_ID, Chain, Committed};

/// A block comes as soon after a transaction, and as late without one.
const SOON: Duration = Duration::from_millis(40);
const LATE: Duration = Duration::from_millis(700);

type Job = Box<dyn FnOnce(&mut Chain) + Send>;

/// A running node; clones are the same node.
#[derive(Clone)]
pub struct Node {
    jobs: mpsc::Sender<Job>,
    pub url: String,
}

impl Node {
    pub fn start(institutions: Vec<NewInstitution>) -> Self {
        let (jobs, work) = mpsc::channel::<Job>();
        std::thread::spawn(move || live(&mut Chain::new(institutions), &work));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let node = Self { jobs, url };
        let routes = Router::new().route("/", post(answer)).with_state(node.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await.unwrap();
            });
        });
        node
    }

    /// Does something with the chain and waits for it.
    pub fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Chain) -> T + Send + 'static) -> T {
        let (reply, answer) = mpsc::channel();
        let job = Box::new(move |chain: &mut Chain| drop(reply.send(work(chain))));
        self.jobs.send(job).unwrap();
        answer.recv().expect("the chain's thread panicked")
    }
}

/// Blocks, and what is asked in between, until nobody is there to ask.
fn live(chain: &mut Chain, work: &mpsc::Receiver<Job>) {
    let mut last = Instant::now();
    loop {
        let pause = if chain.waiting() { SOON } else { LATE };
        let left = pause.saturating_sub(last.elapsed());
        match work.recv_timeout(left) {
            Ok(job) => job(chain),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if !chain.asleep {
                    chain.block();
                }
                last = Instant::now();
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

async fn answer(State(node): State<Node>, Json(asked): Json<Value>) -> Json<Value> {
    let id = asked["id"].clone();
    let done = node.with(move |chain| {
        let params = &asked["params"];
        if chain.asleep {
            return Err("the node is asleep".to_owned());
        }
        match asked["method"].as_str().unwrap() {
            "status" => Ok(status(chain)),
            "blockchain" => blocks(chain, params),
            "block_results" => block_results(chain, number(params, "height")),
            "abci_query" => Ok(abci_query(chain, params)),
            "broadcast_tx_sync" => broadcast(chain, params),
            "tx" => tx(chain, params),
            other => Err(format!("method {other} is not known here")),
        }
    });
    Json(match done {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(data) => json!({
            "jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": "Internal error", "data": data},
        }),
    })
}

fn number(params: &Value, name: &str) -> u64 {
    params[name].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn time(seconds: u64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds as i64).unwrap();
    at.format(&time::format_description::well_known::Rfc3339).unwrap()
}

fn upper(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

fn status(chain: &Chain) -> Value {
    let newest = chain.at(chain.height()).unwrap();
    let hash = upper(&Chain::hash(newest.height));
    json!({
        "node_info": {
            "protocol_version": {"p2p": "8", "block": "11", "app": "0"}, "id": "00".repeat(20),
            "listen_addr": "tcp://127.0.0.1:26656", "network": CHAIN_ID, "version": "0.38.0",
            "channels": "40202122233038606100", "moniker": "scripted",
            "other": {"tx_index": "on", "rpc_address": "tcp://127.0.0.1:26657"},
        },
        "sync_info": {
            "latest_block_hash": hash, "latest_app_hash": hash,
            "latest_block_height": newest.height.to_string(), "latest_block_time": time(newest.time),
            "earliest_block_hash": hash, "earliest_app_hash": hash, "earliest_block_height": "1",
            "earliest_block_time": time(chain.at(1).unwrap().time), "catching_up": false,
        },
        "validator_info": {
            "address": "00".repeat(20), "voting_power": "10",
            "pub_key": {"type": "tendermint/PubKeyEd25519", "value": B64.encode([7; 32])},
        },
    })
}

fn block_id(height: u64) -> Value {
    let hash = upper(&Chain::hash(height));
    json!({"hash": hash, "parts": {"total": 1, "hash": hash}})
}

/// As CometBFT's `BlockchainInfo`: what is not there is left out, the newest first.
fn blocks(chain: &Chain, params: &Value) -> Result<Value, String> {
    let (from, to) = (number(params, "minHeight"), number(params, "maxHeight").min(chain.height()));
    if from > to {
        return Err(format!("min height {from} can't be greater than max height {to}"));
    }
    let metas: Vec<Value> = (from..=to).rev().filter_map(|height| meta(chain, height)).collect();
    Ok(json!({"last_height": chain.height().to_string(), "block_metas": metas}))
}

fn meta(chain: &Chain, height: u64) -> Option<Value> {
    let found = chain.at(height)?;
    let before = height.saturating_sub(1);
    let hash = upper(&Chain::hash(height));
    let last =
        if before > 0 { block_id(before) } else { json!({"hash": "", "parts": {"total": 0, "hash": ""}}) };
    Some(json!({
        "block_id": block_id(height), "block_size": "600", "num_txs": found.txs.len().to_string(),
        "header": {
            "version": {"block": "11"}, "chain_id": CHAIN_ID, "height": height.to_string(),
            "time": time(found.time), "last_block_id": last, "last_commit_hash": hash,
            "data_hash": hash, "validators_hash": hash, "next_validators_hash": hash,
            "consensus_hash": hash, "app_hash": hash, "last_results_hash": hash,
            "evidence_hash": hash, "proposer_address": "00".repeat(20),
        },
    }))
}

fn result(tx: &Committed) -> Value {
    let events: Vec<Value> = tx
        .events
        .iter()
        .map(|event| {
            let attribute = |a: &cosmwasm_std::Attribute| json!({"key": a.key, "value": a.value, "index": true});
            json!({"type": event.ty, "attributes": event.attributes.iter().map(attribute).collect::<Vec<_>>()})
        })
        .collect();
    json!({
        "code": tx.code, "data": null, "log": tx.log, "info": "", "gas_wanted": "200000", "gas_used": "100000",
        "events": events, "codespace": if tx.code == 0 { "" } else { "wasm" },
    })
}

fn block_results(chain: &Chain, height: u64) -> Result<Value, String> {
    let found = chain.at(height).ok_or("could not find results for the height")?;
    Ok(json!({
        "height": height.to_string(), "txs_results": found.txs.iter().map(result).collect::<Vec<_>>(),
        "finalize_block_events": [], "validator_updates": [], "consensus_param_updates": null, "app_hash": "",
    }))
}

fn abci_query(chain: &Chain, params: &Value) -> Value {
    let data = hex::decode(params["data"].as_str().unwrap_or_default()).unwrap();
    let answered = match params["path"].as_str().unwrap_or_default() {
        "/cosmos.auth.v1beta1.Query/Account" => {
            let asked = QueryAccountRequest::decode(data.as_slice()).unwrap();
            let sequence = chain.sequence(&asked.address);
            let account = BaseAccount { address: asked.address, account_number: 1, sequence, pub_key: None };
            let account = Some(cosmrs::Any {
                type_url: "/cosmos.auth.v1beta1.BaseAccount".into(),
                value: account.encode_to_vec(),
            });
            Ok(QueryAccountResponse { account }.encode_to_vec())
        }
        "/cosmos.tx.v1beta1.Service/Simulate" => {
            let gas_info = Some(GasInfo { gas_wanted: 0, gas_used: 100_000 });
            Ok(SimulateResponse { gas_info, result: None }.encode_to_vec())
        }
        "/cosmwasm.wasm.v1.Query/SmartContractState" => {
            let asked = QuerySmartContractStateRequest::decode(data.as_slice()).unwrap();
            let data = chain.smart(asked.address, asked.query_data);
            data.map(|data| QuerySmartContractStateResponse { data }.encode_to_vec())
        }
        "/cosmwasm.wasm.v1.Query/RawContractState" => {
            let asked = QueryRawContractStateRequest::decode(data.as_slice()).unwrap();
            let contract = cosmwasm_std::Addr::unchecked(asked.address);
            let data = chain.suite.app.wrap().query_wasm_raw(contract, asked.query_data).unwrap();
            Ok(QueryRawContractStateResponse { data: data.unwrap_or_default() }.encode_to_vec())
        }
        other => Err(format!("unknown query path {other}")),
    };
    let (code, log, value) = match answered {
        Ok(value) => (0, String::new(), B64.encode(value)),
        Err(log) => (9, log, String::new()),
    };
    json!({"response": {
        "code": code, "log": log, "info": "", "index": "0", "key": null, "value": value, "proofOps": null,
        "height": chain.height().to_string(), "codespace": if code == 0 { "" } else { "wasm" },
    }})
}

fn broadcast(chain: &mut Chain, params: &Value) -> Result<Value, String> {
    let bytes = B64.decode(params["tx"].as_str().unwrap()).unwrap();
    let hash = TxHash::of(&bytes).to_string();
    let (code, log) = chain.broadcast(bytes)?;
    Ok(
        json!({"code": code, "data": "", "log": log, "codespace": if code == 0 { "" } else { "sdk" }, "hash": hash}),
    )
}

fn tx(chain: &Chain, params: &Value) -> Result<Value, String> {
    let hash = B64.decode(params["hash"].as_str().unwrap()).unwrap();
    let hash = TxHash(hash.try_into().unwrap());
    let (height, tx) = chain.found(hash).ok_or_else(|| format!("tx ({hash}) not found"))?;
    Ok(json!({
        "hash": hash.to_string(), "height": height.to_string(), "index": 0, "tx_result": result(tx),
        "tx": B64.encode(&tx.bytes),
    }))
}

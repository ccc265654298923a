//! A node's RPC port on loopback that answers as CometBFT does, or misbehaves.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{Router, body::Body, extract::State, response::Response, routing::post};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::script::CHAIN_ID;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Well,
    /// Takes the question and never answers.
    Stalls,
    /// An answer without end.
    Endless,
    Garbage,
    /// The answer to another question.
    OtherId,
    ServerError,
    /// Sends us to another port.
    Redirects,
}

/// What a node has to tell.
#[derive(Clone)]
pub struct Told {
    pub manner: Manner,
    pub chain_id: String,
    pub height: u64,
    /// Blocks below are gone.
    pub lowest: u64,
    /// Sets this node's blocks apart from others'.
    pub hash: u8,
    pub app_hash: u8,
    /// Events of every block's only transaction.
    pub event: &'static str,
    /// It has every transaction it is asked for.
    pub has_tx: bool,
}

/// A running node; clones share what it tells.
#[derive(Clone)]
pub struct Node {
    pub url: String,
    told: Arc<Mutex<Told>>,
}

impl Node {
    pub async fn start() -> Self {
        let told = Arc::new(Mutex::new(Told {
            manner: Manner::Well,
            chain_id: CHAIN_ID.to_owned(),
            height: 9,
            lowest: 1,
            hash: 1,
            app_hash: 1,
            event: "opened",
            has_tx: false,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/", post(answer)).with_state(told.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, told }
    }

    pub fn tells(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }
}

async fn answer(State(told): State<Arc<Mutex<Told>>>, question: String) -> Response {
    let told = told.lock().unwrap().clone();
    let question: Value = serde_json::from_str(&question).unwrap();
    match told.manner {
        Manner::Well => {}
        Manner::Stalls => std::future::pending::<()>().await,
        Manner::Endless => {
            let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
            return Response::new(Body::from_stream(endless));
        }
        Manner::Garbage => return Response::new(Body::from("{\"jsonrpc\": <html>")),
        Manner::ServerError => return Response::builder().status(500).body(Body::from("{}")).unwrap(),
        Manner::Redirects => {
            let away = Response::builder().status(307).header("location", "http://127.0.0.1:1/");
            return away.body(Body::empty()).unwrap();
        }
        Manner::OtherId => {}
    }
    let id = if told.manner == Manner::OtherId { json!("another") } else { question["id"].clone() };
    let param = |name| question["params"][name].as_str().and_then(|height: &str| height.parse().ok());
    let height: u64 = param("height").unwrap_or(told.height);
    let outcome = match question["method"].as_str().unwrap() {
        "status" => Ok(told.status()),
        _ if height < told.lowest => {
            Err(format!("height {height} is not available, lowest height is {}", told.lowest))
        }
        "blockchain" => told.blocks(param("minHeight").unwrap(), param("maxHeight").unwrap()),
        "block_results" => Ok(told.block_results(height)),
        "tx" if told.has_tx => Ok(told.tx(&question["params"]["hash"])),
        "tx" => Err("tx not found".to_owned()),
        "abci_query" => Ok(told.query()),
        method => Err(format!("no method {method}")),
    };
    let body = match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(data) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": "Internal error", "data": data}})
        }
    };
    Response::new(Body::from(body.to_string()))
}

const TIME: &str = "2027-01-15T08:00:00Z";

fn hash(byte: u64) -> String {
    format!("{byte:02X}").repeat(32)
}

fn block_id(byte: u64) -> Value {
    json!({"hash": hash(byte), "parts": {"total": 1, "hash": hash(0)}})
}

impl Told {
    fn status(&self) -> Value {
        json!({
            "node_info": {
                "protocol_version": {"p2p": "8", "block": "11", "app": "0"},
                "id": "00".repeat(20), "listen_addr": "tcp://127.0.0.1:26656", "network": self.chain_id,
                "version": "0.38.17", "channels": "40202122233038606100", "moniker": "node",
                "other": {"tx_index": "on", "rpc_address": "tcp://127.0.0.1:26657"},
            },
            "sync_info": {
                "latest_block_hash": hash(1), "latest_app_hash": hash(1),
                "latest_block_height": self.height.to_string(), "latest_block_time": TIME,
                "earliest_block_hash": hash(1), "earliest_app_hash": hash(1),
                "earliest_block_height": self.lowest.to_string(), "earliest_block_time": TIME,
                "catching_up": false,
            },
            "validator_info": {
                "address": "00".repeat(20), "voting_power": "1",
                "pub_key": {
                    "type": "tendermint/PubKeyEd25519",
                    "value": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
                },
            },
        })
    }

    /// As CometBFT's `BlockchainInfo`: what is not there is left out, the newest first.
    fn blocks(&self, from: u64, to: u64) -> Result<Value, String> {
        let (from, to) = (from.max(self.lowest), to.min(self.height));
        if from > to {
            return Err(format!("min height {from} can't be greater than max height {to}"));
        }
        let metas: Vec<Value> = (from..=to).rev().map(|height| self.meta(height)).collect();
        Ok(json!({"last_height": self.height.to_string(), "block_metas": metas}))
    }

    fn meta(&self, height: u64) -> Value {
        json!({
            "block_id": block_id(self.hash.into()), "block_size": "600", "num_txs": "1",
            "header": {
                "version": {"block": "11", "app": "0"}, "chain_id": self.chain_id,
                "height": height.to_string(), "time": TIME, "last_block_id": block_id(1),
                "last_commit_hash": hash(2), "data_hash": hash(2), "validators_hash": hash(2),
                "next_validators_hash": hash(2), "consensus_hash": hash(2),
                "app_hash": hash(self.app_hash.into()), "last_results_hash": hash(2),
                "evidence_hash": hash(2), "proposer_address": "00".repeat(20),
            },
        })
    }

    fn result(&self) -> Value {
        json!({
            "code": 0, "data": null, "log": "", "info": "", "gas_wanted": "1", "gas_used": "1", "codespace": "",
            "events": [{"type": self.event, "attributes": [{"key": "id", "value": "1", "index": true}]}],
        })
    }

    fn block_results(&self, height: u64) -> Value {
        json!({
            "height": height.to_string(), "txs_results": [self.result()], "finalize_block_events": null,
            "validator_updates": null, "consensus_param_updates": null, "app_hash": hash(1),
        })
    }

    fn tx(&self, tx_hash: &Value) -> Value {
        let hash = hex_of(tx_hash);
        json!({"hash": hash, "height": "3", "index": 0, "tx_result": self.result(), "tx": "AA=="})
    }

    /// A contract's answer: its app hash, to tell nodes apart.
    fn query(&self) -> Value {
        // QuerySmartContractStateResponse{data: JSON}: field 1, length, bytes.
        let data = json!({"said": self.app_hash}).to_string();
        let mut value = vec![0x0a, data.len() as u8];
        value.extend(data.into_bytes());
        json!({"response": {
            "code": 0, "log": "", "info": "", "index": "0", "key": null, "proofOps": null, "codespace": "",
            "height": self.height.to_string(),
            "value": cosmwasm_std::Binary::from(value).to_base64(),
        }})
    }
}

/// A question's hash is base64, an answer's hex.
fn hex_of(hash: &Value) -> String {
    let bytes = cosmwasm_std::Binary::from_base64(hash.as_str().unwrap()).unwrap();
    hex::encode_upper(bytes.as_slice())
}

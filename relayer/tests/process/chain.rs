//! A chain for the real binary: the three real contracts (`medrec-testing`), blocks, accounts and a mempool.
//!
//! It keeps an eye on senders: whoever hands over a second transaction of an account while the first may still be
//! committed is found out.

use std::collections::BTreeMap;

use cosmrs::proto::{
    cosmos::tx::v1beta1::{AuthInfo, TxBody, TxRaw},
    cosmwasm::wasm::v1::MsgExecuteContract,
    traits::Message,
};
use cosmwasm_std::{Addr, Binary, ContractResult, Empty, QueryRequest, SystemResult, WasmMsg, WasmQuery};
use cw_multi_test::Executor;
use medrec_api::registrar::NewInstitution;
use medrec_clients::TxHash;
use medrec_testing::{Suite, SuiteBuilder};
use serde_json::{Value, json};

use crate::offers;

pub const CHAIN_ID: &str = "medrec-process-1";

pub struct Block {
    pub height: u64,
    /// Seconds since 1970.
    pub time: u64,
    pub txs: Vec<Committed>,
}

/// A transaction in a block.
pub struct Committed {
    pub bytes: Vec<u8>,
    pub code: u32,
    pub log: String,
    pub events: Vec<cosmwasm_std::Event>,
}

enum Pending {
    /// From the relayer.
    Signed(Vec<u8>),
    /// From a person of the test, whose signature is not what is tested here.
    Plain { sender: String, contract: String, msg: Value },
}

/// A transaction the relayer broadcast.
#[derive(Clone)]
struct Broadcast {
    sender: String,
    hash: TxHash,
    timeout_height: u64,
}

pub struct Chain {
    pub suite: Suite,
    pub blocks: Vec<Block>,
    mempool: Vec<Pending>,
    sequences: BTreeMap<String, u64>,
    index: BTreeMap<TxHash, (u64, usize)>,
    broadcasts: Vec<Broadcast>,
    /// What a sender did that it must never do.
    pub violations: Vec<String>,
    /// The node answers nothing and makes no blocks while it is set.
    pub asleep: bool,
    /// Every anchor the authlog took: slot, size, root.
    pub anchors: Vec<(u32, u64, Vec<u8>)>,
    /// Stands in the bounty contract's place.
    pub bounty: Addr,
    bounty_code: u64,
}

/// Seconds since 1970 by this machine's clock, which the relayer goes by.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl Chain {
    pub fn new(institutions: Vec<NewInstitution>) -> Self {
        let mut suite = SuiteBuilder::new().institutions(institutions).build();
        let (bounty, bounty_code) = offers::install(&mut suite);
        let mut this = Self {
            suite,
            blocks: vec![],
            mempool: vec![],
            sequences: BTreeMap::new(),
            index: BTreeMap::new(),
            broadcasts: vec![],
            violations: vec![],
            asleep: false,
            anchors: vec![],
            bounty,
            bounty_code,
        };
        this.block();
        this
    }

    pub fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    pub fn waiting(&self) -> bool {
        !self.mempool.is_empty()
    }

    pub fn at(&self, height: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(height.checked_sub(1)?).ok()?)
    }

    /// Hash of a block; the genesis has none.
    pub fn hash(height: u64) -> [u8; 32] {
        TxHash::of(format!("{CHAIN_ID}/{height}").as_bytes()).0
    }

    pub fn deployment(&self, rpc: &str) -> Value {
        let contract = |address: &Addr, code_id: u64| json!({"address": address, "code_id": code_id, "checksum": "00".repeat(32)});
        let [registrar, relationship, authlog, _] = self.suite.codes;
        json!({
            "version": 1, "chain_id": CHAIN_ID, "prefix": "medrec", "fee_denom": "ufee", "gas_price": "0.001",
            "rpc": [rpc], "policy": self.suite.consortium, "sponsor": self.suite.sponsor,
            "contracts": {
                "registrar": contract(&self.suite.registrar, registrar),
                "relationship": contract(&self.suite.relationship, relationship),
                "authlog": contract(&self.suite.authlog, authlog),
                "bounty": contract(&self.bounty, self.bounty_code),
            },
        })
    }

    /// A person's message, into the next block.
    pub fn submit(&mut self, sender: &str, contract: &Addr, msg: impl serde::Serialize) {
        let (sender, contract) = (sender.to_owned(), contract.to_string());
        self.mempool.push(Pending::Plain { sender, contract, msg: serde_json::to_value(msg).unwrap() });
    }

    /// The next block with all that waits.
    pub fn block(&mut self) {
        let (height, time) = (self.height() + 1, now());
        self.suite.app.update_block(|block| {
            block.height = height;
            block.time = cosmwasm_std::Timestamp::from_seconds(time);
        });
        let mut txs = vec![];
        for pending in std::mem::take(&mut self.mempool) {
            let Some(committed) = self.execute(pending, height) else { continue };
            self.index.insert(TxHash::of(&committed.bytes), (height, txs.len()));
            txs.push(committed);
        }
        self.blocks.push(Block { height, time, txs });
    }

    fn execute(&mut self, pending: Pending, height: u64) -> Option<Committed> {
        let (bytes, sender, contract, msg) = match pending {
            Pending::Plain { sender, contract, msg } => {
                let msg = serde_json::to_vec(&msg).unwrap();
                ([height.to_string().as_bytes(), &msg].concat(), sender, contract, msg)
            }
            Pending::Signed(bytes) => {
                let tx = Tx::read(&bytes);
                let sequence = self.sequences.entry(tx.sender.clone()).or_default();
                // As a real node drops what became invalid in its mempool.
                if tx.sequence != *sequence || (tx.timeout_height > 0 && height > tx.timeout_height) {
                    return None;
                }
                *sequence += 1;
                (bytes, tx.sender, tx.contract, tx.msg)
            }
        };
        let execute = WasmMsg::Execute { contract_addr: contract, msg: Binary::new(msg), funds: vec![] };
        let done = self.suite.app.execute(Addr::unchecked(sender), execute.into());
        let (code, log, events) = match done {
            Ok(done) => {
                self.anchors.extend(self.suite.authlog_events(&done).into_iter().filter_map(anchor));
                (0, String::new(), done.events)
            }
            Err(error) => (5, format!("{error:#}"), vec![]),
        };
        Some(Committed { bytes, code, log, events })
    }

    /// What a node's mempool says: code and words, 0 if it takes it.
    pub fn broadcast(&mut self, bytes: Vec<u8>) -> Result<(u32, String), &'static str> {
        let (tx, hash) = (Tx::read(&bytes), TxHash::of(&bytes));
        self.watch(&tx, hash);
        if self.index.contains_key(&hash) || self.holds(&bytes) {
            return Err("tx already exists in cache");
        }
        let sequence = self.sequences.get(&tx.sender).copied().unwrap_or_default();
        if tx.sequence != sequence {
            return Ok((32, format!("account sequence mismatch, expected {sequence}, got {}", tx.sequence)));
        }
        self.mempool.push(Pending::Signed(bytes));
        Ok((0, String::new()))
    }

    /// Two transactions of one account that may both be committed are two sendings of one content.
    fn watch(&mut self, tx: &Tx, hash: TxHash) {
        let height = self.height();
        let alive = |before: &&Broadcast| {
            before.sender == tx.sender
                && before.hash != hash
                && !self.index.contains_key(&before.hash)
                && height <= before.timeout_height
        };
        if let Some(before) = self.broadcasts.iter().find(alive) {
            self.violations
                .push(format!("{} broadcast {hash} while {} may still be committed", tx.sender, before.hash));
        }
        let (sender, timeout_height) = (tx.sender.clone(), tx.timeout_height);
        self.broadcasts.push(Broadcast { sender, hash, timeout_height });
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        self.mempool.iter().any(|pending| matches!(pending, Pending::Signed(held) if held == bytes))
    }

    pub fn sequence(&self, address: &str) -> u64 {
        self.sequences.get(address).copied().unwrap_or_default()
    }

    pub fn found(&self, hash: TxHash) -> Option<(u64, &Committed)> {
        let (height, place) = *self.index.get(&hash)?;
        Some((height, self.at(height)?.txs.get(place)?))
    }

    /// A contract's answer as JSON bytes, or its error.
    pub fn smart(&self, contract: String, query: Vec<u8>) -> Result<Vec<u8>, String> {
        let asked: QueryRequest<Empty> =
            WasmQuery::Smart { contract_addr: contract, msg: Binary::new(query) }.into();
        let asked = cosmwasm_std::to_json_vec(&asked).unwrap();
        match cosmwasm_std::Querier::raw_query(&self.suite.app, &asked) {
            SystemResult::Ok(ContractResult::Ok(answer)) => Ok(answer.to_vec()),
            SystemResult::Ok(ContractResult::Err(error)) => Err(error),
            SystemResult::Err(error) => Err(error.to_string()),
        }
    }
}

fn anchor(event: medrec_events::authlog::Event) -> Option<(u32, u64, Vec<u8>)> {
    match event {
        medrec_events::authlog::Event::Anchored { slot, size, root } => Some((slot, size, root.to_vec())),
        _ => None,
    }
}

/// A signed transaction with one contract message, taken apart.
struct Tx {
    sender: String,
    contract: String,
    msg: Vec<u8>,
    sequence: u64,
    timeout_height: u64,
}

impl Tx {
    fn read(bytes: &[u8]) -> Self {
        let raw = TxRaw::decode(bytes).unwrap();
        let body = TxBody::decode(raw.body_bytes.as_slice()).unwrap();
        let auth = AuthInfo::decode(raw.auth_info_bytes.as_slice()).unwrap();
        let msg = MsgExecuteContract::decode(body.messages[0].value.as_slice()).unwrap();
        Self {
            sender: msg.sender,
            contract: msg.contract,
            msg: msg.msg,
            sequence: auth.signer_infos[0].sequence,
            timeout_height: body.timeout_height,
        }
    }
}

//! A chain that does what a test says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use medrec_clients::{Account, Block, BlockEvents, Error, Event, NodeStatus, TxEvents, TxHash, TxOutcome};
use medrec_events::relationship::Event as Happened;
use medrec_relayer::chain::Chain;
use serde_json::Value;

use crate::{contract::Contract, world::CONTRACT};

pub const CHAIN_ID: &str = "medrec-test-1";
/// Time of block 1 is this plus one.
pub const GENESIS: u64 = 1_800_000_000;

#[derive(Default)]
pub struct State {
    pub chain_id: String,
    pub blocks: BTreeMap<u64, (Block, BlockEvents)>,
    /// The height the node admits to; none: its newest block.
    pub shown_height: Option<u64>,
    pub accounts: BTreeMap<String, Account>,
    /// An account the node cannot tell of.
    pub broken_account: Option<String>,
    /// What simulation says against everything.
    pub would_fail: Option<String>,
    /// What the mempool says against everything.
    pub check_tx: Option<String>,
    pub unreachable: bool,
    /// Every broadcast, in order, repeats included.
    pub broadcasts: Vec<Vec<u8>>,
    pub committed: BTreeMap<TxHash, TxOutcome>,
    /// Blocks below are gone.
    pub lowest: u64,
    /// The relationship contract now, and as it was after each block.
    pub contract: Contract,
    pub contract_at: BTreeMap<u64, Contract>,
    /// Answers by contract and name of the query.
    pub answers: BTreeMap<(String, String), Value>,
}

/// Clones share the state.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

impl Script {
    pub fn new() -> Self {
        let script = Self::default();
        script.lock().chain_id = CHAIN_ID.to_owned();
        script.block(vec![]);
        script
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn height(&self) -> u64 {
        self.lock().blocks.keys().max().copied().unwrap_or(0)
    }

    /// The next block, one second after the last, with a successful transaction for each list of events.
    pub fn block(&self, txs: Vec<Vec<Event>>) -> u64 {
        let results = (0u32..).zip(txs).map(|(index, events)| TxEvents { index, code: 0, events });
        self.block_with(results.collect())
    }

    pub fn block_with(&self, txs: Vec<TxEvents>) -> u64 {
        let height = self.height() + 1;
        let hash = [height as u8; 32];
        let last_hash = (height > 1).then(|| [(height - 1) as u8; 32]);
        let time_seconds = GENESIS + height;
        let txs_of = txs.len() as u64;
        let block = Block { height, time_seconds, hash, last_hash, app_hash: vec![], txs: txs_of };
        let mut state = self.lock();
        state.blocks.insert(height, (block, BlockEvents { height, txs }));
        let now = state.contract.clone();
        state.contract_at.insert(height, now);
        height
    }

    /// A block with these events of the relationship contract, whose state they change.
    pub fn happens(&self, events: Vec<Happened>) -> u64 {
        let height = self.height() + 1;
        for event in &events {
            self.lock().contract.take(event, height, GENESIS + height);
        }
        self.block(vec![events.into_iter().map(|event| abci(CONTRACT, &event.into())).collect()])
    }

    /// Puts the last broadcast transaction into a block.
    pub fn commit_last(&self, code: u32, log: &str) {
        let height = self.block(vec![]);
        let mut state = self.lock();
        let tx = state.broadcasts.last().cloned().unwrap();
        let outcome = TxOutcome {
            height,
            code,
            codespace: String::new(),
            log: log.to_owned(),
            gas_used: 1,
            gas_wanted: 1,
            events: vec![],
            size_bytes: tx.len(),
        };
        state.committed.insert(TxHash::of(&tx), outcome);
        for account in state.accounts.values_mut() {
            account.sequence += 1;
        }
    }

    pub fn answer(&self, contract: &str, query: &str, answer: impl serde::Serialize) {
        let key = (contract.to_owned(), query.to_owned());
        self.lock().answers.insert(key, serde_json::to_value(answer).unwrap());
    }

    pub fn account(&self, address: &str) {
        self.lock().accounts.insert(address.to_owned(), Account { number: 1, sequence: 0 });
    }

    fn reach(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.lock();
        if state.unreachable {
            return Err(Error::Unreachable { operation, node: "script".into(), reason: "asleep".into() });
        }
        Ok(state)
    }
}

fn absent(what: String) -> Error {
    Error::Codec { what, reason: "the script has none".into() }
}

#[async_trait]
impl Chain for Script {
    async fn status(&self) -> Result<NodeStatus, Error> {
        let state = self.reach("status")?;
        let height = state.shown_height.or(state.blocks.keys().max().copied()).unwrap_or(0);
        let time_seconds = state.blocks.get(&height).map_or(0, |(block, _)| block.time_seconds);
        Ok(NodeStatus { chain_id: state.chain_id.clone(), height, time_seconds, catching_up: false })
    }

    async fn blocks(&self, from: u64, to: u64) -> Result<Vec<Block>, Error> {
        let state = self.reach("blockchain")?;
        if from < state.lowest {
            let (operation, node, lowest) = ("blockchain", "script".to_owned(), Some(state.lowest));
            return Err(Error::Pruned { operation, node, lowest });
        }
        let block = |height: u64| {
            let found = state.blocks.get(&height).map(|(block, _)| block.clone());
            found.ok_or_else(|| absent(format!("block {height}")))
        };
        (from..=to).map(block).collect()
    }

    async fn block_results(&self, height: u64) -> Result<BlockEvents, Error> {
        let state = self.reach("block_results")?;
        state.blocks.get(&height).map(|(_, r)| r.clone()).ok_or_else(|| absent(format!("results {height}")))
    }

    async fn smart(&self, contract: &str, query: &Value, height: Option<u64>) -> Result<Value, Error> {
        let state = self.reach("smart")?;
        let name = query.as_object().and_then(|q| q.keys().next().cloned()).unwrap_or_default();
        // A list is asked for until a page is empty.
        if query.pointer("/institutions/start_after").is_some_and(|after| !after.is_null()) {
            return Ok(serde_json::json!({"institutions": []}));
        }
        if query.pointer("/researchers/start_after").is_some_and(|after| !after.is_null()) {
            return Ok(serde_json::json!({"researchers": []}));
        }
        if contract == CONTRACT && !state.answers.contains_key(&(contract.to_owned(), name.clone())) {
            let then = height.map_or(Some(&state.contract), |height| state.contract_at.get(&height));
            if let Some(answer) = then.and_then(|contract| contract.answer(query)) {
                return Ok(answer);
            }
        }
        state.answers.get(&(contract.to_owned(), name.clone())).cloned().ok_or_else(|| Error::Contract {
            contract: contract.to_owned(),
            code: 1,
            log: format!("{name}: not found"),
        })
    }

    async fn account(&self, address: &str) -> Result<Option<Account>, Error> {
        let state = self.reach("account")?;
        if state.broken_account.as_deref() == Some(address) {
            return Err(absent(format!("account {address}")));
        }
        Ok(state.accounts.get(address).copied())
    }

    async fn simulate(&self, _tx: Vec<u8>) -> Result<u64, Error> {
        match self.reach("simulate")?.would_fail.clone() {
            Some(log) => Err(Error::WouldFail { log }),
            None => Ok(100_000),
        }
    }

    async fn broadcast(&self, tx: Vec<u8>) -> Result<TxHash, Error> {
        let mut state = self.reach("broadcast")?;
        state.broadcasts.push(tx.clone());
        match state.check_tx.clone() {
            Some(log) => Err(Error::CheckTx { code: 13, codespace: "sdk".into(), log }),
            None => Ok(TxHash::of(&tx)),
        }
    }

    async fn tx(&self, hash: TxHash) -> Result<Option<TxOutcome>, Error> {
        Ok(self.reach("tx")?.committed.get(&hash).cloned())
    }

    async fn never(&self, hash: TxHash, timeout_height: u64) -> Result<bool, Error> {
        let past = self.height() > timeout_height + 1;
        Ok(past && !self.reach("never")?.committed.contains_key(&hash))
    }
}

/// An event as `block_results` gives it.
pub fn abci(contract: &str, event: &cosmwasm_std::Event) -> Event {
    let mut attributes = vec![("_contract_address".to_owned(), contract.to_owned())];
    attributes.extend(event.attributes.iter().map(|a| (a.key.clone(), a.value.clone())));
    Event { kind: format!("wasm-{}", event.ty), attributes }
}

//! Blocks, transaction outcomes and events as plain data, free of any RPC library's types.

use std::fmt;
use std::str::FromStr;

use cosmrs::tendermint::{Hash, abci, block::Meta};
use sha2::{Digest, Sha256};

use crate::rpc::seconds;
use crate::{Error, Result};

/// SHA-256 of a transaction's bytes; shown in upper-case hex as every Cosmos tool does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TxHash(pub [u8; 32]);

impl TxHash {
    /// The hash of a signed transaction, known before it is broadcast.
    pub fn of(tx_bytes: &[u8]) -> Self {
        Self(Sha256::digest(tx_bytes).into())
    }
}

impl fmt::Display for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TxHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|e| Error::Codec {
            what: format!("transaction hash {text:?} (64 hex digits wanted)"),
            reason: e.to_string(),
        })?;
        Ok(Self(bytes))
    }
}

/// One event with its attributes in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's type: `wasm`, `wasm-…`, `tx`, `message`, ….
    pub kind: String,
    /// (key, value) pairs as emitted.
    pub attributes: Vec<(String, String)>,
}

impl Event {
    /// First value of an attribute.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// What a block says about one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOutcome {
    /// Block that holds it.
    pub height: u64,
    /// 0 = succeeded.
    pub code: u32,
    /// Whose codes these are: `sdk`, `wasm`, ….
    pub codespace: String,
    /// Text of the error, empty on success.
    pub log: String,
    /// Gas used by everything: signatures, bytes, fee, messages.
    pub gas_used: u64,
    /// Gas limit that was paid for.
    pub gas_wanted: u64,
    /// All events, the failed transaction's too.
    pub events: Vec<Event>,
    /// Bytes of the transaction in the block.
    pub size_bytes: usize,
}

impl TxOutcome {
    /// First value of `key` in an event of that kind, e.g. `("store_code", "code_id")`.
    pub fn value(&self, kind: &str, key: &str) -> Option<&str> {
        self.events.iter().filter(|e| e.kind == kind).find_map(|e| e.value(key))
    }
}

/// A committed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Block time in whole seconds since 1970.
    pub time_seconds: u64,
    /// Block hash.
    pub hash: [u8; 32],
    /// Hash of the block before; none for the first.
    pub last_hash: Option<[u8; 32]>,
    /// State after the block *before* this one.
    pub app_hash: Vec<u8>,
    /// Its transactions.
    pub txs: u64,
}

impl Block {
    pub(crate) fn from_meta(meta: Meta) -> Result<Self> {
        let header = meta.header;
        let height = header.height.value();
        let hash32 = |hash: Hash| {
            hash.as_bytes().try_into().map_err(|_| Error::Codec {
                what: format!("hashes of block {height}"),
                reason: format!("{} bytes, wanted 32", hash.as_bytes().len()),
            })
        };
        Ok(Self {
            height,
            time_seconds: seconds(header.time)?,
            hash: hash32(meta.block_id.hash)?,
            last_hash: header.last_block_id.map(|last| hash32(last.hash)).transpose()?,
            app_hash: header.app_hash.as_bytes().to_vec(),
            txs: u64::try_from(meta.num_txs).map_err(|_| Error::Range { what: "number of transactions" })?,
        })
    }
}

/// Events of one block's transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEvents {
    /// Its height.
    pub height: u64,
    /// One for each transaction, in the block's order.
    pub txs: Vec<TxEvents>,
}

/// Events of one transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxEvents {
    /// Place in the block, from 0.
    pub index: u32,
    /// 0 = succeeded; events of others changed nothing.
    pub code: u32,
    /// Its events in order.
    pub events: Vec<Event>,
}

impl Event {
    pub(crate) fn from_abci(event: abci::Event) -> Result<Self> {
        let attributes = event
            .attributes
            .iter()
            .map(|a| Ok((a.key_str()?.to_owned(), a.value_str()?.to_owned())))
            .collect::<std::result::Result<_, cosmrs::tendermint::Error>>()
            .map_err(|e| Error::Codec { what: format!("event {}", event.kind), reason: e.to_string() })?;
        Ok(Self { kind: event.kind, attributes })
    }
}

pub(crate) fn events(raw: Vec<abci::Event>) -> Result<Vec<Event>> {
    raw.into_iter().map(Event::from_abci).collect()
}

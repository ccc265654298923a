//! Logs of many entries that cost little, and a miner that mines them at an easy target.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]
#![allow(dead_code, reason = "each test file uses its part")]

use medrec_merkle::{
    Hash, HashReader, Tree,
    heads::{Node, locate},
    inclusion_proof, leaf_hash, node_hash, root_at,
};
use medrec_pow::{ENTRY_BYTES, Header, RECALLS, Target, advance, first_mix, recalled};
use medrec_seals::{Error, Head, HeadsTree, Recalls, siblings};

/// Entries of a log repeat after so many: the complete subtrees over them are all the same.
const PERIOD: u64 = 1 << 10;

/// A log of any size, of which only the first 1,024 entries and one node a level are made.
pub struct Log {
    pub slot: u32,
    pub origin: String,
    pub size: u64,
    low: Tree,
    /// Hash of every complete subtree from level 10 on.
    high: Vec<Hash>,
}

impl Log {
    pub fn new(slot: u32, size: u64) -> Self {
        let low: Tree = (0..PERIOD).map(|index| leaf_hash(&entry(slot, index))).collect();
        let mut high = vec![low.root()];
        for _ in 11..64 {
            let below = high[high.len() - 1];
            high.push(node_hash(&below, &below));
        }
        Self { slot, origin: format!("hospital-{slot}.example/log"), size, low, high }
    }

    pub fn entry(&self, index: u64) -> [u8; ENTRY_BYTES] {
        entry(self.slot, index)
    }

    pub fn root(&self) -> Hash {
        root_at(self, self.size).unwrap()
    }

    pub fn head(&self) -> Head {
        Head { slot: self.slot, origin: self.origin.clone(), size: self.size, root: self.root() }
    }

    pub fn proof(&self, index: u64) -> Vec<Hash> {
        inclusion_proof(self, index, self.size).unwrap()
    }
}

fn entry(slot: u32, index: u64) -> [u8; ENTRY_BYTES] {
    let mut bytes = [slot as u8; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&(index % PERIOD).to_be_bytes());
    bytes[8..12].copy_from_slice(&slot.to_be_bytes());
    bytes
}

impl HashReader for Log {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        match usize::from(level).checked_sub(10) {
            Some(high) => Ok(self.high[high]),
            None => self.low.node(level, index % (PERIOD >> level)),
        }
    }
}

/// Logs and the tree of their heads.
pub struct World {
    pub logs: Vec<Log>,
    pub tree: HeadsTree,
}

impl World {
    /// Logs by slot and size.
    pub fn new(logs: &[(u32, u64)]) -> Self {
        let logs: Vec<Log> = logs.iter().map(|(slot, size)| Log::new(*slot, *size)).collect();
        let heads: Vec<Head> = logs.iter().map(Log::head).collect();
        Self { tree: HeadsTree::new(&heads).unwrap(), logs }
    }

    pub fn root(&self) -> Node {
        self.tree.root()
    }

    pub fn header(&self, target: Target) -> Header<'static> {
        Header {
            chain_id: "medrec-local-1",
            contract: "medrec1authlog",
            number: 1,
            previous: [0; 32],
            sealed: [2; 32],
            entries: self.root().sum,
            target,
            frozen_at: 1_800_000_000,
            miner: "medrec1researcher",
        }
    }

    fn log(&self, slot: u32) -> &Log {
        self.logs.iter().find(|log| log.slot == slot).unwrap()
    }

    /// What a try reads: slot and index, eight times; and the last mix.
    pub fn reads(&self, header: &Header, nonce: u64) -> (Vec<(u32, u64)>, Hash) {
        let (mut mix, mut reads) = (first_mix(&header.hash(), nonce), Vec::new());
        for _ in 0..RECALLS {
            let number = recalled(&mix, header.entries).unwrap();
            let (slot, index) = locate(&self.tree, number).unwrap();
            reads.push((slot, index));
            mix = advance(&mix, &self.log(slot).entry(index));
        }
        (reads, mix)
    }

    /// The first nonce from `from` on whose last mix reaches the target, and its submission.
    pub fn mine(&self, header: &Header, from: u64) -> (u64, Vec<u8>) {
        let found = (from..).find(|nonce| header.target.reached_by(&self.reads(header, *nonce).1).is_ok());
        let nonce = found.unwrap();
        (nonce, self.submission(&self.reads(header, nonce).0))
    }

    pub fn submission(&self, reads: &[(u32, u64)]) -> Vec<u8> {
        self.with_recalls(reads, |recalls| recalls.to_bytes().unwrap())
    }

    pub fn with_recalls<T>(&self, reads: &[(u32, u64)], use_them: impl FnOnce(&Recalls) -> T) -> T {
        let owned: Vec<_> = reads
            .iter()
            .map(|(slot, index)| {
                let log = self.log(*slot);
                (log.head(), *index, log.entry(*index), log.proof(*index))
            })
            .collect();
        let reads: Vec<_> = owned
            .iter()
            .map(|(head, index, entry, proof)| (head.clone(), *index, entry, proof.as_slice()))
            .collect();
        let recalls = Recalls::collect::<Error>(&reads, |slots| siblings(&self.tree, slots)).unwrap();
        use_them(&recalls)
    }
}

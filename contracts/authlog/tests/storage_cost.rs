//! What an anchor reads and writes, priced as the chain prices it: the largest part of its gas, and the part a
//! change of layout spoils first. All 1,024 slots are in use and the log has a million entries.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::cell::Cell;

use common::{Authlog, Hospital};
use cosmwasm_std::{
    DepsMut, Order, QuerierWrapper, Record, Storage,
    testing::{MockStorage, message_info},
};
use medrec_api::authlog::{ExecuteMsg, GrowthCap, MAX_LOGS};
use medrec_authlog::contract;

/// Bytes wasmd puts before every key: one byte and the contract's 32-byte address.
const KEY_PREFIX: u64 = 33;

/// Gas of the store by the Cosmos SDK's default table.
struct Metered<'a> {
    inner: &'a mut MockStorage,
    gas: Cell<u64>,
    reads: Cell<u64>,
    writes: Cell<u64>,
}

impl Storage for Metered<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let value = self.inner.get(key);
        let bytes = KEY_PREFIX + (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
        self.gas.set(self.gas.get() + 1_000 + 3 * bytes);
        self.reads.set(self.reads.get() + 1);
        value
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        let bytes = KEY_PREFIX + (key.len() + value.len()) as u64;
        self.gas.set(self.gas.get() + 2_000 + 30 * bytes);
        self.writes.set(self.writes.get() + 1);
        self.inner.set(key, value);
    }

    fn remove(&mut self, _: &[u8]) {
        panic!("an anchor removes nothing");
    }

    fn range<'a>(
        &'a self,
        _: Option<&[u8]>,
        _: Option<&[u8]>,
        _: Order,
    ) -> Box<dyn Iterator<Item = Record> + 'a> {
        panic!("an anchor iterates nothing");
    }
}

#[test]
fn an_anchor_reads_and_writes_a_fixed_number_of_small_rows() {
    let mut chain = Authlog::with(GrowthCap { burst: 2_000_000, per_second: 1 });
    for institution in 1..=MAX_LOGS {
        let mut hospital = chain.hospital(institution);
        chain.send(&hospital.account, ExecuteMsg::AdmitLog { institution }).unwrap();
        hospital.slot = institution - 1;
        hospital.grow(2);
        chain.send(&hospital.account, hospital.anchor_from(0)).unwrap();
    }
    let mut hospital = Hospital { slot: 499, ..Hospital::new(500) };
    hospital.grow(999_999);
    chain.send(&hospital.account, hospital.anchor_from(2)).unwrap();
    hospital.grow(1_000);
    let msg = hospital.anchor_from(999_999);
    let ExecuteMsg::Anchor { proof, .. } = &msg else { panic!() };
    assert!(proof.len() / 32 > 10, "a proof of {} hashes is no hard case", proof.len() / 32);
    let message_bytes = cosmwasm_std::to_json_vec(&msg).unwrap().len();
    assert!(
        message_bytes <= 1_200,
        "{message_bytes} bytes of message leave no room for 1,600 of transaction"
    );

    let info = message_info(&hospital.account, &[]);
    let mut metered = Metered {
        inner: &mut chain.deps.storage,
        gas: Cell::new(0),
        reads: Cell::new(0),
        writes: Cell::new(0),
    };
    let deps = DepsMut {
        storage: &mut metered,
        api: &chain.deps.api,
        querier: QuerierWrapper::new(&chain.deps.querier),
    };
    contract::execute(deps, chain.env.clone(), info, msg).unwrap();
    assert_eq!((metered.reads.get(), metered.writes.get()), (4, 1));
    println!("an anchor: {} gas of storage, {message_bytes} bytes of message", metered.gas.get());
    assert!(metered.gas.get() <= 16_000, "{} gas of storage", metered.gas.get());
}

/// A chain of 1,024 logs; those of eight slots that share as little of their ways as can be have 2^24 entries and are
/// attested.
fn full_chain() -> (Authlog, Vec<common::Log>) {
    let mut chain = Authlog::with(GrowthCap { burst: 1 << 40, per_second: 1 });
    let mut large = Vec::new();
    for institution in 1..=MAX_LOGS {
        if institution % 128 == 70 {
            large.push(chain.keeps(institution, 1 << 24));
        } else {
            let mut hospital = Hospital { slot: institution - 1, ..chain.hospital(institution) };
            chain.send(&hospital.account, ExecuteMsg::AdmitLog { institution }).unwrap();
            hospital.grow(1);
            chain.send(&hospital.account, hospital.anchor_from(0)).unwrap();
            chain.attest(&hospital);
        }
    }
    (chain, large)
}

/// Storage of the contract itself; what other contracts' rows cost comes on top (docs/gas.json has all of it).
#[test]
fn a_seal_reads_and_writes_a_fixed_number_of_small_rows() {
    let (mut chain, large) = full_chain();
    chain.start();
    let by = chain.researcher("r-one", 2_003);
    let template = chain.template();
    assert_eq!(template.heads.len(), 1_024);
    let (chain_id, contract) = (chain.env.block.chain_id.clone(), chain.env.contract.address.to_string());
    let miner = common::Miner {
        chain_id: &chain_id,
        contract: &contract,
        account: by.account.as_str(),
        key: &by.key,
    };
    // Nearly all entries are in the eight large logs: a try reads all eight of them once in 8^8 / 8! = 416.
    let logs: Vec<&common::Log> = large.iter().collect();
    let different = |reads: &[(u32, u64)]| {
        let slots: std::collections::BTreeSet<u32> = reads.iter().map(|(slot, _)| *slot).collect();
        slots.len() == 8
    };
    let msg = miner.seal_where(&template, &logs, 0, different);
    let ExecuteMsg::Seal { recalls, .. } = &msg else { panic!() };
    let message_bytes = cosmwasm_std::to_json_vec(&msg).unwrap().len();
    println!("a seal: {} bytes of recalls, {message_bytes} bytes of message", recalls.len());
    assert!(message_bytes <= 17_500, "{message_bytes} bytes of message");

    let info = message_info(&by.account, &[]);
    let mut metered = Metered {
        inner: &mut chain.deps.storage,
        gas: Cell::new(0),
        reads: Cell::new(0),
        writes: Cell::new(0),
    };
    let deps = DepsMut {
        storage: &mut metered,
        api: &chain.deps.api,
        querier: QuerierWrapper::new(&chain.deps.querier),
    };
    contract::execute(deps, chain.env.clone(), info, msg).unwrap();
    let (reads, writes, gas) = (metered.reads.get(), metered.writes.get(), metered.gas.get());
    println!("a seal: {gas} gas of storage, {reads} reads, {writes} writes");
    assert_eq!((reads, writes), (6, 3));
    assert!(gas <= 40_000, "{gas} gas of storage");
}

#[test]
fn the_template_of_all_slots_is_one_answer() {
    let (mut chain, _) = full_chain();
    chain.start();
    let template = chain.template();
    assert_eq!((template.heads.len(), template.entries), (1_024, 8 * (1 << 24) + 1_016));
}

//! What a step reads and writes, priced as the chain prices it: rows are few and small, however many offers there are.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::cell::Cell;

use common::{Chain, addr, ask, claim, deliver, expire, fixed, hospital, offering, open, question};
use cosmwasm_std::{
    Addr, DepsMut, Order, QuerierWrapper, Record, Storage,
    testing::{MockStorage, message_info},
};
use medrec_api::bounty::{ExecuteMsg, Terms};
use medrec_bounty::contract;

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

    fn remove(&mut self, key: &[u8]) {
        self.gas.set(self.gas.get() + 1_000);
        self.writes.set(self.writes.get() + 1);
        self.inner.remove(key);
    }

    fn range<'a>(
        &'a self,
        _: Option<&[u8]>,
        _: Option<&[u8]>,
        _: Order,
    ) -> Box<dyn Iterator<Item = Record> + 'a> {
        panic!("no message iterates anything");
    }
}

/// Reads, writes and gas of a message that goes through.
fn metered(chain: &mut Chain, sender: &Addr, msg: ExecuteMsg) -> (u64, u64, u64) {
    let (zero, env) = (|| Cell::new(0), chain.env.clone());
    let mut storage = Metered { inner: &mut chain.deps.storage, gas: zero(), reads: zero(), writes: zero() };
    let deps = DepsMut {
        storage: &mut storage,
        api: &chain.deps.api,
        querier: QuerierWrapper::new(&chain.deps.querier),
    };
    let name = msg.name();
    contract::execute(deps, env, message_info(sender, &[]), msg).unwrap();
    let cost = (storage.reads.get(), storage.writes.get(), storage.gas.get());
    println!("{name}: {} reads, {} writes, {} gas of storage", cost.0, cost.1, cost.2);
    cost
}

/// Each message once, in a contract with so many offers.
fn costs(offers: u8) -> Vec<(u64, u64, u64)> {
    let mut chain = Chain::new();
    for number in 0..offers {
        chain.offer(number, Terms { price: 1, ..fixed() });
    }
    chain.seals(&["ben"; 20]);
    chain.offer(199, Terms { price: 1, ..fixed() });
    let mut costs = vec![
        metered(&mut chain, &hospital(1), offering(200, fixed())),
        metered(&mut chain, &hospital(1), offering(201, open())),
    ];
    chain.seals(&["ada", "ada"]);
    costs.push(metered(&mut chain, &addr("ada"), claim(200)));
    costs.push(metered(&mut chain, &addr("ada"), claim(201)));
    costs.push(metered(&mut chain, &addr("ada"), ask(201, question())));
    costs.push(metered(&mut chain, &hospital(1), deliver(200)));
    chain.seals(&["ada"; 6]);
    costs.push(metered(&mut chain, &addr("anybody"), expire(199)));
    chain.pass(3_601);
    costs.push(metered(&mut chain, &addr("anybody"), expire(201)));
    costs
}

#[test]
fn a_step_touches_a_fixed_number_of_small_rows() {
    let (few, many) = (costs(2), costs(150));
    for (few, many) in few.iter().zip(&many) {
        // The frontier of the own log may differ by some hashes, numbers by a digit.
        assert_eq!((few.0, few.1), (many.0, many.1));
        assert!(many.2 <= few.2 + 12_000, "{few:?} {many:?}");
        assert!(many.0 <= 14 && many.1 <= 12, "{many:?}");
        assert!(many.2 <= 180_000, "{many:?}");
    }
}

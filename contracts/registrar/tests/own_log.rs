//! The registrar's log of its own events (wire.md section 15): the raw row is the tree over what the blocks tell.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{account, certify, one_of_each, register, rekey, rotate, withdraw};
use cosmwasm_std::Addr;
use medrec_api::registrar::{ExecuteMsg, RegistrationPolicy};
use medrec_merkle::{Hash, root};
use medrec_testing::{Suite, SuiteBuilder, fixtures};
use proptest::prelude::*;

fn assert_log(suite: &Suite, leaves: &[Hash]) {
    let log = suite.own_log(&suite.registrar);
    assert_eq!((log.size(), log.root()), (leaves.len() as u64, root(leaves)));
}

/// The institutions of genesis are its first leaves; they are read back by the same events admitted later.
#[test]
fn genesis_is_in_the_log() {
    let none = SuiteBuilder::new().institutions(Vec::new()).build();
    assert_log(&none, &[]);
    let mut later = SuiteBuilder::new().institutions(Vec::new()).build();
    let mut leaves = Vec::new();
    for n in 1..=3 {
        let msg = ExecuteMsg::AdmitInstitution { institution: fixtures::institution(n) };
        let done = later.to_registrar(&later.consortium.clone(), &msg).unwrap();
        leaves.extend(later.leaves(&later.registrar, &done));
    }
    assert_eq!(leaves.len(), 3);
    assert_log(&later, &leaves);
    assert_log(&SuiteBuilder::new().build(), &leaves);
}

#[test]
fn every_message_appends_what_it_tells() {
    let template = SuiteBuilder::new().build();
    for msg in one_of_each(&template) {
        let mut suite = SuiteBuilder::new().build();
        suite.to_registrar(&account(1), &register(1, &fixtures::address("person"))).unwrap();
        suite.certify("ada", 1);
        let before = suite.own_log(&suite.registrar);
        let senders = [suite.consortium.clone(), account(1), fixtures::address("person")];
        let done = senders.iter().find_map(|sender| suite.to_registrar(sender, &msg).ok()).unwrap();
        let leaves = suite.leaves(&suite.registrar, &done);
        assert_eq!(leaves.len(), 1, "{msg:?}");
        let mut expected = before;
        expected.push(leaves[0]).unwrap();
        assert_eq!(suite.own_log(&suite.registrar), expected, "{msg:?}");
    }
}

fn tries() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec((0..4_usize, 0..8_u8, 0..5_u8), 1..60)
}

fn message(suite: &Suite, kind: u8, n: u8) -> ExecuteMsg {
    let person = fixtures::address(&format!("person {n}"));
    match kind {
        0 => ExecuteMsg::AdmitInstitution { institution: fixtures::institution(n + 2) },
        1 => ExecuteMsg::ExpelInstitution { id: (n + 2).into() },
        2 => rekey(n.into()),
        3 => register(n, &person),
        4 => rotate(n, &fixtures::address(&format!("person {}", n + 1)), n),
        5 => {
            let policies = [RegistrationPolicy::Institutions, RegistrationPolicy::Consortium];
            ExecuteMsg::SetRegistrationPolicy { registration: policies[usize::from(n % 2)] }
        }
        6 => certify(suite, &format!("researcher {n}"), n % 3 + 1),
        _ => withdraw(&format!("researcher {n}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(60)))]

    /// Allowed or not, in any order: what went through is in the log, what failed left nothing.
    #[test]
    fn the_row_is_the_tree_over_the_blocks(tries in tries()) {
        let mut suite = SuiteBuilder::new().build();
        let mut log = suite.own_log(&suite.registrar);
        let senders: [Addr; 4] = [suite.consortium.clone(), account(1), account(2), fixtures::address("person 1")];
        for (sender, kind, n) in tries {
            let msg = message(&suite, kind, n);
            if let Ok(done) = suite.to_registrar(&senders[sender], &msg) {
                let leaves = suite.leaves(&suite.registrar, &done);
                prop_assert_eq!(leaves.len(), suite.registrar_events(&done).len());
                leaves.into_iter().for_each(|leaf| log.push(leaf).unwrap());
            }
            prop_assert_eq!(&suite.own_log(&suite.registrar), &log);
        }
    }
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}

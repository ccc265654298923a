//! Reads: pages of thirty at most, paths that verify, typed refusals.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::Authlog;
use medrec_api::{
    authlog::{Error, HeadProofResponse, HeadsResponse, LogResponse, LogsResponse, QueryMsg},
    validate::Invalid,
};
use medrec_merkle::heads;

fn node(node: &medrec_api::authlog::Node) -> heads::Node {
    heads::Node { hash: node.hash.as_slice().try_into().unwrap(), sum: node.sum }
}

#[test]
fn logs_come_in_pages() {
    let mut chain = Authlog::new();
    for institution in 1..=35 {
        let hospital = chain.hospital(institution);
        let msg = medrec_api::authlog::ExecuteMsg::AdmitLog { institution };
        chain.send(&hospital.account, msg).unwrap();
    }
    let page = |start_after, limit| {
        let page: LogsResponse = chain.query(QueryMsg::Logs { start_after, limit });
        page.logs.iter().map(|log| log.slot).collect::<Vec<_>>()
    };
    assert_eq!(page(None, None), (0..10).collect::<Vec<_>>());
    assert_eq!(page(None, Some(u32::MAX)), (0..30).collect::<Vec<_>>());
    assert_eq!(page(Some(29), Some(30)), (30..35).collect::<Vec<_>>());
    assert_eq!(page(Some(34), None), Vec::<u32>::new());
    assert_eq!(page(None, Some(0)), Vec::<u32>::new());
}

#[test]
fn every_slot_has_a_path_that_verifies() {
    let mut chain = Authlog::new();
    let hospitals: Vec<_> = (1..=5).map(|id| chain.anchored(id, u64::from(id) * 3)).collect();
    hospitals.iter().for_each(|hospital| chain.attest(hospital));
    let heads: HeadsResponse = chain.query(QueryMsg::Heads {});
    let root = heads::Node { hash: heads.hash.as_slice().try_into().unwrap(), sum: heads.total };
    assert_eq!(root.sum, 3 + 6 + 9 + 12 + 15);

    let mut first = 0;
    for hospital in &hospitals {
        let proof: HeadProofResponse = chain.query(QueryMsg::HeadProof { slot: hospital.slot });
        let path: Vec<_> = proof.path.iter().map(node).collect();
        let leaf = heads::leaf(hospital.slot, &hospital.origin, hospital.size(), &hospital.log.root());
        assert_eq!(node(&proof.head), leaf);
        assert_eq!(heads::verify_path(hospital.slot, leaf, &path.try_into().unwrap(), &root), Ok(first));
        first += leaf.sum;
    }
    for slot in [5, 512, 1_023] {
        let proof: HeadProofResponse = chain.query(QueryMsg::HeadProof { slot });
        let path: Vec<_> = proof.path.iter().map(node).collect();
        assert_eq!(node(&proof.head), heads::EMPTY);
        assert_eq!(heads::verify_path(slot, heads::EMPTY, &path.try_into().unwrap(), &root), Ok(45));
    }
}

#[test]
fn what_is_not_there_is_said() {
    let mut chain = Authlog::new();
    chain.admitted(7);
    let refusal = |msg| chain.try_query(msg).unwrap_err();
    assert!(matches!(
        refusal(QueryMsg::Log { slot: 1 }),
        Error::NoLog { operation: "log", slot: 1, count: 1 }
    ));
    assert!(matches!(
        refusal(QueryMsg::LogOf { institution: 8 }),
        Error::NoLogOf { operation: "log_of", institution: 8 }
    ));
    for slot in [1_024, u32::MAX] {
        let refused = refusal(QueryMsg::HeadProof { slot });
        assert!(matches!(refused, Error::Invalid(Invalid::Range { field: "slot", max: 1_023, .. })));
    }
    let log: LogResponse = chain.query(QueryMsg::LogOf { institution: 7 });
    assert!(log.signature.is_empty());
}

/// Rows that are plain bytes, by the start of their keys; the others are JSON.
fn is_bytes(key: &[u8]) -> bool {
    ["head", "n", "attested", "counted", "codes", "seal"]
        .iter()
        .any(|name| key.starts_with(&[&[0, name.len() as u8], name.as_bytes()].concat()))
        || key == b"sealing"
}

#[test]
fn a_damaged_row_is_said_and_not_guessed() {
    use cosmwasm_std::Storage;
    let mut chain = Authlog::new();
    let hospital = chain.anchored(1, 3);
    chain.attest(&hospital);
    chain.start();
    let rows = chain.state();
    let rows: Vec<_> = rows.into_iter().filter(|(key, row)| is_bytes(key) && !row.is_empty()).collect();
    assert_eq!(rows.len(), 12, "head, six nodes, attested, counted, sealing, codes, template");
    for (key, row) in rows {
        chain.deps.storage.set(&key, &row[..row.len() - 1]);
        // The head, the root, slot 0, and for each stored level a slot whose path has the damaged node in it.
        let paths = [0, 1, 4, 16, 64, 256].map(|slot| QueryMsg::HeadProof { slot });
        let others = [
            QueryMsg::Log { slot: 0 },
            QueryMsg::Heads {},
            QueryMsg::Attested { slot: 0 },
            QueryMsg::Sealing {},
            QueryMsg::Template {},
        ];
        let answers = others.into_iter().chain(paths);
        let answers: Vec<_> = answers.map(|msg| chain.try_query(msg)).collect();
        assert!(answers.iter().any(|answer| matches!(answer, Err(Error::Damaged { .. }))), "{key:?}");
        chain.deps.storage.set(&key, &row);
    }
}

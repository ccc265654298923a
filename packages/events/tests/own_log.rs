//! A contract's own log: leaves, the row, and that it says the same as a tree over the events of the blocks.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use cosmwasm_std::testing::MockStorage;
use cosmwasm_std::{Event, Storage};
use medrec_api::own_log::OwnLogError;
use medrec_api::registrar::LOG_KEY;
use medrec_events::own_log::{append, leaf, leaf_in_block, load, read_row, row};
use medrec_merkle::{Frontier, Tree, leaf_hash, root};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn lp(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

#[test]
fn a_leaf_is_what_wire_md_says() {
    let text: Vec<u8> = ["medrec/event/v1", "closed", "id", "7", "by", "medrec1x"]
        .into_iter()
        .flat_map(|part| lp(part.as_bytes()))
        .collect();
    let expected = leaf_hash(&<[u8; 32]>::from(Sha256::digest(text)));
    assert_eq!(leaf("closed", [("id", "7"), ("by", "medrec1x")]), expected);
    let shown = [("_contract_address", "medrec1c"), ("id", "7"), ("by", "medrec1x"), ("msg_index", "0")];
    assert_eq!(leaf_in_block("medrec1c", "wasm-closed", &shown), Some(expected));
    assert_eq!(leaf_in_block("medrec1other", "wasm-closed", &shown), None);
    assert_eq!(leaf_in_block("medrec1c", "closed", &shown), None);
    assert_eq!(leaf_in_block("medrec1c", "wasm-closed", &shown[1..]), None);
}

#[test]
fn fields_do_not_run_into_each_other() {
    let one = leaf("closed", [("id", "7"), ("by", "x")]);
    for other in [
        leaf("closed", [("by", "x"), ("id", "7")]),
        leaf("closed", [("id", "7b"), ("y", "x")]),
        leaf("closedid", [("7", "by"), ("x", "")]),
        leaf("closed", [("id", "7")]),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn a_damaged_row_is_refused_and_named() {
    let mut storage = MockStorage::new();
    assert_eq!(load(&storage), Ok(Frontier::new()));
    append(&mut storage, &[]).unwrap();
    assert_eq!(storage.get(LOG_KEY), None, "nothing told, nothing written");
    append(&mut storage, &[Event::new("a"), Event::new("b"), Event::new("c")]).unwrap();
    let good = storage.get(LOG_KEY).unwrap();
    assert_eq!(good.len(), 8 + 2 * 32);
    for bad in [&good[..0], &good[..7], &good[..8], &good[..71], &[good.as_slice(), &[0; 32]].concat()] {
        let error = read_row(bad).unwrap_err();
        assert!(matches!(error, OwnLogError::Row { found, .. } if found == bad.len()), "{error}");
        storage.set(LOG_KEY, if bad.is_empty() { &[1] } else { bad });
        assert!(append(&mut storage, &[Event::new("d")]).is_err());
    }
    let full = [&u64::MAX.to_be_bytes()[..], &[7; 64 * 32]].concat();
    storage.set(LOG_KEY, &full);
    assert_eq!(append(&mut storage, &[Event::new("d")]), Err(OwnLogError::Full));
    assert_eq!(storage.get(LOG_KEY), Some(full));
}

proptest! {
    #[test]
    fn the_row_is_the_tree_of_all_events(
        messages in prop::collection::vec(
            prop::collection::vec(("[a-z]{1,8}", prop::collection::vec(("[a-z]{1,4}", ".{0,8}"), 0..4)), 0..4),
            0..40,
        ),
    ) {
        let mut storage = MockStorage::new();
        let mut leaves = Vec::new();
        for message in messages {
            let mut events = Vec::new();
            for (kind, attributes) in &message {
                events.push(Event::new(kind).add_attributes(attributes.clone()));
                let kind = format!("wasm-{kind}");
                let mut shown = vec![("_contract_address", "medrec1c")];
                shown.extend(attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())));
                shown.push(("msg_index", "0"));
                leaves.push(leaf_in_block("medrec1c", &kind, &shown).unwrap());
            }
            append(&mut storage, &events).unwrap();
        }
        let log = load(&storage).unwrap();
        prop_assert_eq!(log.size(), leaves.len() as u64);
        prop_assert_eq!(log.root(), root(&leaves));
        prop_assert_eq!(log.root(), leaves.into_iter().collect::<Tree>().root());
        prop_assert_eq!(read_row(&row(&log)), Ok(log));
    }
}

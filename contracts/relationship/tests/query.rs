//! Reads: summaries, pages, recovery.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{granted, rotate, who};
use cosmwasm_std::Addr;
use medrec_api::relationship::{
    ExecuteMsg, GrantKind, GrantsResponse, QueryMsg, RelationshipsResponse, Status,
};
use medrec_testing::{Suite, SuiteBuilder};

fn of(suite: &Suite, addresses: &[&Addr], start_after: Option<u64>, limit: Option<u32>) -> Vec<u64> {
    let addresses = addresses.iter().map(ToString::to_string).collect();
    let msg = QueryMsg::Relationships { addresses, start_after, limit };
    let found: RelationshipsResponse = suite.ask_relationship(&msg).unwrap();
    found.relationships.into_iter().map(|relationship| relationship.id).collect()
}

fn to(suite: &Suite, viewer: &Addr, start_after: Option<(u64, u32)>, limit: Option<u32>) -> Vec<(u64, u32)> {
    let msg = QueryMsg::GrantsTo { viewer: viewer.to_string(), start_after, limit };
    let found: GrantsResponse = suite.ask_relationship(&msg).unwrap();
    found.grants.into_iter().map(|grant| (grant.id, grant.grant)).collect()
}

#[test]
fn a_wallet_finds_its_relationships_by_its_addresses_alone() {
    let mut suite = SuiteBuilder::new().build();
    let wallet: Vec<_> = (0..5).map(|index| who(&format!("index {index}"))).collect();
    let other = who("other patient");
    suite.open(&who("s1"), &wallet[0]);
    suite.open(&who("s2"), &other);
    let closed = suite.active(&who("s3"), &wallet[2]);
    suite.to_relationship(&wallet[2], &ExecuteMsg::Close { id: closed }).unwrap();
    let rejected = suite.open(&who("s4"), &wallet[4]);
    suite.to_relationship(&wallet[4], &ExecuteMsg::Reject { id: rejected }).unwrap();
    let all: Vec<_> = wallet.iter().collect();
    assert_eq!(of(&suite, &all, None, None), [1, 3, 4]);
    assert_eq!(of(&suite, &[&other], None, None), [2]);
    assert_eq!(of(&suite, &[&who("nobody")], None, None), Vec::<u64>::new());
    // The steward's address is no patient's.
    assert_eq!(of(&suite, &[&who("s1")], None, None), Vec::<u64>::new());
}

#[test]
fn a_rotated_relationship_is_found_by_every_address_it_had_once_each() {
    let mut suite = SuiteBuilder::new().build();
    let (first, second) = (who("first"), who("second"));
    let id = suite.active(&who("steward"), &first);
    suite.to_relationship(&first, &rotate(id, &second)).unwrap();
    assert_eq!(of(&suite, &[&first], None, None), [id]);
    assert_eq!(of(&suite, &[&second], None, None), [id]);
    assert_eq!(of(&suite, &[&first, &second, &first], None, None), [id]);
}

#[test]
fn a_reused_address_is_read_in_pages() {
    let mut suite = SuiteBuilder::new().build();
    let (one, two) = (who("one"), who("two"));
    for n in 0..36 {
        suite.open(&who(&format!("steward {n}")), if n % 3 == 0 { &two } else { &one });
    }
    let mine = [&one, &two];
    assert_eq!(of(&suite, &mine, None, None), (1..=10).collect::<Vec<_>>());
    assert_eq!(of(&suite, &mine, None, Some(1_000)), (1..=30).collect::<Vec<_>>());
    assert_eq!(of(&suite, &mine, Some(30), Some(30)), (31..=36).collect::<Vec<_>>());
    assert_eq!(of(&suite, &[&two], Some(4), Some(3)), [7, 10, 13]);
    assert_eq!(of(&suite, &mine, Some(u64::MAX), None), Vec::<u64>::new());
    let all = |start_after, limit| -> Vec<u64> {
        let msg = QueryMsg::AllRelationships { start_after, limit };
        let found: RelationshipsResponse = suite.ask_relationship(&msg).unwrap();
        found.relationships.into_iter().map(|relationship| relationship.id).collect()
    };
    assert_eq!(all(None, Some(30)), (1..=30).collect::<Vec<_>>());
    assert_eq!(all(Some(30), None), (31..=36).collect::<Vec<_>>());
    assert_eq!(all(Some(u64::MAX), None), Vec::<u64>::new());
}

#[test]
fn a_viewer_finds_his_grants_over_all_relationships() {
    let mut suite = SuiteBuilder::new().build();
    let (patient, viewer) = (who("patient"), who("viewer"));
    for n in 0..3 {
        let id = suite.active(&who(&format!("steward {n}")), &patient);
        granted(&mut suite, &patient, id, &who("other"), GrantKind::Read);
        for _ in 0..12 {
            granted(&mut suite, &patient, id, &viewer, GrantKind::Read);
        }
    }
    let expected: Vec<_> = (1..=3).flat_map(|id| (1..=12).map(move |grant| (id, grant))).collect();
    assert_eq!(to(&suite, &viewer, None, None), expected[..10]);
    assert_eq!(to(&suite, &viewer, None, Some(31)), expected[..30]);
    assert_eq!(to(&suite, &viewer, Some(expected[29]), Some(30)), expected[30..]);
    assert_eq!(to(&suite, &viewer, Some((1, 12)), Some(1)), [(2, 1)]);
    assert_eq!(to(&suite, &viewer, Some((u64::MAX, u32::MAX)), None), []);
    let page = |ids: &[u64], start_after, limit| -> Vec<(u64, u32)> {
        let msg = QueryMsg::Grants { ids: ids.to_vec(), start_after, limit };
        let found: GrantsResponse = suite.ask_relationship(&msg).unwrap();
        found.grants.into_iter().map(|grant| (grant.id, grant.grant)).collect()
    };
    let of = |id: u64| (0..13).map(move |grant| (id, grant));
    assert_eq!(page(&[2], None, Some(100)), of(2).collect::<Vec<_>>());
    assert_eq!(page(&[2], Some((2, 9)), None), [(2, 10), (2, 11), (2, 12)]);
    assert_eq!(page(&[2], Some((2, u32::MAX)), None), []);
    // Of several, in order of id whatever order they are asked in, each once.
    let both: Vec<_> = of(1).chain(of(3)).collect();
    assert_eq!(page(&[3, 1, 3], None, Some(30)), both);
    assert_eq!(page(&[3, 1], Some((1, 11)), Some(3)), [(1, 12), (3, 0), (3, 1)]);
    assert_eq!(page(&[3, 1], Some((2, 5)), Some(30)), of(3).collect::<Vec<_>>());
}

/// A contract's address is longer than a wallet's: one must not be read as the start of the other.
#[test]
fn a_longer_address_with_the_same_start_is_another() {
    use cosmwasm_std::{Api, CanonicalAddr};
    let api = medrec_testing::fixtures::api();
    let short = who("patient");
    let mut long = api.addr_canonicalize(short.as_str()).unwrap().to_vec();
    long.extend_from_slice(&[0; 12]);
    let long = api.addr_humanize(&CanonicalAddr::from(long)).unwrap();
    let mut suite = SuiteBuilder::new().build();
    let id = suite.active(&who("steward"), &long);
    granted(&mut suite, &long, id, &who("viewer"), GrantKind::Read);
    assert_eq!(of(&suite, &[&short], None, None), Vec::<u64>::new());
    assert_eq!(of(&suite, &[&long], None, None), [id]);
}

#[test]
fn nonsense_is_answered_with_what_is_wrong() {
    let suite = SuiteBuilder::new().build();
    let many = |count: usize| QueryMsg::Relationships {
        addresses: vec![who("x").to_string(); count],
        start_after: None,
        limit: None,
    };
    let cases = [
        (QueryMsg::Relationship { id: 7 }, "there is no relationship 7; the newest is 0"),
        (QueryMsg::Grants { ids: vec![7], start_after: None, limit: None }, "there is no relationship 7"),
        (QueryMsg::Grants { ids: vec![], start_after: None, limit: None }, "ids: 0 items, must be 1 to 30"),
        (
            QueryMsg::Grants { ids: vec![1; 31], start_after: None, limit: None },
            "ids: 31 items, must be 1 to 30",
        ),
        (many(0), "addresses: 0 items, must be 1 to 30"),
        (many(31), "addresses: 31 items, must be 1 to 30"),
        (
            QueryMsg::GrantsTo { viewer: "x".to_owned(), start_after: None, limit: None },
            "viewer: \"x\" is no bech32",
        ),
        (QueryMsg::Delegate { address: "cosmos1x".to_owned() }, "address: \"cosmos1x\" is no bech32"),
    ];
    for (msg, words) in cases {
        let error = suite.ask_relationship::<serde_json::Value>(&msg).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn statuses_are_the_words_of_the_spec() {
    for (status, word) in [
        (Status::Offered, "offered"),
        (Status::Active, "active"),
        (Status::Rejected, "rejected"),
        (Status::Closed, "closed"),
    ] {
        assert_eq!(serde_json::to_value(status).unwrap(), word);
        assert_eq!(status.as_str(), word);
    }
}

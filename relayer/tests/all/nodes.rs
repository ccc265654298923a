//! Nodes over real HTTP that stall, lie, disagree and ramble: each is refused by name, and nothing is taken from it.

use std::{sync::Arc, time::Duration};

use medrec_clients::{Error, Limits, TxHash};
use medrec_relayer::{
    chain::{Chain, Nodes},
    ingest::{Ingest, Source},
};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    node::{Manner, Node},
    script::CHAIN_ID,
    world::World,
};

const LIMITS: Limits = Limits { timeout: Duration::from_secs(1), max_body: 1024 * 1024 };
const HASH: TxHash = TxHash([7; 32]);

fn of(nodes: &[&Node], agree: usize) -> Nodes {
    let urls: Vec<String> = nodes.iter().map(|node| node.url.clone()).collect();
    Nodes::with_limits(&urls, CHAIN_ID, agree, LIMITS).unwrap()
}

async fn one() -> (Node, Nodes) {
    let node = Node::start().await;
    let nodes = of(&[&node], 1);
    (node, nodes)
}

async fn two(agree: usize) -> (Node, Node, Nodes) {
    let (first, second) = (Node::start().await, Node::start().await);
    let nodes = of(&[&first, &second], agree);
    (first, second, nodes)
}

#[test]
fn more_nodes_than_there_are_cannot_agree() {
    let urls = ["http://127.0.0.1:1".to_owned()];
    for agree in [0, 2] {
        assert!(matches!(Nodes::new(&urls, CHAIN_ID, agree), Err(Error::TooFew { answered: 1, .. })));
    }
    assert!(matches!(Nodes::new(&[], CHAIN_ID, 1), Err(Error::Url { .. })));
}

#[tokio::test]
async fn a_node_that_misbehaves_is_refused_by_name() {
    let (node, nodes) = one().await;
    assert_eq!(nodes.blocks(3, 3).await.unwrap()[0].height, 3);
    let place = node.url.trim_start_matches("http://").to_owned();
    for manner in [
        Manner::Stalls,
        Manner::Endless,
        Manner::Garbage,
        Manner::OtherId,
        Manner::ServerError,
        Manner::Redirects,
    ] {
        node.tells().manner = manner;
        for error in [
            nodes.status().await.unwrap_err(),
            nodes.blocks(3, 3).await.unwrap_err(),
            nodes.block_results(3).await.unwrap_err(),
            nodes.smart("medrec1c", &json!({}), Some(3)).await.unwrap_err(),
        ] {
            match manner {
                Manner::Endless => assert!(matches!(error, Error::TooLarge { .. }), "{error}"),
                _ => assert!(matches!(error, Error::Unreachable { .. }), "{error}"),
            }
            assert!(error.to_string().contains(&place), "{error}");
        }
    }
}

#[tokio::test]
async fn foreign_and_pruned_nodes_are_told_apart() {
    let (node, nodes) = one().await;
    node.tells().lowest = 5;
    let error = nodes.blocks(4, 4).await.unwrap_err();
    assert!(matches!(error, Error::Pruned { lowest: Some(5), .. }), "{error}");
    let error = nodes.blocks(3, 7).await.unwrap_err();
    assert!(matches!(error, Error::Pruned { lowest: Some(5), .. }), "{error}");
    let found: Vec<u64> = nodes.blocks(5, 7).await.unwrap().iter().map(|block| block.height).collect();
    assert_eq!(found, [5, 6, 7]);
    // Above what it has, wholly or in part, is not pruned.
    for (from, to) in [(10, 12), (8, 12)] {
        let error = nodes.blocks(from, to).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
    }
    node.tells().chain_id = "another-1".into();
    let error = nodes.status().await.unwrap_err();
    assert!(matches!(error, Error::Foreign { ref found, .. } if found == "another-1"), "{error}");
}

#[tokio::test]
async fn another_node_is_asked_when_the_first_is_of_no_use() {
    let (first, second, nodes) = two(1).await;
    second.tells().hash = 2;
    assert_eq!(nodes.blocks(3, 3).await.unwrap()[0].hash, [1; 32], "our own first");
    first.tells().lowest = 5;
    assert_eq!(nodes.blocks(3, 3).await.unwrap()[0].hash, [2; 32]);
    first.tells().manner = Manner::Garbage;
    assert_eq!(nodes.blocks(6, 6).await.unwrap()[0].hash, [2; 32]);
    first.tells().manner = Manner::Well;
    first.tells().chain_id = "another-1".into();
    assert_eq!(nodes.status().await.unwrap().chain_id, CHAIN_ID);
    second.tells().manner = Manner::Stalls;
    // What the first one has against it is what the operator reads.
    assert!(matches!(nodes.status().await.unwrap_err(), Error::Foreign { .. }));
}

#[tokio::test]
async fn nodes_that_must_agree_and_do_not_give_nothing() {
    let (first, second, nodes) = two(2).await;
    assert_eq!(nodes.blocks(3, 3).await.unwrap()[0].height, 3);
    second.tells().hash = 2;
    let error = nodes.blocks(3, 3).await.unwrap_err();
    assert!(matches!(error, Error::Disagree { height: 3, .. }), "{error}");
    for node in [&first, &second] {
        assert!(error.to_string().contains(node.url.trim_start_matches("http://")), "{error}");
    }
    second.tells().hash = 1;
    second.tells().app_hash = 2;
    assert!(matches!(nodes.blocks(3, 3).await.unwrap_err(), Error::Disagree { .. }));
    // Neither hash covers the events: they are compared too, and so is state.
    second.tells().event = "closed";
    assert!(matches!(nodes.block_results(3).await.unwrap_err(), Error::Disagree { .. }));
    let asked = nodes.smart("medrec1c", &json!({}), Some(3)).await;
    assert!(matches!(asked.unwrap_err(), Error::Disagree { .. }));
    second.tells().manner = Manner::Stalls;
    let error = nodes.blocks(3, 3).await.unwrap_err();
    assert!(matches!(error, Error::TooFew { wanted: 2, answered: 1, .. }), "{error}");
    second.tells().manner = Manner::Well;
    second.tells().chain_id = "another-1".into();
    assert!(matches!(nodes.status().await.unwrap_err(), Error::TooFew { answered: 1, .. }));
}

#[tokio::test]
async fn two_of_three_are_enough_and_a_liar_alone_is_not() {
    let (first, second, third) = (Node::start().await, Node::start().await, Node::start().await);
    let nodes = of(&[&first, &second, &third], 2);
    first.tells().hash = 9;
    assert_eq!(nodes.blocks(3, 3).await.unwrap()[0].hash, [1; 32]);
    second.tells().manner = Manner::Stalls;
    assert!(matches!(nodes.blocks(3, 3).await.unwrap_err(), Error::Disagree { .. }));
    // The height is the one that two of them have.
    second.tells().manner = Manner::Well;
    (first.tells().height, second.tells().height, third.tells().height) = (100, 7, 8);
    assert_eq!(nodes.status().await.unwrap().height, 8);
}

#[tokio::test]
async fn nothing_is_applied_while_nodes_disagree_and_health_says_who() {
    // In two steps, as the rest of the world, its folder among it, must stay.
    let world = World::new().await;
    let World { store, identity, health, .. } = &world;
    let (first, second, nodes) = two(2).await;
    second.tells().app_hash = 2;
    let ingest = Ingest {
        store: store.clone(),
        source: Source { chain: Arc::new(nodes), identity: identity.clone() },
        health: health.clone(),
        filing: Arc::new(Notify::new()),
        research: Arc::new(Notify::new()),
        poll: Duration::from_millis(1),
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(ingest.run(stop.clone()));
    let said = loop {
        match health.snapshot().chain_error {
            Some(said) => break said,
            None => tokio::task::yield_now().await,
        }
        assert!(!running.is_finished());
    };
    assert!(said.contains("height 2") && said.contains("disagree"), "{said}");
    for node in [&first, &second] {
        assert!(said.contains(node.url.trim_start_matches("http://")), "{said}");
    }
    assert_eq!(health.snapshot().applied_height, 1);
    second.tells().app_hash = 1;
    while health.snapshot().applied_height < 9 || health.snapshot().chain_error.is_some() {
        assert!(!running.is_finished());
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn passwords_in_urls_are_not_shown() {
    let node = Node::start().await;
    let url = node.url.replace("http://", "http://user:hush@");
    let nodes = Nodes::with_limits(&[url], CHAIN_ID, 1, LIMITS).unwrap();
    assert_eq!(nodes.blocks(3, 3).await.unwrap()[0].height, 3);
    for manner in [Manner::Garbage, Manner::Stalls, Manner::Redirects] {
        node.tells().manner = manner;
        let error = nodes.blocks(3, 3).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn never_is_said_by_two_nodes_that_are_past_the_timeout() {
    let (first, second, nodes) = two(1).await;
    // Both are at 9: past a timeout of 7, not of 8.
    assert!(nodes.never(HASH, 7).await.unwrap());
    assert!(!nodes.never(HASH, 8).await.unwrap());
    // A node that lags knows nothing.
    second.tells().height = 8;
    assert!(!nodes.never(HASH, 7).await.unwrap());
    second.tells().height = 9;
    // A node that is silent says nothing, and one of another chain says nothing about ours.
    second.tells().manner = Manner::Stalls;
    assert!(!nodes.never(HASH, 7).await.unwrap());
    second.tells().manner = Manner::Well;
    second.tells().chain_id = "another-1".into();
    assert!(!nodes.never(HASH, 7).await.unwrap());
    second.tells().chain_id = CHAIN_ID.into();
    // One that has it settles it.
    first.tells().has_tx = true;
    assert!(!nodes.never(HASH, 7).await.unwrap());
    assert_eq!(nodes.tx(HASH).await.unwrap().unwrap().height, 3);
    first.tells().has_tx = false;
    second.tells().has_tx = true;
    assert!(!nodes.never(HASH, 7).await.unwrap());
    assert_eq!(nodes.tx(HASH).await.unwrap().unwrap().height, 3);
    // With one node only, its word is all there is.
    assert!(of(&[&first], 1).never(HASH, 7).await.unwrap());
}

//! The outbox at every point where the relayer can die: never two transactions, never none.

use std::sync::Arc;

use medrec_clients::Chain as ChainParameters;
use medrec_relayer::{
    chain::{
        outbox::{self, Message},
        sender::Sender,
    },
    keystore::INSTITUTION_ACCOUNT,
};
use tokio::sync::Notify;

use crate::{
    script::CHAIN_ID,
    world::{ALICE, AUTHLOG, World, key},
};

const TIMEOUT_BLOCKS: u64 = 3;

fn message(content: &str, account: u32) -> Message {
    Message {
        content: content.into(),
        account,
        contract: AUTHLOG.into(),
        msg: "{\"anchor\":{}}".into(),
        granter: None,
    }
}

async fn queue(world: &World, message: &Message) -> bool {
    let mut tx = world.store.begin().await.unwrap();
    let queued = outbox::queue(&mut tx, message).await.unwrap();
    tx.commit().await.unwrap();
    queued
}

/// A sender as after a start: it remembers nothing.
fn sender(world: &World) -> Sender {
    let address = world.keystore.account(INSTITUTION_ACCOUNT).unwrap().address().to_owned();
    if !world.chain.lock().accounts.contains_key(&address) {
        world.chain.account(&address);
    }
    Sender::new(
        world.store.clone(),
        Arc::new(world.chain.clone()),
        world.keystore.clone(),
        ChainParameters { chain_id: CHAIN_ID.into(), gas_price: "0.001".parse().unwrap() },
        TIMEOUT_BLOCKS,
        Arc::new(Notify::new()),
    )
}

async fn states(world: &World) -> Vec<String> {
    sqlx::query_scalar("SELECT state FROM outbox ORDER BY id").fetch_all(world.store.read()).await.unwrap()
}

fn broadcasts(world: &World) -> Vec<Vec<u8>> {
    world.chain.lock().broadcasts.clone()
}

#[tokio::test]
async fn sent_confirmed_and_never_again() {
    let world = World::new().await;
    assert!(queue(&world, &message("anchor/1", 0)).await);
    assert!(!queue(&world, &message("anchor/1", 0)).await, "the same content is queued once");
    let mut sender = sender(&world);
    sender.round().await.unwrap();
    assert_eq!((states(&world).await, broadcasts(&world).len()), (vec!["prepared".to_owned()], 1));
    sender.round().await.unwrap();
    assert_eq!(broadcasts(&world).len(), 1, "while the node has it, it is not handed over again");
    world.chain.commit_last(0, "");
    sender.round().await.unwrap();
    assert_eq!(states(&world).await, ["confirmed"]);
    assert_eq!(sender.round().await.unwrap(), 0);
    assert!(!queue(&world, &message("anchor/1", 0)).await, "nor queued when it is done");
}

#[tokio::test]
async fn death_between_prepared_and_broadcast_sends_the_same_bytes() {
    let world = World::new().await;
    queue(&world, &message("anchor/1", 0)).await;
    // The node is lost after the bytes are kept: the moment before the broadcast arrives.
    world.chain.lock().check_tx = Some("lost".into());
    sender(&world).round().await.unwrap();
    world.chain.lock().check_tx = None;
    let world = world.restart().await;
    sender(&world).round().await.unwrap();
    let sent = broadcasts(&world);
    assert_eq!((sent.len(), sent[0] == sent[1]), (2, true));
    assert_eq!(states(&world).await, ["prepared"]);
}

#[tokio::test]
async fn death_between_broadcast_and_confirmation_asks_first() {
    let world = World::new().await;
    queue(&world, &message("anchor/1", 0)).await;
    sender(&world).round().await.unwrap();
    world.chain.commit_last(0, "");
    let world = world.restart().await;
    sender(&world).round().await.unwrap();
    assert_eq!((states(&world).await, broadcasts(&world).len()), (vec!["confirmed".to_owned()], 1));
}

#[tokio::test]
async fn new_bytes_only_after_the_old_cannot_be_committed() {
    let world = World::new().await;
    queue(&world, &message("anchor/1", 0)).await;
    let prepared_at = world.chain.height();
    sender(&world).round().await.unwrap();
    // Up to one block behind the timeout it may still be in a block that is not indexed yet.
    while world.chain.height() < prepared_at + TIMEOUT_BLOCKS + 1 {
        world.chain.block(vec![]);
        sender(&world).round().await.unwrap();
        assert!(broadcasts(&world).iter().all(|tx| *tx == broadcasts(&world)[0]));
    }
    assert_eq!(states(&world).await, ["prepared"]);
    world.chain.block(vec![]);
    let mut sender = sender(&world);
    sender.round().await.unwrap();
    assert_eq!(states(&world).await, ["pending"]);
    sender.round().await.unwrap();
    let sent = broadcasts(&world);
    assert_ne!(sent.first(), sent.last());
    world.chain.commit_last(0, "");
    sender.round().await.unwrap();
    assert_eq!(states(&world).await, ["confirmed"]);
}

#[tokio::test]
async fn what_would_fail_is_not_sent_and_staff_is_told() {
    let world = World::new().await;
    world.chain.lock().would_fail = Some("delegate was used".into());
    let card =
        medrec_wallet::Card::of_patient(key(0).address(), key(0).encryption_key().unwrap().public().unwrap());
    let request = medrec_relayer::ops::staff::OpenRequest {
        patient_id: ALICE.into(),
        card: card.unwrap().to_text().unwrap(),
    };
    let opened = world.office.open(&request).await.unwrap();
    world.chain.account(&opened.steward);
    let mut sender = sender(&world);
    sender.round().await.unwrap();
    assert_eq!((states(&world).await, broadcasts(&world).len()), (vec!["failed".to_owned()], 0));
    let failed: Option<String> =
        sqlx::query_scalar("SELECT failed FROM openings").fetch_one(world.store.read()).await.unwrap();
    assert_eq!(failed.as_deref(), Some("delegate was used"));
    // The same card and delegate may be tried again: nothing came of the first.
    world.chain.lock().would_fail = None;
    assert_eq!(world.office.open(&request).await.unwrap().steward, opened.steward);
    sender.round().await.unwrap();
    assert_eq!(broadcasts(&world).len(), 1);
}

#[tokio::test]
async fn a_failure_in_a_block_settles_the_row() {
    let world = World::new().await;
    queue(&world, &message("anchor/1", 0)).await;
    let mut sender = sender(&world);
    sender.round().await.unwrap();
    world.chain.commit_last(5, "refused by the contract");
    sender.round().await.unwrap();
    assert_eq!(states(&world).await, ["failed"]);
    assert!(queue(&world, &message("anchor/1", 0)).await, "it may be tried again");
}

#[tokio::test]
async fn accounts_do_not_wait_for_each_other_and_each_goes_in_order() {
    let world = World::new().await;
    world.chain.account(world.keystore.account(1000).unwrap().address());
    for (content, account) in [("a1", 0), ("a2", 0), ("b1", 1000), ("c1", 1001)] {
        queue(&world, &message(content, account)).await;
    }
    let mut sender = sender(&world);
    assert_eq!(sender.round().await.unwrap(), 3);
    // 1001 has no account on chain yet: it waits, with a word why.
    assert_eq!(states(&world).await, ["prepared", "pending", "prepared", "pending"]);
    let why: Option<String> = sqlx::query_scalar("SELECT error FROM outbox WHERE content = 'c1'")
        .fetch_one(world.store.read())
        .await
        .unwrap();
    assert!(why.unwrap().contains("does not exist"));
}

#[tokio::test]
async fn one_accounts_trouble_is_no_others() {
    let world = World::new().await;
    let account = |index| world.keystore.account(index).unwrap().address().to_owned();
    for index in [1000, 1001] {
        world.chain.account(&account(index));
        queue(&world, &message(&format!("open/{index}"), index)).await;
    }
    world.chain.lock().broken_account = Some(account(1000));
    let mut sender = sender(&world);
    assert!(sender.round().await.is_err());
    assert_eq!(states(&world).await, ["pending", "prepared"]);
    world.chain.lock().broken_account = None;
    sender.round().await.unwrap();
    assert_eq!(states(&world).await, ["prepared", "prepared"]);
}

#[tokio::test]
async fn two_relationships_never_share_a_transaction_or_an_account() {
    let world = World::new().await;
    let mut stewards = Vec::new();
    for index in [0, 1] {
        let key = key(index).encryption_key().unwrap().public().unwrap();
        let card = medrec_wallet::Card::of_patient(crate::world::key(index).address(), key).unwrap();
        let request = medrec_relayer::ops::staff::OpenRequest {
            patient_id: ALICE.into(),
            card: card.to_text().unwrap(),
        };
        let steward = world.office.open(&request).await.unwrap().steward;
        world.chain.account(&steward);
        stewards.push(steward);
    }
    sender(&world).round().await.unwrap();
    let sent = broadcasts(&world);
    assert_eq!(sent.len(), 2);
    let names = |tx: &[u8], address: &str| tx.windows(address.len()).any(|part| part == address.as_bytes());
    for (tx, own, other) in [(&sent[0], &stewards[0], &stewards[1]), (&sent[1], &stewards[1], &stewards[0])] {
        assert!(names(tx, own) && !names(tx, other), "security H11");
    }
}

#[tokio::test]
async fn a_chain_out_of_reach_loses_nothing() {
    let world = World::new().await;
    queue(&world, &message("anchor/1", 0)).await;
    let mut sender = sender(&world);
    world.chain.lock().unreachable = true;
    assert!(sender.round().await.is_err());
    world.chain.lock().unreachable = false;
    sender.round().await.unwrap();
    world.chain.commit_last(0, "");
    world.chain.lock().unreachable = true;
    assert!(sender.round().await.is_err());
    world.chain.lock().unreachable = false;
    sender.round().await.unwrap();
    assert_eq!((states(&world).await, broadcasts(&world).len()), (vec!["confirmed".to_owned()], 1));
}

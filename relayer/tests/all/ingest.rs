//! Blocks become rows, entries and work: in order, once, all or nothing.

use medrec_api::{GrantKind, bounty::Category};
use medrec_clients::{Event, TxEvents};
use medrec_events::relationship::Event as Happened;
use medrec_relayer::{ingest::Error, projection};
use medrec_rules::{Party, Status};
use tokio_util::sync::CancellationToken;

use crate::{
    script::{GENESIS, abci},
    world::{ALICE, BOB, CONTRACT, World, key},
};

async fn follow(world: &World) -> Result<(), Error> {
    world.ingest.follow(&CancellationToken::new()).await
}

async fn projected(world: &World, id: u64) -> Option<projection::Relationship> {
    let mut connection = world.store.read().acquire().await.unwrap();
    projection::relationship(&mut connection, id).await.unwrap()
}

async fn count(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(world.store.read()).await.unwrap()
}

#[tokio::test]
async fn a_life_of_a_relationship_is_projected_and_told_to_the_patient() {
    let world = World::new().await;
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    assert_eq!(projected(&world, 5).await.unwrap().status, Status::Offered);
    assert_eq!(world.log_size().await, 0, "before it is accepted there is no log of it");
    let (accepted, mut patient) = world.acceptance(&key(0), 5, &steward, &sealed);
    world.happens(vec![accepted]).await;
    let secrets = count(&world, "SELECT count(kem_secret) + count(steward_part) FROM openings").await;
    assert_eq!(secrets, 0, "what read the acceptance is erased");
    let viewer = key(9).address().to_owned();
    world.grant(&mut patient, &viewer, GrantKind::Read, &["labs"], 0..u64::MAX).await;
    world.happens(vec![Happened::Revoked { id: 5, grant: 0, by: "x".into() }]).await;
    let moved = key(1).address().to_owned();
    let rotated = Happened::Rotated { id: 5, party: Party::Patient, address: moved.clone(), sealed: None };
    world.happens(vec![rotated]).await;
    world.happens(vec![Happened::Closed { id: 5, by: "x".into() }]).await;

    let found = projected(&world, 5).await.unwrap();
    assert_eq!((found.status, found.patient), (Status::Closed, moved));
    assert_eq!(found.grants[0].until, i64::MAX as u64, "a time beyond the database's range is for ever");
    assert!(found.grants[0].revoked_at.is_some_and(|at| at > GENESIS));
    assert_eq!(world.kinds(&patient).await, ["opened", "grant-seen", "revoke-seen", "closed"]);
}

async fn opted_in(world: &World, category: Category, height: u64) -> Option<Vec<u64>> {
    let mut connection = world.store.read().acquire().await.unwrap();
    projection::opted_in(&mut connection, category, height).await.unwrap()
}

#[tokio::test]
async fn a_research_choice_counts_from_the_next_block_until_another_or_the_end() {
    let world = World::new().await;
    world.relationship(ALICE, &key(0), 5).await;
    world.relationship(BOB, &key(1), 6).await;
    let laboratory = Category::Laboratory;
    let chosen = |id, categories| Happened::ResearchChosen { id, categories };
    world.happens(vec![chosen(5, laboratory.bit()), chosen(6, u8::MAX), chosen(9, u8::MAX)]).await;
    let first = world.chain.height();
    assert_eq!(opted_in(&world, laboratory, first).await, Some(vec![]), "not in its own block");
    assert_eq!(opted_in(&world, laboratory, first + 1).await, None, "a block nobody has seen");
    world.chain.block(vec![]);
    world.follow().await;
    assert_eq!(opted_in(&world, laboratory, first + 1).await, Some(vec![5, 6]));
    assert_eq!(opted_in(&world, Category::Imaging, first + 1).await, Some(vec![6]));
    assert_eq!(opted_in(&world, laboratory, first).await, Some(vec![]));
    // Out at once, also of what is asked about earlier blocks.
    world.happens(vec![chosen(5, Category::Imaging.bit())]).await;
    assert_eq!(opted_in(&world, laboratory, first + 1).await, Some(vec![6]));
    assert_eq!(opted_in(&world, Category::Imaging, first + 2).await, Some(vec![6]));
    world.happens(vec![Happened::Closed { id: 6, by: "x".into() }]).await;
    assert_eq!(opted_in(&world, laboratory, first + 3).await, Some(vec![]));
    assert_eq!(opted_in(&world, Category::Imaging, first + 3).await, Some(vec![5]));
    let closed = projected(&world, 6).await.unwrap().research;
    assert_eq!((closed.categories, closed.since_height), (0, first + 4));
    let world = world.restart().await;
    assert_eq!(opted_in(&world, Category::Imaging, first + 3).await, Some(vec![5]));
}

#[tokio::test]
async fn what_is_not_ours_or_failed_changes_nothing() {
    let world = World::new().await;
    let opened = |id: u64| -> Event {
        let (patient, steward) = ("medrec1p".to_owned(), "medrec1s".to_owned());
        abci(CONTRACT, &Happened::Opened { id, patient, steward, sealed: vec![1].into() }.into())
    };
    let mut foreign = opened(2);
    foreign.attributes[0].1 = "medrec1anothercontract".to_owned();
    let failed = TxEvents { index: 0, code: 5, events: vec![opened(1)] };
    let strangers = TxEvents { index: 1, code: 0, events: vec![opened(3), foreign] };
    world.chain.block_with(vec![failed, strangers]);
    world.follow().await;
    for event in [
        Happened::Accepted { id: 3, by: "x".into(), sealed: vec![].into() },
        Happened::Closed { id: 3, by: "x".into() },
        Happened::Revoked { id: 3, grant: 0, by: "x".into() },
    ] {
        world.happens(vec![event]).await;
    }
    assert_eq!(count(&world, "SELECT count(*) FROM relationships").await, 0);
    assert_eq!((world.log_size().await, count(&world, "SELECT count(*) FROM skipped").await), (0, 0));
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_is_recorded_and_the_line_goes_on() {
    let world = World::new().await;
    world.open(ALICE, &key(0), 5).await;
    let garbage = Happened::Accepted { id: 5, by: "x".into(), sealed: vec![7; 80].into() };
    world.happens(vec![garbage]).await;
    assert_eq!(count(&world, "SELECT count(*) FROM skipped WHERE relationship = 5").await, 1);
    assert_eq!(count(&world, "SELECT count(*) FROM ratchets").await, 0);
    world.relationship(ALICE, &key(1), 6).await;
    assert!(world.health.ready());
}

#[tokio::test]
async fn our_own_contract_breaking_its_word_stops_the_line() {
    let world = World::new().await;
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    let (accepted, _) = world.acceptance(&key(0), 5, &steward, &sealed);
    let before = world.chain.height();
    let mut broken = abci(CONTRACT, &Happened::Closed { id: 5, by: "x".into() }.into());
    broken.attributes.retain(|(name, _)| name != "id");
    world.chain.block(vec![vec![abci(CONTRACT, &accepted.into())], vec![broken]]);
    let error = follow(&world).await.unwrap_err();
    assert!(matches!(error, Error::Schema { height, .. } if height == before + 1), "{error}");
    // All of the block or nothing of it.
    assert_eq!(projected(&world, 5).await.unwrap().status, Status::Offered);
    assert_eq!(world.log_size().await, 0);
    world.chain.block(vec![]);
    assert!(matches!(follow(&world).await.unwrap_err(), Error::Schema { .. }), "no block is skipped");
    assert_eq!(count(&world, "SELECT height FROM cursor").await, before as i64);
}

#[tokio::test]
async fn a_stopped_line_turns_health_red_and_stays_alive() {
    // In two steps, as the rest of the world, its folder among it, must stay.
    let world = World::new().await;
    let World { chain, ingest, health, .. } = world;
    let mut broken = abci(CONTRACT, &Happened::Rejected { id: 5 }.into());
    broken.attributes.push(("id".into(), "6".into()));
    chain.block(vec![vec![broken]]);
    let stop = CancellationToken::new();
    let running = tokio::spawn(ingest.run(stop.clone()));
    while health.healthy() && !running.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished() && !health.ready());
    assert!(health.snapshot().stopped.unwrap().contains("update the relayer"));
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn other_chains_receding_nodes_and_silence_are_not_followed() {
    let world = World::new().await;
    world.chain.block(vec![]);
    world.follow().await;
    world.chain.lock().shown_height = Some(1);
    assert!(matches!(follow(&world).await.unwrap_err(), Error::Receding { applied: 2, found: 1 }));
    world.chain.lock().shown_height = None;
    world.chain.lock().chain_id = "another-1".into();
    assert!(matches!(follow(&world).await.unwrap_err(), Error::OtherChain { .. }));
    world.chain.lock().chain_id = crate::script::CHAIN_ID.into();
    world.chain.lock().unreachable = true;
    assert!(matches!(follow(&world).await.unwrap_err(), Error::Chain(_)));
    world.chain.lock().unreachable = false;
    // A node that answers with another block than the one asked for.
    let wrong = world.chain.lock().blocks[&1].clone();
    world.chain.lock().blocks.insert(3, wrong);
    assert!(matches!(follow(&world).await.unwrap_err(), Error::OtherBlock { asked: 3, found: 1 }));
    // A node that keeps a transaction's outcome to itself.
    let mut withheld = world.chain.lock().blocks[&2].clone();
    (withheld.0.height, withheld.1.height, withheld.0.txs) = (3, 3, 1);
    world.chain.lock().blocks.insert(3, withheld);
    let error = follow(&world).await.unwrap_err();
    assert!(matches!(error, Error::Incomplete { height: 3, wanted: 1, found: 0 }), "{error}");
    // A block of another history.
    let mut forked = world.chain.lock().blocks[&2].clone();
    (forked.0.height, forked.1.height, forked.0.last_hash) = (3, 3, Some([9; 32]));
    world.chain.lock().blocks.insert(3, forked);
    assert!(matches!(follow(&world).await.unwrap_err(), Error::OtherHistory { height: 3 }));
    assert_eq!(count(&world, "SELECT height FROM cursor").await, 2);
}

#[tokio::test]
async fn a_restart_goes_on_behind_the_cursor_and_repeats_nothing() {
    let world = World::new().await;
    let patient = world.relationship(ALICE, &key(0), 5).await;
    let (size, kinds) = (world.log_size().await, world.kinds(&patient).await);
    let world = world.restart().await;
    world.follow().await;
    world.file(5).await;
    assert_eq!((world.log_size().await, world.kinds(&patient).await), (size, kinds));
}

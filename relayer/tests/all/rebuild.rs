//! The projection made anew, compared, and put right: the same rows, and every reaction once, whichever way a fact
//! became known.

use std::{sync::Arc, time::Duration};

use medrec_api::GrantKind;
use medrec_events::relationship::Event as Happened;
use medrec_relayer::{
    chain::Chain,
    ingest::{Error, Reconcile, audit, rebuild},
    projection::{Difference, Item, Snapshot},
};
use medrec_rules::{Party, Status};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    script::GENESIS,
    world::{ALICE, BOB, Patient, World, key},
};

async fn rows(world: &World) -> Snapshot {
    let mut connection = world.store.read().acquire().await.unwrap();
    Snapshot::stored(&mut connection).await.unwrap()
}

async fn sql(world: &World, statement: &'static str) {
    let mut tx = world.store.begin().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn rebuilt(world: &World) -> Result<Vec<Difference>, Error> {
    let status = world.chain.status().await.unwrap();
    Ok(rebuild(&world.store, &world.ingest.source, &status).await?.differences)
}

fn reconcile(world: &World) -> Reconcile {
    Reconcile {
        store: world.store.clone(),
        source: world.ingest.source.clone(),
        health: world.health.clone(),
        filing: Arc::new(Notify::new()),
        pace: Duration::from_millis(1),
    }
}

async fn drift(world: &World) -> Vec<Difference> {
    reconcile(world).once().await.unwrap().unwrap()
}

/// Two relationships with all that can happen to them; the first is closed, the second rotated on both sides.
async fn lives(world: &World) -> (Patient, Patient) {
    let mut alice = world.relationship(ALICE, &key(0), 5).await;
    let mut bob = world.relationship(BOB, &key(1), 6).await;
    for patient in [&mut alice, &mut bob] {
        let until = GENESIS + 1000;
        world.grant(patient, "medrec1viewer", GrantKind::Read, &["labs"], GENESIS..until).await;
        world.grant(patient, "medrec1carer", GrantKind::Act, &["*"], GENESIS..until).await;
    }
    world.happens(vec![Happened::Revoked { id: 5, grant: 0, by: "x".into() }]).await;
    for id in [5, 6] {
        world.happens(vec![Happened::ResearchChosen { id, categories: 0b1010 }]).await;
    }
    world.happens(vec![Happened::Closed { id: 5, by: "x".into() }]).await;
    for (party, address) in [(Party::Patient, "medrec1movedpatient"), (Party::Steward, "medrec1movedsteward")]
    {
        let address = address.to_owned();
        world.happens(vec![Happened::Rotated { id: 6, party, address, sealed: None }]).await;
    }
    world.chain.block(vec![]);
    world.follow().await;
    (alice, bob)
}

#[tokio::test]
async fn a_rebuild_gives_the_rows_the_blocks_gave_and_repeats_no_reaction() {
    let world = World::new().await;
    let (alice, bob) = lives(&world).await;
    let (before, size) = (rows(&world).await, world.log_size().await);
    assert!(rebuilt(&world).await.unwrap().is_empty());
    sql(
        &world,
        "DELETE FROM grants WHERE number = 0; UPDATE grants SET ends = 7, revoked_at = 7;
         UPDATE relationships SET status = 'offered', sealed_accept = NULL, patient = 'medrec1x',
           research = 255, research_since = 0;
         UPDATE institutions SET active = 0;
         INSERT INTO institutions VALUES (99, 1, zeroblob(32));
         INSERT INTO grants SELECT 5, 9, 'medrec1intruder', kind, tags, 0, 9, NULL FROM grants LIMIT 1;",
    )
    .await;
    let differences = rebuilt(&world).await.unwrap();
    assert_eq!(differences.len(), 2 + 2 + 5, "{differences:?}");
    assert_eq!(rows(&world).await, before);
    assert_eq!(world.log_size().await, size, "nothing was told twice");
    assert_eq!(world.kinds(&alice).await[..1], ["opened"]);
    assert_eq!(world.kinds(&alice).await[4..], ["grant-seen", "grant-seen", "revoke-seen", "closed"]);
    assert_eq!(world.kinds(&bob).await.len(), 1 + 2 + 2);
    // The line goes on behind the rebuilt height.
    world.happens(vec![Happened::Revoked { id: 6, grant: 0, by: "x".into() }]).await;
    assert_eq!(world.kinds(&bob).await.last(), Some(&"revoke-seen"));
}

#[tokio::test]
async fn rows_that_cannot_be_read_do_not_stop_a_rebuild() {
    let world = World::new().await;
    lives(&world).await;
    let (before, size) = (rows(&world).await, world.log_size().await);
    sql(&world, "UPDATE grants SET tags = zeroblob(96)").await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconcile(&world).run(stop.clone()));
    while world.health.healthy() && !running.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(world.health.snapshot().stopped.unwrap().contains("medrec-relayer rebuild"));
    stop.cancel();
    running.await.unwrap().unwrap();
    rebuilt(&world).await.unwrap();
    assert_eq!((rows(&world).await, world.log_size().await), (before, size));
}

#[tokio::test]
async fn what_was_missed_while_the_node_pruned_its_blocks_is_caught_up_once() {
    let world = World::new().await;
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    // Everything while the relayer is down, and a second opening that was sent but not seen.
    let (accepted, mut alice) = world.acceptance(&key(0), 5, &steward, &sealed);
    world.chain.happens(vec![accepted]);
    for number in 0..33 {
        let mut grant = grant_event(&world, &mut alice);
        if let Happened::Granted { grant, .. } = &mut grant {
            *grant = number;
        }
        world.chain.happens(vec![grant]);
    }
    let revoked = Happened::Revoked { id: 5, grant: 32, by: "x".into() };
    world.chain.happens(vec![revoked]);
    let height = world.chain.block(vec![]);
    world.chain.lock().lowest = height;
    let error = world.ingest.follow(&CancellationToken::new()).await.unwrap_err();
    assert!(
        matches!(error, Error::Pruned { wanted: 3, lowest: Some(lowest) } if lowest == height),
        "{error}"
    );
    assert!(error.to_string().contains("medrec-relayer rebuild"));
    assert_eq!(world.log_size().await, 0);

    world.chain.lock().lowest = height - 1;
    rebuilt(&world).await.unwrap();
    let mut expected = vec!["opened"];
    expected.extend(["grant-seen"; 33]);
    expected.push("revoke-seen");
    assert_eq!(world.kinds(&alice).await, expected);
    rebuilt(&world).await.unwrap();
    world.follow().await;
    assert_eq!(world.kinds(&alice).await, expected);
    world.file(5).await;
    assert_eq!(world.kinds(&alice).await.len(), expected.len() + 3, "and her records are filed");
}

fn grant_event(world: &World, patient: &mut Patient) -> Happened {
    let terms = medrec_wallet::Terms::new(vec!["labs".into()], vec!["treatment".into()]).unwrap();
    Happened::Granted {
        id: patient.id,
        grant: 0,
        by: "x".into(),
        viewer: "medrec1viewer".into(),
        kind: GrantKind::Read,
        tags: terms.tags(&mut rand_core::OsRng, &patient.tag_key).unwrap(),
        from: GENESIS,
        until: GENESIS + world.chain.height() + 100,
        sealed: vec![1].into(),
    }
}

#[tokio::test]
async fn an_acceptance_and_an_end_that_are_found_together_leave_a_whole_log() {
    let world = World::new().await;
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    let (accepted, alice) = world.acceptance(&key(0), 5, &steward, &sealed);
    world.chain.happens(vec![accepted]);
    world.chain.happens(vec![Happened::Closed { id: 5, by: "x".into() }]);
    world.chain.block(vec![]);
    rebuilt(&world).await.unwrap();
    assert_eq!(world.kinds(&alice).await, ["opened", "closed"]);
    let wanted: i64 =
        sqlx::query_scalar("SELECT count(*) FROM filing").fetch_one(world.store.read()).await.unwrap();
    assert_eq!(wanted, 0, "closing ends filing");
}

#[tokio::test]
async fn an_opening_that_rotated_before_it_was_seen_is_still_ours() {
    let world = World::new().await;
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    let (accepted, alice) = world.acceptance(&key(0), 5, &steward, &sealed);
    // As if the opening had not been seen yet.
    sql(&world, "DELETE FROM relationships; DELETE FROM reactions; UPDATE openings SET relationship = NULL")
        .await;
    world.chain.happens(vec![accepted]);
    let address = "medrec1moved".to_owned();
    world.chain.happens(vec![Happened::Rotated { id: 5, party: Party::Steward, address, sealed: None }]);
    world.chain.block(vec![]);
    rebuilt(&world).await.unwrap();
    assert_eq!(world.kinds(&alice).await, ["opened"]);
    assert_eq!(rows(&world).await.relationships[&5].steward, "medrec1moved");
}

#[tokio::test]
async fn what_happened_before_a_log_began_is_told_when_it_begins() {
    let world = World::new().await;
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    let (accepted, mut alice) = world.acceptance(&key(0), 5, &steward, &sealed);
    world.grant(&mut alice, "medrec1carer", GrantKind::Act, &["*"], 0..u64::MAX).await;
    assert_eq!(world.log_size().await, 0);
    world.happens(vec![accepted]).await;
    assert_eq!(world.kinds(&alice).await, ["opened", "grant-seen"]);
}

#[tokio::test]
async fn others_relationships_are_not_taken_in() {
    let world = World::new().await;
    world.open(ALICE, &key(0), 5).await;
    // Another institution opens with the same patient's address.
    let (patient, steward) = (key(0).address().to_owned(), "medrec1another".to_owned());
    world.chain.happens(vec![Happened::Opened { id: 6, patient, steward, sealed: vec![1].into() }]);
    world.chain.block(vec![]);
    rebuilt(&world).await.unwrap();
    assert_eq!(rows(&world).await.relationships.keys().copied().collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn a_replay_of_every_block_equals_the_state_or_says_where_not() {
    let world = World::new().await;
    lives(&world).await;
    let (before, size) = (rows(&world).await, world.log_size().await);
    let status = world.chain.status().await.unwrap();
    let found = audit(&world.store, &world.ingest.source, &status).await.unwrap();
    assert_eq!((found.relationships, found.height), (2, world.chain.height() - 1));
    // The registrar of the script has an institution that no block tells of.
    assert_eq!(found.differences, [Difference::Missing(Item::Institution(7))]);
    // A revoke that state has and no block.
    let height = found.height;
    let grant = (6, 0);
    world.chain.lock().contract_at.get_mut(&height).unwrap().grants.get_mut(&grant).unwrap().revoked_at =
        Some(1);
    let found = audit(&world.store, &world.ingest.source, &status).await.unwrap();
    let item = Item::Grant { relationship: 6, number: 0 };
    assert!(found.differences.contains(&Difference::Other(item)), "{:?}", found.differences);
    assert_eq!(
        found.differences[1].to_string(),
        "grant 0 of relationship 6: other than in the contracts' state"
    );
    // An audit changes nothing, and needs every block.
    assert_eq!((rows(&world).await, world.log_size().await), (before, size));
    world.chain.lock().lowest = 2;
    let error = audit(&world.store, &world.ingest.source, &status).await.unwrap_err();
    assert!(matches!(error, Error::Pruned { wanted: 1, .. }), "{error}");
}

#[tokio::test]
async fn drift_is_counted_put_right_and_reacted_to() {
    let world = World::new().await;
    let (alice, bob) = lives(&world).await;
    assert_eq!(world.health.snapshot().drift, None);
    assert!(drift(&world).await.is_empty());
    assert_eq!(world.health.snapshot().drift, Some(0));
    let before = rows(&world).await;
    // A revoke whose event was lost, a grant by another hand, a status set back.
    let height = world.chain.height();
    {
        let mut state = world.chain.lock();
        let contract = state.contract_at.get_mut(&height).unwrap();
        contract.grants.get_mut(&(6, 1)).unwrap().revoked_at = Some(GENESIS + 9);
    }
    sql(
        &world,
        "INSERT INTO grants SELECT 6, 9, 'medrec1intruder', kind, tags, 0, 9, NULL FROM grants LIMIT 1;
         UPDATE relationships SET status = 'active' WHERE id = 5;",
    )
    .await;
    let kinds = (world.kinds(&alice).await, world.kinds(&bob).await);
    assert_eq!(drift(&world).await.len(), 3);
    assert_eq!(world.health.snapshot().drift, Some(3));
    let after = rows(&world).await;
    assert_eq!(after.relationships[&5], before.relationships[&5]);
    assert_eq!(after.relationships[&6].grants.len(), 2);
    assert_eq!(after.relationships[&6].grants[1].revoked_at, Some(GENESIS + 9));
    assert_eq!(world.kinds(&alice).await, kinds.0, "its end was told before");
    let told = world.kinds(&bob).await;
    assert_eq!((told.len(), told.last()), (kinds.1.len() + 1, Some(&"revoke-seen")));
    assert!(drift(&world).await.is_empty());
    assert_eq!(world.health.snapshot().drift, Some(0));
}

#[tokio::test]
async fn a_relationship_the_contracts_do_not_know_stops_everything() {
    let world = World::new().await;
    lives(&world).await;
    sql(
        &world,
        "INSERT INTO relationships (id, patient, steward, status, opened_height)
         VALUES (8, 'medrec1p', 'medrec1s', 'active', 1)",
    )
    .await;
    assert!(matches!(rebuilt(&world).await.unwrap_err(), Error::Forgotten { relationship: 8 }));
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconcile(&world).run(stop.clone()));
    while world.health.healthy() && !running.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(!world.health.ready());
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn rows_of_another_versions_rules_are_made_anew_at_the_start() {
    let world = World::new().await;
    let (alice, _) = lives(&world).await;
    let (before, kinds) = (rows(&world).await, world.kinds(&alice).await);
    sql(
        &world,
        "UPDATE meta SET value = '1' WHERE key = 'projection.permissions'; DELETE FROM grants;
         UPDATE relationships SET opened_height = 0;",
    )
    .await;
    let world = world.restart().await;
    assert_eq!((rows(&world).await, world.kinds(&alice).await), (before, kinds));
}

#[tokio::test]
async fn a_rebuild_goes_back_for_no_node_and_takes_no_other_chain() {
    let world = World::new().await;
    let (_, _) = lives(&world).await;
    let before = rows(&world).await;
    world.chain.lock().shown_height = Some(3);
    assert!(matches!(rebuilt(&world).await.unwrap_err(), Error::Receding { found: 3, .. }));
    world.chain.lock().shown_height = None;
    world.chain.lock().chain_id = "another-1".into();
    assert!(matches!(rebuilt(&world).await.unwrap_err(), Error::OtherChain { .. }));
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn pages_that_do_not_follow_each_other_are_refused() {
    let world = World::new().await;
    lives(&world).await;
    let height = world.chain.height();
    // A node that repeats itself would be asked without end.
    let page = world.chain.lock().contract_at[&height].relationships[&5].clone();
    let page = serde_json::json!({"relationships": vec![page; 30]});
    world.chain.answer(crate::world::CONTRACT, "relationships", page);
    let error = rebuilt(&world).await.unwrap_err();
    assert!(error.to_string().contains("not to be trusted"), "{error}");
    world.chain.lock().answers.remove(&(crate::world::CONTRACT.to_owned(), "relationships".to_owned()));
    // Grants that the relationship counts and the list lacks.
    world.chain.answer(crate::world::CONTRACT, "grants", serde_json::json!({"grants": []}));
    let error = rebuilt(&world).await.unwrap_err();
    assert!(error.to_string().contains("pages of grants"), "{error}");
}

#[tokio::test]
async fn a_chain_that_stands_is_said_to_stand() {
    let world = World::new().await;
    world.chain.block(vec![]);
    world.follow().await;
    assert!(world.ingest.moves().is_ok());
    world.clock.set(GENESIS + world.chain.height() + 9);
    let error = world.ingest.moves().unwrap_err();
    assert!(matches!(error, Error::Stalled { max_staleness: 8, .. }), "{error}");
}

#[tokio::test]
async fn a_rejected_offer_has_no_log_and_loses_its_secrets() {
    let world = World::new().await;
    world.open(ALICE, &key(0), 5).await;
    world.chain.happens(vec![Happened::Rejected { id: 5 }]);
    world.chain.block(vec![]);
    rebuilt(&world).await.unwrap();
    assert_eq!(rows(&world).await.relationships[&5].status, Status::Rejected);
    let secrets: i64 = sqlx::query_scalar("SELECT count(kem_secret) FROM openings")
        .fetch_one(world.store.read())
        .await
        .unwrap();
    assert_eq!((world.log_size().await, secrets), (0, 0));
}

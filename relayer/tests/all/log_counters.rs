//! The daily counter map: once a day that is over, public, and only the two parties find themselves in it.

use medrec_accesslog::{Body, CounterMap, Counters, counter_leaf};
use medrec_relayer::log::{counters, entries};

use crate::world::{ALICE, BOB, ORIGIN, World, key};

const DAY: u64 = 86_400;

/// Day and number of the newest map's entry, as everybody reads it.
async fn newest(world: &World, version: u32) -> Counters {
    let index = world.log_size().await - 1;
    let mut connection = world.store.read().acquire().await.unwrap();
    let entry = entries::one(&world.store, &mut connection, index).await.unwrap();
    match entry.open_public(ORIGIN, 17, version).unwrap().unwrap() {
        Body::Counters(counters) => counters,
        body => panic!("{body:?}"),
    }
}

async fn map(world: &World, day: u32) -> CounterMap {
    let (status, leaves) = world.get(&format!("/log/counters/{day}")).await;
    assert_eq!(status, 200);
    CounterMap::from_bytes(&leaves).unwrap()
}

#[tokio::test]
async fn days_that_are_not_there_are_not_found() {
    let world = World::new().await;
    counters::publish(&world.store, ORIGIN, 20_000 * DAY).await.unwrap();
    assert_eq!(world.get("/log/counters/19999").await.0, 200);
    for day in ["20000", "19998", "019999", "+19999", "-1", "99999999999", "x"] {
        assert_eq!(world.get(&format!("/log/counters/{day}")).await.0, 404, "{day}");
    }
}

#[tokio::test]
async fn one_map_a_day_also_when_nothing_happened_and_the_newest_after_downtime() {
    let world = World::new().await;
    let publish = async |now: u64| {
        let before = world.log_size().await;
        let newest = counters::publish(&world.store, ORIGIN, now).await.unwrap();
        let wrote = world.log_size().await > before;
        assert!(!wrote || u64::from(newest.unwrap()) == now / DAY - 1);
        wrote
    };
    assert!(publish(20_000 * DAY + 1).await);
    assert_eq!((newest(&world, 1).await.day, newest(&world, 1).await.size), (19_999, 0));
    assert!(!publish(20_000 * DAY + 1).await, "written once");
    assert!(!publish(20_001 * DAY - 1).await, "the day is not over");
    assert!(!publish(15_000 * DAY).await, "a clock set back writes nothing");
    assert!(publish(20_001 * DAY).await, "nothing happened");
    assert_eq!(newest(&world, 2).await.day, 20_000);
    assert!(publish(20_009 * DAY + 500).await, "down for a week");
    assert_eq!((newest(&world, 3).await.day, newest(&world, 3).await.size), (20_008, 2));
    assert_eq!(world.log_size().await, 3);
    assert_eq!(world.get("/log/counters/20004").await.0, 404);
    assert!(!publish(0).await && !publish(DAY - 1).await, "no day before the first");
}

#[tokio::test]
async fn patients_find_their_counters_and_nobody_else_can() {
    let world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), 5).await;
    let bob = world.relationship(BOB, &key(1), 6).await;
    counters::publish(&world.store, ORIGIN, 20_000 * DAY).await.unwrap();
    let (entry, map) = (newest(&world, 1).await, map(&world, 19_999).await);
    map.check(&entry).unwrap();
    // Opened, and her records; what she finds in the log herself.
    for patient in [&alice, &bob] {
        let own = world.scan(patient).await.found.iter().filter(|found| found.index < entry.size).count();
        assert!(map.says(&patient.tag_key, 19_999, own as u64));
        assert_eq!(map.find(&patient.tag_key, 19_999, 0..1_000), Some(own as u64));
    }
    assert_eq!(map.leaves().len(), 64, "the number of relationships does not show");
    counters::publish(&world.store, ORIGIN, 20_001 * DAY).await.unwrap();
    let next = self::map(&world, 20_000).await;
    let both = map.leaves().iter().filter(|leaf| next.leaves().contains(leaf)).count();
    assert_eq!(both, 0, "no leaf comes twice, although nothing changed");
}

/// Security H7: two entries fewer than there are, for whoever scans.
#[tokio::test]
async fn a_missing_tail_shows_by_the_next_day() {
    let world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), 5).await;
    counters::publish(&world.store, ORIGIN, 20_000 * DAY).await.unwrap();
    let scan = world.scan(&alice).await;
    let map = map(&world, 19_999).await;
    assert!(scan.is_complete(Some(scan.next)) && map.says(&alice.tag_key, 19_999, scan.next));
    // What a log without her last two entries would have her count.
    assert!(!map.says(&alice.tag_key, 19_999, scan.next - 2));
    assert!(!map.leaves().contains(&counter_leaf(&alice.tag_key, 19_999, 0)));
}

#[tokio::test]
async fn leaves_of_long_ago_are_dropped_their_entries_stay() {
    let world = World::new().await;
    for day in [20_000, 20_001, 20_402] {
        counters::publish(&world.store, ORIGIN, day * DAY).await.unwrap();
    }
    assert_eq!(world.get("/log/counters/19999").await.0, 404);
    assert_eq!(world.get("/log/counters/20001").await.0, 404, "400 days are kept");
    assert_eq!(world.get("/log/counters/20000").await.0, 404);
    assert_eq!(world.get("/log/counters/20401").await.0, 200);
    assert_eq!(world.log_size().await, 3);
}

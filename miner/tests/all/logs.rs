//! Copies of logs: whole, checked, resumed, served as the logs themselves are.

use std::{fs, process::Command};

use medrec_accesslog::Entry;
use medrec_miner::logs::Settings;
use medrec_mirror::Trouble;

use crate::{
    peer::{Deed, Peer, entries, entry},
    world::{Home, PEER, Script, World, anchor, list, settings, until},
};

#[tokio::test]
async fn a_copy_follows_its_log_and_is_the_same() {
    let peer = Peer::start(entries(0)).await;
    let world = World::of(&peer);
    for size in [0, 1, 255, 256, 257, 300, 300, 700, 1_024, 1_030] {
        peer.grow(size + 40);
        world.anchor(&entries(size));
        let standing = world.round().await;
        assert_eq!((standing.anchored, standing.size, standing.trouble), (size as u64, size as u64, None));
        if size > 0 {
            assert_eq!(world.read().await.unwrap(), entries(size), "{size}");
        }
        let view = world.mirrors.log(PEER).unwrap().view();
        assert_eq!(view.root(size as u64).unwrap(), crate::peer::root(&entries(size)));
    }
    // Tiles of every width there was are those of the log.
    for path in [
        "tile/entries/000",
        "tile/entries/002.p/1",
        "tile/entries/004.p/6",
        "tile/0/003",
        "tile/0/004.p/2",
        "tile/1/000.p/4",
        "tile/1/000.p/1",
    ] {
        let (status, bytes) = world.get(&format!("/mirrors/{PEER}/{path}")).await;
        assert_eq!(status, 200, "{path}");
        assert!(bytes == peer.serves(path).unwrap(), "{path}");
    }
    for path in
        ["08/checkpoint", "7/checkpoint", "8/tile/entries/004.p/7", "8/tile/2/000.p/1", "8/counters/1"]
    {
        assert_eq!(world.get(&format!("/mirrors/{path}")).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn proofs_hold_for_every_head_up_to_the_newest() {
    let peer = Peer::start(entries(600)).await;
    let world = World::of(&peer);
    world.anchor(&entries(600));
    world.round().await;
    let view = world.mirrors.log(PEER).unwrap().view();
    let all = entries(600);
    for size in [1u64, 2, 255, 256, 257, 511, 600] {
        let root = crate::peer::root(&all[..size as usize]);
        for index in [0, size / 2, size - 1] {
            let proof = view.inclusion(index, size).unwrap();
            let leaf = all[index as usize].leaf_hash();
            medrec_merkle::verify_inclusion(&leaf, index, size, &proof, &root).unwrap();
        }
        let proof = view.consistency(size, 600).unwrap();
        medrec_merkle::verify_consistency(size, &root, 600, &crate::peer::root(&all), &proof).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_fetched_twice() {
    let peer = Peer::start(entries(2_000)).await;
    let world = World::of(&peer);
    world.anchor(&entries(2_000));
    peer.set(Deed::Withheld("tile/entries/005"));
    let standing = world.round().await;
    assert_eq!((standing.size, standing.trouble), (1_280, Some(Trouble::Withholds)));
    peer.set(Deed::Honest);
    peer.requests();
    let world = world.reopened();
    assert_eq!(world.round().await.size, 2_000);
    let mut bundles: Vec<String> = peer.requests();
    bundles.retain(|path| path.starts_with("tile/entries"));
    bundles.sort();
    assert_eq!(bundles, ["tile/entries/005", "tile/entries/006", "tile/entries/007.p/208"]);
    assert_eq!(world.read().await.unwrap(), entries(2_000));
}

/// Every byte of a copy's files is worth as much: whichever changes, what is served and mined afterwards is right.
#[tokio::test]
async fn a_changed_bit_on_disk_is_found_and_never_used() {
    let peer = Peer::start(entries(700)).await;
    let mut world = World::of(&peer);
    world.anchor(&entries(700));
    world.round().await;
    let folder = world.home.path().join(format!("mirrors/{PEER}"));
    let places = (0..40).flat_map(|n| {
        let entry = ("entries", n * 8_969 + n);
        let bundle = ("bundles", (n * 13) % 64);
        [entry, bundle]
    });
    for (file, at) in places {
        let path = folder.join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        world = world.reopened();
        assert_eq!(world.round().await.size, 700, "{file} {at}");
        let damage = world.told.lock().unwrap().iter().any(|line| format!("{line:?}").contains("Damaged"));
        assert!(damage, "{file} {at}: nobody was told");
        assert_eq!(world.read().await.unwrap(), entries(700), "{file} {at}");
    }
    // The state: refused or repaired, but never wrong.
    let path = folder.join("state.json");
    let good = fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        world = world.reopened();
        let standing = world.round().await;
        if standing.trouble.is_none() {
            assert_eq!(world.read().await.unwrap(), entries(700), "state {at}");
        }
        fs::write(&path, &good).unwrap();
    }
}

/// A miner that has `entries`, and where it serves them.
async fn other_mirror(entries: &[Entry]) -> (Peer, World, String) {
    let peer = Peer::start(entries.to_vec()).await;
    let world = World::of(&peer);
    world.anchor(entries);
    world.round().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = medrec_mirror::router(world.mirrors.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (peer, world, url)
}

#[tokio::test]
async fn what_a_log_withholds_comes_from_other_mirrors_and_is_checked() {
    let (_honest, _whole, whole) = other_mirror(&entries(700)).await;
    let (_short, _half, half) = other_mirror(&entries(300)).await;
    let mut changed = entries(700);
    changed[500] = entry(9_999);
    let (_liar, _other, lying) = other_mirror(&changed).await;
    let peer = Peer::start(entries(700)).await;
    peer.set(Deed::Withheld("tile"));
    for (others, size) in [
        (vec![], 0),
        (vec![lying.clone()], 0),
        (vec!["http://127.0.0.1:1".to_owned(), lying, half, whole], 700),
    ] {
        let World { chain, clock, .. } = World::of(&peer);
        let world = World::open(Home::new(), chain, clock, Settings { others, ..settings() });
        world.anchor(&entries(700));
        let standing = world.round().await;
        // The log itself is in trouble all the same.
        assert_eq!((standing.size, standing.trouble), (size, Some(Trouble::Withholds)));
        if size > 0 {
            assert_eq!(world.read().await.unwrap(), entries(700));
        }
    }
}

#[tokio::test]
async fn a_copy_outlives_its_log() {
    let peer = Peer::start(entries(300)).await;
    let world = World::of(&peer);
    world.anchor(&entries(300));
    world.round().await;
    peer.requests();
    list(&world.chain, &peer.url(), "expelled");
    let world = world.reopened();
    assert_eq!(world.round().await.size, 300);
    assert!(peer.requests().is_empty());
    assert_eq!(world.read().await.unwrap(), entries(300));
}

/// The same chain only: another one, or one that was set back, must not mix two histories.
#[tokio::test]
async fn another_history_on_chain_is_refused() {
    let peer = Peer::start(entries(300)).await;
    let world = World::of(&peer);
    world.anchor(&entries(300));
    world.round().await;
    let mut other = entries(300);
    other.swap(1, 2);
    for anchored in [&entries(299)[..], &other] {
        world.anchor(anchored);
        assert_eq!(world.round().await.trouble, Some(Trouble::OtherLog));
        world.wait();
    }
    assert_eq!(world.read().await.unwrap(), entries(300));
}

const HOME: &str = "MEDREC_TEST_MIRROR_HOME";
const URL: &str = "MEDREC_TEST_MIRROR_URL";
const SIZE: usize = 20_000;

/// Not a test of its own: what `killed_at_any_moment…` starts and kills.
#[tokio::test]
#[ignore = "started by killed_at_any_moment_it_goes_on"]
async fn child() {
    let (Ok(home), Ok(url)) = (std::env::var(HOME), std::env::var(URL)) else { return };
    let world = begun(Home::Parents(home.into()), &url);
    assert_eq!(world.round().await.size, SIZE as u64);
}

fn begun(home: Home, url: &str) -> World {
    let chain = Script::default();
    list(&chain, url, "active");
    anchor(&chain, &entries(SIZE));
    World::open(home, chain, medrec_miner::clock::ManualClock::at(crate::world::GENESIS), settings())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_goes_on() {
    let peer = Peer::start(entries(SIZE)).await;
    let home = Home::new();
    // Each time it is killed further on, in the middle of bundles under way.
    for requests in [3, 11, 30, 70] {
        peer.requests();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "logs::child", "--ignored"]).env(HOME, home.path()).env(URL, peer.url());
        child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = child.spawn().unwrap();
        until("the child mirrors", || {
            peer.log.lock().unwrap().requests.len() >= requests || child.try_wait().unwrap().is_some()
        })
        .await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let world = begun(Home::Parents(home.path().into()), &peer.url());
    let standing = world.round().await;
    assert_eq!((standing.size, standing.trouble), (SIZE as u64, None));
    assert!(world.read().await.unwrap() == entries(SIZE));
}

//! Copies of other logs: whole, checked, resumed, served as the logs themselves are.

use std::process::Command;

use medrec_relayer::{
    clock::ManualClock,
    failpoint,
    mirror::{Standing, Trouble},
};

use crate::{
    mirror_peer::{Deed, Home, Mirror, PEER, Peer, anchor, entries, list, settings, until},
    script::{GENESIS, Script},
};

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let peer = Peer::start(entries(300)).await;
    let mirror = Mirror::of(&peer).await;
    let status = async |path: String| mirror.get(&path).await.0.as_u16();
    assert_eq!(status(format!("/mirrors/{PEER}/checkpoint")).await, 404, "nothing was copied yet");
    mirror.anchor(&entries(300));
    mirror.round().await;
    assert_eq!(status(format!("/mirrors/{PEER}/checkpoint")).await, 200);
    for path in [
        "0/checkpoint",
        "08/checkpoint",
        "+8/checkpoint",
        "7/checkpoint",
        "4294967296/checkpoint",
        "x/checkpoint",
        "8/tile/entries/002",
        "8/tile/entries/001",
        "8/tile/entries/001.p/45",
        "8/tile/entries/001.p/0",
        "8/tile/0/001.p/45",
        "8/tile/1/000.p/2",
        "8/tile/2/000.p/1",
        "8/tile/64/000",
        "8/tile/entries/1",
        "8/tile/entries/../../../store.sqlite",
        "8/tile/entries/%2e%2e/000",
        "8/counters/1",
        "8/counters/x",
        "8/labels/0000000000000000000000000000000000000000000000000000000000000000",
        "8/",
        "8",
    ] {
        assert_eq!(status(format!("/mirrors/{path}")).await, 404, "{path}");
    }
}

#[tokio::test]
async fn a_copy_follows_its_log_and_is_the_same() {
    let peer = Peer::start(entries(0)).await;
    let mirror = Mirror::of(&peer).await;
    assert_eq!(mirror.round().await, Standing::default(), "the chain has no such log");
    for size in [0, 1, 255, 256, 257, 300, 300, 700, 1_024, 1_030] {
        peer.grow(size + 40);
        mirror.anchor(&entries(size));
        let expected = Standing { anchored: size as u64, size: size as u64, trouble: None };
        assert_eq!(mirror.round().await, expected);
        if size > 0 {
            assert_eq!(mirror.read().await.unwrap(), entries(size), "{size}");
        }
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
        let (status, bytes) = mirror.get(&format!("/mirrors/{PEER}/{path}")).await;
        let theirs = reqwest::get(format!("{}/log/{path}", peer.url())).await.unwrap().bytes().await.unwrap();
        assert_eq!(status, 200, "{path}");
        assert!(bytes == theirs, "{path}");
    }
}

#[tokio::test]
async fn nothing_is_fetched_twice() {
    let peer = Peer::start(entries(2_000)).await;
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&entries(2_000));
    peer.set(Deed::Withheld("tile/entries/005"));
    assert_eq!(mirror.round().await.trouble, Some(Trouble::Withholds));
    peer.set(Deed::Honest);
    peer.requests();
    let mirror = mirror.reopened().await;
    assert_eq!(mirror.round().await.size, 2_000);
    let mut bundles: Vec<String> = peer.requests();
    bundles.retain(|path| path.starts_with("tile/entries"));
    bundles.sort();
    assert_eq!(bundles, ["tile/entries/005", "tile/entries/006", "tile/entries/007.p/208"]);
    assert_eq!(mirror.read().await.unwrap(), entries(2_000));
}

#[tokio::test]
async fn a_damaged_file_is_never_served_and_fetched_again() {
    let peer = Peer::start(entries(700)).await;
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&entries(700));
    mirror.round().await;
    let folder = mirror.home.path().join(format!("mirrors/{PEER}/tile/entries"));
    for (file, path) in
        [("001", "tile/entries/001"), ("001", "tile/0/001"), ("002.p/188", "tile/entries/002.p/7")]
    {
        let mut bytes = std::fs::read(folder.join(file)).unwrap();
        bytes[100] ^= 1;
        std::fs::write(folder.join(file), &bytes).unwrap();
        assert_eq!(mirror.get(&format!("/mirrors/{PEER}/{path}")).await.0, 503, "{path}");
        assert!(mirror.read().await.is_err());
        assert_eq!(mirror.round().await.trouble, None);
        assert_eq!(mirror.read().await.unwrap(), entries(700), "{path}");
    }
    // Lost while the relayer was down: found at its first look.
    std::fs::remove_file(folder.join("000")).unwrap();
    std::fs::remove_dir_all(folder.join("002.p")).unwrap();
    let mirror = mirror.reopened().await;
    assert_eq!(mirror.round().await.trouble, None);
    assert_eq!(mirror.read().await.unwrap(), entries(700));
}

#[tokio::test]
async fn a_copy_outlives_its_log() {
    let peer = Peer::start(entries(300)).await;
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&entries(300));
    mirror.round().await;
    peer.requests();
    list(&mirror.chain, &peer.url(), "expelled");
    mirror.round().await;
    assert!(peer.requests().is_empty());
    assert_eq!(mirror.read().await.unwrap(), entries(300));
}

/// The same chain only: another one, or one that was set back, must not mix two histories.
#[tokio::test]
async fn another_history_on_chain_is_refused() {
    let peer = Peer::start(entries(300)).await;
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&entries(300));
    mirror.round().await;
    let mut other = entries(300);
    other.swap(1, 2);
    for anchored in [&entries(299)[..], &other] {
        mirror.anchor(anchored);
        assert_eq!(mirror.round().await.trouble, Some(Trouble::OtherLog));
        mirror.wait();
    }
    assert_eq!(mirror.read().await.unwrap(), entries(300));
}

const HOME: &str = "MEDREC_TEST_MIRROR_HOME";
const URL: &str = "MEDREC_TEST_MIRROR_URL";
const SIZE: usize = 20_000;

/// Not a test of its own: what `killed_at_every_point…` starts and kills.
#[tokio::test]
#[ignore = "started by killed_at_every_point_it_goes_on"]
async fn child() {
    let (Ok(home), Ok(url)) = (std::env::var(HOME), std::env::var(URL)) else { return };
    let chain = Script::new();
    list(&chain, &url, "active");
    anchor(&chain, &entries(SIZE));
    let mirror = Mirror::open(Home::Parents(home.into()), chain, ManualClock::at(GENESIS), settings()).await;
    assert_eq!(mirror.round().await.size, SIZE as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_point_it_goes_on() {
    let peer = Peer::start(entries(SIZE)).await;
    for point in failpoint::ALL.iter().filter(|point| point.starts_with("mirror.")) {
        for nth in 1..=2 {
            let home = tempfile::tempdir().unwrap();
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", "mirror::child", "--ignored"]).env(HOME, home.path()).env(URL, peer.url());
            child.env("MEDREC_FAILPOINT", format!("{point}:{nth}"));
            child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let mut child = child.spawn().unwrap();
            let mut ended = None;
            until("the child is killed", || {
                ended = child.try_wait().unwrap();
                ended.is_some()
            })
            .await;
            let signal = std::os::unix::process::ExitStatusExt::signal(&ended.unwrap());
            assert_eq!(signal, Some(9), "{point}:{nth}");

            let chain = Script::new();
            list(&chain, &peer.url(), "active");
            anchor(&chain, &entries(SIZE));
            let mirror = Mirror::open(Home::Own(home), chain, ManualClock::at(GENESIS), settings()).await;
            let expected = Standing { anchored: SIZE as u64, size: SIZE as u64, trouble: None };
            assert_eq!(mirror.round().await, expected, "{point}:{nth}");
            assert!(mirror.read().await.unwrap() == entries(SIZE), "{point}:{nth}");
        }
    }
}

//! Logs that lie, withhold, never end or lead elsewhere: named, never served, and no way into our own network.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::Router;
use medrec_accesslog::{CounterMap, Counters, Entry, seal_counters};
use medrec_relayer::{
    config,
    mirror::{Standing, Trouble},
};

use crate::mirror_peer::{Deed, Mirror, ORIGIN, PEER, Peer, entries, settings};

/// A copy of 300 honest entries whose log then grows to 1,000 and misbehaves.
async fn misbehaves(deed: Deed) -> (Peer, Mirror, Standing) {
    let peer = Peer::start(entries(300)).await;
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&entries(300));
    assert_eq!(mirror.round().await, Standing { anchored: 300, size: 300, trouble: None });
    peer.grow(1_000);
    mirror.anchor(&entries(1_000));
    peer.set(deed);
    let standing = mirror.round().await;
    (peer, mirror, standing)
}

#[tokio::test]
async fn what_is_not_what_the_chain_has_is_named_and_never_served() {
    let cases = [
        // Hashes of bundles that are here are not asked for again: this is not seen, and does no harm.
        (Deed::Rewritten(10), None),
        (Deed::Altered(299), Some(Trouble::Lies)),
        (Deed::Altered(300), Some(Trouble::Lies)),
        (Deed::Altered(600), Some(Trouble::Lies)),
        (Deed::Altered(999), Some(Trouble::Lies)),
        (Deed::Rewritten(600), Some(Trouble::Lies)),
        (Deed::Swapped(500, 501), Some(Trouble::Lies)),
        (Deed::Swapped(500, 900), Some(Trouble::Lies)),
        (Deed::Longer("tile/entries/002"), Some(Trouble::Endless)),
        (Deed::Shorter("tile/entries/002"), Some(Trouble::Lies)),
        (Deed::Shorter("tile/1"), Some(Trouble::Lies)),
        (Deed::Endless("tile/entries/002"), Some(Trouble::Endless)),
        (Deed::Endless("tile/1"), Some(Trouble::Endless)),
        (Deed::Withheld("tile/entries/002"), Some(Trouble::Withholds)),
        (Deed::Withheld("tile/1"), Some(Trouble::Withholds)),
        (Deed::Withheld(""), Some(Trouble::Withholds)),
        (Deed::Slow("tile/entries/002"), Some(Trouble::Slow)),
        (Deed::Slow("tile/1"), Some(Trouble::Slow)),
    ];
    for (deed, trouble) in cases {
        let (peer, mirror, standing) = misbehaves(deed.clone()).await;
        let size = if trouble.is_none() { 1_000 } else { 300 };
        assert_eq!(standing, Standing { anchored: 1_000, size, trouble }, "{deed:?}");
        assert_eq!(mirror.read().await.unwrap(), entries(size as usize), "{deed:?}");
        peer.set(Deed::Honest);
        mirror.wait();
        assert_eq!(
            mirror.round().await,
            Standing { anchored: 1_000, size: 1_000, trouble: None },
            "{deed:?}"
        );
        assert_eq!(mirror.read().await.unwrap(), entries(1_000), "{deed:?}");
    }
}

/// The anchored entries are copied all the same: they are what the chain vouches for.
#[tokio::test]
async fn a_checkpoint_that_contradicts_the_chain_is_named() {
    let cases = [
        (Deed::Shrunk(299), Trouble::Shrunk, true),
        (Deed::Shrunk(0), Trouble::Shrunk, true),
        (Deed::Forked, Trouble::Forked, true),
        (Deed::ForkedAhead, Trouble::Withholds, false),
        (Deed::Other, Trouble::Lies, false),
        (Deed::Endless("checkpoint"), Trouble::Endless, false),
        (Deed::Slow("checkpoint"), Trouble::Slow, false),
        (Deed::Withheld("checkpoint"), Trouble::Withholds, false),
    ];
    for (deed, trouble, is_evidence) in cases {
        let (_peer, mirror, standing) = misbehaves(deed.clone()).await;
        assert_eq!(standing, Standing { anchored: 1_000, size: 1_000, trouble: Some(trouble) }, "{deed:?}");
        assert_eq!(mirror.read().await.unwrap(), entries(1_000), "{deed:?}");
        let kept = evidence(&mirror).await;
        assert_eq!(!kept.is_empty(), is_evidence, "{deed:?}");
        for (institution, note) in kept {
            assert_eq!(institution, i64::from(PEER));
            crate::mirror_peer::signer().public().verify_note(&note).unwrap();
        }
    }
}

async fn evidence(mirror: &Mirror) -> Vec<(i64, String)> {
    sqlx::query_as("SELECT institution, note FROM mirror_evidence")
        .fetch_all(mirror.store.read())
        .await
        .unwrap()
}

#[tokio::test]
async fn one_contradiction_is_kept_once() {
    let (_peer, mirror, _) = misbehaves(Deed::Forked).await;
    for _ in 0..3 {
        mirror.wait();
        assert_eq!(mirror.round().await.trouble, Some(Trouble::Forked));
    }
    assert_eq!(evidence(&mirror).await.len(), 1);
}

/// A fork that goes on ahead of the anchor, with all tiles to show for it.
#[tokio::test]
async fn a_log_that_goes_on_from_another_history_is_named() {
    let peer = Peer::start(entries(1_000)).await;
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&entries(1_000));
    mirror.round().await;
    let mut forked: Vec<Entry> = entries(1_300);
    forked.swap(10, 20);
    peer.log.lock().unwrap().entries = forked;
    assert_eq!(mirror.round().await.trouble, Some(Trouble::Forked));
    assert_eq!(evidence(&mirror).await.len(), 1);
    assert_eq!(mirror.read().await.unwrap(), entries(1_000));
}

/// Whoever is listed could have us knock at doors of our own network, with our own address.
#[tokio::test]
async fn redirects_lead_nowhere() {
    let hits = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let inside = listener.local_addr().unwrap();
    let count = hits.clone();
    let routes = Router::new().fallback(move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        "secret"
    });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    for prefix in ["tile/1", "tile/entries/002", "checkpoint"] {
        let deed = Deed::Redirected(prefix, format!("http://{inside}/log/checkpoint"));
        let (_peer, _mirror, standing) = misbehaves(deed).await;
        assert_eq!(standing.trouble, Some(Trouble::Redirects), "{prefix}");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn our_own_network_is_not_asked_unless_configured() {
    let peer = Peer::start(entries(300)).await;
    let outside = config::Mirror { allow_private: false, ..settings() };
    let mirror = Mirror::with(&peer, outside).await;
    mirror.anchor(&entries(300));
    for url in [peer.url(), format!("http://localhost:{}", peer.address.port()), "file:///etc/passwd".into()]
    {
        crate::mirror_peer::list(&mirror.chain, &url, "active");
        let expected = Standing { anchored: 300, size: 0, trouble: Some(Trouble::Address) };
        assert_eq!(mirror.round().await, expected, "{url}");
        mirror.wait();
    }
    assert!(peer.requests().is_empty());
    assert_eq!(mirror.get(&format!("/mirrors/{PEER}/checkpoint")).await.0, 404);
}

#[tokio::test]
async fn a_log_beyond_the_bound_is_not_fetched() {
    let peer = Peer::start(entries(300)).await;
    let mirror = Mirror::with(&peer, config::Mirror { max_entries: 299, ..settings() }).await;
    mirror.anchor(&entries(300));
    assert_eq!(mirror.round().await.trouble, Some(Trouble::TooLarge));
    assert!(peer.requests().is_empty());
}

/// A log in trouble is asked less and less often, and soon again once all is well.
#[tokio::test]
async fn trouble_makes_pauses() {
    let (peer, mirror, _) = misbehaves(Deed::Withheld("")).await;
    peer.requests();
    mirror.round().await;
    assert!(peer.requests().is_empty(), "the pause is not over");
    let poll = settings().poll_seconds;
    let now = || medrec_relayer::clock::Clock::now(&mirror.clock);
    mirror.clock.set(now() + poll);
    mirror.round().await;
    assert!(!peer.requests().is_empty());
    mirror.clock.set(now() + poll);
    mirror.round().await;
    assert!(peer.requests().is_empty(), "twice as long now");
    peer.set(Deed::Honest);
    mirror.clock.set(now() + poll);
    assert_eq!(mirror.round().await.trouble, None);
    mirror.round().await;
    assert!(!peer.requests().is_empty());
}

/// A log of 300 entries, the last of which promises a map of `promised` bytes.
async fn maps(size: u64, served: &CounterMap, promised: &CounterMap) -> (Peer, Mirror) {
    let counters = Counters { at: 9, day: 20_000, size, leaves: 64, root: promised.root() };
    let mut log = entries(299);
    log.push(seal_counters(ORIGIN, 1, &counters).unwrap());
    let peer = Peer::start(log.clone()).await;
    peer.log.lock().unwrap().maps = vec![(20_000, served.to_bytes())];
    let mirror = Mirror::of(&peer).await;
    mirror.anchor(&log);
    (peer, mirror)
}

fn map(seed: u8) -> CounterMap {
    let mut leaf = [seed; 32];
    CounterMap::new([], || {
        leaf[0] += 1;
        leaf
    })
}

#[tokio::test]
async fn counter_maps_are_those_that_the_log_promised() {
    let path = format!("/mirrors/{PEER}/counters/20000");
    let (_peer, mirror) = maps(299, &map(2), &map(1)).await;
    assert_eq!(mirror.round().await.trouble, Some(Trouble::Lies), "other leaves");
    assert_eq!(mirror.get(&path).await.0, 404);
    let (_peer, mirror) = maps(298, &map(1), &map(1)).await;
    assert_eq!(mirror.round().await.trouble, Some(Trouble::Lies), "its entry says another size");
    assert_eq!(mirror.get(&path).await.0, 404);

    let (peer, mirror) = maps(299, &map(1), &map(1)).await;
    peer.set(Deed::Withheld("counters/"));
    let withheld = Standing { anchored: 300, size: 300, trouble: Some(Trouble::Withholds) };
    assert_eq!(mirror.round().await, withheld);
    assert_eq!(mirror.get(&path).await.0, 404);
    peer.set(Deed::Endless("counters/"));
    mirror.wait();
    assert_eq!(mirror.round().await.trouble, Some(Trouble::Endless));
    peer.set(Deed::Honest);
    mirror.wait();
    assert_eq!(mirror.round().await.trouble, None);
    assert_eq!(mirror.get(&path).await, (200.try_into().unwrap(), map(1).to_bytes()));
    assert_eq!(mirror.get(&format!("/mirrors/{PEER}/counters/020000")).await.0, 404);
    peer.requests();
    mirror.round().await;
    assert!(!peer.requests().iter().any(|path| path.starts_with("counters")), "it is here already");
}

//! Logs that lie, withhold, never end or lead elsewhere: named, and never mined or served.

use medrec_miner::{events::Event, logs::Standing};
use medrec_mirror::Trouble;

use crate::{
    peer::{Deed, Peer, entries},
    world::{PEER, World, list, settings},
};

/// A copy of 300 honest entries whose log then grows to 1,000 and misbehaves.
async fn misbehaves(deed: Deed) -> (Peer, World, Standing) {
    let peer = Peer::start(entries(300)).await;
    let world = World::of(&peer);
    world.anchor(&entries(300));
    assert_eq!(world.round().await.size, 300);
    peer.grow(1_000);
    world.anchor(&entries(1_000));
    peer.set(deed);
    let standing = world.round().await;
    (peer, world, standing)
}

#[tokio::test]
async fn what_is_not_what_the_chain_has_is_named_and_never_kept() {
    let cases = [
        (Deed::Altered(299), Trouble::Lies),
        (Deed::Altered(300), Trouble::Lies),
        (Deed::Altered(600), Trouble::Lies),
        (Deed::Altered(999), Trouble::Lies),
        (Deed::Rewritten(600), Trouble::Lies),
        (Deed::Swapped(500, 501), Trouble::Lies),
        (Deed::Swapped(500, 900), Trouble::Lies),
        (Deed::Longer("tile/entries/002"), Trouble::Endless),
        (Deed::Shorter("tile/entries/002"), Trouble::Lies),
        (Deed::Shorter("tile/1"), Trouble::Lies),
        (Deed::Endless("tile/entries/002"), Trouble::Endless),
        (Deed::Endless("tile/1"), Trouble::Endless),
        (Deed::Withheld("tile/entries/002"), Trouble::Withholds),
        (Deed::Withheld("tile/1"), Trouble::Withholds),
        (Deed::Withheld(""), Trouble::Withholds),
        (Deed::Slow("tile/entries/002"), Trouble::Slow),
        (Deed::Redirected("tile/1", "http://127.0.0.1:1/".into()), Trouble::Redirects),
    ];
    for (deed, trouble) in cases {
        let (peer, world, standing) = misbehaves(deed.clone()).await;
        assert_eq!(standing.trouble, Some(trouble), "{deed:?}");
        assert_eq!(world.read().await.unwrap(), entries(300), "{deed:?}: the old head is served");
        // Whatever is here is what was anchored.
        let view = world.mirrors.log(PEER).unwrap().view();
        for (index, entry) in (0..view.len()).zip(entries(1_000)) {
            assert_eq!(view.entries.get(index), Some(entry.as_bytes()), "{deed:?}");
        }
        let named = world.told.lock().unwrap().iter().any(|line| match &line.event {
            Event::Caught { institution, name, .. } => {
                trouble.is_lie() && *institution == PEER && name == "North"
            }
            Event::Lacking { institution, .. } => !trouble.is_lie() && *institution == PEER,
            _ => false,
        });
        assert!(named, "{deed:?}");
        peer.set(Deed::Honest);
        world.wait();
        let standing = world.round().await;
        assert_eq!((standing.size, standing.trouble), (1_000, None), "{deed:?}");
        assert_eq!(world.read().await.unwrap(), entries(1_000), "{deed:?}");
    }
}

/// The anchored entries are copied all the same: they are what the chain vouches for.
#[tokio::test]
async fn a_checkpoint_that_contradicts_the_chain_is_named() {
    let cases = [
        (Deed::Shrunk(299), Trouble::Shrunk, true),
        (Deed::Forked, Trouble::Forked, true),
        (Deed::ForkedAhead, Trouble::Withholds, false),
        (Deed::Other, Trouble::Lies, false),
        (Deed::Endless("checkpoint"), Trouble::Endless, false),
        (Deed::Withheld("checkpoint"), Trouble::Withholds, false),
    ];
    for (deed, trouble, is_evidence) in cases {
        let (_peer, world, standing) = misbehaves(deed.clone()).await;
        assert_eq!((standing.size, standing.trouble), (1_000, Some(trouble)), "{deed:?}");
        world.wait();
        let shown = world.look().await;
        assert_eq!(!shown.is_empty(), is_evidence, "{deed:?}");
        assert_eq!(world.read().await.unwrap(), entries(1_000), "{deed:?}");
    }
}

#[tokio::test]
async fn our_own_network_is_not_asked_unless_configured() {
    let peer = Peer::start(entries(300)).await;
    let world = World::of(&peer);
    let outside = medrec_miner::logs::Settings { allow_private: false, ..settings() };
    let world = World::open(world.home, world.chain, world.clock, outside);
    world.anchor(&entries(300));
    for url in [peer.url(), "file:///etc/passwd".into()] {
        list(&world.chain, &url, "active");
        let standing = world.round().await;
        assert_eq!((standing.size, standing.trouble), (0, Some(Trouble::Address)), "{url}");
        world.wait();
    }
    assert!(peer.requests().is_empty());
}

#[tokio::test]
async fn a_log_beyond_the_bound_is_not_fetched() {
    let peer = Peer::start(entries(300)).await;
    let world = World::of(&peer);
    let small = medrec_miner::logs::Settings { max_entries: 299, ..settings() };
    let world = World::open(world.home, world.chain, world.clock, small);
    world.anchor(&entries(300));
    assert_eq!(world.round().await.trouble, Some(Trouble::TooLarge));
    assert!(peer.requests().is_empty());
}

/// A log in trouble is asked less and less often, and soon again once all is well.
#[tokio::test]
async fn trouble_makes_pauses() {
    let (peer, world, _) = misbehaves(Deed::Withheld("")).await;
    peer.requests();
    world.round().await;
    assert!(peer.requests().is_empty(), "the pause is not over");
    world.wait();
    peer.set(Deed::Honest);
    assert_eq!(world.round().await.trouble, None);
    world.round().await;
    assert!(!peer.requests().is_empty());
}

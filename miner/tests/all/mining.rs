//! The search: lanes, skipping, stale work, and seals that the contract's check accepts.

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use cosmwasm_std::Binary;
use medrec_api::authlog::{ExecuteMsg, SealedHead, TemplateResponse, Watched};
use medrec_miner::{
    identity::Identity,
    logs::Region,
    measure,
    mine::{Crew, Found, Holding, Job, Nonces, Pace, Search},
    work::{self, Work},
};
use medrec_pow::{RECALLS, Target, U256, check};
use medrec_seals::{Head, HeadsTree, Watched as Contract, sealed_root, verify};
use proptest::prelude::*;
use tokio::sync::mpsc;

use crate::{
    peer::{ORIGIN, Peer, entries, root},
    world::{CHAIN_ID, PEER, SLOT, World, until},
};

/// One in `tries` tries is a seal.
fn target(tries: u64) -> Target {
    Target::of_work(&U256::from(tries))
}

fn job(number: u64, size: u64, held: u64, target: Target) -> Job {
    let mut holding = Holding::default();
    holding.add(0, size, (0..held).map(measure::entry).collect());
    Job { number, header: [number as u8; 32], target, holding }
}

proptest! {
    #[test]
    fn lanes_never_overlap(cores in 1u32..9, start: u64, each in 1usize..200) {
        let lanes: Vec<Vec<u64>> =
            (0..cores).map(|core| Nonces::new(core, cores, start).take(each).collect()).collect();
        let all: BTreeSet<u64> = lanes.iter().flatten().copied().collect();
        prop_assert_eq!(all.len(), each * cores as usize);
        for (core, lane) in (0u64..).zip(&lanes) {
            prop_assert!(lane.iter().all(|nonce| nonce % u64::from(cores) == core));
        }
    }
}

/// The search finds what a plain loop over `medrec_pow` finds, and nothing else.
#[test]
fn it_finds_every_seal_of_its_nonces_and_no_other() {
    let job = job(3, 50, 50, target(20));
    let mut search = Search::new(&job, Nonces::new(0, 1, 0));
    let mut found = BTreeSet::new();
    while search.nonces().next().unwrap() < 2_000 {
        found.extend(search.run(8).map(|found| (found.nonce, found.mix)));
    }
    let plain: BTreeSet<_> = (0..1_900u64)
        .filter_map(|nonce| {
            let entry = |_, number| Ok::<_, medrec_pow::Error>(measure::entry(number));
            Some((nonce, check(&job.header, nonce, 50, &job.target, entry).ok()?))
        })
        .collect();
    found.retain(|(nonce, _)| *nonce < 1_900);
    assert_eq!(found, plain);
    assert!(plain.len() > 50, "{}", plain.len());
}

#[test]
fn tries_that_need_what_is_not_here_are_skipped() {
    let half = job(1, 100, 50, target(2));
    let mut search = Search::new(&half, Nonces::new(0, 1, 0));
    let (mut seals, mut tally) = (0, (0, 0));
    for _ in 0..20_000 {
        if let Some(found) = search.run(1) {
            seals += 1;
            check(&half.header, found.nonce, 100, &half.target, |_, number| {
                assert!(number < 50, "an entry that is not here was used");
                Ok::<_, medrec_pow::Error>(measure::entry(number))
            })
            .unwrap();
        }
        let done = search.take_tally();
        tally = (tally.0 + done.tries, tally.1 + done.skipped);
    }
    // (1/2)^8 of the tries go through.
    let share = tally.0 as f64 / (tally.0 + tally.1) as f64;
    assert!((0.003..0.005).contains(&share), "{share}");
    assert!(seals > 100, "{seals}");
    let nothing = job(1, 100, 0, target(1));
    let mut search = Search::new(&nothing, Nonces::new(0, 1, 0));
    assert!(search.is_idle());
    assert_eq!(search.run(100), None);
}

#[test]
fn without_entries_zeros_are_recalled() {
    let empty = job(1, 0, 0, target(4));
    let mut search = Search::new(&empty, Nonces::new(0, 1, 0));
    let found = loop {
        if let Some(found) = search.run(1) {
            break found;
        }
    };
    let none = |_, _| -> Result<_, medrec_pow::Error> { panic!("there are no entries") };
    assert_eq!(check(&empty.header, found.nonce, 0, &empty.target, none).unwrap(), found.mix);
}

fn crew(cores: u32, share: u8) -> (Crew, mpsc::UnboundedReceiver<Found>) {
    let (send, found) = mpsc::unbounded_channel();
    let pace = Pace { cores: NonZeroU32::new(cores).unwrap(), share };
    (Crew::start(pace, 99, &send).unwrap(), found)
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_work_is_dropped() {
    let (crew, mut found) = crew(2, 100);
    crew.set(Some(job(1, 50, 50, Target::HARDEST)));
    until("tries of the first job", || crew.rate().tries > 1_000).await;
    crew.set(Some(job(2, 50, 50, target(50))));
    let hit = found.recv().await.unwrap();
    assert_eq!(hit.number, 2);
    // Nobody works on what was taken away.
    crew.set(None);
    let mut before = crew.rate();
    until("rest", || {
        let now = crew.rate();
        let rests = now == before;
        before = now;
        rests
    })
    .await;
    drop(crew);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_found_waits_for_the_next_job() {
    let (crew, mut found) = crew(1, 50);
    for number in 1..5 {
        crew.set(Some(job(number, 50, 50, target(1))));
        assert_eq!(found.recv().await.unwrap().number, number);
        assert!(tokio::time::timeout(Duration::from_millis(20), found.recv()).await.is_err());
    }
}

fn template(number: u64, heads: &[Head], target: Target) -> TemplateResponse {
    let tree = HeadsTree::new(heads).unwrap();
    let watched = [Contract { contract: "registrar", size: 4, root: [5; 32], checksum: [6; 32] }];
    TemplateResponse {
        number,
        previous: Binary::from([9; 32]),
        sealed: Binary::from(sealed_root(&tree.root(), watched)),
        entries: tree.root().sum,
        target: Binary::from(target.to_be_bytes()),
        frozen_at: 1_800_000_000,
        heads: heads
            .iter()
            .map(|head| SealedHead {
                slot: head.slot,
                origin: head.origin.clone(),
                size: head.size,
                root: Binary::from(head.root),
            })
            .collect(),
        watched: vec![Watched {
            contract: "registrar".into(),
            size: 4,
            root: Binary::from([5; 32]),
            checksum: Binary::from([6; 32]),
        }],
    }
}

fn head(size: usize) -> Head {
    Head { slot: SLOT, origin: ORIGIN.into(), size: size as u64, root: root(&entries(size)) }
}

fn found(work: &Work) -> Found {
    let job = work.job();
    let mut search = Search::new(&job, Nonces::new(0, 1, 0));
    loop {
        if let Some(found) = search.run(8) {
            return found;
        }
    }
}

#[tokio::test]
async fn a_seal_is_sent_as_the_contract_checks_it() {
    let peer = Peer::start(entries(700)).await;
    let world = World::of(&peer);
    world.anchor(&entries(700));
    world.round().await;
    let identity = Identity::generate().unwrap();
    let view = world.mirrors.log(PEER).unwrap().view();
    // Attested is less than what is here.
    for size in [1, 256, 300, 700] {
        let template = template(7, &[head(size)], target(30));
        let work = Work::new(template, CHAIN_ID, "authlog", "medrec1me", |_| Some(view.clone())).unwrap();
        assert_eq!(work.entries(), (size as u64, size as u64));
        let found = found(&work);
        let submission = work.submission(&found, &identity).unwrap();
        let ExecuteMsg::Seal { nonce, signature, recalls } = &submission.msg else { panic!() };
        let seal = verify(&work.header(), &work.root(), *nonce, recalls).unwrap();
        assert_eq!((seal.mix, seal.id), (found.mix, submission.seal.id));
        assert_eq!(signature.as_slice(), identity.sign(&seal.id));
        // For nobody else, and of no other number.
        for (chain, miner, number) in
            [("other", "medrec1me", 7), (CHAIN_ID, "medrec1you", 7), (CHAIN_ID, "medrec1me", 8)]
        {
            let other = medrec_pow::Header { chain_id: chain, miner, number, ..work.header() };
            assert!(verify(&other, &work.root(), *nonce, recalls).is_err());
        }
    }
}

#[tokio::test]
async fn part_of_a_log_is_mined_and_another_history_is_not() {
    let peer = Peer::start(entries(700)).await;
    let world = World::of(&peer);
    world.anchor(&entries(300));
    world.round().await;
    let view = world.mirrors.log(PEER).unwrap().view();
    let of = |heads: &[Head]| {
        Work::new(template(1, heads, target(1)), CHAIN_ID, "authlog", "me", |_| Some(view.clone())).unwrap()
    };
    let work = of(&[head(700)]);
    assert_eq!(work.entries(), (700, 300));
    assert_eq!(work.missing().collect::<Vec<_>>(), [(SLOT, 300)]);
    let other = Head { root: [3; 32], ..head(300) };
    assert_eq!(of(&[other]).entries(), (300, 0));
    let elsewhere = Head { origin: "log.south.test".into(), ..head(300) };
    assert_eq!(of(&[elsewhere]).entries(), (300, 0));
}

/// A node that changes a template would have us work for nothing.
#[test]
fn a_template_that_does_not_add_up_is_refused() {
    type Change = fn(&mut TemplateResponse);
    let honest = template(1, &[head(3)], target(1));
    let work = |template| Work::new(template, CHAIN_ID, "authlog", "me", |_| None);
    assert_eq!(work(honest.clone()).unwrap().entries(), (3, 0));
    let changes: [Change; 7] = [
        |t| t.entries += 1,
        |t| t.heads[0].size += 1,
        |t| t.heads[0].slot += 1,
        |t| t.heads.clear(),
        |t| t.sealed = Binary::from([0; 32]),
        |t| t.watched[0].size += 1,
        |t| t.watched[0].checksum = Binary::from([0; 32]),
    ];
    for change in changes {
        let mut changed = honest.clone();
        change(&mut changed);
        assert!(matches!(work(changed), Err(work::Error::NotSealed { number: 1 })));
    }
    let changes: [Change; 3] = [
        |t| t.target = Binary::from([0; 32]),
        |t| t.target = Binary::from([1; 31]),
        |t| t.previous = Binary::default(),
    ];
    for change in changes {
        let mut changed = honest.clone();
        change(&mut changed);
        assert!(matches!(work(changed), Err(work::Error::Field { number: 1, .. })));
    }
}

/// A bit that changes in memory costs the seal, not our name.
#[tokio::test]
async fn our_own_check_comes_first() {
    let peer = Peer::start(entries(300)).await;
    let world = World::of(&peer);
    world.anchor(&entries(300));
    world.round().await;
    let mut view = world.mirrors.log(PEER).unwrap().view();
    let mut bad: Vec<[u8; 512]> = (0..300).map(|index| *view.entries.get(index).unwrap()).collect();
    bad.iter_mut().for_each(|entry| entry[511] ^= 1);
    let template = template(1, &[head(300)], target(1));
    let honest = view.clone();
    let work = Work::new(template.clone(), CHAIN_ID, "authlog", "me", |_| Some(honest.clone())).unwrap();
    let hit = found(&work);
    view.entries = bad.into_iter().collect::<Region>();
    // Its root is not asked for while the log is longer than what is here.
    let long = Head { size: 301, ..head(300) };
    let longer = self::template(1, &[long], target(1));
    let work = Work::new(longer, CHAIN_ID, "authlog", "me", |_| Some(view.clone())).unwrap();
    let identity = Identity::generate().unwrap();
    assert!(work.submission(&hit, &identity).is_err());
    assert_eq!(RECALLS, 8);
}

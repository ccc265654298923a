//! A submission is a seal of one template by one researcher, to the last bit.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::World;
use medrec_merkle::heads::{self, Node, NodeReader, verify_path};
use medrec_pow::{Header, Target, U256, seal_id};
use medrec_seals::{Error, MAX_BYTES, Recalls, climb, siblings, verify};
use proptest::prelude::*;

fn easy() -> Target {
    Target::EASIEST
}

fn three() -> World {
    World::new(&[(0, 1_000), (5, 70_000), (1_023, 16_777_216)])
}

#[test]
fn a_seal_holds_and_names_itself() {
    let world = three();
    let target = Target::new(U256::MAX.shr(3)).unwrap();
    let header = world.header(target);
    let (nonce, recalls) = world.mine(&header, 0);
    let seal = verify(&header, &world.root(), nonce, &recalls).unwrap();
    assert_eq!(seal.mix, world.reads(&header, nonce).1);
    assert_eq!(seal.id, seal_id(&header.hash(), nonce, &seal.mix));
}

#[test]
fn every_bit_of_a_submission_counts() {
    let world = World::new(&[(3, 5), (4, 6)]);
    let header = world.header(easy());
    let (nonce, recalls) = world.mine(&header, 7);
    verify(&header, &world.root(), nonce, &recalls).unwrap();
    for bit in 0..recalls.len() * 8 {
        let mut wrong = recalls.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&header, &world.root(), nonce, &wrong).is_err(), "bit {bit}");
    }
    for end in 0..recalls.len() {
        assert!(verify(&header, &world.root(), nonce, &recalls[..end]).is_err(), "cut at {end}");
    }
    for tail in [vec![0], vec![0; 32], recalls.clone()] {
        let padded = [&recalls[..], &tail].concat();
        assert!(verify(&header, &world.root(), nonce, &padded).is_err());
    }
}

#[test]
fn a_seal_is_of_one_template_and_one_researcher() {
    let world = three();
    let header = world.header(easy());
    let (nonce, recalls) = world.mine(&header, 0);
    let others = [
        Header { chain_id: "medrec-local-2", ..header },
        Header { contract: "medrec1other", ..header },
        Header { number: 2, ..header },
        Header { previous: [1; 32], ..header },
        Header { sealed: [3; 32], ..header },
        Header { target: Target::new(U256::MAX.shr(1)).unwrap(), ..header },
        Header { frozen_at: header.frozen_at + 1, ..header },
        Header { miner: "medrec1thief", ..header },
    ];
    for other in others {
        let refused = verify(&other, &world.root(), nonce, &recalls).unwrap_err();
        assert!(matches!(refused, Error::OtherEntry { step: 0, .. }), "{refused}");
    }
    let refused = verify(&header, &world.root(), nonce + 1, &recalls).unwrap_err();
    assert!(matches!(refused, Error::OtherEntry { step: 0, .. }), "{refused}");
    assert!(refused.to_string().contains("take the newest template"), "{refused}");
    let fewer = Header { entries: header.entries - 1, ..header };
    let refused = verify(&fewer, &world.root(), nonce, &recalls).unwrap_err();
    assert!(matches!(refused, Error::Entries { .. }), "{refused}");
}

#[test]
fn a_mix_above_the_target_is_no_seal() {
    let world = three();
    let header = world.header(Target::HARDEST);
    let recalls = world.submission(&world.reads(&header, 0).0);
    let refused = verify(&header, &world.root(), 0, &recalls).unwrap_err();
    assert!(matches!(refused, Error::Pow(medrec_pow::Error::AboveTarget { .. })), "{refused}");
}

#[test]
fn another_entry_with_its_own_proof_is_no_recall() {
    let world = three();
    let header = world.header(easy());
    let (reads, _) = world.reads(&header, 0);
    for step in 0..8 {
        let mut other = reads.clone();
        let (slot, index) = other[step];
        other[step] = (slot, if index == 0 { 1 } else { index - 1 });
        let refused = verify(&header, &world.root(), 0, &world.submission(&other)).unwrap_err();
        assert!(matches!(refused, Error::OtherEntry { step: found, .. } if found == step), "{refused}");
        // Swapped with its neighbour.
        let mut swapped = reads.clone();
        swapped.swap(step, (step + 1) % 8);
        assert!(verify(&header, &world.root(), 0, &world.submission(&swapped)).is_err());
    }
}

#[test]
fn without_entries_nothing_is_sent() {
    let world = World::new(&[]);
    let header = world.header(easy());
    let seal = verify(&header, &world.root(), 3, &[]).unwrap();
    assert_eq!(seal.id, seal_id(&header.hash(), 3, &seal.mix));
    let refused = verify(&header, &world.root(), 3, &[0]).unwrap_err();
    assert_eq!(refused, Error::NotEmpty { found: 1 });
    let some = three();
    let header = some.header(easy());
    assert!(verify(&header, &some.root(), 3, &[]).is_err());
}

#[test]
fn the_largest_submission_fits() {
    let logs: Vec<_> = (0..8).map(|at| (at * 128, 1 << 40)).collect();
    let mut world = World::new(&logs);
    world.logs.iter_mut().for_each(|log| log.origin = "o".repeat(128));
    let reads: Vec<_> = logs.iter().map(|(slot, size)| (*slot, size - 1)).collect();
    let bytes = world.submission(&reads);
    assert!(bytes.len() <= MAX_BYTES, "{}", bytes.len());
    assert!(matches!(Recalls::parse(&vec![0; MAX_BYTES + 1]), Err(Error::TooLong { .. })));
}

#[test]
fn heads_are_in_order_and_named() {
    let world = three();
    let (slots, entry) = ([0u32, 5, 1_023], [7u8; 512]);
    let reads: Vec<_> = slots.iter().cycle().take(8).map(|slot| (*slot, 0)).collect();
    let altered = |alter: &dyn Fn(&mut Recalls)| {
        world.with_recalls(&reads, |recalls| {
            let mut recalls = recalls.clone();
            alter(&mut recalls);
            recalls.to_bytes().unwrap_err()
        })
    };
    assert_eq!(altered(&|recalls| recalls.heads.swap(0, 1)), Error::Order { slot: 0 });
    assert_eq!(altered(&|recalls| recalls.heads[1].slot = 0), Error::Order { slot: 0 });
    assert_eq!(
        altered(&|recalls| recalls.recalls.iter_mut().for_each(|one| one.head = 0)),
        Error::Unnamed { slot: 5 }
    );
    assert!(matches!(
        altered(&|recalls| recalls.recalls[2].head = 3),
        Error::NoHead { step: 2, head: 3, .. }
    ));
    assert!(matches!(altered(&|recalls| recalls.heads[0].origin.clear()), Error::Origin { .. }));
    assert!(matches!(altered(&|recalls| recalls.recalls.truncate(7)), Error::Recalls { found: 7, .. }));
    let head = world.logs[0].head();
    let two =
        [(head.clone(), 0, &entry, &[][..]), (medrec_seals::Head { size: 1, ..head }, 0, &entry, &[][..])];
    let refused = Recalls::collect::<Error>(&two, |slots| siblings(&world.tree, slots)).unwrap_err();
    assert_eq!(refused, Error::TwoHeads { slot: 0 });
}

/// The ways together say what each path says alone.
#[test]
fn ways_told_once_are_those_of_single_paths() {
    let world = World::new(&[(0, 10), (1, 20), (2, 30), (600, 40), (1_023, 50)]);
    let root = world.root();
    for slots in [vec![0], vec![1], vec![0, 1], vec![2, 600], vec![0, 1, 2, 600, 1_023], vec![0, 7, 1_023]] {
        let leaf = |slot: u32| world.tree.node(0, slot).unwrap();
        let leaves: Vec<(u32, Node)> = slots.iter().map(|slot| (*slot, leaf(*slot))).collect();
        let shared = siblings(&world.tree, &slots).unwrap();
        let (computed, firsts) = climb(&leaves, &shared).unwrap();
        assert_eq!(computed, root);
        for ((slot, leaf), first) in leaves.iter().zip(&firsts) {
            let path =
                std::array::from_fn(|level| world.tree.node(level, heads::position(*slot, level).1).unwrap());
            assert_eq!(verify_path(*slot, *leaf, &path, &root), Ok(*first));
        }
        let fewer = climb(&leaves, &shared[1..]).unwrap_err();
        assert_eq!(fewer, Error::Siblings { found: shared.len() - 1, expected: shared.len() });
        let more = [&shared[..], &[Node::default()]].concat();
        assert_eq!(
            climb(&leaves, &more).unwrap_err(),
            Error::Siblings { found: shared.len() + 1, expected: shared.len() }
        );
    }
    assert!(climb(&[], &[]).is_err());
    assert!(climb(&[(1_024, Node::default())], &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..9_000)) {
        if let Ok(recalls) = Recalls::parse(&bytes) {
            prop_assert_eq!(recalls.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_written_is_read(
        slots in prop::collection::btree_set(0u32..1_024, 1..9),
        sizes in prop::collection::vec(1u64..1 << 40, 8),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 8),
    ) {
        let logs: Vec<_> = slots.iter().copied().zip(sizes).collect();
        let world = World::new(&logs);
        let reads: Vec<_> = picks.iter().map(|(at, index)| {
            let (slot, size) = logs[at.index(logs.len())];
            (slot, index % size)
        }).collect();
        let bytes = world.submission(&reads);
        world.with_recalls(&reads, |recalls| assert_eq!(Recalls::parse(&bytes).as_ref(), Ok(recalls)));
    }

    #[test]
    fn a_changed_byte_in_a_real_submission_never_panics_nor_passes(at in any::<prop::sample::Index>(), by in 1u8..) {
        let world = World::new(&[(3, 900), (700, 16_000_000)]);
        let header = world.header(Target::EASIEST);
        let (nonce, mut recalls) = world.mine(&header, 0);
        let place = at.index(recalls.len());
        recalls[place] = recalls[place].wrapping_add(by);
        prop_assert!(verify(&header, &world.root(), nonce, &recalls).is_err());
    }
}

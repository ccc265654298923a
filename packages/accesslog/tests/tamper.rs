//! A dishonest log: whatever it changes, one of the checks sees it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::sync::LazyLock;

use common::{ORIGIN, Served, cases, entries, now, ratchet, serve, signer};
use medrec_accesslog::{
    Anchor, ENTRY_LEN, Entry, Scanner, VerifyError, check_anchor, consistency_proof, decode_tile,
    encode_tile, inclusion_proof, mirror, scan, verify_entry,
};
use medrec_merkle::Frontier;
use proptest::{prelude::*, sample::Index};

const SIZE: usize = 700;
const ANCHORED: usize = 600;

static HONEST: LazyLock<Served> = LazyLock::new(|| serve(entries(SIZE), &[ANCHORED]));
static ANCHOR: LazyLock<Anchor> = LazyLock::new(|| {
    let root = serve(HONEST.entries[..ANCHORED].to_vec(), &[]).checkpoint.checkpoint.root;
    Anchor { size: ANCHORED as u64, root }
});

/// What a log may do to its past.
#[derive(Debug, Clone)]
enum Deed {
    Edit(Index, usize),
    Delete(Index),
    Insert(Index),
    Swap(Index, Index),
    /// Another history from here on, as long as the old one or longer.
    Fork(Index, usize),
    Truncate(Index),
    Repeat(Index, Index),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..ENTRY_LEN * 8).prop_map(|(at, bit)| Deed::Edit(at, bit)),
        at().prop_map(Deed::Delete),
        at().prop_map(Deed::Insert),
        (at(), at()).prop_map(|(one, other)| Deed::Swap(one, other)),
        (at(), 0..300usize).prop_map(|(at, more)| Deed::Fork(at, more)),
        at().prop_map(Deed::Truncate),
        (at(), at()).prop_map(|(from, to)| Deed::Repeat(from, to)),
    ]
}

/// The first `ANCHORED` entries are those that were promised on chain; the deed is done among them.
fn commit(deed: &Deed) -> Vec<Entry> {
    let mut log = HONEST.entries.clone();
    let noise = |seed: usize| Entry::from_bytes(std::array::from_fn(|i| (i * 31 + seed) as u8));
    match *deed {
        Deed::Edit(at, bit) => {
            let at = at.index(ANCHORED);
            let mut bytes = *log[at].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            log[at] = Entry::from_bytes(bytes);
        }
        Deed::Delete(at) => drop(log.remove(at.index(ANCHORED))),
        Deed::Insert(at) => log.insert(at.index(ANCHORED), noise(0)),
        Deed::Swap(one, other) => log.swap(one.index(ANCHORED), other.index(ANCHORED)),
        Deed::Fork(at, more) => {
            let at = at.index(ANCHORED);
            log.truncate(at);
            log.extend((at..SIZE + more).map(noise));
        }
        Deed::Truncate(at) => log.truncate(at.index(ANCHORED)),
        Deed::Repeat(from, to) => log[to.index(ANCHORED)] = log[from.index(ANCHORED)].clone(),
    }
    log
}

/// Reads all that is served and holds it against the chain, as a patient or a mirror does.
fn read_and_check(served: &Served) -> Result<(), VerifyError> {
    let key = signer().public().clone();
    let signed = now(mirror::checkpoint(served, &key))?;
    let mut frontier = Frontier::new();
    now(mirror::read_entries(served, &signed, &mut frontier, |_, _| ()))?;
    let (size, anchored) = (signed.checkpoint.size, ANCHOR.size);
    // The log proves what it can from the tiles it has.
    let proof = consistency_proof(&served.tiles, size.min(anchored), size.max(anchored)).unwrap_or_default();
    check_anchor(&signed, &ANCHOR, &proof)
}

#[test]
fn the_honest_log_passes() {
    read_and_check(&HONEST).unwrap();
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// The log rewrites what it anchored, rebuilds all its tiles and signs anew.
    #[test]
    fn a_rewritten_log_contradicts_the_chain(deed in any_deed()) {
        let log = commit(&deed);
        prop_assume!(log != HONEST.entries);
        // A log that only got shorter is behind its anchor, which then leads on to a history that it does not show.
        let honest_prefix = HONEST.entries.starts_with(&log);
        let served = serve(log, &[ANCHORED]);
        let checked = read_and_check(&served);
        if honest_prefix {
            prop_assert!(served.checkpoint.checkpoint.size < ANCHOR.size);
        } else {
            prop_assert!(checked.is_err(), "{deed:?}");
        }
    }

}

proptest! {
    #![proptest_config(cases(256))]

    /// The log serves other entries under the checkpoint it signed.
    #[test]
    fn other_entries_under_an_honest_checkpoint(deed in any_deed()) {
        let log = commit(&deed);
        prop_assume!(log != HONEST.entries);
        let mut served = serve(log, &[ANCHORED]);
        served.files.insert("checkpoint".into(), HONEST.checkpoint.note().into_bytes());
        prop_assert!(read_and_check(&served).is_err(), "{deed:?}");
    }

    /// A mirror that follows sees a rewrite of what it has read, whatever was anchored since.
    #[test]
    fn a_follower_sees_a_rewritten_past(deed in any_deed()) {
        let log = commit(&deed);
        prop_assume!(!log.starts_with(&HONEST.entries[..ANCHORED]));
        let mut frontier = Frontier::new();
        HONEST.entries[..ANCHORED].iter().for_each(|entry| frontier.push(entry.leaf_hash()).unwrap());
        let before = frontier.clone();
        let served = serve(log, &[]);
        let read = now(mirror::read_entries(&served, &served.checkpoint, &mut frontier, |_, _| ()));
        prop_assert!(read.is_err(), "{deed:?}");
        prop_assert_eq!(frontier, before);
    }

    /// The patient's scan names what is wrong with her own entries.
    #[test]
    fn a_scan_names_what_was_done_to_own_entries(deed in any_deed()) {
        let log = commit(&deed);
        let complete = |log: &[Entry]| {
            let indexed = log.iter().enumerate().map(|(index, entry)| (index as u64, entry));
            // The log's relationships 1 to 3 take turns.
            let signed_counter = |turn: usize| (SIZE - turn).div_ceil(3) as u64;
            let scans = (0..3).map(|turn| (scan(ratchet(turn as u64 + 1), indexed.clone()), signed_counter(turn)));
            scans.into_iter().all(|(scan, counter)| scan.is_complete(Some(counter)))
        };
        prop_assert!(complete(&HONEST.entries));
        let disturbs_order_of_one = match deed {
            // Entries of two relationships may change places unseen by either, not by the chain.
            Deed::Swap(one, other) => one.index(ANCHORED) % 3 == other.index(ANCHORED) % 3 && one.index(ANCHORED) != other.index(ANCHORED),
            Deed::Insert(_) => false,
            Deed::Repeat(from, to) => from.index(ANCHORED) != to.index(ANCHORED),
            _ => true,
        };
        if disturbs_order_of_one {
            prop_assert!(!complete(&log), "{deed:?}");
        }
    }

    #[test]
    fn any_flipped_bit_of_a_proof_is_seen(at in any::<Index>(), bit in any::<Index>()) {
        let index = at.index(SIZE);
        let mut proof = inclusion_proof(&HONEST.tiles, index as u64, SIZE as u64).unwrap();
        let note = HONEST.checkpoint.note();
        let key = signer().public().clone();
        verify_entry(&key, &note, index as u64, &HONEST.entries[index], &proof).unwrap();
        let bit = bit.index(proof.len() * 256);
        proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_entry(&key, &note, index as u64, &HONEST.entries[index], &proof).is_err());
        proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        proof.pop();
        prop_assert!(verify_entry(&key, &note, index as u64, &HONEST.entries[index], &proof).is_err());
        let mut consistency = consistency_proof(&HONEST.tiles, ANCHORED as u64, SIZE as u64).unwrap();
        let bit = bit % (consistency.len() * 256);
        consistency[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert!(check_anchor(&HONEST.checkpoint, &ANCHOR, &consistency).is_err());
    }

    /// A wrong bit in a tile gives a proof that fails, or was not part of this proof.
    #[test]
    fn any_flipped_bit_of_a_tile_is_seen(at in any::<Index>(), tile in any::<Index>(), bit in any::<Index>()) {
        let index = at.index(SIZE) as u64;
        let paths: Vec<_> = medrec_accesslog::tiles_for_entry(index, SIZE as u64).unwrap().into_iter().collect();
        let path = paths[tile.index(paths.len())];
        let mut bytes = medrec_accesslog::TileReader::tile(&HONEST.tiles, &path).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(encode_tile(&decode_tile(&path, &bytes).unwrap()), bytes.clone());
        let mut tiles = HONEST.tiles.clone();
        tiles.insert(path, bytes);
        let honest = inclusion_proof(&HONEST.tiles, index, SIZE as u64).unwrap();
        let proof = inclusion_proof(&tiles, index, SIZE as u64).unwrap();
        let verified = verify_entry(signer().public(), &HONEST.checkpoint.note(), index, &HONEST.entries[index as usize], &proof);
        prop_assert_eq!(verified.is_ok(), proof == honest);
    }

    /// Bundles: a bit, a byte more, a byte less.
    #[test]
    fn any_flipped_bit_of_a_bundle_is_seen(file in any::<Index>(), bit in any::<Index>(), cut in any::<bool>()) {
        let mut served = serve(HONEST.entries.clone(), &[]);
        let names: Vec<_> = served.files.keys().filter(|name| name.starts_with("tile")).cloned().collect();
        let bytes = served.files.get_mut(&names[file.index(names.len())]).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(read_and_check(&served).is_err());
        let bytes = served.files.get_mut(&names[file.index(names.len())]).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if cut { bytes.truncate(bytes.len() - 1) } else { bytes.push(0) }
        prop_assert!(read_and_check(&served).is_err());
    }
}

#[test]
fn evidence_names_the_log() {
    let forked = serve(commit(&Deed::Fork(any_index(0), 0)), &[ANCHORED]);
    let message = read_and_check(&forked).unwrap_err().to_string();
    assert!(message.contains(ORIGIN) && message.contains("evidence"), "{message}");
}

fn any_index(at: usize) -> Index {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    loop {
        let index = any::<Index>().new_tree(&mut runner).unwrap().current();
        if index.index(2) == at {
            return index;
        }
    }
}

/// A scan fed bundle by bundle is the scan of the whole.
#[test]
fn scanning_while_reading() {
    let mut scanner = Scanner::new(ratchet(2));
    let mut frontier = Frontier::new();
    now(mirror::read_entries(&*HONEST, &HONEST.checkpoint, &mut frontier, |index, entry| {
        scanner.look(index, entry)
    }))
    .unwrap();
    let indexed = HONEST.entries.iter().enumerate().map(|(index, entry)| (index as u64, entry));
    assert_eq!(scanner.finish(), scan(ratchet(2), indexed));
}

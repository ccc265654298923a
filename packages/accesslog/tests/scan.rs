//! What a patient finds of her own entries, and what she is told of those she does not find.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{bodies, entries, ratchet, serve, signer};
use medrec_accesslog::{Body, Entry, EntryError, Ratchet, Scan, mirror, scan};
use medrec_merkle::Frontier;

/// Entries 0 to `count - 1` of relationship 1, and what a scan of any arrangement of them gives.
fn own(count: usize) -> Vec<Entry> {
    let mut ratchet = ratchet(1);
    (0..count)
        .map(|at| {
            Entry::seal(&ratchet.step(), &[at as u8; 32], &Body::Opened { at: at as u64, height: 1 }).unwrap()
        })
        .collect()
}

fn scanned(entries: &[Entry]) -> Scan {
    scan(ratchet(1), entries.iter().enumerate().map(|(index, entry)| (index as u64 + 10, entry)))
}

fn counters(scan: &Scan) -> Vec<(u64, u64)> {
    scan.found.iter().map(|found| (found.index, found.counter)).collect()
}

#[test]
fn everything_is_found_in_its_order() {
    let log = entries(20);
    let scan = scanned(&log);
    assert_eq!(counters(&scan), [(10, 0), (13, 1), (16, 2), (19, 3), (22, 4), (25, 5), (28, 6)]);
    assert_eq!(scan.next, 7);
    assert!(scan.found.iter().all(|found| found.opened.is_ok()));
    assert!(scan.is_complete(Some(7)) && scan.is_complete(None));
    assert_eq!(scanned(&[]), Scan::default());
}

/// Security H7: the institution signed for more than the log shows.
#[test]
fn a_missing_tail_shows_against_the_signed_counter() {
    let scan = scanned(&own(5));
    assert!(scan.is_complete(None));
    assert!(!scan.is_complete(Some(6)));
    assert!(!scan.is_complete(Some(4)), "entries beyond the counter are a contradiction too");
}

#[test]
fn gaps_duplicates_and_disorder_are_named() {
    let own = own(6);
    let pick = |order: &[usize]| order.iter().map(|at| own[*at].clone()).collect::<Vec<_>>();

    let scan = scanned(&pick(&[0, 1, 4, 5]));
    assert_eq!((scan.gaps, scan.next), (vec![2, 3], 6));
    let scan = scanned(&pick(&[1]));
    assert_eq!((scan.gaps, scan.next), (vec![0], 2));
    let scan = scanned(&pick(&[0, 1, 1, 2, 1]));
    assert_eq!((scan.duplicates, scan.gaps.len()), (vec![1, 1], 0));
    let scan = scanned(&pick(&[0, 2, 1, 3]));
    assert_eq!((scan.reordered, scan.gaps.len(), scan.next), (vec![1], 0, 4));
    assert!(![&[1][..], &[0, 0], &[1, 0]].iter().any(|order| scanned(&pick(order)).is_complete(None)));
}

#[test]
fn an_entry_with_our_label_that_does_not_open_is_shown() {
    let mut own = own(3);
    let mut bytes = *own[1].as_bytes();
    bytes[100] ^= 1;
    own[1] = Entry::from_bytes(bytes);
    let scan = scanned(&own);
    assert_eq!(scan.found[1].opened, Err(EntryError::Sealed { counter: 1 }));
    assert!(scan.gaps.is_empty() && !scan.is_complete(None));
}

#[test]
fn unknown_kinds_count_as_entries() {
    let mut steward = ratchet(1);
    let body = Body::Unknown { kind: 12, cbor: vec![0x82, 12, 0x63, b'n', b'e', b'w'] };
    let log = [Entry::seal(&steward.step(), &[1; 32], &body).unwrap()];
    let scan = scanned(&log);
    assert_eq!(scan.found[0].opened.as_ref().unwrap().body, body);
    assert!(scan.is_complete(Some(1)));
}

#[test]
fn a_gap_of_a_thousand_hides_nothing_behind_it() {
    let mut steward = ratchet(1);
    let mut log = vec![Entry::seal(&steward.step(), &[1; 32], &bodies()[3]).unwrap()];
    for _ in 0..1_000 {
        steward.step();
    }
    log.push(Entry::seal(&steward.step(), &[2; 32], &bodies()[3]).unwrap());
    let scan = scanned(&log);
    assert_eq!((scan.gaps.len(), scan.next), (1_000, 1_002));
}

/// A scan goes on from a stored state: the same entries, none twice.
#[test]
fn a_scan_resumes() {
    let own = own(10);
    let mut ratchet = ratchet(1);
    (0..4).for_each(|_| drop(ratchet.step()));
    let resumed = Ratchet::resume(ratchet.counter(), *ratchet.chain_key());
    let rest = scan(resumed, own.iter().enumerate().map(|(index, entry)| (index as u64, entry)));
    assert_eq!(rest.found.first().unwrap().counter, 4);
    assert_eq!((rest.found.len(), rest.gaps.len(), rest.next), (6, 0, 10));
}

#[test]
fn a_log_is_followed_from_checkpoint_to_checkpoint() {
    let all = entries(900);
    let mut frontier = Frontier::new();
    let mut seen = Vec::new();
    for size in [0usize, 1, 255, 256, 300, 300, 512, 900] {
        let served = serve(all[..size].to_vec(), &[]);
        let signed = common::now(mirror::checkpoint(&served, signer().public())).unwrap();
        let visit = |index, entry: &Entry| seen.push((index, entry.clone()));
        common::now(mirror::read_entries(&served, &signed, &mut frontier, visit)).unwrap();
        assert_eq!(frontier.size(), size as u64);
    }
    assert!(seen.iter().map(|(index, _)| *index).eq(0..900));
    assert!(seen.iter().map(|(_, entry)| entry).eq(&all));

    // A checkpoint behind what was read is refused; partial bundles that filled up are taken from the full ones.
    let behind = serve(all[..300].to_vec(), &[]);
    assert!(
        common::now(mirror::read_entries(&behind, &behind.checkpoint, &mut frontier, |_, _| ())).is_err()
    );
    let ahead = serve(all, &[]);
    let (mut fresh, mut count) = (Frontier::new(), 0);
    common::now(mirror::read_entries(&ahead, &behind.checkpoint, &mut fresh, |_, _| count += 1)).unwrap();
    assert_eq!((fresh.size(), count), (300, 300));
}

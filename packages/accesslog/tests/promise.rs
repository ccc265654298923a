//! A promise holds a log to one entry at one index, in time.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::{ORIGIN, entries, signer};
use medrec_accesslog::{LogSigner, Promise, PromiseError};

#[test]
fn altered_promises_are_refused() {
    let entry = &entries(1)[0];
    let promise = signer().promise(42, entry.leaf_hash(), 1_000, 1_060);
    promise.verify(signer().public(), 42, entry).unwrap();

    let bad = Err(PromiseError::BadSignature { origin: ORIGIN.into(), index: 42 });
    let bend = |bend: fn(&mut Promise)| {
        let mut bent = promise.clone();
        bend(&mut bent);
        bent.verify(signer().public(), 42, entry)
    };
    assert_eq!(bend(|promise| promise.at = 999), bad);
    assert_eq!(bend(|promise| promise.by = 2_000), bad);
    assert_eq!(bend(|promise| promise.leaf[0] ^= 1), bad);
    assert_eq!(bend(|promise| promise.signature[63] ^= 1), bad);
    assert_eq!(bend(|promise| promise.index = 43), Err(PromiseError::OtherIndex { promised: 43, shown: 42 }));
    assert_eq!(bend(|promise| promise.by = 999), Err(PromiseError::Window { index: 42, at: 1_000, by: 999 }));
    let other = LogSigner::new("log.south.example", &[0x33; 32]).unwrap();
    assert!(promise.verify(other.public(), 42, entry).is_err());
    // Another key of the same name.
    let thief = LogSigner::new(ORIGIN, &[0x34; 32]).unwrap();
    assert_eq!(promise.verify(thief.public(), 42, entry), bad);
}

/// Security H18: the entry that was handed out is not the one that stands there.
#[test]
fn another_entry_is_evidence() {
    let entries = entries(2);
    let promise = signer().promise(42, entries[0].leaf_hash(), 1_000, 1_060);
    let shown = promise.verify(signer().public(), 42, &entries[1]);
    assert_eq!(shown, Err(PromiseError::OtherEntry { index: 42 }));
    assert!(promise.is_contradicted(42, &entries[1].leaf_hash()));
    assert!(!promise.is_contradicted(42, &entries[0].leaf_hash()));
    assert!(!promise.is_contradicted(43, &entries[1].leaf_hash()));
}

#[test]
fn a_late_anchor_breaks_it() {
    let promise = signer().promise(42, [1; 32], 1_000, 1_060);
    let table =
        [(42, 1_060, false), (42, 1_061, true), (0, 1_061, true), (43, 1_061, false), (43, 9_999, false)];
    for (anchored, now, overdue) in table {
        assert_eq!(promise.is_overdue(anchored, now), overdue, "{anchored} {now}");
    }
}

//! `counts_for_research`: the table by hand, and what no choice, status or height may do.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use medrec_rules::{Status, counts_for_research};
use proptest::prelude::*;

const LABORATORY: u8 = 1 << 3;
const VITALS: u8 = 1 << 1;

#[test]
fn by_hand() {
    let counts =
        |categories, category, status, height| counts_for_research(categories, category, status, 101, height);
    let both = LABORATORY | VITALS;
    assert!(counts(both, LABORATORY, Status::Active, 101));
    assert!(counts(both, VITALS, Status::Active, u64::MAX));
    // Not in the block of the choice, nor before.
    assert!(!counts(both, LABORATORY, Status::Active, 100));
    assert!(!counts(VITALS, LABORATORY, Status::Active, 101));
    assert!(!counts(0, LABORATORY, Status::Active, 101));
    for status in [Status::Offered, Status::Rejected, Status::Closed] {
        assert!(!counts(u8::MAX, LABORATORY, status, 101), "{status}");
    }
    // No category, or several at once, is no question.
    for category in [0, both, u8::MAX] {
        assert!(!counts(u8::MAX, category, Status::Active, 101));
    }
    // The default: none, since ever.
    assert!(!counts_for_research(0, LABORATORY, Status::Active, 0, 5));
}

proptest! {
    #[test]
    fn nobody_is_counted_against_her_choice(
        categories: u8, bit in 0..8_u32, status in common::status(), since in 0..9_u64, height in 0..9_u64,
    ) {
        let category = 1 << bit;
        let counted = counts_for_research(categories, category, status, since, height);
        let chosen = (categories >> bit) & 1 == 1;
        prop_assert_eq!(counted, chosen && status == Status::Active && since <= height);
        // Taking the category away ends it whatever else stands; other categories change nothing.
        prop_assert!(!counts_for_research(categories & !category, category, status, since, height));
        for other in 0..8_u32 {
            let changed = categories ^ (1 << other);
            if other != bit {
                prop_assert_eq!(counts_for_research(changed, category, status, since, height), counted);
            }
        }
        // Once counted, she stays so until something changes.
        prop_assert!(!counted || counts_for_research(categories, category, status, since, height + 1));
    }
}

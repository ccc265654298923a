//! A small world in which chance meets every case of the rules.
#![allow(dead_code, reason = "each suite uses its part")]

use medrec_rules::{GRANT_TAGS_LEN, Grant, GrantKind, GrantTags, Status, Tag, new_tags};
use proptest::prelude::*;

pub const PATIENT: &str = "patient";
pub const STEWARD: &str = "steward";
pub const PEOPLE: [&str; 5] = [PATIENT, STEWARD, "viewer", "carer", "stranger"];
/// Times go from 0 to here.
pub const END: u64 = 6;

pub fn tag(number: u8) -> Tag {
    Tag([number; 8])
}

/// Tags over these numbers (1 to 5); the filler's are higher.
pub fn tags(scopes: &[u8], purposes: &[u8]) -> GrantTags {
    let mut filler = [0; GRANT_TAGS_LEN];
    for (place, chunk) in filler.chunks_exact_mut(8).enumerate() {
        chunk.fill(100 + place as u8);
    }
    let all = |numbers: &[u8]| numbers.iter().map(|number| tag(*number)).collect::<Vec<_>>();
    new_tags(&all(scopes), &all(purposes), &filler).unwrap()
}

pub fn status() -> impl Strategy<Value = Status> {
    // Active most often: there is most to decide.
    prop_oneof![
        1 => Just(Status::Offered),
        1 => Just(Status::Rejected),
        1 => Just(Status::Closed),
        4 => Just(Status::Active)
    ]
}

pub fn person() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PEOPLE.as_slice())
}

pub fn kind() -> impl Strategy<Value = GrantKind> {
    prop::sample::select([GrantKind::Read, GrantKind::Act].as_slice())
}

prop_compose! {
    pub fn grant()(
        viewer in person(),
        kind in kind(),
        scopes in prop::collection::vec(1..=3_u8, 1..3),
        purposes in prop::collection::vec(1..=3_u8, 1..3),
        from in 0..END,
        length in 1..END,
        revoked in prop::bool::weighted(0.25),
    ) -> Grant<'static> {
        Grant { number: 0, viewer, kind, tags: tags(&scopes, &purposes), from, until: from + length, revoked }
    }
}

/// Up to six grants, numbered, in any order.
pub fn grants() -> impl Strategy<Value = Vec<Grant<'static>>> {
    prop::collection::vec(grant(), 0..6)
        .prop_map(|mut grants| {
            for (number, grant) in grants.iter_mut().enumerate() {
                grant.number = number as u32;
            }
            grants
        })
        .prop_shuffle()
}

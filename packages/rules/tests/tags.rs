//! Keyed tags: formats, refusals, and that they say nothing.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use medrec_rules::{
    GRANT_TAGS_LEN, GrantTags, Purpose, ScopeError, Tag, TagsError, asked_purpose_tags, asked_scope_tags,
    check_scope, new_tags, purpose_tag, scope_tag,
};
use proptest::prelude::*;

const KEY: [u8; 32] = [0x42; 32];

#[test]
fn tags_are_those_of_an_independent_hmac() {
    // Python: hmac.new(key, lp(domain) + lp(word), sha256).digest()[:8]
    assert_eq!(hex::encode(scope_tag(&KEY, "medication").0), "2cc80156f640affb");
    assert_eq!(hex::encode(scope_tag(&KEY, "*").0), "a3e4366981df892c");
    assert_eq!(hex::encode(purpose_tag(&KEY, "treatment").0), "c156dd043a9d460f");
}

#[test]
fn another_relationship_has_another_tag() {
    assert_ne!(scope_tag(&KEY, "medication"), scope_tag(&[0x43; 32], "medication"));
    assert_ne!(scope_tag(&KEY, "*"), purpose_tag(&KEY, "*"));
}

#[test]
fn a_grant_of_all_covers_every_scope_and_purpose() {
    let filler: [u8; GRANT_TAGS_LEN] = std::array::from_fn(|place| place as u8);
    let all = new_tags(&[scope_tag(&KEY, "*")], &[purpose_tag(&KEY, "*")], &filler).unwrap();
    assert!(all.covers_scope(&asked_scope_tags(&KEY, "medication")));
    assert!(all.covers_purpose(&asked_purpose_tags(&KEY, "treatment")));
    let one = new_tags(&[scope_tag(&KEY, "medication")], &[purpose_tag(&KEY, "treatment")], &filler).unwrap();
    assert!(one.covers_scope(&asked_scope_tags(&KEY, "medication")));
    assert!(!one.covers_scope(&asked_scope_tags(&KEY, "labs")));
    assert!(!one.covers_purpose(&asked_purpose_tags(&KEY, "research")));
    assert!(!one.covers_scope(&[]) && !one.covers_purpose(&[]));
}

fn numbered(count: u8) -> Vec<Tag> {
    (1..=count).map(|number| Tag([number; 8])).collect()
}

#[test]
fn refusals_name_both_sides() {
    let filler = [0; GRANT_TAGS_LEN];
    assert_eq!(
        new_tags(&numbered(9), &numbered(1), &filler),
        Err(TagsError::Count { group: "scope", found: 9, max: 8 })
    );
    assert_eq!(
        new_tags(&numbered(8), &[], &filler),
        Err(TagsError::Count { group: "purpose", found: 0, max: 4 })
    );
    assert_eq!(new_tags(&numbered(1), &numbered(1), &filler), Err(TagsError::Filler));
    assert!(new_tags(&numbered(8), &numbered(4), &filler).is_ok());
    assert_eq!(GrantTags::parse(&[0; 95]), Err(TagsError::Length { found: 95 }));
    assert_eq!(GrantTags::parse(&[0; 97]), Err(TagsError::Length { found: 97 }));
    assert_eq!(GrantTags::parse(&[0; 96]), Err(TagsError::Order { group: "scope", place: 1 }));
    let good = new_tags(&numbered(8), &numbered(4), &filler).unwrap().to_bytes();
    let mut swapped = good;
    swapped[64..72].copy_from_slice(&good[72..80]);
    swapped[72..80].copy_from_slice(&good[64..72]);
    assert_eq!(GrantTags::parse(&swapped), Err(TagsError::Order { group: "purpose", place: 1 }));
}

#[test]
fn scope_ids_and_purposes() {
    for good in ["a", "medication-2026", "*", "abcdefghijklmnopqrstuvwx"] {
        assert_eq!(check_scope(good), Ok(()), "{good}");
    }
    for bad in ["", "A", "a b", "**", "a*", "ä", "abcdefghijklmnopqrstuvwxy"] {
        assert_eq!(check_scope(bad), Err(ScopeError::Scope { found: bad.to_owned() }));
    }
    for purpose in Purpose::ALL {
        assert_eq!(purpose.as_str().parse(), Ok(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
    }
    assert_eq!("*".parse::<Purpose>(), Err(ScopeError::Purpose { found: "*".to_owned() }));
}

proptest! {
    #[test]
    fn tags_survive_their_bytes_and_order_says_nothing(
        scopes in prop::collection::hash_set(any::<[u8; 8]>(), 1..=8),
        purposes in prop::collection::hash_set(any::<[u8; 8]>(), 1..=4),
        filler in prop::collection::vec(any::<u8>(), GRANT_TAGS_LEN),
    ) {
        let filler: [u8; GRANT_TAGS_LEN] = filler.try_into().unwrap();
        let scopes: Vec<_> = scopes.into_iter().map(Tag).collect();
        let purposes: Vec<_> = purposes.into_iter().map(Tag).collect();
        let Ok(tags) = new_tags(&scopes, &purposes, &filler) else { return Ok(()) };
        prop_assert_eq!(GrantTags::parse(&tags.to_bytes()), Ok(tags));
        for tag in &scopes {
            prop_assert!(tags.covers_scope(&[*tag]));
        }
        for tag in &purposes {
            prop_assert!(tags.covers_purpose(&[*tag]));
        }
        let mut reversed = scopes.clone();
        reversed.reverse();
        prop_assert_eq!(new_tags(&reversed, &purposes, &filler), Ok(tags));
    }

    #[test]
    fn nothing_unsorted_is_read(bytes in prop::collection::vec(any::<u8>(), GRANT_TAGS_LEN)) {
        if let Ok(tags) = GrantTags::parse(&bytes) {
            prop_assert_eq!(tags.to_bytes().to_vec(), bytes);
        }
    }
}

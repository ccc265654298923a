//! `permits` against an evaluator written from the text of wire.md sections 5 and 9 by "is there a grant such that".
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{END, PATIENT, STEWARD, grants, person, status, tag, tags};
use medrec_rules::{Ask, Grant, GrantKind, Permit, Refusal, Relationship, Status, Tag, carer, permits};
use proptest::prelude::*;

fn naive(relationship: &Relationship<'_>, grants: &[Grant<'_>], ask: &Ask<'_>) -> Result<Permit, Refusal> {
    if ask.requester == PATIENT {
        return if relationship.status == Status::Rejected {
            Err(Refusal::Closed)
        } else {
            Ok(Permit::Patient)
        };
    }
    let mine: Vec<_> = grants.iter().filter(|grant| grant.viewer == ask.requester).collect();
    if mine.is_empty() {
        return Err(Refusal::NotPermitted);
    }
    match relationship.status {
        Status::Closed | Status::Rejected => return Err(Refusal::Closed),
        Status::Offered => return Err(Refusal::NotYet),
        Status::Active => {}
    }
    let alive = |grant: &&&Grant<'_>| !grant.revoked;
    let begun = |grant: &&&Grant<'_>| grant.from <= ask.now;
    let lasting = |grant: &&&Grant<'_>| ask.now < grant.until;
    let scope = |grant: &&&Grant<'_>| ask.scopes.iter().any(|tag| grant.tags.covers_scope(&[*tag]));
    let purpose = |grant: &&&Grant<'_>| ask.purposes.iter().any(|tag| grant.tags.covers_purpose(&[*tag]));
    let mut good: Vec<_> =
        mine.iter().filter(alive).filter(begun).filter(lasting).filter(scope).filter(purpose).collect();
    good.sort_by_key(|grant| grant.number);
    if let Some(grant) = good.first() {
        let grant_number = grant.number;
        return Ok(match grant.kind {
            GrantKind::Read => Permit::Viewer { grant: grant_number },
            GrantKind::Act => Permit::Carer { grant: grant_number },
        });
    }
    Err(if mine.iter().filter(alive).filter(begun).filter(lasting).any(|grant| scope(&grant)) {
        Refusal::Purpose
    } else if mine.iter().filter(alive).filter(begun).any(|grant| lasting(&grant)) {
        Refusal::Scope
    } else if mine.iter().filter(alive).any(|grant| lasting(&grant)) {
        Refusal::NotYet
    } else if mine.iter().any(|grant| alive(&grant)) {
        Refusal::Window
    } else {
        Refusal::Revoked
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(4_000)))]

    #[test]
    fn agrees_with_the_naive_evaluator(
        status in status(),
        grants in grants(),
        requester in person(),
        scopes in prop::collection::vec(1..=4_u8, 1..3),
        purposes in prop::collection::vec(1..=4_u8, 1..3),
        now in 0..END * 2,
    ) {
        let relationship = Relationship { patient: PATIENT, steward: STEWARD, status };
        let scopes: Vec<Tag> = scopes.into_iter().map(tag).collect();
        let purposes: Vec<Tag> = purposes.into_iter().map(tag).collect();
        let ask = Ask { requester, scopes: &scopes, purposes: &purposes, now };
        let decided = permits(&relationship, &grants, &ask);
        prop_assert_eq!(decided, naive(&relationship, &grants, &ask));
        // Others' grants mean nothing to the requester.
        let own: Vec<_> = grants.iter().filter(|grant| grant.viewer == requester).copied().collect();
        prop_assert_eq!(decided, permits(&relationship, &own, &ask));
    }

    #[test]
    fn a_grant_more_never_takes_away(
        grants in grants(),
        requester in person(),
        now in 0..END * 2,
    ) {
        let relationship = Relationship { patient: PATIENT, steward: STEWARD, status: Status::Active };
        let ask = Ask { requester, scopes: &[tag(1)], purposes: &[tag(2)], now };
        for (place, grant) in grants.iter().enumerate() {
            let fewer: Vec<_> = grants.iter().filter(|other| other.number != grant.number).copied().collect();
            if permits(&relationship, &fewer, &ask).is_ok() {
                prop_assert!(permits(&relationship, &grants, &ask).is_ok(), "without {}", place);
            }
        }
    }
}

fn grant(number: u32, kind: GrantKind) -> Grant<'static> {
    Grant { number, viewer: "viewer", kind, tags: tags(&[1], &[1]), from: 10, until: 20, revoked: false }
}

fn ask(now: u64) -> Ask<'static> {
    const TAGS: &[Tag] = &[Tag([1; 8])];
    Ask { requester: "viewer", scopes: TAGS, purposes: TAGS, now }
}

#[test]
fn the_window_holds_its_start_and_not_its_end() {
    let relationship = Relationship { patient: PATIENT, steward: STEWARD, status: Status::Active };
    let grants = [grant(3, GrantKind::Read)];
    assert_eq!(permits(&relationship, &grants, &ask(9)), Err(Refusal::NotYet));
    assert_eq!(permits(&relationship, &grants, &ask(10)), Ok(Permit::Viewer { grant: 3 }));
    assert_eq!(permits(&relationship, &grants, &ask(19)), Ok(Permit::Viewer { grant: 3 }));
    assert_eq!(permits(&relationship, &grants, &ask(20)), Err(Refusal::Window));
}

#[test]
fn the_patient_reads_after_close_and_before_accept_but_not_after_reject() {
    let ask = Ask { requester: PATIENT, ..ask(0) };
    for (status, expected) in [
        (Status::Offered, Ok(Permit::Patient)),
        (Status::Active, Ok(Permit::Patient)),
        (Status::Closed, Ok(Permit::Patient)),
        (Status::Rejected, Err(Refusal::Closed)),
    ] {
        let relationship = Relationship { patient: PATIENT, steward: STEWARD, status };
        assert_eq!(permits(&relationship, &[], &ask), expected, "{status}");
    }
}

#[test]
fn the_steward_reads_by_nothing_but_a_grant() {
    let relationship = Relationship { patient: PATIENT, steward: STEWARD, status: Status::Active };
    assert_eq!(
        permits(&relationship, &[grant(0, GrantKind::Read)], &Ask { requester: STEWARD, ..ask(12) }),
        Err(Refusal::NotPermitted)
    );
}

#[test]
fn a_carer_is_one_only_inside_his_window() {
    let grants = [grant(0, GrantKind::Read), grant(1, GrantKind::Act), grant(2, GrantKind::Act)];
    assert_eq!(carer(&grants, "viewer", 12), Some(1));
    assert_eq!(carer(&grants, "viewer", 9), None);
    assert_eq!(carer(&grants, "viewer", 20), None);
    assert_eq!(carer(&grants, "stranger", 12), None);
    assert_eq!(carer(&grants[..1], "viewer", 12), None);
    let revoked = Grant { revoked: true, ..grant(1, GrantKind::Act) };
    assert_eq!(carer(&[revoked], "viewer", 12), None);
}

#[test]
fn reasons_are_those_of_wire_md() {
    let spec = include_str!("../../../docs/spec/wire.md");
    for refusal in Refusal::ALL {
        assert!(spec.contains(&format!("`{}`", refusal.reason())), "{refusal:?}");
    }
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}

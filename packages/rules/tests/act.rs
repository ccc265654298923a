//! `may_act`: every actor, action, status and time, against the table of wire.md and packages/api.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{PATIENT, STEWARD, grants, kind, person, tags};
use medrec_rules::{ActRefusal, Action, Actor, Grant, GrantKind, Relationship, Status, may_act};
use proptest::prelude::*;

const ACTIONS: [Action; 9] = [
    Action::Accept,
    Action::Reject,
    Action::Close,
    Action::Rotate,
    Action::Research,
    Action::Grant(GrantKind::Read),
    Action::Grant(GrantKind::Act),
    Action::Revoke(GrantKind::Read),
    Action::Revoke(GrantKind::Act),
];
const STATUSES: [Status; 4] = [Status::Offered, Status::Active, Status::Rejected, Status::Closed];

/// (action, patient, steward, carer; offered, active, rejected, closed), + may, - may not.
const TABLE: &[(Action, &str, &str)] = &[
    (Action::Accept, "+-+", "+---"),
    (Action::Reject, "+--", "+---"),
    (Action::Close, "++-", "++--"),
    (Action::Rotate, "++-", "++-+"),
    (Action::Research, "+--", "-+--"),
    (Action::Grant(GrantKind::Read), "+-+", "-+--"),
    (Action::Grant(GrantKind::Act), "+--", "++--"),
    (Action::Revoke(GrantKind::Read), "+-+", "++--"),
    (Action::Revoke(GrantKind::Act), "+--", "++--"),
];

fn may(flags: &str, place: usize) -> bool {
    flags.as_bytes()[place] == b'+'
}

#[test]
fn every_actor_action_and_status_is_as_the_table_says() {
    let carer = Grant {
        number: 7,
        viewer: "carer",
        kind: GrantKind::Act,
        tags: tags(&[1], &[1]),
        from: 10,
        until: 20,
        revoked: false,
    };
    let reader = Grant { number: 8, viewer: "viewer", kind: GrantKind::Read, ..carer };
    let actors = [
        (PATIENT, Some(Actor::Patient)),
        (STEWARD, Some(Actor::Steward)),
        ("carer", Some(Actor::Carer { grant: 7 })),
        ("viewer", None),
        ("stranger", None),
    ];
    assert_eq!(TABLE.len(), ACTIONS.len());
    for (action, who, when) in TABLE {
        for (place, (sender, actor)) in actors.into_iter().enumerate() {
            for (column, status) in STATUSES.into_iter().enumerate() {
                let relationship = Relationship { patient: PATIENT, steward: STEWARD, status };
                let decided = may_act(&relationship, &[carer, reader], sender, *action, 15);
                let expected = match actor {
                    Some(actor) if may(who, place) => {
                        if may(when, column) {
                            Ok(actor)
                        } else {
                            Err(ActRefusal::Status { action: *action, status })
                        }
                    }
                    _ => Err(ActRefusal::Sender(*action)),
                };
                assert_eq!(decided, expected, "{sender} {action} {status}");
            }
        }
    }
    for now in [9, 20] {
        let relationship = Relationship { patient: PATIENT, steward: STEWARD, status: Status::Offered };
        assert_eq!(
            may_act(&relationship, &[carer], "carer", Action::Accept, now),
            Err(ActRefusal::Sender(Action::Accept))
        );
    }
}

/// What a relationship becomes; none: the action changes no status.
fn next(action: Action) -> Option<Status> {
    match action {
        Action::Accept => Some(Status::Active),
        Action::Reject => Some(Status::Rejected),
        Action::Close => Some(Status::Closed),
        Action::Rotate | Action::Research | Action::Grant(_) | Action::Revoke(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    /// Whatever is tried in whatever order: final states are final, and nobody but the two sides and the patient's
    /// carers changes anything.
    #[test]
    fn no_order_of_actions_leaves_the_model(
        grants in grants(),
        tries in prop::collection::vec((person(), prop::sample::select(ACTIONS.as_slice()), 0..12_u64), 1..30),
    ) {
        let mut status = Status::Offered;
        let mut accepted = false;
        for (sender, action, now) in tries {
            let relationship = Relationship { patient: PATIENT, steward: STEWARD, status };
            let decided = may_act(&relationship, &grants, sender, action, now);
            let Ok(actor) = decided else { continue };
            prop_assert!(status != Status::Rejected);
            prop_assert!(status != Status::Closed || action == Action::Rotate);
            prop_assert!(action != Action::Grant(GrantKind::Read) || status == Status::Active);
            prop_assert!(action != Action::Research || (status == Status::Active && sender == PATIENT));
            match actor {
                Actor::Patient => prop_assert_eq!(sender, PATIENT),
                Actor::Steward => {
                    prop_assert_eq!(sender, STEWARD);
                    prop_assert!(matches!(action, Action::Close | Action::Rotate));
                }
                Actor::Carer { grant } => {
                    let grant = grants.iter().find(|found| found.number == grant).expect("a grant");
                    prop_assert!(grant.kind == GrantKind::Act && grant.viewer == sender && !grant.revoked);
                    prop_assert!((grant.from..grant.until).contains(&now));
                    prop_assert!(!matches!(action, Action::Grant(GrantKind::Act) | Action::Revoke(GrantKind::Act)));
                }
            }
            accepted |= action == Action::Accept;
            status = next(action).unwrap_or(status);
            prop_assert!(status != Status::Active || accepted);
        }
    }

    #[test]
    fn a_carer_makes_no_carers(grants in grants(), sender in person(), kind in kind(), now in 0..12_u64) {
        let relationship = Relationship { patient: PATIENT, steward: STEWARD, status: Status::Active };
        if let Ok(Actor::Carer { .. }) = may_act(&relationship, &grants, sender, Action::Grant(kind), now) {
            prop_assert_eq!(kind, GrantKind::Read);
        }
    }
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}

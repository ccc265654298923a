//! What somebody dishonest or unlucky sends: windows, replays, sizes, final states, delegates used again.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{accept, admit, grant, granted, grants, open, refused, relationship, rotate, tags, who};
use cosmwasm_std::{Addr, Binary};
use medrec_api::relationship::{
    Error, ExecuteMsg, GRANT_SEALED, GrantKind, OPEN_SEALED, ROTATE_SEALED, Status,
};
use medrec_api::validate::Invalid;
use medrec_rules::{Action, TagsError};
use medrec_testing::{Suite, SuiteBuilder, fixtures};

fn wrong_status(wanted: Action, found: Status, of: u64) -> impl Fn(&Error) -> bool {
    move |error| {
        matches!(error, Error::WrongStatus { action, id, status }
            if *action == wanted && *status == found && *id == of)
    }
}

fn active() -> (Suite, Addr, u64) {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let id = suite.active(&who("steward"), &patient);
    (suite, patient, id)
}

// --- replays: the same again is refused, names what is there, and changes nothing (security H25) --------------

#[test]
fn a_repeated_message_is_refused_and_names_the_state() {
    let mut suite = SuiteBuilder::new().build();
    let (patient, steward, sponsor) = (who("patient"), who("steward"), suite.sponsor.clone());
    let msg = admit(&[&steward]);
    suite.to_relationship(&sponsor, &msg).unwrap();
    refused(
        &mut suite,
        &sponsor,
        &msg,
        |error| matches!(error, Error::AdmitAdmitted { address } if address == steward.as_str()),
    );
    let msg = open(&patient);
    suite.to_relationship(&steward, &msg).unwrap();
    refused(
        &mut suite,
        &steward,
        &msg,
        |error| matches!(error, Error::OpenUsed { delegate, id: 1 } if delegate == steward.as_str()),
    );
    refused(
        &mut suite,
        &sponsor,
        &admit(&[&who("new"), &steward]),
        |error| matches!(error, Error::AdmitUsed { address, id: 1 } if address == steward.as_str()),
    );
    let msg = accept(1);
    suite.to_relationship(&patient, &msg).unwrap();
    refused(&mut suite, &patient, &msg, wrong_status(Action::Accept, Status::Active, 1));
    let until = suite.now() + 1_000;
    let msg = grant(1, &who("viewer"), GrantKind::Read, until, 5);
    suite.to_relationship(&patient, &msg).unwrap();
    refused(&mut suite, &patient, &msg, |error| matches!(error, Error::GrantRepeated { id: 1, grant: 0 }));
    let at = suite.now();
    let msg = ExecuteMsg::Revoke { id: 1, grant: 0 };
    suite.to_relationship(&patient, &msg).unwrap();
    suite.wait(3);
    refused(
        &mut suite,
        &patient,
        &msg,
        |error| matches!(error, Error::RevokeAgain { id: 1, grant: 0, at: found } if *found == at),
    );
    // Nor does a repeat bring a revoked grant back, under other terms either.
    let msg = grant(1, &who("viewer"), GrantKind::Read, until + 1, 5);
    refused(&mut suite, &patient, &msg, |error| matches!(error, Error::GrantRepeated { id: 1, grant: 0 }));
    let msg = ExecuteMsg::Close { id: 1 };
    suite.to_relationship(&patient, &msg).unwrap();
    refused(&mut suite, &patient, &msg, wrong_status(Action::Close, Status::Closed, 1));
    refused(&mut suite, &steward, &msg, wrong_status(Action::Close, Status::Closed, 1));
    let msg = rotate(1, &who("fresh"));
    suite.to_relationship(&patient, &msg).unwrap();
    refused(&mut suite, &patient, &msg, |error| matches!(error, Error::Sender { operation: "rotate", .. }));
    refused(&mut suite, &who("fresh"), &msg, |error| matches!(error, Error::RotateSame { id: 1, .. }));
}

#[test]
fn a_delegate_is_named_once_in_a_batch() {
    let mut suite = SuiteBuilder::new().build();
    let (sponsor, twice) = (suite.sponsor.clone(), who("twice"));
    refused(
        &mut suite,
        &sponsor,
        &admit(&[&twice, &who("other"), &twice]),
        |error| matches!(error, Error::AdmitTwice { address } if address == twice.as_str()),
    );
}

// --- final states -----------------------------------------------------------------------------------------------

#[test]
fn nothing_but_a_rotation_happens_to_a_closed_relationship() {
    let (mut suite, patient, id) = active();
    let carer = who("carer");
    granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    granted(&mut suite, &patient, id, &who("viewer"), GrantKind::Read);
    suite.to_relationship(&patient, &ExecuteMsg::Close { id }).unwrap();
    let until = suite.now() + 1_000;
    let read = grant(id, &who("new"), GrantKind::Read, until, 90);
    for (sender, msg, action) in [
        (&patient, accept(id), Action::Accept),
        (&carer, accept(id), Action::Accept),
        (&patient, ExecuteMsg::Reject { id }, Action::Reject),
        (&patient, ExecuteMsg::Close { id }, Action::Close),
        (&patient, read.clone(), Action::Grant(GrantKind::Read)),
        (&carer, read, Action::Grant(GrantKind::Read)),
        (&patient, grant(id, &who("new"), GrantKind::Act, until, 91), Action::Grant(GrantKind::Act)),
        (&patient, ExecuteMsg::Revoke { id, grant: 1 }, Action::Revoke(GrantKind::Read)),
        (&patient, ExecuteMsg::Revoke { id, grant: 0 }, Action::Revoke(GrantKind::Act)),
        (&patient, ExecuteMsg::SetResearch { id, categories: 1 }, Action::Research),
    ] {
        refused(&mut suite, sender, &msg, wrong_status(action, Status::Closed, 1));
    }
}

#[test]
fn nothing_at_all_happens_to_a_rejected_relationship() {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let id = suite.open(&who("steward"), &patient);
    suite.to_relationship(&patient, &ExecuteMsg::Reject { id }).unwrap();
    suite.admit(&who("delegate"));
    let until = suite.now() + 1_000;
    for (sender, msg, action) in [
        (&patient, accept(id), Action::Accept),
        (&patient, ExecuteMsg::Close { id }, Action::Close),
        (&patient, rotate(id, &who("fresh")), Action::Rotate),
        (&who("steward"), rotate(id, &who("delegate")), Action::Rotate),
        (&patient, grant(id, &who("new"), GrantKind::Act, until, 91), Action::Grant(GrantKind::Act)),
    ] {
        refused(&mut suite, sender, &msg, wrong_status(action, Status::Rejected, 1));
    }
}

#[test]
fn before_accept_only_a_carer_is_made() {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let id = suite.open(&who("steward"), &patient);
    let read = grant(id, &who("viewer"), GrantKind::Read, suite.now() + 1_000, 1);
    refused(&mut suite, &patient, &read, wrong_status(Action::Grant(GrantKind::Read), Status::Offered, 1));
    granted(&mut suite, &patient, id, &who("carer"), GrantKind::Act);
    // Who thinks better of it can undo it before accepting.
    suite.to_relationship(&patient, &ExecuteMsg::Revoke { id, grant: 0 }).unwrap();
    refused(&mut suite, &who("carer"), &accept(id), |error| {
        matches!(error, Error::Sender { operation: "accept", .. })
    });
}

#[test]
fn what_is_not_there_is_named() {
    let (mut suite, patient, _) = active();
    for id in [0, 2, u64::MAX] {
        for msg in
            [accept(id), ExecuteMsg::Close { id }, ExecuteMsg::Revoke { id, grant: 0 }, rotate(id, &patient)]
        {
            refused(&mut suite, &patient, &msg, |error| {
                matches!(error, Error::NoRelationship { operation, id: found, newest: 1 }
                    if *operation == msg.name() && *found == id)
            });
        }
    }
    refused(&mut suite, &patient, &ExecuteMsg::Revoke { id: 1, grant: 0 }, |error| {
        matches!(error, Error::RevokeUnknown { id: 1, grant: 0, count: 0 })
    });
}

// --- windows ----------------------------------------------------------------------------------------------------

#[test]
fn a_window_must_have_a_future() {
    let (mut suite, patient, id) = active();
    let now = suite.now();
    let window = |from, until| ExecuteMsg::Grant {
        id,
        viewer: who("viewer").to_string(),
        kind: GrantKind::Read,
        tags: tags(),
        from,
        until,
        sealed: fixtures::sealed_grant(1),
    };
    for until in [1, now - 1, now] {
        refused(
            &mut suite,
            &patient,
            &window(None, until),
            |error| matches!(error, Error::GrantPast { until: found, now: at } if *found == until && *at == now),
        );
    }
    for from in [now + 10, now + 11, u64::MAX] {
        refused(
            &mut suite,
            &patient,
            &window(Some(from), now + 10),
            |error| matches!(error, Error::GrantWindow { from: found, until } if *found == from && *until == now + 10),
        );
    }
    for until in [0, 253_402_300_800, u64::MAX] {
        refused(&mut suite, &patient, &window(None, until), |error| {
            matches!(error, Error::Invalid(Invalid::Range { field: "until", .. }))
        });
    }
    suite.to_relationship(&patient, &window(Some(0), now + 1)).unwrap();
}

#[test]
fn a_carer_acts_from_his_first_second_to_before_his_last() {
    let (mut suite, patient, id) = active();
    let (carer, now) = (who("carer"), suite.now());
    let msg = ExecuteMsg::Grant {
        id,
        viewer: carer.to_string(),
        kind: GrantKind::Act,
        tags: tags(),
        from: Some(now + 10),
        until: now + 20,
        sealed: fixtures::sealed_grant(1),
    };
    suite.to_relationship(&patient, &msg).unwrap();
    let read = |number| grant(id, &who("viewer"), GrantKind::Read, now + 1_000, number);
    let stranger = |error: &Error| matches!(error, Error::Sender { operation: "grant", .. });
    suite.wait(9);
    refused(&mut suite, &carer, &read(2), stranger);
    suite.wait(1);
    suite.to_relationship(&carer, &read(3)).unwrap();
    suite.wait(9);
    suite.to_relationship(&carer, &read(4)).unwrap();
    suite.wait(1);
    refused(&mut suite, &carer, &read(5), stranger);
    // What he granted stays granted.
    assert_eq!(grants(&suite, id).iter().filter(|grant| grant.revoked_at.is_none()).count(), 3);
}

// --- carers -----------------------------------------------------------------------------------------------------

#[test]
fn a_carer_makes_and_dismisses_no_carers() {
    let (mut suite, patient, id) = active();
    let (carer, other) = (who("carer"), who("other carer"));
    granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    let second = granted(&mut suite, &patient, id, &other, GrantKind::Act);
    let until = suite.now() + 1_000;
    refused(&mut suite, &carer, &grant(id, &who("friend"), GrantKind::Act, until, 90), |error| {
        matches!(error, Error::Sender { operation: "grant", .. })
    });
    refused(&mut suite, &carer, &ExecuteMsg::Revoke { id, grant: second }, |error| {
        matches!(error, Error::Sender { operation: "revoke", .. })
    });
    for msg in [ExecuteMsg::Close { id }, rotate(id, &carer), ExecuteMsg::Reject { id }] {
        refused(&mut suite, &carer, &msg, |error| matches!(error, Error::Sender { .. }));
    }
}

#[test]
fn a_dismissed_carer_is_nobody_and_can_be_made_one_again() {
    let (mut suite, patient, id) = active();
    let carer = who("carer");
    let first = granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    let until = suite.now() + 86_400;
    refused(
        &mut suite,
        &patient,
        &grant(id, &carer, GrantKind::Act, until + 1, 90),
        |error| matches!(error, Error::GrantCarer { grant, until: found, .. } if *grant == first && *found == until),
    );
    suite.to_relationship(&patient, &ExecuteMsg::Revoke { id, grant: first }).unwrap();
    let read = grant(id, &who("viewer"), GrantKind::Read, until, 91);
    refused(&mut suite, &carer, &read, |error| matches!(error, Error::Sender { .. }));
    granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    suite.to_relationship(&carer, &read).unwrap();
}

#[test]
fn a_carer_of_one_relationship_is_none_of_another() {
    let (mut suite, patient, id) = active();
    let carer = who("carer");
    granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    let other = suite.open(&who("steward 2"), &patient);
    refused(&mut suite, &carer, &accept(other), |error| matches!(error, Error::Sender { .. }));
}

// --- research ---------------------------------------------------------------------------------------------------

#[test]
fn the_same_choice_again_is_refused() {
    let (mut suite, patient, id) = active();
    let none = ExecuteMsg::SetResearch { id, categories: 0 };
    refused(&mut suite, &patient, &none, |error| {
        matches!(error, Error::ResearchSame { id: 1, categories: 0 })
    });
    let some = ExecuteMsg::SetResearch { id, categories: 9 };
    suite.to_relationship(&patient, &some).unwrap();
    suite.wait(50);
    refused(&mut suite, &patient, &some, |error| {
        matches!(error, Error::ResearchSame { id: 1, categories: 9 })
    });
    suite.to_relationship(&patient, &none).unwrap();
}

#[test]
fn nobody_but_the_patient_of_an_active_relationship_chooses() {
    let (mut suite, patient, id) = active();
    let carer = who("carer");
    granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    granted(&mut suite, &patient, id, &who("viewer"), GrantKind::Read);
    let msg = |id| ExecuteMsg::SetResearch { id, categories: 1 };
    let stranger = |error: &Error| matches!(error, Error::Sender { operation: "set_research", .. });
    for sender in [&carer, &who("viewer"), &who("steward"), &suite.consortium.clone(), &suite.sponsor.clone()]
    {
        refused(&mut suite, sender, &msg(id), stranger);
    }
    // The address she left has no say.
    suite.to_relationship(&patient, &rotate(id, &who("fresh"))).unwrap();
    refused(&mut suite, &patient, &msg(id), stranger);
    suite.to_relationship(&who("fresh"), &msg(id)).unwrap();
    let offered = suite.open(&who("steward 2"), &patient);
    refused(&mut suite, &patient, &msg(offered), wrong_status(Action::Research, Status::Offered, offered));
    suite.to_relationship(&who("fresh"), &ExecuteMsg::Close { id }).unwrap();
    for categories in [0, 1, 2] {
        let msg = ExecuteMsg::SetResearch { id, categories };
        refused(&mut suite, &who("fresh"), &msg, wrong_status(Action::Research, Status::Closed, id));
    }
    refused(&mut suite, &patient, &msg(7), |error| {
        matches!(error, Error::NoRelationship { operation: "set_research", id: 7, newest: 2 })
    });
}

// --- addresses --------------------------------------------------------------------------------------------------

#[test]
fn no_side_is_its_own_other_side_or_viewer() {
    let (mut suite, patient, id) = active();
    let (steward, until) = (who("steward"), suite.now() + 1_000);
    for side in [&patient, &steward] {
        for kind in [GrantKind::Read, GrantKind::Act] {
            refused(&mut suite, &patient, &grant(id, side, kind, until, 90), |error| {
                matches!(error, Error::GrantParty { id: 1, .. })
            });
        }
        refused(&mut suite, &patient, &rotate(id, side), |error| matches!(error, Error::RotateSame { .. }));
        refused(&mut suite, &steward, &rotate(id, side), |error| matches!(error, Error::RotateSame { .. }));
    }
    suite.admit(&who("delegate"));
    refused(&mut suite, &who("delegate"), &open(&who("delegate")), |error| {
        matches!(error, Error::OpenSelf { .. })
    });
}

#[test]
fn a_steward_rotates_to_an_unused_delegate_only() {
    let (mut suite, _, id) = active();
    let steward = who("steward");
    suite.open(&who("busy"), &who("other patient"));
    refused(&mut suite, &steward, &rotate(id, &who("anybody")), |error| {
        matches!(error, Error::RotateNotAdmitted { .. })
    });
    refused(&mut suite, &steward, &rotate(id, &who("busy")), |error| {
        matches!(error, Error::RotateUsed { used: 2, .. })
    });
    suite.admit(&who("fresh"));
    suite.to_relationship(&steward, &rotate(id, &who("fresh"))).unwrap();
    // It opens nothing any more; the old one has no say.
    refused(&mut suite, &who("fresh"), &open(&who("p")), |error| {
        matches!(error, Error::OpenUsed { id: 1, .. })
    });
    refused(&mut suite, &steward, &ExecuteMsg::Close { id }, |error| matches!(error, Error::Sender { .. }));
}

#[test]
fn the_address_a_patient_left_has_no_say() {
    let (mut suite, patient, id) = active();
    suite.to_relationship(&patient, &rotate(id, &who("fresh"))).unwrap();
    let until = suite.now() + 1_000;
    for msg in [
        ExecuteMsg::Close { id },
        rotate(id, &who("thief")),
        grant(id, &who("thief"), GrantKind::Read, until, 90),
        grant(id, &who("thief"), GrantKind::Act, until, 91),
    ] {
        refused(&mut suite, &patient, &msg, |error| matches!(error, Error::Sender { .. }));
    }
}

#[test]
fn addresses_of_other_chains_and_no_addresses_are_refused() {
    let (mut suite, patient, id) = active();
    suite.admit(&who("delegate"));
    let sponsor = suite.sponsor.clone();
    let consortium = suite.consortium.clone();
    let upper = who("viewer").to_string().to_uppercase();
    for bad in ["", "patient", "cosmos1qyqszqgpqyqszqgpqyqszqgpqyqszqgpjnp7du", upper.as_str()] {
        let text = || bad.to_owned();
        let mut viewer = grant(id, &patient, GrantKind::Read, suite.now() + 1_000, 90);
        if let ExecuteMsg::Grant { viewer, .. } = &mut viewer {
            *viewer = text();
        }
        for (sender, msg) in [
            (&sponsor, ExecuteMsg::Admit { delegates: vec![text()] }),
            (&who("delegate"), ExecuteMsg::Open { patient: text(), sealed: fixtures::sealed_open(9) }),
            (&patient, ExecuteMsg::Rotate { id, address: text(), sealed: None }),
            (&patient, viewer),
            (&consortium, ExecuteMsg::SetSponsor { sponsor: text() }),
        ] {
            refused(
                &mut suite,
                sender,
                &msg,
                |error| matches!(error, Error::Invalid(Invalid::Address { found, .. }) if found == bad),
            );
        }
    }
}

// --- sizes ------------------------------------------------------------------------------------------------------

#[test]
fn sealed_texts_have_bounds() {
    let (mut suite, patient, id) = active();
    let until = suite.now() + 1_000;
    suite.admit(&who("delegate"));
    let offered = suite.open(&who("steward 2"), &patient);
    let of = |len: usize| fixtures::sealed(77, len);
    let (sealed_grant, sealed_rotate) = (GRANT_SEALED, ROTATE_SEALED);
    let message = |name: &str, len: usize| match name {
        "open" => ExecuteMsg::Open { patient: who("p").to_string(), sealed: of(len) },
        "accept" => ExecuteMsg::Accept { id: offered, sealed: of(len) },
        "rotate" => ExecuteMsg::Rotate { id, address: who("fresh").to_string(), sealed: Some(of(len)) },
        _ => ExecuteMsg::Grant {
            id,
            viewer: who("viewer").to_string(),
            kind: GrantKind::Read,
            tags: tags(),
            from: None,
            until,
            sealed: of(len),
        },
    };
    for (name, sender, (min, max)) in [
        ("open", who("delegate"), OPEN_SEALED),
        ("accept", patient.clone(), OPEN_SEALED),
        ("rotate", patient.clone(), sealed_rotate),
        ("grant", patient.clone(), sealed_grant),
    ] {
        for len in [min - 1, max + 1, 100_000] {
            refused(
                &mut suite,
                &sender,
                &message(name, len),
                |error| matches!(error, Error::Invalid(Invalid::Length { field: "sealed", found, .. }) if *found == len),
            );
        }
    }
    let bare = ExecuteMsg::Open { patient: who("p").to_string(), sealed: Binary::default() };
    refused(&mut suite, &who("delegate"), &bare, |error| matches!(error, Error::Invalid(_)));
    for (name, sender, (_, max)) in [
        ("open", who("delegate"), OPEN_SEALED),
        ("accept", patient.clone(), OPEN_SEALED),
        ("grant", patient, GRANT_SEALED),
    ] {
        suite.to_relationship(&sender, &message(name, max)).unwrap();
    }
}

#[test]
fn tags_are_ninety_six_sorted_bytes() {
    let (mut suite, patient, id) = active();
    let until = suite.now() + 1_000;
    let with = |tags: Vec<u8>| ExecuteMsg::Grant {
        id,
        viewer: who("viewer").to_string(),
        kind: GrantKind::Read,
        tags: Binary::new(tags),
        from: None,
        until,
        sealed: fixtures::sealed_grant(1),
    };
    for len in [0, 8, 95, 97] {
        let mut bytes = tags().to_vec();
        bytes.resize(len, 0xff);
        refused(
            &mut suite,
            &patient,
            &with(bytes),
            |error| matches!(error, Error::Tags(TagsError::Length { found }) if *found == len),
        );
    }
    let mut unsorted = tags().to_vec();
    unsorted[..16].rotate_left(8);
    refused(&mut suite, &patient, &with(unsorted), |error| {
        matches!(error, Error::Tags(TagsError::Order { group: "scope", place: 1 }))
    });
}

#[test]
fn a_message_of_unknown_shape_is_refused() {
    let (mut suite, patient, _) = active();
    let contract = suite.relationship.clone();
    let before = suite.snapshot();
    for text in [r#"{"drain":{}}"#, r#"{"accept":{}}"#, r#"{"accept":{"id":-1,"sealed":""}}"#, "{}", "7"] {
        let msg: serde_json::Value = serde_json::from_str(text).unwrap();
        assert!(suite.send(&patient, &contract, &msg).is_err(), "{text}");
    }
    assert_eq!(before, suite.snapshot());
    assert_eq!(relationship(&suite, 1).status, Status::Active);
}

//! What each message does, as its event and the queries tell.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{accept, admit, delegate, grant, granted, grants, open, relationship, rotate, tags, told, who};
use cosmwasm_std::Uint128;
use medrec_api::relationship::{
    Allowance, ConfigResponse, DelegateStatus, Error, ExecuteMsg, GrantKind, GrantResponse, MigrateMsg,
    Party, QueryMsg, RelationshipResponse, Research, Status,
};
use medrec_api::validate::Invalid;
use medrec_events::relationship::Event;
use medrec_testing::{SuiteBuilder, fixtures, refusal};

#[test]
fn instantiate_keeps_what_it_was_told() {
    let suite = SuiteBuilder::new().build();
    let config: ConfigResponse = suite.ask_relationship(&QueryMsg::Config {}).unwrap();
    assert_eq!(config.consortium, suite.consortium.as_str());
    assert_eq!(config.sponsor, suite.sponsor.as_str());
    assert_eq!(config.allowance.lifetime, 90 * 86_400);
}

#[test]
fn instantiate_refuses_an_allowance_that_is_none() {
    let allowance = |denom: &str, limit: u128, lifetime| Allowance {
        denom: denom.to_owned(),
        spend_limit: Uint128::new(limit),
        lifetime,
    };
    for (field, bad) in [
        ("allowance.denom", allowance("", 1, 86_400)),
        ("allowance.spend_limit", allowance("ufee", 0, 86_400)),
        ("allowance.lifetime", allowance("ufee", 1, 3_599)),
        ("allowance.lifetime", allowance("ufee", 1, u64::MAX)),
    ] {
        let result = SuiteBuilder::new().allowance(bad).try_build().map(|_| ());
        let error = refusal::<Error, _>(&result);
        assert!(
            matches!(error, Error::Invalid(Invalid::Range { field: found, .. } | Invalid::Length { field: found, .. })
                if *found == field),
            "{error}"
        );
    }
}

#[test]
fn admit_open_accept() {
    let mut suite = SuiteBuilder::new().build();
    let (steward, patient) = (who("steward"), who("patient"));
    let sponsor = suite.sponsor.clone();
    let event = told(&mut suite, &sponsor, &admit(&[&steward, &who("other")]));
    assert_eq!(event, Event::DelegatesAdmitted { count: 2 });
    assert_eq!(delegate(&suite, &steward), DelegateStatus::Admitted);
    assert_eq!(delegate(&suite, &patient), DelegateStatus::Unknown);

    let event = told(&mut suite, &steward, &open(&patient));
    assert_eq!(
        event,
        Event::Opened {
            id: 1,
            patient: patient.to_string(),
            steward: steward.to_string(),
            sealed: fixtures::sealed_open(1)
        }
    );
    assert_eq!(delegate(&suite, &steward), DelegateStatus::Used { id: 1 });
    let offered = RelationshipResponse {
        id: 1,
        patient: patient.to_string(),
        steward: steward.to_string(),
        status: Status::Offered,
        opened_at: suite.now(),
        opened_height: suite.app.block_info().height,
        first_patient: patient.to_string(),
        first_steward: steward.to_string(),
        sealed_open: fixtures::sealed_open(1),
        sealed_accept: None,
        grants: 0,
        research: Research::default(),
    };
    assert_eq!(relationship(&suite, 1), offered);

    suite.wait(5);
    let event = told(&mut suite, &patient, &accept(1));
    let sealed = fixtures::sealed_accept(1);
    assert_eq!(event, Event::Accepted { id: 1, by: patient.to_string(), sealed: sealed.clone() });
    assert_eq!(
        relationship(&suite, 1),
        RelationshipResponse { status: Status::Active, sealed_accept: Some(sealed), ..offered }
    );
    assert_eq!(suite.open(&who("other steward"), &patient), 2, "ids count on");
}

#[test]
fn reject_and_close() {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let rejected = suite.open(&who("steward 1"), &patient);
    let event = told(&mut suite, &patient, &ExecuteMsg::Reject { id: rejected });
    assert_eq!(event, Event::Rejected { id: rejected });
    assert_eq!(relationship(&suite, rejected).status, Status::Rejected);

    let withdrawn = suite.open(&who("steward 2"), &patient);
    let event = told(&mut suite, &who("steward 2"), &ExecuteMsg::Close { id: withdrawn });
    assert_eq!(event, Event::Closed { id: withdrawn, by: who("steward 2").to_string() });
    let ended = suite.active(&who("steward 3"), &patient);
    let event = told(&mut suite, &patient, &ExecuteMsg::Close { id: ended });
    assert_eq!(event, Event::Closed { id: ended, by: patient.to_string() });
    // Closed ones stay readable, with what is needed to recover them.
    let found = relationship(&suite, ended);
    assert_eq!(found.status, Status::Closed);
    assert!(found.sealed_accept.is_some());
}

#[test]
fn grant_and_revoke() {
    let mut suite = SuiteBuilder::new().build();
    let (patient, viewer) = (who("patient"), who("viewer"));
    let id = suite.active(&who("steward"), &patient);
    let (now, until) = (suite.now(), suite.now() + 100);
    let event = told(&mut suite, &patient, &grant(id, &viewer, GrantKind::Read, until, 7));
    assert_eq!(
        event,
        Event::Granted {
            id,
            grant: 0,
            by: patient.to_string(),
            viewer: viewer.to_string(),
            kind: GrantKind::Read,
            tags: fixtures::tags(&["medication"], &["treatment"]),
            from: now,
            until,
            sealed: fixtures::sealed_grant(7),
        }
    );
    let first = GrantResponse {
        id,
        grant: 0,
        viewer: viewer.to_string(),
        kind: GrantKind::Read,
        tags: tags(),
        from: now,
        until,
        sealed: fixtures::sealed_grant(7),
        revoked_at: None,
    };
    assert_eq!(grants(&suite, id), std::slice::from_ref(&first));
    // Another for the same viewer, in a window to come.
    let later = ExecuteMsg::Grant {
        id,
        viewer: viewer.to_string(),
        kind: GrantKind::Read,
        tags: tags(),
        from: Some(until),
        until: until + 1,
        sealed: fixtures::sealed_grant(8),
    };
    assert!(
        matches!(told(&mut suite, &patient, &later), Event::Granted { grant: 1, from, .. } if from == until)
    );
    assert_eq!(relationship(&suite, id).grants, 2);

    suite.wait(10);
    let event = told(&mut suite, &patient, &ExecuteMsg::Revoke { id, grant: 0 });
    assert_eq!(event, Event::Revoked { id, grant: 0, by: patient.to_string() });
    let all = grants(&suite, id);
    assert_eq!(all[0], GrantResponse { revoked_at: Some(now + 10), ..first });
    assert_eq!(all[1].revoked_at, None);
}

#[test]
fn a_carer_accepts_grants_and_revokes_in_the_patients_name() {
    let mut suite = SuiteBuilder::new().build();
    let (patient, carer, viewer) = (who("patient"), who("carer"), who("viewer"));
    let id = suite.open(&who("steward"), &patient);
    granted(&mut suite, &patient, id, &carer, GrantKind::Act);
    let event = told(&mut suite, &carer, &accept(id));
    assert!(matches!(event, Event::Accepted { by, .. } if by == carer.as_str()));
    let number = granted(&mut suite, &carer, id, &viewer, GrantKind::Read);
    let event = told(&mut suite, &carer, &ExecuteMsg::Revoke { id, grant: number });
    assert_eq!(event, Event::Revoked { id, grant: number, by: carer.to_string() });
    assert_eq!(relationship(&suite, id).status, Status::Active);
}

#[test]
fn rotate_moves_either_side_and_keeps_the_first_addresses() {
    let mut suite = SuiteBuilder::new().build();
    let (patient, steward) = (who("patient"), who("steward"));
    let id = suite.active(&steward, &patient);
    let sealed = fixtures::sealed(1, 64);
    let msg = ExecuteMsg::Rotate { id, address: who("patient 2").to_string(), sealed: Some(sealed.clone()) };
    let event = told(&mut suite, &patient, &msg);
    let address = who("patient 2").to_string();
    assert_eq!(event, Event::Rotated { id, party: Party::Patient, address, sealed: Some(sealed) });
    told(&mut suite, &who("patient 2"), &rotate(id, &who("patient 3")));
    suite.admit(&who("steward 2"));
    let event = told(&mut suite, &steward, &rotate(id, &who("steward 2")));
    assert!(matches!(event, Event::Rotated { party: Party::Steward, .. }));
    assert_eq!(delegate(&suite, &who("steward 2")), DelegateStatus::Used { id });

    let found = relationship(&suite, id);
    assert_eq!((found.patient, found.steward), (who("patient 3").to_string(), who("steward 2").to_string()));
    assert_eq!((found.first_patient, found.first_steward), (patient.to_string(), steward.to_string()));
    told(&mut suite, &who("patient 3"), &ExecuteMsg::Close { id });
    // A closed relationship is still the patient's to read, so its key still moves.
    told(&mut suite, &who("patient 3"), &rotate(id, &who("patient 4")));
}

#[test]
fn the_patient_chooses_what_research_counts_from_the_next_block() {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let id = suite.active(&who("steward"), &patient);
    assert_eq!(relationship(&suite, id).research, Research { categories: 0, since_height: 0 });
    for categories in [0b1010, 0xff, 0] {
        let height = suite.app.block_info().height;
        let event = told(&mut suite, &patient, &ExecuteMsg::SetResearch { id, categories });
        assert_eq!(event, Event::ResearchChosen { id, categories });
        assert_eq!(relationship(&suite, id).research, Research { categories, since_height: height + 1 });
        suite.wait(5);
    }
    // What else happens to the relationship leaves the choice alone; closing ends it.
    told(&mut suite, &patient, &ExecuteMsg::SetResearch { id, categories: 2 });
    let chosen = relationship(&suite, id).research;
    suite.wait(5);
    granted(&mut suite, &patient, id, &who("viewer"), GrantKind::Read);
    told(&mut suite, &patient, &rotate(id, &who("patient 2")));
    assert_eq!(relationship(&suite, id).research, chosen);
    let height = suite.app.block_info().height;
    told(&mut suite, &who("steward"), &ExecuteMsg::Close { id });
    assert_eq!(relationship(&suite, id).research, Research { categories: 0, since_height: height + 1 });
    // Closing without a choice makes none.
    let other = suite.active(&who("steward 2"), &patient);
    told(&mut suite, &patient, &ExecuteMsg::Close { id: other });
    assert_eq!(relationship(&suite, other).research, Research::default());
}

#[test]
fn migration_takes_its_own_state_only() {
    let mut suite = SuiteBuilder::new().build();
    let [_, code, ..] = suite.codes;
    let (consortium, relationship, registrar) =
        (suite.consortium.clone(), suite.relationship.clone(), suite.registrar.clone());
    suite.migrate(&consortium, &relationship, code, &MigrateMsg::Same {}).unwrap();
    assert!(suite.migrate(&who("stranger"), &relationship, code, &MigrateMsg::Same {}).is_err());
    let before = suite.snapshot();
    let result = suite.migrate(&consortium, &registrar, code, &MigrateMsg::Same {});
    let error = refusal::<Error, _>(&result);
    assert!(matches!(error, Error::MigrateFrom { found, .. } if found.starts_with("medrec:registrar ")));
    assert_eq!(before, suite.snapshot());
}

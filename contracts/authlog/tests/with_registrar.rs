//! Beside the real registrar on one simulated chain: what it writes is what the authlog reads.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::Hospital;
use cosmwasm_std::{Addr, Binary, StdResult};
use medrec_api::{
    authlog::{Error, ExecuteMsg, LogResponse, MigrateMsg, QueryMsg, Role},
    registrar,
};
use medrec_events::authlog::Event;
use medrec_testing::{Suite, SuiteBuilder, fixtures};

/// A chain with two institutions; the first keeps a log, with ids, accounts and keys as the registrar has them.
fn suite() -> (Suite, Hospital) {
    let mut first = fixtures::institution(1);
    let mut hospital = Hospital::new(1);
    first.log_key = Binary::from(hospital.key.verifying_key().to_bytes());
    hospital.origin = first.log_origin.clone();
    hospital.account = Addr::unchecked(first.account.clone());
    (SuiteBuilder::new().institutions(vec![first, fixtures::institution(2)]).build(), hospital)
}

fn admit(institution: u32) -> ExecuteMsg {
    ExecuteMsg::AdmitLog { institution }
}

/// The chain refused with the contract's own words, as a client reads them.
#[track_caller]
fn says<T: std::fmt::Debug>(result: &StdResult<T>, expected: &Error) {
    let refusal = result.as_ref().unwrap_err().to_string();
    assert!(refusal.ends_with(&expected.to_string()), "{refusal}");
}

#[test]
fn a_log_from_admission_to_its_second_anchor() {
    let (mut suite, mut hospital) = suite();
    let done = suite.to_authlog(&hospital.account, &admit(1)).unwrap();
    let key = Binary::from(hospital.key.verifying_key().to_bytes());
    let admitted = Event::LogAdmitted { slot: 0, institution: 1, origin: hospital.origin.clone(), key };
    assert_eq!(suite.authlog_events(&done), [admitted]);

    hospital.grow(7);
    suite.to_authlog(&hospital.account, &hospital.anchor_from(0)).unwrap();
    suite.wait(1);
    hospital.grow(30);
    let done = suite.to_authlog(&hospital.account, &hospital.anchor_from(7)).unwrap();
    let root = Binary::from(hospital.log.root());
    assert_eq!(suite.authlog_events(&done), [Event::Anchored { slot: 0, size: 37, root: root.clone() }]);
    let log: LogResponse = suite.ask_authlog(&QueryMsg::LogOf { institution: 1 }).unwrap();
    assert_eq!((log.size, log.root, log.anchored_at), (37, root, suite.now()));
}

#[test]
fn whom_the_registrar_does_not_know_as_this_institution() {
    let (mut suite, hospital) = suite();
    let other = fixtures::address("institution-2");
    let before = suite.snapshot();
    for (sender, institution) in [(&other, 1), (&hospital.account, 2)] {
        let refused = suite.to_authlog(sender, &admit(institution));
        let sender = sender.to_string();
        says(&refused, &Error::Sender { operation: "admit_log", sender, needed: Role::Institution });
    }
    let refused = suite.to_authlog(&hospital.account, &admit(3));
    says(&refused, &Error::NoInstitution { operation: "admit_log", institution: 3 });
    assert_eq!(suite.snapshot(), before);
}

#[test]
fn a_rekey_and_an_expulsion_hold_at_once() {
    let (mut suite, mut hospital) = suite();
    suite.to_authlog(&hospital.account, &admit(1)).unwrap();
    hospital.grow(5);
    let consortium = suite.consortium.clone();
    let fresh = fixtures::address("institution-1 anew");
    let rekey = registrar::ExecuteMsg::RekeyInstitution {
        id: 1,
        url: None,
        account: Some(fresh.to_string()),
        signing_key: None,
        encryption_key: None,
    };
    suite.to_registrar(&consortium, &rekey).unwrap();
    let refused = suite.to_authlog(&hospital.account, &hospital.anchor_from(0));
    let sender = hospital.account.to_string();
    says(&refused, &Error::Sender { operation: "anchor", sender, needed: Role::Institution });
    suite.to_authlog(&fresh, &hospital.anchor_from(0)).unwrap();

    suite.to_registrar(&consortium, &registrar::ExecuteMsg::ExpelInstitution { id: 1 }).unwrap();
    let before = suite.snapshot();
    let refused = suite.to_authlog(&fresh, &hospital.anchor_from(5));
    says(&refused, &Error::InstitutionExpelled { operation: "anchor", institution: 1 });
    assert_eq!(suite.snapshot(), before);
}

#[test]
fn a_migration_keeps_every_head() {
    let (mut suite, mut hospital) = suite();
    suite.to_authlog(&hospital.account, &admit(1)).unwrap();
    hospital.grow(5);
    suite.to_authlog(&hospital.account, &hospital.anchor_from(0)).unwrap();
    let before: LogResponse = suite.ask_authlog(&QueryMsg::Log { slot: 0 }).unwrap();
    let (consortium, authlog, code) = (suite.consortium.clone(), suite.authlog.clone(), suite.codes[2]);
    suite.migrate(&consortium, &authlog, code, &MigrateMsg::Same {}).unwrap();
    assert_eq!(suite.ask_authlog::<LogResponse>(&QueryMsg::Log { slot: 0 }).unwrap(), before);
    hospital.grow(1);
    suite.to_authlog(&hospital.account, &hospital.anchor_from(5)).unwrap();
    let wrong = suite.codes[0];
    assert!(suite.migrate(&consortium, &authlog, wrong, &MigrateMsg::Same {}).is_err());
}

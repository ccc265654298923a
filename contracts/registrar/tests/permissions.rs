//! Who may send what: the golden table, and every message by every sender.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::collections::BTreeMap;

use common::{account, one_of_each, refused, register};
use medrec_api::registrar::{Error, ExecuteMsg, RegistrationPolicy, role};
use medrec_testing::{Suite, SuiteBuilder, fixtures};
use serde_json::Value;

fn suite() -> Suite {
    let mut suite = SuiteBuilder::new().build();
    suite.to_registrar(&account(1), &register(1, &fixtures::address("person"))).unwrap();
    suite.certify("ada", 1);
    let expel = ExecuteMsg::ExpelInstitution { id: 3 };
    suite.to_registrar(&suite.consortium.clone(), &expel).unwrap();
    suite
}

#[test]
fn roles_are_those_of_the_golden_table() {
    let golden: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../testdata/roles.json")).unwrap();
    let computed: BTreeMap<_, _> =
        one_of_each(&suite()).iter().map(|msg| (msg.name().to_owned(), role(msg).to_string())).collect();
    assert_eq!(golden, computed);
    let schema: Value = serde_json::from_str(include_str!("../../../schema/registrar.json")).unwrap();
    let variants = schema["execute"]["oneOf"].as_array().unwrap();
    let names: Vec<_> = variants.iter().map(|variant| variant["required"][0].as_str().unwrap()).collect();
    assert_eq!(names.len(), golden.len());
    assert!(names.into_iter().all(|name| golden.contains_key(name)));
}

#[test]
fn every_message_by_every_sender() {
    let senders = [
        ("consortium", suite().consortium),
        ("institution", account(1)),
        ("other institution", account(2)),
        ("expelled institution", account(3)),
        ("person", fixtures::address("person")),
        ("researcher", fixtures::address("ada")),
        ("sponsor", suite().sponsor),
        ("stranger", fixtures::address("stranger")),
    ];
    let allowed = |msg: &ExecuteMsg, who: &str| match msg {
        ExecuteMsg::RegisterPerson { .. } => ["institution", "other institution"].contains(&who),
        ExecuteMsg::RotatePerson { .. } => who == "person",
        // The certificate is institution 1's.
        ExecuteMsg::CertifyResearcher { .. } => who == "institution",
        ExecuteMsg::WithdrawResearcher { .. } => ["institution", "consortium"].contains(&who),
        _ => who == "consortium",
    };
    for msg in one_of_each(&suite()) {
        for (who, sender) in &senders {
            let mut suite = suite();
            if allowed(&msg, who) {
                suite.to_registrar(sender, &msg).unwrap_or_else(|error| panic!("{msg:?} by {who}: {error}"));
            } else {
                let others =
                    matches!(msg, ExecuteMsg::CertifyResearcher { .. }) && *who == "other institution";
                refused(&mut suite, sender, &msg, |error| match error {
                    Error::Certificate { id: 2, .. } => others,
                    _ => {
                        !others
                            && matches!(error, Error::Sender { operation, sender: named, needed }
                        if *operation == msg.name() && named == sender.as_str() && *needed == role(&msg))
                    }
                });
            }
        }
    }
}

#[test]
fn under_the_consortiums_policy_it_alone_registers() {
    let mut suite = SuiteBuilder::new().registration(RegistrationPolicy::Consortium).build();
    let msg = register(1, &fixtures::address("person"));
    refused(&mut suite, &account(1), &msg, |error| matches!(error, Error::Sender { .. }));
    suite.to_registrar(&suite.consortium.clone(), &msg).unwrap();
}

#[test]
fn no_message_takes_funds() {
    for msg in one_of_each(&suite()) {
        let mut suite = suite();
        let before = suite.snapshot();
        let (sender, contract) = (suite.consortium.clone(), suite.registrar.clone());
        let result = suite.send_with_funds(&sender, &contract, &msg, "ufee");
        let error = medrec_testing::refusal::<Error, _>(&result);
        assert!(
            matches!(error, Error::Funds { operation, found } if *operation == msg.name() && found == "1ufee")
        );
        assert_eq!(before, suite.snapshot());
    }
}

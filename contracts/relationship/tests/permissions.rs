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

use common::{accept, admit, grant, granted, open, refused, rotate, who};
use cosmwasm_std::Addr;
use medrec_api::relationship::{Error, ExecuteMsg, GrantKind, role};
use medrec_testing::{Suite, SuiteBuilder, refusal};
use serde_json::Value;

/// Relationship 1 is offered, 2 active; both have a carer; 2 has reader `viewer` (grant 1) and another carer (2).
fn suite() -> Suite {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let offered = suite.open(&who("steward 1"), &patient);
    let active = suite.active(&who("steward 2"), &patient);
    assert_eq!((offered, active), (1, 2));
    for id in [1, 2] {
        granted(&mut suite, &patient, id, &who("carer"), GrantKind::Act);
    }
    granted(&mut suite, &patient, 2, &who("viewer"), GrantKind::Read);
    granted(&mut suite, &patient, 2, &who("other carer"), GrantKind::Act);
    suite.admit(&who("delegate"));
    suite
}

/// Name in the golden table, message, and who gets it through.
fn one_of_each() -> Vec<(&'static str, ExecuteMsg, &'static [&'static str])> {
    let until = SuiteBuilder::new().build().now() + 1_000;
    vec![
        ("admit", admit(&[&who("new delegate")]), &["sponsor"]),
        ("open", open(&who("new patient")), &["delegate"]),
        ("accept", accept(1), &["patient", "carer"]),
        ("reject", ExecuteMsg::Reject { id: 1 }, &["patient"]),
        ("close", ExecuteMsg::Close { id: 2 }, &["patient", "steward 2"]),
        ("rotate", rotate(2, &who("delegate")), &["patient", "steward 2"]),
        (
            "grant (read)",
            grant(2, &who("new viewer"), GrantKind::Read, until, 99),
            &["patient", "carer", "other carer"],
        ),
        ("grant (act)", grant(2, &who("new viewer"), GrantKind::Act, until, 99), &["patient"]),
        ("revoke (read)", ExecuteMsg::Revoke { id: 2, grant: 1 }, &["patient", "carer", "other carer"]),
        ("revoke (act)", ExecuteMsg::Revoke { id: 2, grant: 0 }, &["patient"]),
        ("set_research", ExecuteMsg::SetResearch { id: 2, categories: 8 }, &["patient"]),
        ("set_sponsor", ExecuteMsg::SetSponsor { sponsor: who("new sponsor").to_string() }, &["consortium"]),
    ]
}

#[test]
fn roles_are_those_of_the_golden_table() {
    let golden: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../testdata/roles.json")).unwrap();
    let computed: BTreeMap<_, _> =
        one_of_each().iter().map(|(name, msg, _)| ((*name).to_owned(), role(msg).to_string())).collect();
    assert_eq!(golden, computed);
    let schema: Value = serde_json::from_str(include_str!("../../../schema/relationship.json")).unwrap();
    let variants = schema["execute"]["oneOf"].as_array().unwrap();
    for variant in variants {
        let name = variant["required"][0].as_str().unwrap();
        assert!(golden.keys().any(|key| key.split(' ').next() == Some(name)), "{name} is in no row");
    }
    assert_eq!(variants.len(), 10);
}

#[test]
fn every_message_by_every_sender() {
    let fresh = suite();
    let mut senders: Vec<(&str, Addr)> =
        vec![("consortium", fresh.consortium.clone()), ("sponsor", fresh.sponsor.clone())];
    for name in
        ["patient", "steward 1", "steward 2", "delegate", "carer", "other carer", "viewer", "stranger"]
    {
        senders.push((name, who(name)));
    }
    for (name, msg, allowed) in one_of_each() {
        for (sender, address) in &senders {
            let mut suite = suite();
            if allowed.contains(sender) {
                let result = suite.to_relationship(address, &msg);
                result.unwrap_or_else(|error| panic!("{name} by {sender}: {error}"));
            } else {
                refused(&mut suite, address, &msg, |error| match error {
                    Error::Sender { operation, sender: named, .. } => {
                        *operation == msg.name() && named == address.as_str()
                    }
                    // A used delegate is told so.
                    Error::OpenUsed { delegate, .. } => name == "open" && delegate == address.as_str(),
                    _ => false,
                });
            }
        }
    }
}

#[test]
fn nobody_but_the_consortium_sends_funds_and_only_those_that_pay_fees() {
    for (name, msg, allowed) in one_of_each() {
        for denom in ["ufee", "ustake"] {
            let mut suite = suite();
            let before = suite.snapshot();
            let contract = suite.relationship.clone();
            let result = suite.send_with_funds(&who(allowed[0]), &contract, &msg, denom);
            if name == "set_sponsor" && denom == "ufee" {
                result.unwrap();
                continue;
            }
            let error = refusal::<Error, _>(&result);
            assert!(
                matches!(error, Error::Funds { operation, found }
                    if *operation == msg.name() && *found == format!("1{denom}")),
                "{name}: {error}"
            );
            assert_eq!(before, suite.snapshot());
        }
    }
}

#[test]
fn the_new_sponsor_admits_and_the_old_one_no_more() {
    let mut suite = suite();
    let (consortium, old) = (suite.consortium.clone(), suite.sponsor.clone());
    let msg = ExecuteMsg::SetSponsor { sponsor: who("new sponsor").to_string() };
    suite.to_relationship(&consortium, &msg).unwrap();
    refused(&mut suite, &consortium, &msg, |error| matches!(error, Error::SponsorSame { .. }));
    let msg = admit(&[&who("new delegate")]);
    refused(&mut suite, &old, &msg, |error| matches!(error, Error::Sender { operation: "admit", .. }));
    suite.to_relationship(&who("new sponsor"), &msg).unwrap();
}

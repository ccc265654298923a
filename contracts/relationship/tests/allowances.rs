//! Fee allowances: who gets one, what it allows, and that nobody makes them without end (security H5).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{admit, granted, open, refused, rotate, who};
use medrec_api::relationship::{EXTRA_ALLOWANCES, Error, ExecuteMsg, GrantKind};
use medrec_testing::{GivenAllowance, SuiteBuilder};

const LIFETIME: u64 = 90 * 86_400;

#[test]
fn the_contract_pays_for_contract_calls_only_within_a_cap_and_an_end() {
    let mut suite = SuiteBuilder::new().build();
    let (steward, patient) = (who("steward"), who("patient"));
    suite.open(&steward, &patient);
    let expected = |grantee: &cosmwasm_std::Addr| GivenAllowance {
        granter: suite.relationship.to_string(),
        grantee: grantee.to_string(),
        denom: "ufee".to_owned(),
        amount: "1000000".to_owned(),
        ends: suite.now() + LIFETIME,
        allowed_messages: vec!["/cosmwasm.wasm.v1.MsgExecuteContract".to_owned()],
        drained: false,
    };
    assert_eq!(suite.allowances(), [expected(&steward), expected(&patient)]);
}

#[test]
fn a_hundred_delegates_in_one_message_and_no_more() {
    let mut suite = SuiteBuilder::new().build();
    let sponsor = suite.sponsor.clone();
    let all: Vec<_> = (0..101).map(|n| who(&format!("delegate {n}"))).collect();
    let some: Vec<_> = all.iter().collect();
    refused(&mut suite, &sponsor, &admit(&some), |error| error.to_string().contains("101 items"));
    refused(&mut suite, &sponsor, &admit(&[]), |error| error.to_string().contains("0 items"));
    suite.to_relationship(&sponsor, &admit(&some[..100])).unwrap();
    assert_eq!(suite.allowances().len(), 100);
}

/// The hole of H5: an address that lives on an allowance opens to a fresh one, and so on, all at the contract's cost.
#[test]
fn an_allowance_funds_no_chain_of_openings() {
    let mut suite = SuiteBuilder::new().build();
    let first = who("patient");
    suite.active(&who("steward"), &first);
    refused(&mut suite, &first, &open(&who("next")), |error| {
        matches!(error, Error::Sender { operation: "open", .. })
    });
    // Nor does the delegate, whose one relationship is opened.
    refused(&mut suite, &who("steward"), &open(&who("next")), |error| {
        matches!(error, Error::OpenUsed { id: 1, .. })
    });
    assert_eq!(suite.allowances().len(), 2);
}

#[test]
fn a_reused_address_is_opened_to_but_funded_once_in_a_lifetime() {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    for n in 0..3 {
        suite.open(&who(&format!("steward {n}")), &patient);
    }
    assert_eq!(suite.allowances_to(&patient).len(), 1);
    // Spent to the last coin: x/feegrant has forgotten it, the contract has not.
    suite.drain(&patient);
    suite.open(&who("steward 3"), &patient);
    assert_eq!(suite.allowances_to(&patient).len(), 1);
    // Ended a moment ago, x/feegrant may still hold it; `open` goes through all the same.
    suite.wait(LIFETIME);
    suite.open(&who("steward 4"), &patient);
    assert_eq!(suite.allowances_to(&patient).len(), 1);
    suite.wait(600);
    suite.open(&who("steward 5"), &patient);
    let given = suite.allowances_to(&patient);
    assert_eq!(given.len(), 2);
    assert_eq!(given[1].ends, suite.now() + LIFETIME);
}

#[test]
fn an_address_that_was_patient_before_becomes_a_delegate() {
    let mut suite = SuiteBuilder::new().build();
    let twofold = who("twofold");
    suite.open(&who("steward"), &twofold);
    suite.admit(&twofold);
    suite.to_relationship(&twofold, &open(&who("patient"))).unwrap();
    assert_eq!(suite.allowances_to(&twofold).len(), 1);
}

#[test]
fn rotations_are_paid_for_a_few_times_and_possible_for_ever() {
    let mut suite = SuiteBuilder::new().build();
    let mut patient = who("patient 0");
    let id = suite.active(&who("steward"), &patient);
    let before = suite.allowances().len();
    for n in 1..=u64::from(EXTRA_ALLOWANCES) + 3 {
        let next = who(&format!("patient {n}"));
        suite.to_relationship(&patient, &rotate(id, &next)).unwrap();
        assert_eq!(suite.allowances_to(&next).len(), usize::from(n <= u64::from(EXTRA_ALLOWANCES)));
        patient = next;
    }
    assert_eq!(suite.allowances().len(), before + usize::from(EXTRA_ALLOWANCES));
}

#[test]
fn carers_are_paid_for_within_the_same_bound_and_viewers_never() {
    let mut suite = SuiteBuilder::new().build();
    let patient = who("patient");
    let id = suite.active(&who("steward"), &patient);
    let before = suite.allowances().len();
    for n in 0..6 {
        granted(&mut suite, &patient, id, &who(&format!("viewer {n}")), GrantKind::Read);
    }
    assert_eq!(suite.allowances().len(), before);
    for n in 0..6 {
        granted(&mut suite, &patient, id, &who(&format!("carer {n}")), GrantKind::Act);
    }
    assert_eq!(suite.allowances().len(), before + usize::from(EXTRA_ALLOWANCES));
    assert_eq!(suite.allowances_to(&who("carer 0")).len(), 1);
    // Dismissed and made carer again: no second one.
    suite.to_relationship(&patient, &ExecuteMsg::Revoke { id, grant: 6 }).unwrap();
    granted(&mut suite, &patient, id, &who("carer 0"), GrantKind::Act);
    assert_eq!(suite.allowances_to(&who("carer 0")).len(), 1);
}

//! Who may send what: the golden table, and every message by every wrong sender.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::collections::BTreeMap;

use common::{Chain, addr, ask, claim, deliver, expire, fixed, hospital, id, offering, open, question};
use cosmwasm_std::{Addr, coins, testing::message_info};
use medrec_api::{
    bounty::{Error, ExecuteMsg, Role, role},
    registrar::{InstitutionStatus, ResearcherStatus, account_key},
};
use medrec_bounty::contract;

/// One of each message, as its right sender would send it with success in this order.
fn messages(chain: &mut Chain) -> Vec<(Addr, ExecuteMsg)> {
    // 1: to be claimed by ben; 2: open, to be asked by ada; 3: to be delivered; 4: to expire.
    chain.offer(4, fixed());
    chain.seals(&["cyd"; 6]);
    for (number, terms) in [(2, open()), (3, fixed())] {
        chain.claimed(number, terms);
    }
    chain.offer(1, fixed());
    chain.seals(&["ada", "ben"]);
    vec![
        (addr("consortium"), ExecuteMsg::SetBudget { institution: 1, total: 9_000_000 }),
        (hospital(1), ExecuteMsg::SetCatalogue { institution: 1, entries: vec![] }),
        (hospital(1), offering(5, fixed())),
        (addr("ben"), claim(1)),
        (addr("ada"), ask(2, question())),
        (hospital(1), deliver(3)),
        (addr("anybody"), expire(4)),
    ]
}

#[test]
fn the_role_table_is_the_golden_one() {
    let table: BTreeMap<&str, &str> =
        messages(&mut Chain::new()).iter().map(|(_, msg)| (msg.name(), role(msg).as_str())).collect();
    let golden: BTreeMap<&str, &str> = serde_json::from_str(include_str!("../testdata/roles.json")).unwrap();
    assert_eq!(table, golden);

    // No message is left out of this file: the schema knows them all.
    let schema = serde_json::to_value(cosmwasm_schema::schema_for!(ExecuteMsg)).unwrap();
    let variants = schema["oneOf"].as_array().unwrap();
    let names: Vec<_> = variants.iter().map(|variant| variant["required"][0].as_str().unwrap()).collect();
    assert_eq!(names.len(), golden.len());
    assert!(names.iter().all(|name| golden.contains_key(name)), "{names:?}");
}

#[test]
fn the_right_sender_is_heard() {
    let mut chain = Chain::new();
    for (sender, msg) in messages(&mut chain) {
        let done = chain.send(&sender, msg).unwrap();
        assert!(!done.events.is_empty());
    }
}

#[test]
fn every_wrong_sender_is_refused() {
    let mut chain = Chain::new();
    let somebody = [
        "consortium",
        "registrar",
        "authlog",
        "creator",
        "hospital-1",
        "hospital-2",
        "ada",
        "ben",
        "cyd",
        "stranger",
    ];
    for (right, msg) in &messages(&mut chain) {
        if role(msg) == Role::Anybody {
            continue;
        }
        for sender in somebody.map(addr).iter().filter(|sender| *sender != right) {
            let expected =
                Error::Sender { operation: msg.name(), sender: sender.to_string(), needed: role(msg) };
            chain.refuses(sender, msg.clone(), &expected);
        }
    }
}

#[test]
fn funds_are_refused() {
    let mut chain = Chain::new();
    for (sender, msg) in messages(&mut chain) {
        let info = message_info(&sender, &coins(3, "ufee"));
        let before = chain.state();
        let refused =
            contract::execute(chain.deps.as_mut(), chain.env.clone(), info, msg.clone()).unwrap_err();
        let expected = Error::Funds { operation: msg.name(), found: "3ufee".into() };
        assert_eq!(refused.to_string(), expected.to_string());
        assert_eq!(chain.state(), before);
    }
}

#[test]
fn an_expelled_institution_is_mute_from_that_block_and_misses() {
    let mut chain = Chain::new();
    chain.claimed(1, fixed());
    chain.world.institution(1, InstitutionStatus::Expelled);
    let expelled = |operation| Error::InstitutionExpelled { operation, institution: 1 };
    chain.refuses(&hospital(1), offering(2, fixed()), &expelled("offer"));
    chain.refuses(&hospital(1), deliver(1), &expelled("deliver"));
    let catalogue = ExecuteMsg::SetCatalogue { institution: 1, entries: vec![] };
    chain.refuses(&hospital(1), catalogue, &expelled("set_catalogue"));
    chain.pass(3_601);
    chain.send(&addr("anybody"), expire(1)).unwrap();
    assert_eq!(chain.record(1).missed, 1);
}

#[test]
fn a_rekeyed_account_holds_from_that_block_and_the_old_one_no_longer() {
    let mut chain = Chain::new();
    chain.claimed(1, fixed());
    chain.world.put("registrar", account_key(1), addr("new account").into_string().into_bytes());
    assert!(chain.refusal(&hospital(1), deliver(1)).contains("is not the account of the institution"));
    chain.send(&addr("new account"), deliver(1)).unwrap();
}

#[test]
fn an_owner_counts_only_while_certified_by_an_active_institution() {
    let mut chain = Chain::new();
    chain.claimed(1, open());
    chain.world.researcher("ada", ResearcherStatus::Withdrawn, 1);
    let refused = |operation| Error::Sender { operation, sender: addr("ada").into(), needed: Role::Owner };
    chain.refuses(&addr("ada"), ask(1, question()), &refused("ask"));
    chain.world.researcher("ada", ResearcherStatus::Active, 1);
    chain.world.institution(1, InstitutionStatus::Expelled);
    chain.refuses(&addr("ada"), ask(1, question()), &refused("ask"));
    chain.refuses(&addr("ada"), claim(1), &refused("claim"));
    chain.world.institution(1, InstitutionStatus::Active);
    chain.send(&addr("ada"), ask(1, question())).unwrap();
}

#[test]
fn who_is_not_registered_offers_nothing() {
    let mut chain = Chain::new();
    for institution in [0, 9, u32::MAX] {
        let msg = ExecuteMsg::Offer { institution, id: id(1), terms: fixed() };
        chain.refuses(&hospital(1), msg, &Error::NoInstitution { operation: "offer", institution });
    }
    // The account of one institution is not another's.
    let msg = ExecuteMsg::Offer { institution: 2, id: id(1), terms: fixed() };
    assert!(chain.refusal(&hospital(1), msg).contains("is not the account of the institution"));
}

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

use common::{Authlog, Log, addr};
use cosmwasm_std::{Addr, coins, testing::message_info};
use medrec_api::authlog::{Conflict, Error, ExecuteMsg, GrowthCap, Role, role};
use medrec_authlog::contract;

/// One of each message, as who may would send it with success, in this order.
fn messages(chain: &mut Authlog) -> Vec<(Addr, ExecuteMsg)> {
    let mut anchoring = chain.admitted(1);
    anchoring.grow(3);
    let admitting = chain.hospital(2);
    // A third log is attested and forged; seals have started.
    let log = chain.keeps(4, 900);
    let slot = 1;
    let forged = Log::new(&log.origin, log.key.clone(), 77);
    let sealing = chain.start();
    let by = chain.researcher("holder-a", 2_001);
    let heads = vec![log.cosigned(slot, 899, 900, 7, &by.key)];
    let challenge = ExecuteMsg::Challenge { challenger: by.named(), slot, index: 5 };
    let seal = chain.mined(&by, &[&log]);
    let conflict = Conflict::Roots { size: 9, a: log.signed_root(9), b: forged.signed_root(9) };
    vec![
        (admitting.account, ExecuteMsg::AdmitLog { institution: 2 }),
        (anchoring.account.clone(), anchoring.anchor_from(0)),
        (addr("consortium"), ExecuteMsg::SetGrowthCap { growth: GrowthCap { burst: 9, per_second: 9 } }),
        (addr("consortium"), ExecuteMsg::SetSealing { sealing }),
        (by.account.clone(), ExecuteMsg::Cosign { cosigner: by.named(), heads }),
        (by.account.clone(), challenge),
        (by.account, seal),
        (addr("anybody"), log.answer(slot, 2_001, 5, 900)),
        (addr("anybody"), ExecuteMsg::Withhold { slot, challenger: 2_001 }),
        (addr("anybody"), ExecuteMsg::Report { slot, conflict }),
    ]
}

#[test]
fn the_role_table_is_the_golden_one() {
    let table: BTreeMap<&str, &str> =
        messages(&mut Authlog::new()).iter().map(|(_, msg)| (msg.name(), role(msg).as_str())).collect();
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
    let mut chain = Authlog::new();
    for (sender, msg) in messages(&mut chain) {
        let withhold = matches!(msg, ExecuteMsg::Withhold { .. });
        match chain.send(&sender, msg) {
            // The challenge was answered: anybody is heard, and told so.
            Err(Error::NoChallenge { .. }) if withhold => {}
            done => drop(done.unwrap()),
        }
    }
}

#[test]
fn every_wrong_sender_is_refused() {
    let mut chain = Authlog::new();
    let messages = messages(&mut chain);
    chain.hospital(3);
    let somebody =
        ["consortium", "registrar", "creator", "hospital-1", "hospital-2", "hospital-3", "stranger"];
    for (right, msg) in messages.iter().filter(|(_, msg)| role(msg) != Role::Anybody) {
        for sender in somebody.map(addr).iter().filter(|sender| *sender != right) {
            let expected =
                Error::Sender { operation: msg.name(), sender: sender.to_string(), needed: role(msg) };
            chain.refuses(sender, msg.clone(), &expected);
        }
    }
}

#[test]
fn funds_are_refused() {
    let mut chain = Authlog::new();
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
fn an_expelled_institution_is_mute_from_that_block() {
    let mut chain = Authlog::new();
    let mut hospital = chain.anchored(1, 5);
    hospital.grow(2);
    chain.hospital(2);
    chain.registrar.expel(1);
    chain.registrar.expel(2);
    let expelled = |operation, institution| Error::InstitutionExpelled { operation, institution };
    chain.refuses(&hospital.account, hospital.anchor_from(5), &expelled("anchor", 1));
    chain.refuses(&addr("hospital-2"), ExecuteMsg::AdmitLog { institution: 2 }, &expelled("admit_log", 2));
}

#[test]
fn a_rekeyed_account_holds_from_that_block_and_the_old_one_no_longer() {
    let mut chain = Authlog::new();
    let mut hospital = chain.anchored(1, 5);
    hospital.grow(2);
    chain.registrar.change(1, |institution| institution.account = addr("new account").into());
    let old = hospital.account.to_string();
    let refused = Error::Sender { operation: "anchor", sender: old, needed: Role::Institution };
    chain.refuses(&hospital.account, hospital.anchor_from(5), &refused);
    chain.send(&addr("new account"), hospital.anchor_from(5)).unwrap();
}

#[test]
fn who_is_not_registered_has_no_log() {
    let mut chain = Authlog::new();
    let stranger = addr("stranger");
    for institution in [0, 1, u32::MAX] {
        let unknown = Error::NoInstitution { operation: "admit_log", institution };
        chain.refuses(&stranger, ExecuteMsg::AdmitLog { institution }, &unknown);
    }
    let hospital = chain.admitted(1);
    for slot in [1, 1_023, 1_024, u32::MAX] {
        let ExecuteMsg::Anchor { size, root, signature, proof, .. } = hospital.anchor_from(0) else {
            panic!()
        };
        let msg = ExecuteMsg::Anchor { slot, size, root, signature, proof };
        chain.refuses(&hospital.account, msg, &Error::NoLog { operation: "anchor", slot, count: 1 });
    }
}

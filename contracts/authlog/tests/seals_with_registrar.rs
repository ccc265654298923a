//! Seals beside the real contracts on one simulated chain: the registrar's researchers, its log and the relationship
//! contract's, codes as the chain knows them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

use cosmwasm_std::Addr;
use medrec_api::authlog::{Error, ExecuteMsg, LogResponse, MigrateMsg, QueryMsg, Role, SealResponse};
use medrec_api::registrar;
use medrec_testing::{Suite, SuiteBuilder, fixtures, refusal, seals};

/// Institutions 1 and 2 keep logs; a researcher of 3 and one of each of the others hold them.
fn suite() -> (Suite, [seals::Log; 2]) {
    let institutions = (1..=3).map(seals::institution).collect();
    let mut suite = SuiteBuilder::new().institutions(institutions).build();
    let logs = [suite.keep_log(1, 3_000).0, suite.keep_log(2, 500).0];
    for (name, n) in [("ada", 1), ("ben", 2), ("cleo", 3)] {
        suite.certify(name, n);
    }
    for (name, slot) in [("ben", 0), ("cleo", 0), ("ada", 1), ("cleo", 1)] {
        let log = &logs[slot as usize];
        suite.cosign(&fixtures::address(name), &fixtures::researcher_key(name), log, slot);
    }
    (suite, logs)
}

fn watched(suite: &Suite) -> [Addr; 3] {
    [suite.registrar.clone(), suite.relationship.clone(), suite.authlog.clone()]
}

fn researcher(name: &str) -> (Addr, ed25519_dalek::SigningKey) {
    (fixtures::address(name), fixtures::researcher_key(name))
}

#[test]
fn researchers_seal_what_the_chain_holds() {
    let (mut suite, logs) = suite();
    let contracts = watched(&suite);
    suite.start_seals(&contracts.each_ref());
    let template = suite.template();
    assert_eq!(template.entries, 3_500);
    let log = suite.own_log(&suite.registrar);
    assert!(log.size() > 0);
    assert_eq!(
        (template.watched[0].size, template.watched[0].root.as_slice()),
        (log.size(), &log.root()[..])
    );
    assert_eq!(template.watched[2].size, 0, "the authlog keeps none");
    for (number, name) in [(1, "ada"), (2, "cleo"), (3, "cleo")] {
        suite.wait(60);
        let (account, key) = researcher(name);
        suite.seal(&account, &key, &logs.each_ref());
        let seal: SealResponse = suite.ask_authlog(&QueryMsg::Seal { number }).unwrap();
        assert_eq!((seal.miner, seal.at), (account.to_string(), suite.now()));
    }
    // A person registered meanwhile is in the next seal's root.
    suite.certify("dora", 1);
    assert_eq!(suite.template().watched[0].size, log.size());
    let (account, key) = researcher("ada");
    suite.seal(&account, &key, &logs.each_ref());
    assert_eq!(suite.template().watched[0].size, suite.own_log(&suite.registrar).size());
}

#[test]
fn who_is_withdrawn_or_whose_institution_is_expelled_wins_nothing() {
    let (mut suite, logs) = suite();
    suite.start_seals(&[]);
    let ((ada, ada_key), (ben, ben_key)) = (researcher("ada"), researcher("ben"));
    let (of_ada, of_ben) =
        (suite.mined(&ada, &ada_key, &logs.each_ref()), suite.mined(&ben, &ben_key, &logs.each_ref()));
    let consortium = suite.consortium.clone();
    let withdraw = registrar::ExecuteMsg::WithdrawResearcher { account: ada.to_string() };
    suite.to_registrar(&consortium, &withdraw).unwrap();
    suite.to_registrar(&consortium, &registrar::ExecuteMsg::ExpelInstitution { id: 2 }).unwrap();
    let before = suite.snapshot();
    let refused = suite.to_authlog(&ada, &of_ada);
    let expected = Error::Sender { operation: "seal", sender: ada.to_string(), needed: Role::Researcher };
    assert_eq!(refusal::<Error, _>(&refused).to_string(), expected.to_string());
    let refused = suite.to_authlog(&ben, &of_ben);
    let expected = Error::InstitutionExpelled { operation: "seal", institution: 2 };
    assert_eq!(refusal::<Error, _>(&refused).to_string(), expected.to_string());
    assert_eq!(suite.snapshot(), before);
}

#[test]
fn an_institution_vouches_with_its_account_and_log_key() {
    let (mut suite, logs) = suite();
    let known: LogResponse = suite.ask_authlog(&QueryMsg::Log { slot: 1 }).unwrap();
    let account = fixtures::address("institution-2");
    suite.to_authlog(&account, &logs[1].anchor(1, known.size, 800)).unwrap();
    let mirror = fixtures::address("institution-1");
    let heads = vec![logs[1].cosigned(1, 800, 800, suite.now(), &seals::log_key(1))];
    let cosigner = medrec_api::authlog::Cosigner::Institution { id: 1 };
    suite.to_authlog(&mirror, &ExecuteMsg::Cosign { cosigner, heads }).unwrap();
    let newest = suite.attested(1).newest.unwrap();
    assert_eq!((newest.size, suite.attested(1).size), (800, 500));
}

#[test]
fn a_migration_keeps_template_and_seals() {
    let (mut suite, logs) = suite();
    let contracts = watched(&suite);
    suite.start_seals(&contracts.each_ref());
    let (account, key) = researcher("cleo");
    suite.seal(&account, &key, &logs.each_ref());
    let before =
        (suite.template(), suite.ask_authlog::<SealResponse>(&QueryMsg::Seal { number: 1 }).unwrap());
    let (consortium, authlog, code) = (suite.consortium.clone(), suite.authlog.clone(), suite.codes[2]);
    suite.migrate(&consortium, &authlog, code, &MigrateMsg::Same {}).unwrap();
    let after = (suite.template(), suite.ask_authlog::<SealResponse>(&QueryMsg::Seal { number: 1 }).unwrap());
    assert_eq!(after, before);
    suite.seal(&account, &key, &logs.each_ref());
}

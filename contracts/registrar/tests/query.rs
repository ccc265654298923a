//! Pages, and what the reads answer to nonsense; migration.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use medrec_api::registrar::{
    ConfigResponse, Error, ExecuteMsg, InstitutionsResponse, MigrateMsg, QueryMsg, RegistrationPolicy,
};
use medrec_testing::{SuiteBuilder, fixtures, refusal};

#[test]
fn institutions_come_in_pages_of_thirty_at_most() {
    let mut suite = SuiteBuilder::new().institutions((1..=30).map(fixtures::institution).collect()).build();
    let consortium = suite.consortium.clone();
    for n in 31..=35 {
        let msg = ExecuteMsg::AdmitInstitution { institution: fixtures::institution(n) };
        suite.to_registrar(&consortium, &msg).unwrap();
    }
    let page = |start_after: Option<u32>, limit: Option<u32>| -> Vec<u32> {
        let msg = QueryMsg::Institutions { start_after, limit };
        let found: InstitutionsResponse = suite.ask_registrar(&msg).unwrap();
        found.institutions.into_iter().map(|institution| institution.id).collect()
    };
    assert_eq!(page(None, None), (1..=10).collect::<Vec<_>>());
    assert_eq!(page(None, Some(u32::MAX)), (1..=30).collect::<Vec<_>>());
    assert_eq!(page(Some(30), Some(30)), (31..=35).collect::<Vec<_>>());
    assert_eq!(page(Some(35), None), Vec::<u32>::new());
    assert_eq!(page(Some(u32::MAX), None), Vec::<u32>::new());
    assert_eq!(page(None, Some(0)), Vec::<u32>::new());
}

#[test]
fn config_and_unknowns() {
    let suite = SuiteBuilder::new().build();
    let config: ConfigResponse = suite.ask_registrar(&QueryMsg::Config {}).unwrap();
    assert_eq!(config.consortium, suite.consortium.as_str());
    assert_eq!(config.registration, RegistrationPolicy::Institutions);
    let unknown = [
        (QueryMsg::Institution { id: 9 }, "there is no institution 9; the newest is 3"),
        (
            QueryMsg::InstitutionByAccount { account: suite.sponsor.to_string() },
            "no institution has the account",
        ),
        (QueryMsg::InstitutionByAccount { account: "x".to_owned() }, "account: \"x\" is no bech32 address"),
        (QueryMsg::Person { handle: common::handle(1) }, "no person has this handle"),
    ];
    for (msg, words) in unknown {
        let error = suite.ask_registrar::<serde_json::Value>(&msg).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn migration_takes_its_own_state_only() {
    let mut suite = SuiteBuilder::new().build();
    let (consortium, registrar) = (suite.consortium.clone(), suite.registrar.clone());
    let [code, ..] = suite.codes;
    suite.migrate(&consortium, &registrar, code, &MigrateMsg::Same {}).unwrap();
    assert!(suite.migrate(&common::account(1), &registrar, code, &MigrateMsg::Same {}).is_err());
    // The relationship contract's state is not the registrar's.
    let relationship = suite.relationship.clone();
    let before = suite.snapshot();
    let result = suite.migrate(&consortium, &relationship, code, &MigrateMsg::Same {});
    let error = refusal::<Error, _>(&result);
    assert!(matches!(error, Error::MigrateFrom { found, .. } if found.starts_with("medrec:relationship ")));
    assert_eq!(before, suite.snapshot());
}

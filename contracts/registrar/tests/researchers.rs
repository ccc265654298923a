//! Researchers: certified, read raw, withdrawn for good; forged certificates, accounts and keys of others.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{account, certify, refused, withdraw};
use cosmwasm_std::Binary;
use medrec_api::registrar::{
    Error, ExecuteMsg, NewResearcher, QueryMsg, ResearcherResponse, ResearcherStatus, ResearchersResponse,
    certificate, researcher_key,
};
use medrec_api::validate::Invalid;
use medrec_events::registrar::Event;
use medrec_testing::{Suite, SuiteBuilder, fixtures};

fn found(suite: &Suite, name: &str) -> ResearcherResponse {
    let msg = QueryMsg::Researcher { account: fixtures::address(name).into_string() };
    suite.ask_registrar(&msg).unwrap()
}

fn row(suite: &Suite, name: &str) -> Option<Vec<u8>> {
    let key = researcher_key(fixtures::address(name).as_str());
    suite.app.wrap().query_wasm_raw(&suite.registrar, key).unwrap()
}

/// The facts of `name` after `change`, with an honest certificate of institution 1 over them.
fn changed(suite: &Suite, name: &str, change: impl FnOnce(&mut NewResearcher)) -> ExecuteMsg {
    let mut facts = suite.researcher(name, 1);
    change(&mut facts);
    let chain_id = suite.app.block_info().chain_id;
    ExecuteMsg::CertifyResearcher { researcher: fixtures::certified(facts, 1, &chain_id, &suite.registrar) }
}

#[test]
fn certified_told_kept_and_read_raw() {
    let mut suite = SuiteBuilder::new().build();
    assert_eq!(row(&suite, "ada"), None);
    let new = suite.researcher("ada", 2);
    let done = suite.to_registrar(&account(2), &certify(&suite, "ada", 2)).unwrap();
    assert_eq!(
        suite.registrar_events(&done),
        [Event::ResearcherCertified {
            account: new.account.clone(),
            certified_by: 2,
            name: new.name.clone(),
            key: new.key.clone(),
            encryption_key: new.encryption_key.clone(),
            certificate: new.certificate.clone(),
        }]
    );
    let expected = ResearcherResponse {
        account: new.account.clone(),
        status: ResearcherStatus::Active,
        certified_by: 2,
        name: new.name,
        key: new.key.clone(),
        encryption_key: new.encryption_key,
        certificate: new.certificate,
    };
    assert_eq!(found(&suite, "ada"), expected);
    // As wire.md section 11 has it: status, institution, key, under the account's text.
    assert_eq!(row(&suite, "ada"), Some([&[1, 0, 0, 0, 2], new.key.as_slice()].concat()));
    assert_eq!(researcher_key("medrec1x"), b"researchermedrec1x");

    let done = suite.to_registrar(&account(2), &withdraw("ada")).unwrap();
    assert_eq!(suite.registrar_events(&done), [Event::ResearcherWithdrawn { account: new.account }]);
    assert_eq!(row(&suite, "ada"), Some([&[2, 0, 0, 0, 2], new.key.as_slice()].concat()));
    assert_eq!(found(&suite, "ada"), ResearcherResponse { status: ResearcherStatus::Withdrawn, ..expected });
}

#[test]
fn an_account_and_a_key_are_one_researchers_for_ever() {
    let mut suite = SuiteBuilder::new().build();
    let ada = suite.certify("ada", 1);
    let known = |error: &Error| matches!(error, Error::ResearcherKnown { account, certified_by: 1 } if account == ada.as_str());
    for institution in [1, 2] {
        let msg = certify(&suite, "ada", institution);
        refused(&mut suite, &account(institution), &msg, known);
    }
    let taken =
        |error: &Error| matches!(error, Error::KeyTaken { operation: "certify_researcher", field: "key" });
    let key = suite.researcher("ada", 1).key;
    let msg = changed(&suite, "grace", |new| new.key = key.clone());
    refused(&mut suite, &account(1), &msg, taken);
    suite.to_registrar(&account(1), &withdraw("ada")).unwrap();
    refused(&mut suite, &account(1), &withdraw("ada"), |error| matches!(error, Error::WithdrawAgain { .. }));
    let again = certify(&suite, "ada", 1);
    refused(&mut suite, &account(1), &again, known);
    refused(&mut suite, &account(1), &msg, taken);
}

/// One signature must not pass as that of an institution and of a researcher it never saw.
#[test]
fn keys_that_sign_for_institutions_are_no_researchers() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    let rekeyed = Binary::new(fixtures::researcher_key("fresh").verifying_key().to_bytes().to_vec());
    let rekey = |key: &Binary| ExecuteMsg::RekeyInstitution {
        id: 3,
        url: None,
        account: None,
        signing_key: Some(key.clone()),
        encryption_key: None,
    };
    suite.to_registrar(&consortium, &rekey(&rekeyed)).unwrap();
    let other = fixtures::institution(2);
    for key in [other.signing_key, other.log_key, rekeyed, fixtures::institution(3).signing_key] {
        let msg = changed(&suite, "mallory", |new| new.key = key.clone());
        refused(&mut suite, &account(1), &msg, |error| matches!(error, Error::KeyTaken { .. }));
    }
    suite.certify("ada", 1);
    let key = suite.researcher("ada", 1).key;
    refused(&mut suite, &consortium, &rekey(&key), |error| {
        matches!(error, Error::KeyTaken { operation: "rekey_institution", field: "signing_key" })
    });
    for (field, change) in [("signing_key", true), ("log_key", false)] {
        let mut institution = fixtures::institution(9);
        *(if change { &mut institution.signing_key } else { &mut institution.log_key }) = key.clone();
        let msg = ExecuteMsg::AdmitInstitution { institution };
        refused(
            &mut suite,
            &consortium,
            &msg,
            |error| matches!(error, Error::KeyTaken { operation: "admit_institution", field: named } if *named == field),
        );
    }
}

#[test]
fn a_researcher_is_no_institution_and_none_becomes_one() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    for institution in [1, 2] {
        let msg = changed(&suite, "ada", |new| new.account = account(institution).into_string());
        refused(
            &mut suite,
            &account(1),
            &msg,
            |error| matches!(error, Error::ResearcherIsInstitution { id, .. } if *id == u32::from(institution)),
        );
    }
    let ada = suite.certify("ada", 1);
    let is_researchers = |wanted: &'static str| move |error: &Error| matches!(error, Error::AccountOfResearcher { operation, .. } if *operation == wanted);
    let mut institution = fixtures::institution(9);
    institution.account = ada.to_string();
    let admit = ExecuteMsg::AdmitInstitution { institution };
    let rekey = ExecuteMsg::RekeyInstitution {
        id: 2,
        url: None,
        account: Some(ada.to_string()),
        signing_key: None,
        encryption_key: None,
    };
    for _ in 0..2 {
        refused(&mut suite, &consortium, &admit, is_researchers("admit_institution"));
        refused(&mut suite, &consortium, &rekey, is_researchers("rekey_institution"));
        let _ = suite.to_registrar(&consortium, &withdraw("ada"));
    }
}

#[test]
fn a_certificate_holds_for_these_facts_here_only() {
    let mut suite = SuiteBuilder::new().build();
    let good = suite.researcher("ada", 1);
    let chain_id = suite.app.block_info().chain_id;
    let forged = |change: &dyn Fn(&mut NewResearcher)| {
        let mut researcher = good.clone();
        change(&mut researcher);
        researcher
    };
    let mut flipped = good.certificate.to_vec();
    flipped[40] ^= 1;
    let other_chain = fixtures::certified(good.clone(), 1, "medrec-other-1", &suite.registrar);
    let other_contract = fixtures::certified(good.clone(), 1, &chain_id, &suite.authlog);
    let other_institution = fixtures::certified(good.clone(), 2, &chain_id, &suite.registrar);
    let cases = [
        forged(&|new| new.account = fixtures::address("eve").into_string()),
        forged(&|new| new.name = "Ada L".to_owned()),
        forged(&|new| {
            new.key = Binary::new(fixtures::researcher_key("eve").verifying_key().to_bytes().to_vec())
        }),
        forged(&|new| new.encryption_key = fixtures::key(99)),
        forged(&|new| new.certificate = Binary::new(flipped.clone())),
        forged(&|new| new.certificate = Binary::new(vec![0; 64])),
        other_chain,
        other_contract,
        other_institution,
    ];
    for researcher in cases {
        refused(&mut suite, &account(1), &ExecuteMsg::CertifyResearcher { researcher }, |error| {
            matches!(error, Error::Certificate { id: 1, .. })
        });
    }
    // Signed with the key it had before: an institution certifies with its present one.
    let rekey = ExecuteMsg::RekeyInstitution {
        id: 1,
        url: None,
        account: None,
        signing_key: Some(Binary::new(fixtures::signing_key(77).verifying_key().to_bytes().to_vec())),
        encryption_key: None,
    };
    suite.to_registrar(&suite.consortium.clone(), &rekey).unwrap();
    let msg = ExecuteMsg::CertifyResearcher { researcher: good };
    refused(&mut suite, &account(1), &msg, |error| matches!(error, Error::Certificate { id: 1, .. }));
}

/// Section `researcher` of wire.md 11, computed by hand.
#[test]
fn the_certificate_signs_what_wire_md_says() {
    let suite = SuiteBuilder::new().build();
    let new = suite.researcher("ada", 1);
    let digest = certificate("chain", "registrar", 7, &new);
    let changed = [
        certificate("chain2", "registrar", 7, &new),
        certificate("chain", "registrar2", 7, &new),
        certificate("chain", "registrar", 8, &new),
        certificate("chainregistrar", "", 7, &new),
    ];
    assert!(changed.iter().all(|other| *other != digest));
    // The certificate itself is not part of it.
    assert_eq!(
        digest,
        certificate("chain", "registrar", 7, &NewResearcher { certificate: Binary::default(), ..new })
    );
}

#[test]
fn bad_fields_are_named() {
    let mut suite = SuiteBuilder::new().build();
    let cases = [
        ("name", changed(&suite, "ada", |new| new.name.clear())),
        ("name", changed(&suite, "ada", |new| new.name = "x".repeat(65))),
        ("name", changed(&suite, "ada", |new| new.name = "Ada\n".to_owned())),
        ("key", changed(&suite, "ada", |new| new.key = Binary::new(vec![7; 31]))),
        ("key", changed(&suite, "ada", |new| new.key = Binary::new(vec![0; 32]))),
        ("encryption_key", changed(&suite, "ada", |new| new.encryption_key = Binary::new(vec![0; 32]))),
        ("account", changed(&suite, "ada", |new| new.account = "cosmos1nobody".to_owned())),
        ("account", changed(&suite, "ada", |new| new.account = new.account.to_uppercase())),
    ];
    for (field, msg) in cases {
        refused(&mut suite, &account(1), &msg, |error| {
            matches!(error, Error::Invalid(_)) && error.to_string().starts_with(&format!("{field}:"))
        });
    }
    for len in [0, 63, 65] {
        let mut researcher = suite.researcher("ada", 1);
        researcher.certificate = Binary::new(vec![1; len]);
        refused(
            &mut suite,
            &account(1),
            &ExecuteMsg::CertifyResearcher { researcher },
            |error| matches!(error, Error::Invalid(Invalid::Length { field: "certificate", found, .. }) if *found == len),
        );
    }
    for nobody in [withdraw("nobody"), ExecuteMsg::WithdrawResearcher { account: account(1).into_string() }] {
        refused(&mut suite, &account(1), &nobody, |error| {
            matches!(error, Error::NoResearcher { operation: "withdraw_researcher", .. })
        });
    }
    let nonsense = ExecuteMsg::WithdrawResearcher { account: "ada".to_owned() };
    refused(&mut suite, &account(1), &nonsense, |error| matches!(error, Error::Invalid(_)));
}

#[test]
fn an_expelled_institution_certifies_and_withdraws_nobody() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    suite.certify("ada", 1);
    suite.to_registrar(&consortium, &ExecuteMsg::ExpelInstitution { id: 1 }).unwrap();
    for msg in [certify(&suite, "grace", 1), withdraw("ada")] {
        refused(&mut suite, &account(1), &msg, |error| matches!(error, Error::Sender { .. }));
    }
    // His own status stays; who asks looks at the institution's too.
    assert_eq!(found(&suite, "ada").status, ResearcherStatus::Active);
    refused(&mut suite, &account(2), &withdraw("ada"), |error| matches!(error, Error::Sender { .. }));
    suite.to_registrar(&consortium, &withdraw("ada")).unwrap();
}

#[test]
fn researchers_come_in_pages_in_order_of_account() {
    let mut suite = SuiteBuilder::new().build();
    let mut accounts: Vec<_> =
        (0..35_u8).map(|n| suite.certify(&format!("researcher {n}"), n % 3 + 1).into_string()).collect();
    accounts.sort();
    let page = |start_after: Option<&String>, limit: Option<u32>| -> Vec<String> {
        let msg = QueryMsg::Researchers { start_after: start_after.cloned(), limit };
        let found: ResearchersResponse = suite.ask_registrar(&msg).unwrap();
        found.researchers.into_iter().map(|researcher| researcher.account).collect()
    };
    assert_eq!(page(None, None), accounts[..10]);
    assert_eq!(page(None, Some(u32::MAX)), accounts[..30]);
    assert_eq!(page(Some(&accounts[29]), Some(30)), accounts[30..]);
    assert_eq!(page(Some(&accounts[34]), None), Vec::<String>::new());
    assert_eq!(page(None, Some(0)), Vec::<String>::new());
    for (msg, words) in [
        (
            QueryMsg::Researchers { start_after: Some("x".to_owned()), limit: None },
            "start_after: \"x\" is no",
        ),
        (QueryMsg::Researcher { account: "x".to_owned() }, "account: \"x\" is no bech32 address"),
        (QueryMsg::Researcher { account: account(1).into_string() }, "no researcher has the account"),
    ] {
        let error = suite.ask_registrar::<serde_json::Value>(&msg).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

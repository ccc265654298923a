//! What each message does, as its events and the queries tell.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{account, handle, refused, register, rekey, rotate};
use cosmwasm_std::Binary;
use medrec_api::registrar::{
    Error, ExecuteMsg, InstitutionResponse, InstitutionStatus, MAX_GENESIS, PersonResponse, QueryMsg,
    RegistrationPolicy, account_key, status_key,
};
use medrec_api::validate::Invalid;
use medrec_events::registrar::Event;
use medrec_testing::{Suite, SuiteBuilder, fixtures, refusal};

fn institution(suite: &Suite, id: u32) -> InstitutionResponse {
    suite.ask_registrar(&QueryMsg::Institution { id }).unwrap()
}

fn raw(suite: &Suite, key: Vec<u8>) -> Option<Vec<u8>> {
    suite.app.wrap().query_wasm_raw(&suite.registrar, key).unwrap()
}

#[test]
fn genesis_admits_in_order() {
    let suite = SuiteBuilder::new().build();
    for n in 1..=3_u8 {
        let found = institution(&suite, n.into());
        let new = fixtures::institution(n);
        assert_eq!(found.status, InstitutionStatus::Active);
        assert_eq!((found.name, found.url, found.account), (new.name, new.url, new.account));
        assert_eq!((found.signing_key, found.log_key), (new.signing_key, new.log_key));
        assert_eq!((found.log_origin, found.encryption_key), (new.log_origin, new.encryption_key));
    }
}

#[test]
fn genesis_refuses_more_than_it_can_take_and_two_alike() {
    let many = (0..=MAX_GENESIS as u8).map(fixtures::institution).collect();
    let result = SuiteBuilder::new().institutions(many).try_build().map(|_| ());
    assert!(matches!(
        refusal::<Error, _>(&result),
        Error::Invalid(Invalid::Count { field: "institutions", found: 31, max: 30, .. })
    ));
    let twins = vec![fixtures::institution(1), fixtures::institution(1)];
    let result = SuiteBuilder::new().institutions(twins).try_build().map(|_| ());
    assert!(matches!(refusal::<Error, _>(&result), Error::AccountTaken { id: 1, .. }));
}

#[test]
fn admitting_tells_everything_a_projection_needs() {
    let mut suite = SuiteBuilder::new().build();
    let new = fixtures::institution(4);
    let msg = ExecuteMsg::AdmitInstitution { institution: new.clone() };
    let done = suite.to_registrar(&suite.consortium.clone(), &msg).unwrap();
    assert_eq!(
        suite.registrar_events(&done),
        [Event::InstitutionAdmitted {
            id: 4,
            name: new.name,
            url: new.url,
            account: new.account.clone(),
            signing_key: new.signing_key,
            log_origin: new.log_origin,
            log_key: new.log_key,
            encryption_key: new.encryption_key,
        }]
    );
    let by_account: InstitutionResponse =
        suite.ask_registrar(&QueryMsg::InstitutionByAccount { account: new.account }).unwrap();
    assert_eq!(by_account, institution(&suite, 4));
}

#[test]
fn other_contracts_read_status_and_account_raw() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    assert_eq!(raw(&suite, b"status\x00\x00\x00\x02".to_vec()), Some(vec![1]));
    assert_eq!(raw(&suite, account_key(2)), Some(account(2).as_bytes().to_vec()));
    suite.to_registrar(&consortium, &ExecuteMsg::ExpelInstitution { id: 2 }).unwrap();
    assert_eq!(raw(&suite, status_key(2)), Some(vec![2]));
    assert_eq!(raw(&suite, status_key(4)), None);
}

#[test]
fn expelling_keeps_the_record_and_everything_taken() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    let done = suite.to_registrar(&consortium, &ExecuteMsg::ExpelInstitution { id: 2 }).unwrap();
    assert_eq!(suite.registrar_events(&done), [Event::InstitutionExpelled { id: 2 }]);
    assert_eq!(institution(&suite, 2).status, InstitutionStatus::Expelled);
    refused(&mut suite, &consortium, &ExecuteMsg::ExpelInstitution { id: 2 }, |error| {
        matches!(error, Error::ExpelAgain { id: 2 })
    });
    refused(&mut suite, &consortium, &rekey(2), |error| {
        matches!(error, Error::InstitutionExpelled { operation: "rekey_institution", id: 2 })
    });
    // Its account and its log's name stay its own.
    let again = ExecuteMsg::AdmitInstitution { institution: fixtures::institution(2) };
    refused(&mut suite, &consortium, &again, |error| matches!(error, Error::AccountTaken { id: 2, .. }));
    let mut other = fixtures::institution(5);
    other.log_origin = fixtures::institution(2).log_origin;
    let again = ExecuteMsg::AdmitInstitution { institution: other };
    refused(&mut suite, &consortium, &again, |error| matches!(error, Error::OriginTaken { id: 2, .. }));
}

#[test]
fn rekeying_changes_what_it_names_and_moves_the_account() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    let before = institution(&suite, 1);
    let msg = ExecuteMsg::RekeyInstitution {
        id: 1,
        url: None,
        account: Some(fixtures::address("new account").to_string()),
        signing_key: Some(fixtures::key(77)),
        encryption_key: None,
    };
    let done = suite.to_registrar(&consortium, &msg).unwrap();
    let after = institution(&suite, 1);
    assert_eq!(
        suite.registrar_events(&done),
        [Event::InstitutionRekeyed {
            id: 1,
            url: before.url.clone(),
            account: fixtures::address("new account").to_string(),
            signing_key: fixtures::key(77),
            encryption_key: before.encryption_key.clone(),
        }]
    );
    assert_eq!(after.log_origin, before.log_origin);
    assert_eq!(after.log_key, before.log_key);
    assert_eq!(raw(&suite, account_key(1)), Some(fixtures::address("new account").as_bytes().to_vec()));
    // The same again says that there is nothing to do; the old account registers nobody any more.
    refused(&mut suite, &consortium, &msg, |error| matches!(error, Error::RekeyNothing { id: 1 }));
    refused(&mut suite, &account(1), &register(1, &account(1)), |error| {
        matches!(error, Error::Sender { .. })
    });
    suite.to_registrar(&fixtures::address("new account"), &register(1, &account(1))).unwrap();
    let taken = ExecuteMsg::RekeyInstitution {
        id: 1,
        url: None,
        account: Some(account(2).to_string()),
        signing_key: None,
        encryption_key: None,
    };
    refused(&mut suite, &consortium, &taken, |error| matches!(error, Error::AccountTaken { id: 2, .. }));
}

#[test]
fn a_person_is_registered_once_and_moves_himself() {
    let mut suite = SuiteBuilder::new().build();
    let (person, fresh) = (fixtures::address("person"), fixtures::address("fresh"));
    let done = suite.to_registrar(&account(2), &register(1, &person)).unwrap();
    assert_eq!(
        suite.registrar_events(&done),
        [Event::PersonRegistered {
            handle: handle(1),
            address: person.to_string(),
            encryption_key: fixtures::key(1),
            certified_by: Some(2),
        }]
    );
    for again in [account(2), account(1)] {
        refused(
            &mut suite,
            &again,
            &register(1, &fresh),
            |error| matches!(error, Error::PersonKnown { address } if address == person.as_str()),
        );
    }
    refused(&mut suite, &person, &rotate(1, &person, 1), |error| matches!(error, Error::RotateSame { .. }));
    let done = suite.to_registrar(&person, &rotate(1, &fresh, 9)).unwrap();
    assert_eq!(
        suite.registrar_events(&done),
        [Event::PersonRotated {
            handle: handle(1),
            address: fresh.to_string(),
            encryption_key: fixtures::key(9)
        }]
    );
    let found: PersonResponse = suite.ask_registrar(&QueryMsg::Person { handle: handle(1) }).unwrap();
    assert_eq!((found.address, found.certified_by), (fresh.to_string(), Some(2)));
    // The old address has lost its say.
    refused(&mut suite, &person, &rotate(1, &person, 1), |error| matches!(error, Error::Sender { .. }));
    refused(&mut suite, &fresh, &rotate(2, &fresh, 9), |error| {
        matches!(error, Error::NoPerson { operation: "rotate_person" })
    });
}

#[test]
fn the_policy_is_data() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    let msg = ExecuteMsg::SetRegistrationPolicy { registration: RegistrationPolicy::Consortium };
    let done = suite.to_registrar(&consortium, &msg).unwrap();
    assert_eq!(
        suite.registrar_events(&done),
        [Event::PolicyChanged { registration: RegistrationPolicy::Consortium }]
    );
    refused(&mut suite, &consortium, &msg, |error| matches!(error, Error::PolicySame { .. }));
    suite.to_registrar(&consortium, &register(1, &account(9))).unwrap();
    let found: PersonResponse = suite.ask_registrar(&QueryMsg::Person { handle: handle(1) }).unwrap();
    assert_eq!(found.certified_by, None);
}

#[test]
fn bad_fields_are_named() {
    let mut suite = SuiteBuilder::new().build();
    let consortium = suite.consortium.clone();
    let admit = |change: fn(&mut medrec_api::registrar::NewInstitution)| {
        let mut institution = fixtures::institution(9);
        change(&mut institution);
        ExecuteMsg::AdmitInstitution { institution }
    };
    let cases: [(&str, ExecuteMsg); 12] = [
        ("name", admit(|new| new.name.clear())),
        ("name", admit(|new| new.name = "x".repeat(65))),
        ("name", admit(|new| new.name = " Hospital".to_owned())),
        ("url", admit(|new| new.url = "http://hospital.example".to_owned())),
        ("url", admit(|new| new.url = format!("https://{}", "x".repeat(200)))),
        ("log_origin", admit(|new| new.log_origin = "two words".to_owned())),
        ("log_origin", admit(|new| new.log_origin = "x".repeat(129))),
        ("signing_key", admit(|new| new.signing_key = Binary::new(vec![1; 31]))),
        ("signing_key", admit(|new| new.signing_key = Binary::new(vec![0; 32]))),
        ("log_key", admit(|new| new.log_key = Binary::new(vec![0; 32]))),
        ("encryption_key", admit(|new| new.encryption_key = Binary::new(vec![0; 32]))),
        ("account", admit(|new| new.account = "cosmos1nobody".to_owned())),
    ];
    for (field, msg) in cases {
        refused(&mut suite, &consortium, &msg, |error| {
            matches!(error, Error::Invalid(_)) && error.to_string().starts_with(&format!("{field}:"))
        });
    }
    let person = ExecuteMsg::RegisterPerson {
        handle: Binary::new(vec![1; 33]),
        address: account(1).to_string(),
        encryption_key: fixtures::key(1),
    };
    refused(&mut suite, &account(1), &person, |error| {
        matches!(error, Error::Invalid(Invalid::Length { field: "handle", found: 33, .. }))
    });
    for id in [0, 4, u32::MAX] {
        refused(&mut suite, &consortium, &ExecuteMsg::ExpelInstitution { id }, |error| {
            matches!(error, Error::NoInstitution { operation: "expel_institution", newest: 3, .. })
        });
    }
}

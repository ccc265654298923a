//! Messages and people of the registrar's suites.
#![allow(dead_code, reason = "each suite uses its part")]

use cosmwasm_std::{Addr, Binary};
use medrec_api::registrar::{Error, ExecuteMsg, RegistrationPolicy};
use medrec_testing::{Suite, fixtures, refusal};

pub fn handle(number: u8) -> Binary {
    Binary::new(vec![number; 32])
}

pub fn account(institution: u8) -> Addr {
    fixtures::address(&format!("institution-{institution}"))
}

pub fn register(number: u8, address: &Addr) -> ExecuteMsg {
    ExecuteMsg::RegisterPerson {
        handle: handle(number),
        address: address.to_string(),
        encryption_key: fixtures::key(number),
    }
}

pub fn rotate(number: u8, address: &Addr, key: u8) -> ExecuteMsg {
    ExecuteMsg::RotatePerson {
        handle: handle(number),
        address: address.to_string(),
        encryption_key: fixtures::key(key),
    }
}

pub fn rekey(id: u32) -> ExecuteMsg {
    ExecuteMsg::RekeyInstitution {
        id,
        url: Some("https://moved.example".to_owned()),
        account: None,
        signing_key: None,
        encryption_key: None,
    }
}

pub fn certify(suite: &Suite, name: &str, institution: u8) -> ExecuteMsg {
    ExecuteMsg::CertifyResearcher { researcher: suite.researcher(name, institution) }
}

pub fn withdraw(name: &str) -> ExecuteMsg {
    ExecuteMsg::WithdrawResearcher { account: fixtures::address(name).into_string() }
}

/// One message of each kind, each such that its rightful sender gets it through: person 1 is registered, institution 1
/// has certified researcher `ada`.
pub fn one_of_each(suite: &Suite) -> Vec<ExecuteMsg> {
    vec![
        ExecuteMsg::AdmitInstitution { institution: fixtures::institution(9) },
        ExecuteMsg::ExpelInstitution { id: 1 },
        rekey(1),
        register(2, &fixtures::address("newcomer")),
        rotate(1, &fixtures::address("fresh"), 7),
        ExecuteMsg::SetRegistrationPolicy { registration: RegistrationPolicy::Consortium },
        certify(suite, "grace", 1),
        withdraw("ada"),
    ]
}

/// The message is refused, nothing changes, and the refusal is given to look at.
#[track_caller]
pub fn refused(suite: &mut Suite, sender: &Addr, msg: &ExecuteMsg, look: impl Fn(&Error) -> bool) {
    let before = suite.snapshot();
    let result = suite.to_registrar(sender, msg);
    let error = refusal::<Error, _>(&result);
    assert!(look(error), "{msg:?}: {error}");
    assert_eq!(before, suite.snapshot(), "{msg:?} left a trace");
}

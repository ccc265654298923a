//! People, messages and looks of the relationship contract's suites.
#![allow(dead_code, reason = "each suite uses its part")]

use cosmwasm_std::{Addr, Binary};
use medrec_api::relationship::{
    DelegateResponse, DelegateStatus, Error, ExecuteMsg, GrantKind, GrantResponse, GrantsResponse, QueryMsg,
    RelationshipResponse,
};
use medrec_events::relationship::Event;
use medrec_testing::{Suite, fixtures, refusal};

pub fn who(name: &str) -> Addr {
    fixtures::address(name)
}

pub fn accept(id: u64) -> ExecuteMsg {
    ExecuteMsg::Accept { id, sealed: fixtures::sealed_accept(id) }
}

pub fn rotate(id: u64, address: &Addr) -> ExecuteMsg {
    ExecuteMsg::Rotate { id, address: address.to_string(), sealed: None }
}

pub fn open(patient: &Addr) -> ExecuteMsg {
    ExecuteMsg::Open { patient: patient.to_string(), sealed: fixtures::sealed_open(1) }
}

pub fn admit(delegates: &[&Addr]) -> ExecuteMsg {
    ExecuteMsg::Admit { delegates: delegates.iter().map(ToString::to_string).collect() }
}

pub fn tags() -> Binary {
    Binary::new(fixtures::tags(&["medication"], &["treatment"]).to_bytes().to_vec())
}

/// A grant from now on; `number` makes its sealed text its own.
pub fn grant(id: u64, viewer: &Addr, kind: GrantKind, until: u64, number: u64) -> ExecuteMsg {
    ExecuteMsg::Grant {
        id,
        viewer: viewer.to_string(),
        kind,
        tags: tags(),
        from: None,
        until,
        sealed: fixtures::sealed_grant(number),
    }
}

/// Makes the grant, a day long, and answers its number.
#[track_caller]
pub fn granted(suite: &mut Suite, by: &Addr, id: u64, viewer: &Addr, kind: GrantKind) -> u32 {
    let until = suite.now() + 86_400;
    let number = suite.sealing();
    let done = suite.to_relationship(by, &grant(id, viewer, kind, until, number)).unwrap();
    suite
        .relationship_events(&done)
        .into_iter()
        .find_map(|event| match event {
            Event::Granted { grant, .. } => Some(grant),
            _ => None,
        })
        .unwrap()
}

pub fn relationship(suite: &Suite, id: u64) -> RelationshipResponse {
    suite.ask_relationship(&QueryMsg::Relationship { id }).unwrap()
}

pub fn grants(suite: &Suite, id: u64) -> Vec<GrantResponse> {
    let msg = QueryMsg::Grants { ids: vec![id], start_after: None, limit: Some(30) };
    suite.ask_relationship::<GrantsResponse>(&msg).unwrap().grants
}

pub fn delegate(suite: &Suite, address: &Addr) -> DelegateStatus {
    let msg = QueryMsg::Delegate { address: address.to_string() };
    suite.ask_relationship::<DelegateResponse>(&msg).unwrap().status
}

/// Sends, and answers the one event of the contract.
#[track_caller]
pub fn told(suite: &mut Suite, sender: &Addr, msg: &ExecuteMsg) -> Event {
    let done = suite.to_relationship(sender, msg).unwrap();
    let mut events = suite.relationship_events(&done);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The message is refused, nothing changes, and the refusal is as `look` wants it.
#[track_caller]
pub fn refused(suite: &mut Suite, sender: &Addr, msg: &ExecuteMsg, look: impl Fn(&Error) -> bool) {
    let before = suite.snapshot();
    let result = suite.to_relationship(sender, msg);
    let error = refusal::<Error, _>(&result);
    assert!(look(error), "{msg:?}: {error}");
    assert_eq!(before, suite.snapshot(), "{msg:?} left a trace");
}

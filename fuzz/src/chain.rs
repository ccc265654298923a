//! What a node says.

use medrec_api::{authlog, registrar, relationship};
use medrec_events as events;

/// The contract whose events these are.
pub const CONTRACT: &str = "medrec1contract";

/// First line: the event's kind; the others: `key=value`, in order.
pub fn events(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let mut lines = text.lines();
    let Some(kind) = lines.next() else { return false };
    let attributes: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once('=')).collect();
    let found = [
        events::registrar::Event::decode(CONTRACT, kind, &attributes).map(|event| event.is_some()),
        events::relationship::Event::decode(CONTRACT, kind, &attributes).map(|event| event.is_some()),
        events::authlog::Event::decode(CONTRACT, kind, &attributes).map(|event| event.is_some()),
    ];
    found.contains(&Ok(true))
}

/// A contract's answer as JSON: any of those the relayer asks for.
pub fn rpc(input: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(input) else { return false };
    let read = [
        serde_json::from_value::<registrar::InstitutionResponse>(value.clone()).is_ok(),
        serde_json::from_value::<registrar::InstitutionsResponse>(value.clone()).is_ok(),
        serde_json::from_value::<registrar::PersonResponse>(value.clone()).is_ok(),
        serde_json::from_value::<relationship::RelationshipResponse>(value.clone()).is_ok(),
        serde_json::from_value::<relationship::GrantsResponse>(value.clone()).is_ok(),
        serde_json::from_value::<relationship::DelegateResponse>(value.clone()).is_ok(),
        serde_json::from_value::<authlog::ConfigResponse>(value.clone()).is_ok(),
        serde_json::from_value::<authlog::LogResponse>(value).is_ok(),
    ];
    read.contains(&true)
}

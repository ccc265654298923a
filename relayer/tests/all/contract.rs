//! What the relationship contract would answer after the events of a test: state beside the events, made otherwise.

use std::collections::BTreeMap;

use cosmwasm_std::Binary;
use medrec_api::relationship::{
    GrantResponse, GrantsResponse, QueryMsg, RelationshipResponse, RelationshipsResponse, Research,
};
use medrec_events::relationship::Event as Happened;
use medrec_rules::{Party, Status};
use serde_json::Value;

#[derive(Clone, Default)]
pub struct Contract {
    pub relationships: BTreeMap<u64, RelationshipResponse>,
    pub grants: BTreeMap<(u64, u32), GrantResponse>,
    /// Every address that is or was a patient.
    patients: Vec<(String, u64)>,
}

impl Contract {
    pub fn take(&mut self, event: &Happened, height: u64, time: u64) {
        match event.clone() {
            Happened::Opened { id, patient, steward, sealed } => {
                self.patients.push((patient.clone(), id));
                let opened = RelationshipResponse {
                    id,
                    patient: patient.clone(),
                    steward: steward.clone(),
                    status: Status::Offered,
                    opened_at: time,
                    opened_height: height,
                    first_patient: patient,
                    first_steward: steward,
                    sealed_open: sealed,
                    sealed_accept: None,
                    grants: 0,
                    research: Research::default(),
                };
                self.relationships.insert(id, opened);
            }
            Happened::Accepted { id, sealed, .. } => self.change(id, |found| {
                (found.status, found.sealed_accept) = (Status::Active, Some(sealed));
            }),
            Happened::Rejected { id } => self.change(id, |found| found.status = Status::Rejected),
            Happened::Closed { id, .. } => self.change(id, |found| {
                found.status = Status::Closed;
                if found.research.categories != 0 {
                    found.research = Research { categories: 0, since_height: height + 1 };
                }
            }),
            Happened::ResearchChosen { id, categories } => self.change(id, |found| {
                found.research = Research { categories, since_height: height + 1 };
            }),
            Happened::Rotated { id, party: Party::Patient, address, .. } => {
                self.patients.push((address.clone(), id));
                self.change(id, |found| found.patient = address);
            }
            Happened::Rotated { id, address, .. } => self.change(id, |found| found.steward = address),
            Happened::Granted { id, grant, viewer, kind, tags, from, until, sealed, .. } => {
                let tags = Binary::from(tags.to_bytes());
                let new =
                    GrantResponse { id, grant, viewer, kind, tags, from, until, sealed, revoked_at: None };
                self.grants.insert((id, grant), new);
                self.change(id, |found| found.grants = grant + 1);
            }
            Happened::Revoked { id, grant, .. } => {
                if let Some(found) = self.grants.get_mut(&(id, grant)) {
                    found.revoked_at = Some(time);
                }
            }
            Happened::DelegatesAdmitted { .. } | Happened::SponsorChanged { .. } => {}
        }
    }

    fn change(&mut self, id: u64, change: impl FnOnce(&mut RelationshipResponse)) {
        if let Some(found) = self.relationships.get_mut(&id) {
            change(found);
        }
    }

    /// The contract's answer to a question about lists; none to others.
    pub fn answer(&self, query: &Value) -> Option<Value> {
        let page = |limit: Option<u32>| limit.unwrap_or(10).min(30) as usize;
        let answer = match serde_json::from_value(query.clone()).ok()? {
            QueryMsg::Relationships { addresses, start_after, limit } => {
                let found = self.relationships.values().filter(|found| {
                    found.id > start_after.unwrap_or(0)
                        && self
                            .patients
                            .iter()
                            .any(|(patient, id)| *id == found.id && addresses.contains(patient))
                });
                let relationships = found.take(page(limit)).cloned().collect();
                serde_json::to_value(RelationshipsResponse { relationships })
            }
            QueryMsg::Grants { ids, start_after, limit } => {
                let found = self.grants.iter();
                let found = found.filter(|(place, _)| {
                    ids.contains(&place.0) && start_after.is_none_or(|after| **place > after)
                });
                let grants = found.take(page(limit)).map(|(_, grant)| grant.clone()).collect();
                serde_json::to_value(GrantsResponse { grants })
            }
            _ => return None,
        };
        Some(answer.unwrap())
    }
}

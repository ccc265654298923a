//! May this be answered? Pure: the facts are brought in, `medrec_rules::permits` decides.

use std::collections::BTreeMap;

use medrec_accesslog::Read;
use medrec_gate::{Reason, Refusal, VerifiedRequest};
use medrec_rules::{Ask, Permit, Purpose, Status, asked_purpose_tags, asked_scope_tags};
use medrec_wallet::Card;

use super::ground::Ground;
use crate::projection::Relationship;

/// What a read asks for.
pub struct Asked<'a> {
    pub request: &'a VerifiedRequest,
    pub scope: &'a str,
    /// Text form.
    pub card: Option<&'a str>,
    /// Block time.
    pub now: u64,
}

/// Whom the entry names: what stands on his card, nothing without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    pub card: Option<[u8; 32]>,
    pub name: String,
    pub role: String,
    pub institution: u32,
}

/// A read that may be answered.
#[derive(Debug)]
pub struct Decided {
    pub permit: Permit,
    pub viewer: Viewer,
}

/// Decides a read. Strangers and unknown relationships are refused alike; only those who have or had a part are
/// told why.
pub fn read(ground: &Ground, asked: &Asked<'_>, chain_id: &str) -> Result<Decided, Refusal> {
    let requester = asked.request.address.as_str();
    let relationship = known(ground, requester)?;
    let tags = ground.tag_key.as_ref().map(|key| {
        (asked_scope_tags(key, asked.scope), asked_purpose_tags(key, asked.request.purpose.as_str()))
    });
    let (scopes, purposes) = match &tags {
        Some((scopes, purposes)) => (&scopes[..], &purposes[..]),
        None => (&[][..], &[][..]),
    };
    let permit =
        relationship.permits(&Ask { requester, scopes, purposes, now: asked.now }).map_err(rule_refusal)?;
    if !ground.accepted {
        return Err(match relationship.status {
            Status::Offered => Refusal::new(Reason::NotYet, "not accepted yet"),
            _ => Refusal::new(Reason::Unavailable, "the acceptance could not be read"),
        });
    }
    let viewer =
        asked.card.map(|card| viewer(card, requester, &ground.institutions, chain_id)).transpose()?;
    Ok(Decided { permit, viewer: viewer.unwrap_or_default() })
}

/// Decides what is the patient's own: her entries, notices, revokes and marks. A carer may act in her name.
pub fn in_her_name(ground: &Ground, request: &VerifiedRequest, now: u64) -> Result<(), Refusal> {
    let relationship = known(ground, &request.address)?;
    let patient = request.address == relationship.patient;
    if !patient && !relationship.is_carer(&request.address, now) {
        return Err(Refusal::new(Reason::NotPermitted, "neither patient nor carer"));
    }
    if request.purpose != Purpose::PatientRequest {
        return Err(Refusal::new(Reason::Purpose, "this is for patient-request"));
    }
    if ground.accepted { Ok(()) } else { Err(Refusal::new(Reason::NotYet, "no entries yet")) }
}

fn known<'g>(ground: &'g Ground, requester: &str) -> Result<&'g Relationship, Refusal> {
    let relationship = ground.relationship.as_ref().filter(|found| found.knows(requester));
    relationship.ok_or_else(|| Refusal::new(Reason::NotPermitted, "no part in the relationship"))
}

fn rule_refusal(refusal: medrec_rules::Refusal) -> Refusal {
    let reason = Reason::from_code(refusal.reason()).unwrap_or(Reason::NotPermitted);
    Refusal::new(reason, refusal.to_string())
}

/// A card must be the requester's own; one that names a person must be signed by an active institution.
fn viewer(
    text: &str,
    requester: &str,
    institutions: &BTreeMap<u32, [u8; 32]>,
    chain_id: &str,
) -> Result<Viewer, Refusal> {
    let card = Card::parse(text).map_err(|e| Refusal::new(Reason::Malformed, e.to_string()))?;
    if card.address != requester {
        return Err(Refusal::new(Reason::BadSignature, "the card is another's"));
    }
    let hash = card.hash().map_err(|e| Refusal::new(Reason::Malformed, e.to_string()))?;
    let hash = Some(hash);
    let Some(staff) = &card.staff else { return Ok(Viewer { card: hash, ..Viewer::default() }) };
    let key = institutions.get(&staff.institution);
    let key =
        key.ok_or_else(|| Refusal::new(Reason::BadSignature, "the card's institution is not active"))?;
    let staff = card.verify(chain_id, key).map_err(|e| Refusal::new(Reason::BadSignature, e.to_string()))?;
    Ok(Viewer {
        card: hash,
        name: staff.name.clone(),
        role: staff.role.clone(),
        institution: staff.institution,
    })
}

impl Viewer {
    /// Fills the parts of an entry's body that are about the viewer.
    pub fn into_body(self, body: Read) -> Read {
        Read {
            card: self.card,
            viewer_name: self.name,
            viewer_role: self.role,
            viewer_institution: self.institution,
            ..body
        }
    }
}

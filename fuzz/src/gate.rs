//! What passes between a wallet and a gatekeeper.

use medrec_accesslog::Root;
use medrec_gate::bundle::{Bundle, Selection, check_labels};
use medrec_gate::{
    AcknowledgeBody, Asked, Audience, Deed, DisputeBody, Incoming, Institution, Problem, ReadBody,
    RevokeBody, Sent, answer, check, verify,
};
use medrec_wallet::{ContractRef, SecretKey};

/// The clock of these tests, seconds since 1970.
pub const NOW: u64 = 1_800_000_000;
pub const URL: &str = "https://north.example";
pub const LOG_ORIGIN: &str = "north.example/log";
/// Secret keys of the requester's reply key, and of the institution.
pub const REPLY: [u8; 32] = [12; 32];
pub const LOG_KEY: [u8; 32] = [22; 32];

pub fn contract() -> ContractRef {
    ContractRef { chain_id: "medrec-test-1".into(), address: "medrec1contract".into() }
}

/// `METHOD path`, headers as `name: value`, an empty line, the body; lines end with `\n`.
pub fn request(input: &[u8]) -> bool {
    let mut rest = input;
    let Some(first) = line(&mut rest).and_then(|line| str::from_utf8(line).ok()) else { return false };
    let Some((method, path_and_query)) = first.split_once(' ') else { return false };
    let mut headers: Vec<(&str, &[u8])> = Vec::new();
    while let Some(header) = line(&mut rest).filter(|line| !line.is_empty()) {
        let Some(colon) = header.windows(2).position(|pair| pair == b": ") else { return false };
        let (name, value) = header.split_at(colon);
        let Ok(name) = str::from_utf8(name) else { return false };
        headers.push((name, value.get(2..).unwrap_or_default()));
    }
    let _ = (
        ReadBody::parse(rest),
        RevokeBody::parse(rest),
        AcknowledgeBody::parse(rest),
        DisputeBody::parse(rest),
    );
    let incoming = Incoming { method, path_and_query, headers: &headers, body: rest };
    let audience = Audience { public_url: URL.into(), contract: contract() };
    verify::verify(&incoming, &audience, NOW).is_ok()
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, behind) = rest.split_at(end);
    *rest = behind.get(1..).unwrap_or_default();
    Some(line)
}

/// A sealed answer as it comes in, and what one may hold: the institution is not believed.
pub fn answer(input: &[u8]) -> bool {
    let key = SecretKey::from_bytes(&REPLY);
    let _ = answer::open::<answer::Answer>(&key, &[7; 32], input);
    let Some(institution) = institution() else { return false };
    let contract = contract();
    if let Ok(entries) = serde_json::from_slice::<answer::Entries>(input) {
        let _ = check::check_entries(&entries, &institution, &contract, 5);
        return true;
    }
    if let Ok(receipt) = serde_json::from_slice::<answer::Receipt>(input) {
        let deed = Deed::Revoke { grant: 2 };
        let sent = Sent { institution: &institution, request: &[7; 32], requester: "medrec1viewer", deed };
        let _ = check::check_receipt(&receipt, &sent);
        return true;
    }
    let Ok(opened) = serde_json::from_slice::<answer::Answer>(input) else { return false };
    let asked = Asked {
        contract: &contract,
        institution: &institution,
        request: &opened.header.request,
        relationship: opened.header.relationship,
        scope: &opened.header.scope,
        purpose: &opened.header.purpose,
        requester: "medrec1viewer",
    };
    let _ = check::check(&opened, &asked);
    true
}

fn institution() -> Option<Institution> {
    let log = medrec_accesslog::LogSigner::new(LOG_ORIGIN, &LOG_KEY).ok()?;
    Some(Institution { signing_key: log.public().public_key().to_vec(), log_key: log.public().clone() })
}

/// A refusal as a client reads it.
pub fn problem(input: &[u8]) -> bool {
    Problem::parse(input).is_some()
}

/// A file that somebody exported: nobody in it is believed.
pub fn exported(input: &[u8]) -> bool {
    let Ok(bundle) = Bundle::parse(input) else { return false };
    let verified = bundle.verify();
    let contract = contract();
    for part in &bundle.content.parts {
        let place = contract.place(part.relationship, &part.institution.log_origin);
        let _ = check_labels(part, Root::from_bytes([23; 32]).ratchet(&place));
    }
    // A selection of what is right is right.
    let labs = Selection { scopes: ["labs".to_owned()].into(), ..Selection::default() };
    if verified.parts.iter().all(|part| part.faults.is_empty())
        && let Ok(selected) = labs.of(&bundle.content)
    {
        assert!(
            selected.verify().parts.iter().all(|part| part.faults.is_empty()),
            "a selection that is false"
        );
    }
    let again = serde_json::to_vec(&bundle).ok().map(|bytes| Bundle::parse(&bytes));
    assert!(again.is_some_and(|again| again == Ok(bundle)), "a bundle reads back as it was");
    true
}

use cosmwasm_std::{Binary, DepsMut, Env, Response};
use medrec_api::{
    authlog::{Conflict, Error, Fork, Inclusion, MAX_PROOF_HASHES},
    validate,
};
use medrec_events::authlog::Event;
use medrec_merkle::{Hash, split_hashes};
use medrec_seals as seals;

use super::SIGNATURE_LEN;
use crate::state::{self, FORKS};

/// Marks a log as forked for all to see, if its key signed two truths. The log goes on; who relies on it decides.
pub fn report(deps: DepsMut, env: &Env, slot: u32, conflict: &Conflict) -> Result<Response, Error> {
    let log = state::log(deps.storage, slot, "report")?;
    if let Some(Fork { kind, .. }) = FORKS.may_load(deps.storage, slot)? {
        return Err(Error::ForkedAlready { slot, kind });
    }
    let (evidence, signatures) = well_formed(conflict)?;
    let anchored = state::head(deps.storage, slot)?.map_or(0, |head| head.size);
    let now = env.block.time.seconds();
    evidence.check(now, anchored).map_err(|error| Error::NoConflict { reason: error.to_string() })?;
    for (number, (statement, signature)) in
        (1..).zip(evidence.statements(&log.origin).iter().zip(&signatures))
    {
        match deps.api.ed25519_verify(statement, signature, &log.key) {
            Ok(true) => {}
            _ => return Err(Error::ReportSignature { slot, number }),
        }
    }
    let kind = evidence.kind().to_owned();
    let signatures: Vec<&[u8]> = signatures.iter().map(|signature| signature.as_slice()).collect();
    let evidence = Binary::from(evidence.evidence(&log.origin, &signatures));
    let fork = Fork { kind: kind.clone(), evidence: evidence.clone(), height: env.block.height, at: now };
    FORKS.save(deps.storage, slot, &fork)?;
    Ok(Response::new().add_event(Event::Forked { slot, kind, evidence }))
}

/// The evidence without its signatures, and these.
fn well_formed(conflict: &Conflict) -> Result<(seals::Conflict<'_>, Vec<&Binary>), Error> {
    let (evidence, signatures) = match conflict {
        Conflict::Roots { size, a, b } => {
            let roots = (validate::bytes32("root", &a.root)?, validate::bytes32("root", &b.root)?);
            let evidence = seals::Conflict::Roots { size: *size, a: roots.0, b: roots.1 };
            (evidence, vec![&a.signature, &b.signature])
        }
        Conflict::Leaves { index, a, b } => {
            let evidence = seals::Conflict::Leaves { index: *index, a: inclusion(a)?, b: inclusion(b)? };
            (evidence, vec![&a.signature, &b.signature])
        }
        Conflict::Promise { index, leaf, at, by, signature, other } => {
            let (leaf, promised) = (validate::bytes32("leaf", leaf)?, other);
            let other = inclusion(promised)?;
            let evidence = seals::Conflict::Promise { index: *index, leaf, at: *at, by: *by, other };
            (evidence, vec![signature, &promised.signature])
        }
        Conflict::Overdue { index, leaf, at, by, signature } => {
            let leaf = validate::bytes32("leaf", leaf)?;
            (seals::Conflict::Overdue { index: *index, leaf, at: *at, by: *by }, vec![signature])
        }
    };
    for signature in &signatures {
        validate::length("signature", signature.len(), SIGNATURE_LEN, SIGNATURE_LEN)?;
    }
    Ok((evidence, signatures))
}

fn inclusion(given: &Inclusion) -> Result<seals::Inclusion<'_>, Error> {
    let Inclusion { size, root, leaf, proof, .. } = given;
    validate::length("proof", proof.len(), 0, MAX_PROOF_HASHES.saturating_mul(size_of::<Hash>()))?;
    let proof = split_hashes(proof).map_err(|error| Error::NoConflict { reason: error.to_string() })?;
    let (root, leaf) = (validate::bytes32("root", root)?, validate::bytes32("leaf", leaf)?);
    Ok(seals::Inclusion { size: *size, root, leaf, proof })
}

use cosmwasm_std::{Binary, DepsMut, Response};
use medrec_api::{
    authlog::{Error, MAX_PROOF_HASHES},
    validate,
};
use medrec_events::authlog::Event;
use medrec_merkle::{Hash, leaf_hash, split_hashes, verify_inclusion};
use medrec_pow::ENTRY_BYTES;

use crate::{
    attested::{self, Challenge},
    sealing, state,
};

/// The entry that was asked for, from whoever has it, even late: the log counts again from the next template on.
pub fn answer(deps: DepsMut, slot: u32, entry: &Binary, proof: &Binary) -> Result<Response, Error> {
    let log = state::log(deps.storage, slot, "answer")?;
    let open = attested::challenge(deps.storage, slot)?;
    let Challenge { index, size, root, .. } = open.ok_or(Error::NoChallenge { operation: "answer", slot })?;
    validate::length("entry", entry.len(), ENTRY_BYTES, ENTRY_BYTES)?;
    validate::length("proof", proof.len(), 0, MAX_PROOF_HASHES.saturating_mul(size_of::<Hash>()))?;
    let shown = split_hashes(proof)
        .and_then(|hashes| verify_inclusion(&leaf_hash(entry), index, size, hashes, &root));
    shown.map_err(|error| Error::AnswerProof { slot, index, size, reason: error.to_string() })?;

    attested::remove_challenge(deps.storage, slot);
    let mut known = attested::attested(deps.storage, slot)?;
    if known.withheld {
        known.withheld = false;
        attested::save(deps.storage, slot, &known);
        let template = sealing::next_template(deps.storage)?;
        attested::count(deps.storage, slot, &log.origin, (known.size, &known.root), template)?;
    }
    Ok(Response::new().add_event(Event::Answered { slot, index }))
}

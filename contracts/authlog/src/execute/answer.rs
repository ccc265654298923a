use cosmwasm_std::{Binary, DepsMut, Response};
use medrec_api::{
    authlog::{Error, MAX_PROOF_HASHES},
    validate,
};
use medrec_events::authlog::Event;
use medrec_merkle::{Hash, leaf_hash, split_hashes, verify_inclusion};
use medrec_pow::ENTRY_BYTES;

use crate::{
    attested,
    challenges::{self, Challenge},
    sealing, state,
};

/// The entry that was asked for, from whoever has it, even late: the log counts again from the next template on, if
/// nothing else of it is withheld.
pub fn answer(
    deps: DepsMut,
    (slot, challenger): (u32, u32),
    entry: &Binary,
    proof: &Binary,
) -> Result<Response, Error> {
    let log = state::log(deps.storage, slot, "answer")?;
    let open = challenges::open(deps.storage, "answer", slot, challenger)?;
    let Challenge { withheld, index, size, root, .. } = open;
    validate::length("entry", entry.len(), ENTRY_BYTES, ENTRY_BYTES)?;
    validate::length("proof", proof.len(), 0, MAX_PROOF_HASHES.saturating_mul(size_of::<Hash>()))?;
    let shown = split_hashes(proof)
        .and_then(|hashes| verify_inclusion(&leaf_hash(entry), index, size, hashes, &root));
    shown.map_err(|error| Error::AnswerProof { slot, index, size, reason: error.to_string() })?;

    challenges::remove(deps.storage, slot, challenger);
    if withheld {
        let mut known = attested::attested(deps.storage, slot)?;
        known.withheld = known.withheld.saturating_sub(1);
        attested::save(deps.storage, slot, &known);
        if known.withheld == 0 {
            let template = sealing::next_template(deps.storage)?;
            attested::count(deps.storage, slot, &log.origin, (known.size, &known.root), template)?;
        }
    }
    Ok(Response::new().add_event(Event::Answered { slot, challenger, index }))
}

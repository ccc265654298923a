use cosmwasm_std::{Api, Binary, DepsMut, Env, Response};
use medrec_api::{
    authlog::{Error, MAX_LOG_SIZE, MAX_PROOF_HASHES},
    validate,
};
use medrec_events::authlog::Event;
use medrec_merkle::{self as merkle, Hash};
use medrec_seals::checkpoint_text;

use super::SIGNATURE_LEN;
use crate::{
    growth,
    state::{self, Config, Head, Log},
};

/// The message as it came.
pub struct Offer {
    pub slot: u32,
    pub size: u64,
    pub root: Binary,
    pub signature: Binary,
    pub proof: Binary,
}

/// Its newest checkpoint becomes the log's head, if the log only grew. The same head again is a heartbeat. It counts for
/// seals once others vouch for it (`cosign`).
pub fn anchor(deps: DepsMut, env: &Env, config: &Config, offer: Offer) -> Result<Response, Error> {
    let Offer { slot, size, .. } = offer;
    let log = state::log(deps.storage, slot, "anchor")?;
    let previous = state::head(deps.storage, slot)?.unwrap_or_else(|| before_first(&log));
    let (root, signature) = well_formed(&offer)?;
    let now = env.block.time.seconds();

    only_grows(slot, &previous, size, &root)?;
    let grown = size.saturating_sub(previous.size);
    let debt = growth::charge(config.growth, previous.debt, now.saturating_sub(previous.at), grown)
        .map_err(|allowed| Error::AnchorGrowth { slot, grown, allowed })?;
    signed_by_its_key(deps.api, &log, &offer, &root)?;
    keeps_history(&previous, &offer, &root)?;

    let before = if grown > 0 { Some((previous.size, previous.root)) } else { previous.before };
    let before = before.filter(|(size, _)| *size > 0);
    let head = Head { size, root, signature, height: env.block.height, at: now, debt, before };
    state::save_head(deps.storage, slot, &head);
    Ok(Response::new().add_event(Event::Anchored { slot, size, root: root.into() }))
}

/// An admitted log is empty, and the growth cap counts from its admission.
fn before_first(log: &Log) -> Head {
    let (root, signature) = (merkle::root(&[]), [0; SIGNATURE_LEN]);
    Head { size: 0, root, signature, height: 0, at: log.admitted_at, debt: 0, before: None }
}

fn well_formed(offer: &Offer) -> Result<(Hash, [u8; SIGNATURE_LEN]), Error> {
    let root = validate::bytes32("root", &offer.root)?;
    validate::length("signature", offer.signature.len(), SIGNATURE_LEN, SIGNATURE_LEN)?;
    let longest = MAX_PROOF_HASHES.saturating_mul(root.len());
    validate::length("proof", offer.proof.len(), 0, longest)?;
    let signature = offer.signature.to_array().map_err(Error::from)?;
    Ok((root, signature))
}

fn only_grows(slot: u32, previous: &Head, size: u64, root: &Hash) -> Result<(), Error> {
    if size < previous.size {
        return Err(Error::AnchorShrinks { slot, anchored: previous.size, offered: size });
    }
    if size == previous.size && *root != previous.root {
        let hex = |hash: &Hash| Binary::from(hash).to_hex();
        return Err(Error::AnchorForks { slot, size, anchored: hex(&previous.root), offered: hex(root) });
    }
    if size > MAX_LOG_SIZE {
        return Err(Error::AnchorTooLarge { slot, offered: size, max: MAX_LOG_SIZE });
    }
    Ok(())
}

/// Ed25519 over the checkpoint text; a signature that cannot be checked is refused like a wrong one.
fn signed_by_its_key(api: &dyn Api, log: &Log, offer: &Offer, root: &Hash) -> Result<(), Error> {
    let Offer { slot, size, .. } = *offer;
    let text = checkpoint_text(&log.origin, size, root);
    match api.ed25519_verify(text.as_bytes(), &offer.signature, &log.key) {
        Ok(true) => Ok(()),
        _ => Err(Error::AnchorSignature { slot, size }),
    }
}

fn keeps_history(previous: &Head, offer: &Offer, root: &Hash) -> Result<(), Error> {
    let Offer { slot, size, ref proof, .. } = *offer;
    let refused = |reason: merkle::Error| Error::AnchorProof {
        slot,
        from: previous.size,
        to: size,
        reason: reason.to_string(),
    };
    let hashes = merkle::split_hashes(proof).map_err(refused)?;
    // An empty log is the start of every log: there is nothing to prove.
    if previous.size == 0 {
        let none = merkle::Error::ProofLength { expected: 0, actual: hashes.len() };
        return if hashes.is_empty() { Ok(()) } else { Err(refused(none)) };
    }
    merkle::verify_consistency(previous.size, &previous.root, size, root, hashes).map_err(refused)
}

use cosmwasm_std::{Api, DepsMut, Response};
use medrec_api::{
    authlog::{CosignedHead, Cosigner, Error, MAX_COSIGNED, MAX_LOG_SIZE, MAX_PROOF_HASHES},
    validate,
};
use medrec_events::authlog::Event;
use medrec_merkle::{self as merkle, Hash};
use medrec_seals::cosignature_text;

use super::SIGNATURE_LEN;
use crate::{
    attested::{self, Vouched},
    permissions::Standing,
    sealing,
    state::{self, Head, Log},
};

/// The cosigner vouches for heads. Of each log the newest one vouched for is kept; what two institutions hold counts
/// from the next template on. A head that tells nothing new changes nothing.
pub fn cosign(
    deps: DepsMut,
    by: &Standing,
    cosigner: &Cosigner,
    heads: &[CosignedHead],
) -> Result<Response, Error> {
    validate::count("heads", heads.len(), 1, MAX_COSIGNED)?;
    let template = sealing::next_template(deps.storage)?;
    let mut response = Response::new();
    for head in heads {
        let slot = head.slot;
        let log = state::log(deps.storage, slot, "cosign")?;
        if log.institution == by.institution {
            return Err(Error::CosignOwn { slot, institution: by.institution });
        }
        let root = well_formed(head)?;
        under_the_anchor(state::head(deps.storage, slot)?, head, &root)?;
        signed_by(deps.api, by, &log, head, &root)?;

        let mut known = attested::attested(deps.storage, slot)?;
        let before = known.clone();
        let researcher = match cosigner {
            Cosigner::Researcher { account } => Some(account.clone()),
            Cosigner::Institution { .. } => None,
        };
        let grew = known.vouch(Vouched { institution: by.institution, size: head.size, root, researcher });
        if known != before {
            attested::save(deps.storage, slot, &known);
        }
        if grew {
            if known.withheld == 0 {
                attested::count(deps.storage, slot, &log.origin, (known.size, &known.root), template)?;
            }
            let (size, root) = (known.size, known.root.into());
            response = response.add_event(Event::LogAttested { slot, size, root });
        }
    }
    Ok(response)
}

fn well_formed(head: &CosignedHead) -> Result<Hash, Error> {
    let root = validate::bytes32("root", &head.root)?;
    validate::range("size", head.size.into(), 1, MAX_LOG_SIZE.into())?;
    validate::length("signature", head.signature.len(), SIGNATURE_LEN, SIGNATURE_LEN)?;
    validate::length("proof", head.proof.len(), 0, MAX_PROOF_HASHES.saturating_mul(root.len()))?;
    Ok(root)
}

/// The head is the start of the one that is anchored, or was before the last anchor: a proof made just before an anchor
/// still holds after it.
fn under_the_anchor(anchored: Option<Head>, head: &CosignedHead, root: &Hash) -> Result<(), Error> {
    let CosignedHead { slot, size, .. } = *head;
    let ahead = |anchored| Error::CosignAhead { slot, anchored, offered: size };
    let anchored = anchored.ok_or(ahead(0))?;
    if size > anchored.size {
        return Err(ahead(anchored.size));
    }
    let refused = |reason: merkle::Error| Error::CosignProof {
        slot,
        size,
        anchored: anchored.size,
        reason: reason.to_string(),
    };
    let proof = merkle::split_hashes(&head.proof).map_err(refused)?;
    let newest = merkle::verify_consistency(size, root, anchored.size, &anchored.root, proof);
    match newest {
        Ok(()) => Ok(()),
        Err(reason) => anchored
            .before
            .and_then(|(old, old_root)| merkle::verify_consistency(size, root, old, &old_root, proof).ok())
            .ok_or_else(|| refused(reason)),
    }
}

/// C2SP tlog-cosignature.
fn signed_by(api: &dyn Api, by: &Standing, log: &Log, head: &CosignedHead, root: &Hash) -> Result<(), Error> {
    let CosignedHead { slot, size, time, ref signature, .. } = *head;
    let text = cosignature_text(time, &log.origin, size, root);
    match api.ed25519_verify(text.as_bytes(), signature, &by.key) {
        Ok(true) => Ok(()),
        _ => Err(Error::CosignSignature { slot, size }),
    }
}

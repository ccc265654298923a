//! Does the chain vouch for a log? Its checkpoint is held against the last anchor.

use medrec_accesslog::VerifyError;
use medrec_accesslog::{
    Anchor, SignedCheckpoint, TileMap, check_anchor, consistency_proof, tiles_for_consistency,
};

use crate::Error;
use crate::chain::Chain;
use crate::gatekeeper::Gatekeeper;

/// The log's last anchor, once `signed` was proved to be of the same history.
pub async fn check(
    chain: &Chain,
    gatekeeper: &Gatekeeper,
    signed: &SignedCheckpoint,
) -> Result<Anchor, Error> {
    let name = &gatekeeper.name;
    let log = chain.authlog.log_of(gatekeeper.id).await?;
    let key = gatekeeper.facts.log_key.public_key();
    if log.origin != gatekeeper.origin() || log.key.as_slice() != key {
        return Err(Error::Wrong(format!("the chain anchors the log of {name} under another name or key")));
    }
    let root = log.root.as_slice().try_into();
    let root = match root {
        Ok(root) => root,
        Err(_) if log.size == 0 => [0; 32],
        Err(_) => return Err(Error::Wrong(format!("the anchor of the log of {name} is unreadable"))),
    };
    let anchor = Anchor { size: log.size, root };
    let (old, new) = (signed.checkpoint.size.min(anchor.size), signed.checkpoint.size.max(anchor.size));
    let mut tiles = TileMap::default();
    for path in tiles_for_consistency(old, new).map_err(VerifyError::from)? {
        let (path, bytes) = gatekeeper.tile(&path).await?;
        tiles.insert(path, bytes);
    }
    let proof = if old == new { Vec::new() } else { consistency_proof(&tiles, old, new)? };
    check_anchor(signed, &anchor, &proof)?;
    Ok(anchor)
}

//! Does the chain vouch for a log? Its checkpoint is held against the last anchor.

use std::collections::HashMap;

use medrec_accesslog::VerifyError;
use medrec_accesslog::{
    Anchor, SignedCheckpoint, TileMap, check_anchor, consistency_proof, tiles_for_consistency,
};
use medrec_gate::bundle::AnchorFacts;
use medrec_merkle::Hash;

use crate::Error;
use crate::chain::Chain;
use crate::served::Served;

/// The log's last anchor as the chain has it now. Ask for it *before* asking the log: then whatever the log shows must
/// reach this far, and a hospital that shows an older state of its log (security H17) is found out.
pub async fn facts(chain: &Chain, log: &Served) -> Result<AnchorFacts, Error> {
    let name = &log.name;
    let anchored = chain.authlog.log_of(log.institution).await?;
    if anchored.origin != log.origin() || anchored.key.as_slice() != log.log_key.public_key() {
        return Err(Error::Wrong(format!("the chain anchors the log of {name} under another name or key")));
    }
    let unreadable = |_| Error::Wrong(format!("the anchor of the log of {name} is unreadable"));
    let root = anchored.root.as_slice().try_into().map_err(unreadable)?;
    let (size, height, at) = (anchored.size, anchored.anchored_height, anchored.anchored_at);
    Ok(AnchorFacts { size, root, height, at })
}

/// What of [`facts`] a checkpoint is held against.
pub async fn last(chain: &Chain, log: &Served) -> Result<Anchor, Error> {
    let AnchorFacts { size, root, .. } = facts(chain, log).await?;
    Ok(Anchor { size, root })
}

/// The proof, by the log's tiles, that its first `old` entries are the beginning of its first `new`.
pub async fn consistency(log: &Served, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
    let mut tiles = TileMap::default();
    for path in tiles_for_consistency(old, new).map_err(VerifyError::from)? {
        let (path, bytes) = log.tile(&path).await?;
        tiles.insert(path, bytes);
    }
    Ok(consistency_proof(&tiles, old, new)?)
}

/// Refuses a checkpoint that is behind the anchor or of another history.
async fn check(log: &Served, anchor: &Anchor, signed: &SignedCheckpoint) -> Result<(), Error> {
    let (anchored, shown) = (anchor.size, signed.checkpoint.size);
    reaches(&log.name, shown, anchored)?;
    let proof = consistency(log, anchored, shown).await?;
    Ok(check_anchor(signed, anchor, &proof)?)
}

/// Entries the chain vouches for, or what does not fit; an error where nothing can be said.
pub async fn vouched(
    log: &Served,
    anchor: Result<Anchor, Error>,
    signed: &SignedCheckpoint,
) -> Result<Result<u64, String>, Error> {
    let checked = match anchor {
        Ok(anchor) => check(log, &anchor, signed).await.map(|()| anchor.size),
        Err(e) => Err(e),
    };
    match checked {
        Ok(size) => Ok(Ok(size)),
        Err(e @ (Error::Wrong(_) | Error::Log(_))) => Ok(Err(e.to_string())),
        Err(e) => Err(e),
    }
}

/// What was found of checkpoints, by size and root: as [`vouched`] says it.
type Seen = HashMap<(u64, [u8; 32]), Result<u64, String>>;

/// The chain's word on a log, asked once for many answers of the same hospital. Make it *before* asking the hospital, as
/// [`last`] says.
pub struct Vouch<'a> {
    log: &'a Served,
    /// The anchor, or why what the chain says is no use.
    anchor: Result<Anchor, String>,
    /// Checkpoints that were held against it, by size and root. Locked while one is: answers come together, and most
    /// have one checkpoint.
    seen: tokio::sync::Mutex<Seen>,
}

impl<'a> Vouch<'a> {
    pub async fn of(chain: &Chain, log: &'a Served) -> Result<Vouch<'a>, Error> {
        let anchor = match last(chain, log).await {
            Ok(anchor) => Ok(anchor),
            Err(e @ (Error::Wrong(_) | Error::Log(_))) => Err(e.to_string()),
            Err(e) => return Err(e),
        };
        Ok(Vouch { log, anchor, seen: tokio::sync::Mutex::default() })
    }

    /// As [`vouched`].
    pub async fn vouched(&self, signed: &SignedCheckpoint) -> Result<Result<u64, String>, Error> {
        let anchor = match &self.anchor {
            Ok(anchor) => *anchor,
            Err(finding) => return Ok(Err(finding.clone())),
        };
        let key = (signed.checkpoint.size, signed.checkpoint.root);
        let mut seen = self.seen.lock().await;
        if let Some(known) = seen.get(&key) {
            return Ok(known.clone());
        }
        let said = vouched(self.log, Ok(anchor), signed).await?;
        seen.insert(key, said.clone());
        Ok(said)
    }
}

/// A log that shows less than was anchored before it was asked withholds its end.
pub fn reaches(name: &str, shown: u64, anchored: u64) -> Result<(), Error> {
    if shown >= anchored {
        return Ok(());
    }
    Err(Error::Wrong(format!(
        "{name} shows its log with {shown} entries, the chain had {anchored} before we asked: the end is withheld"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_shows_less_than_its_anchor_is_wrong() {
        assert!(reaches("North", 9, 9).is_ok());
        assert!(reaches("North", 10, 9).is_ok());
        let refused = reaches("North", 8, 9).unwrap_err();
        assert_eq!(refused.exit(), 3);
        assert!(refused.to_string().contains("8 entries, the chain had 9"), "{refused}");
    }
}

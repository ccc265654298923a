//! Evidence of a fork: two checkpoints by one log's key that cannot both be true, brought into the form that the chain
//! checks.

use cosmwasm_std::Binary;
use medrec_accesslog::{
    Anchor, BUNDLE, TILE_WIDTH, TileContent, TilePath,
    mirror::{Outline, checked_bundle, edge},
};
use medrec_api::authlog::{Conflict, ExecuteMsg, Inclusion, SignedRoot};
use medrec_merkle::{Frontier, Hash, HashReader, Tree, leaf_hash};
use medrec_mirror::{Remote, remote};

use crate::logs::{Settings, Shown, View};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Remote(#[from] remote::Error),
    #[error("the log does not show the entries of its other history any more: {0}")]
    Tree(#[from] medrec_merkle::Error),
    #[error("both histories have the same entries as far as both go: that proves nothing")]
    NoDifference,
}

/// The message that shows the contradiction. Same size: the two roots. Otherwise the first entry that differs, in both
/// histories; the other one is fetched, bundle hashes first, as any log is.
pub async fn evidence(shown: &Shown, view: &View, settings: &Settings) -> Result<ExecuteMsg, Error> {
    let signed = &shown.checkpoint;
    let (size, root) = (signed.checkpoint.size, signed.checkpoint.root);
    let slot = shown.log.slot;
    if size == shown.log.size {
        let a = SignedRoot { root: shown.log.root.clone(), signature: shown.log.signature.clone() };
        let b = SignedRoot { root: Binary::from(root), signature: Binary::from(signed.signature) };
        return Ok(ExecuteMsg::Report { slot, conflict: Conflict::Roots { size, a, b } });
    }
    let remote = Remote::new(&shown.url, settings.guard(), settings.timeout).await?;
    let other = Other::fetch(&remote, Anchor { size, root }).await?;
    let (index, entries) = other.difference(&remote, view).await?;
    let a = Inclusion {
        size: shown.log.size,
        root: shown.log.root.clone(),
        signature: shown.log.signature.clone(),
        leaf: leaf(view, index)?,
        proof: Binary::from(view.inclusion(index, shown.log.size)?.concat()),
    };
    let b = other.inclusion(index, &entries, signed.signature)?;
    Ok(ExecuteMsg::Report { slot, conflict: Conflict::Leaves { index, a, b } })
}

fn leaf(view: &View, index: u64) -> Result<Binary, Error> {
    let missing = medrec_merkle::Error::MissingNode { level: 0, index };
    let entry = view.entries.get(index).ok_or(missing)?;
    Ok(Binary::from(leaf_hash(entry)))
}

/// The other history: hashes of its bundles and its last entries, which give the root that the log signed.
struct Other {
    head: Anchor,
    bundles: Tree,
    hashes: Vec<Hash>,
    tail: Vec<Hash>,
}

/// The other history with the entries of one bundle.
struct Opened<'a> {
    other: &'a Other,
    bundle: u64,
    leaves: &'a [Hash],
}

impl Other {
    async fn fetch(remote: &Remote, head: Anchor) -> Result<Self, Error> {
        let outline = Outline::fetch(remote, &head, &Frontier::new()).await?;
        let hashes: Vec<Hash> = outline.bundles().map(|(_, hash)| hash).collect();
        let tail = outline.tail().iter().map(|entry| entry.leaf_hash()).collect();
        Ok(Self { head, bundles: hashes.iter().copied().collect(), hashes, tail })
    }

    /// Index of the first entry that differs from ours, and the leaves of its bundle.
    async fn difference(&self, remote: &Remote, view: &View) -> Result<(u64, Vec<Hash>), Error> {
        for (bundle, hash) in (0..).zip(&self.hashes) {
            let first = u64::saturating_mul(bundle, BUNDLE);
            if view.len() >= first.saturating_add(BUNDLE) && view.node(8, bundle)? == *hash {
                continue;
            }
            let path = TilePath { content: TileContent::Entries, index: bundle, width: TILE_WIDTH };
            let entries = checked_bundle(remote, &path, hash).await?;
            edge(&entries)?;
            let leaves: Vec<Hash> = entries.iter().map(|entry| entry.leaf_hash()).collect();
            return match differs(view, first, &leaves) {
                Some(index) => Ok((index, leaves)),
                None => Err(Error::NoDifference),
            };
        }
        let first = (self.hashes.len() as u64).saturating_mul(BUNDLE);
        let index = differs(view, first, &self.tail).ok_or(Error::NoDifference)?;
        Ok((index, self.tail.clone()))
    }

    fn inclusion(&self, index: u64, leaves: &[Hash], signature: [u8; 64]) -> Result<Inclusion, Error> {
        let opened = Opened { other: self, bundle: index / BUNDLE, leaves };
        let proof = medrec_merkle::inclusion_proof(&opened, index, self.head.size)?;
        Ok(Inclusion {
            size: self.head.size,
            root: Binary::from(self.head.root),
            signature: Binary::from(signature),
            leaf: Binary::from(opened.node(0, index)?),
            proof: Binary::from(proof.concat()),
        })
    }
}

/// The first of their leaves, from `first` on, that is not ours; only where both have one.
fn differs(view: &View, first: u64, leaves: &[Hash]) -> Option<u64> {
    let ours = |index: u64| view.entries.get(index).map(|entry| leaf_hash(entry));
    (first..)
        .zip(leaves)
        .find(|(index, leaf)| ours(*index).is_some_and(|ours| ours != **leaf))
        .map(|(index, _)| index)
}

impl HashReader for Opened<'_> {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        let missing = medrec_merkle::Error::MissingNode { level, index };
        if let Some(above) = level.checked_sub(8) {
            return self.other.bundles.node(above, index);
        }
        let (first, count) = (index.checked_shl(level.into()).unwrap_or(u64::MAX), 1u64 << level);
        let leaves = match first / BUNDLE {
            bundle if bundle == self.bundle => self.leaves,
            bundle if bundle == self.other.bundles.size() => self.other.tail.as_slice(),
            _ => return Err(missing),
        };
        let at = usize::try_from(first % BUNDLE).ok();
        let range = at.and_then(|at| Some(at..at.checked_add(usize::try_from(count).ok()?)?));
        let leaves = range.and_then(|range| leaves.get(range)).ok_or(missing)?;
        Ok(medrec_merkle::root(leaves))
    }
}

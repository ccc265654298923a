//! The copies, served as their logs are: `/mirrors/<institution id>/…`.

use std::sync::Arc;

use medrec_accesslog::{BUNDLE, TileContent, TilePath, encode_tile};
use medrec_merkle::HashReader as _;
use medrec_mirror::{Copies, serve::Published};

use super::{Mirrors, copy::Log, mirrors::Error, view::View};

/// One log's copy.
pub struct Served(Arc<Log>);

impl Copies for Mirrors {
    type Copy = Served;

    fn of(&self, institution: u32) -> Option<Served> {
        self.log(institution).map(Served)
    }
}

impl Published for Served {
    type Error = Error;

    async fn checkpoint(&self) -> Result<Option<String>, Error> {
        Ok(self.0.view().checkpoint().map(|signed| signed.note()))
    }

    async fn tile(&self, path: &TilePath) -> Result<Option<Vec<u8>>, Error> {
        Ok(tile(&self.0.view(), path))
    }

    async fn counters(&self, day: u32) -> Result<Option<Vec<u8>>, Error> {
        let size = self.0.view().progress.head.size;
        let promised = self.0.promised();
        let Some(promised) =
            promised.iter().find(|promised| promised.entry.day == day && promised.index < size)
        else {
            return Ok(None);
        };
        let leaves = self.0.files().map(day)?;
        Ok(leaves.filter(|leaves| promised.check(leaves).is_ok()))
    }
}

/// Bytes of a tile or bundle of the newest whole head.
fn tile(view: &View, path: &TilePath) -> Option<Vec<u8>> {
    let whole = TilePath::in_log(path.content, path.index, view.progress.head.size)?;
    if whole.width < path.width {
        return None;
    }
    let first = path.index.checked_mul(BUNDLE)?;
    let range = first..first.checked_add(u64::from(path.width))?;
    match path.content {
        TileContent::Entries => {
            let mut bytes = Vec::with_capacity(path.byte_len());
            for index in range {
                bytes.extend_from_slice(&[2, 0]);
                bytes.extend_from_slice(view.entries.get(index)?);
            }
            Some(bytes)
        }
        TileContent::Hashes { level: 0 } => Some(encode_tile(&view.leaves(first, path.width.into())?)),
        TileContent::Hashes { level } => {
            let level = level.checked_mul(8)?;
            let hashes = range.map(|index| view.node(level, index).ok()).collect::<Option<Vec<_>>>()?;
            Some(encode_tile(&hashes))
        }
    }
}

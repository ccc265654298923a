//! Daily counter maps of a copied log (wire.md section 7): a missing tail of a relationship's entries shows in them, so
//! they are worth as much as the entries.

use medrec_accesslog::{Body, CounterMap, Entry, Label, mirror::Fetch as _, public_label};

use super::{
    Error,
    remote::Remote,
    state::{self, Promised, State},
};
use crate::store::Store;

/// Kind of the public entries that promise a map.
const KIND: u32 = 17;
/// Leaves of a map, at most: 32 MiB.
const MAX_LEAVES: u32 = 1 << 20;
/// Maps fetched in one round: a new copy has years of them to fetch.
const BATCH: u32 = 64;

/// Finds the entries that promise maps, in the order of the log.
pub struct Finder {
    origin: String,
    version: u32,
    label: Label,
}

impl Finder {
    /// `found`: promises that were found before.
    pub fn new(origin: &str, found: u32) -> Self {
        let version = found.saturating_add(1);
        Self { origin: origin.to_owned(), version, label: public_label(origin, KIND, version) }
    }

    /// Looks through bundle `number`; promises are appended to `found`.
    pub fn look(&mut self, number: u64, entries: &[Entry], found: &mut Vec<Promised>) {
        let first = number.saturating_mul(u64::from(medrec_accesslog::TILE_WIDTH));
        for (index, entry) in (first..).zip(entries) {
            if entry.label() != self.label {
                continue;
            }
            let body = entry.open_public(&self.origin, KIND, self.version);
            // An entry with this label that says something else promises nothing; what comes after it may.
            if let Some(Ok(Body::Counters(entry))) = body {
                found.push(Promised { version: self.version, index, entry });
            }
            self.version = self.version.saturating_add(1);
            self.label = public_label(&self.origin, KIND, self.version);
        }
    }
}

/// Fetches promised maps that are not here. A map counts when its leaves give the promised root.
pub async fn fetch(store: &Store, remote: &Remote, state: &State) -> Result<(), Error> {
    let mut connection = store.read().acquire().await?;
    let missing = state::missing(&mut connection, state.institution, BATCH).await?;
    drop(connection);
    for promised in missing.iter().filter(|promised| promised.index < state.head.size) {
        let count = usize::try_from(promised.entry.leaves.min(MAX_LEAVES)).unwrap_or(usize::MAX);
        let path = format!("counters/{}", promised.entry.day);
        let leaves = remote.get(&path, count.saturating_mul(32)).await?;
        check(&leaves, promised)?;
        let mut tx = store.begin().await?;
        state::keep_map(&mut tx, state.institution, promised.version, &leaves).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn check(leaves: &[u8], promised: &Promised) -> Result<(), Error> {
    if promised.entry.size != promised.index {
        return Err(Error::Counters { day: promised.entry.day, reason: "its entry is not where it says" });
    }
    let checked = CounterMap::from_bytes(leaves).and_then(|map| map.check(&promised.entry));
    checked
        .map_err(|_| Error::Counters { day: promised.entry.day, reason: "the leaves are not those promised" })
}

//! Daily counter maps of a copied log (wire.md section 7): a missing tail of a relationship's entries shows in them, so
//! they are worth as much as the entries.

use medrec_accesslog::{Body, CounterMap, Counters, Entry, Label, mirror::Fetch as _, public_label};

use crate::{Error, remote::Remote};

/// Kind of the public entries that promise a map.
const KIND: u32 = 17;
/// Leaves of a map, at most: 32 MiB.
const MAX_LEAVES: u32 = 1 << 20;

/// A daily counter map that a public entry of the log promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promised {
    /// Counts the public entries of the kind from 1.
    pub version: u32,
    /// Place of the entry in the log.
    pub index: u64,
    /// What it says.
    pub entry: Counters,
}

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

impl Promised {
    /// Leaves of the promised map. They count when they give the promised root.
    pub async fn fetch(&self, remote: &Remote) -> Result<Vec<u8>, Error> {
        let count = usize::try_from(self.entry.leaves.min(MAX_LEAVES)).unwrap_or(usize::MAX);
        let path = format!("counters/{}", self.entry.day);
        let leaves = remote.get(&path, count.saturating_mul(32)).await?;
        self.check(&leaves)?;
        Ok(leaves)
    }

    /// Whether these are the leaves that were promised.
    pub fn check(&self, leaves: &[u8]) -> Result<(), Error> {
        let day = self.entry.day;
        if self.entry.size != self.index {
            return Err(Error::Counters { day, reason: "its entry is not where it says" });
        }
        let checked = CounterMap::from_bytes(leaves).and_then(|map| map.check(&self.entry));
        checked.map_err(|_| Error::Counters { day, reason: "the leaves are not those promised" })
    }
}

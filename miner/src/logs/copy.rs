//! One log's copy: files, memory, and how it stands.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use medrec_accesslog::{BUNDLE, Entry, LogKey, TilePath};
use medrec_mirror::{Batch, Finder, Keep, Progress, Promised, Trouble};
use medrec_pow::ENTRY_BYTES;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{
    files::{self, Files},
    mirrors::Error,
    view::{View, split},
};

/// How a copy stands, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub institution: u32,
    pub name: String,
    pub slot: u32,
    /// Entries the chain has anchored, and entries that are here.
    pub anchored: u64,
    pub size: u64,
    pub trouble: Option<Trouble>,
    /// The chain marked it as forked.
    pub forked: bool,
}

/// One institution's log.
pub struct Log {
    files: Arc<Files>,
    view: RwLock<View>,
    /// Checked bundles that no commit speaks of yet.
    pending: Mutex<BTreeMap<u64, Vec<[u8; ENTRY_BYTES]>>>,
    promised: Mutex<Vec<Promised>>,
}

impl Log {
    /// Opens the folder of a log and reads what is in it; also how many entries were damaged.
    pub fn open(folder: &Path, key: &LogKey) -> Result<(Self, u64), files::Error> {
        let files = Arc::new(Files::open(folder)?);
        let loaded = files.load(key)?;
        let log = Self {
            files,
            view: RwLock::new(loaded.view),
            pending: Mutex::default(),
            promised: Mutex::new(loaded.promised),
        };
        Ok((log, loaded.damaged))
    }

    /// A copy whose key is the one it was made with; none if there is no copy in the folder.
    pub fn open_stored(folder: &Path) -> Result<Option<(Self, u64)>, files::Error> {
        match Files::stored_key(folder)? {
            Some(key) => Self::open(folder, &key).map(Some),
            None => Ok(None),
        }
    }

    /// What is here now.
    pub fn view(&self) -> View {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    pub fn promised(&self) -> Vec<Promised> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes on finding promises of counter maps where the copy is.
    pub fn finder(&self) -> Finder {
        let promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = promised.iter().map(|promised| promised.version).max().unwrap_or(0);
        Finder::new(self.view().key.origin(), newest)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, files::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let files = self.files.clone();
        Ok(spawn_blocking(move || work(&files)).await.map_err(|_| files::Error::Cancelled)??)
    }

    /// What the commit added, in memory.
    fn grow(&self, progress: &Progress, batch: &Batch) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let had = view.progress.bundles.size();
        for index in had..progress.bundles.size() {
            let entries = pending.remove(&index).unwrap_or_default();
            view.entries.replace_from(index.saturating_mul(BUNDLE), entries);
        }
        let tree = Arc::make_mut(&mut view.bundles);
        for hash in &batch.hashes {
            // Far from 2^64 bundles.
            let _ = tree.push(*hash);
        }
        let (full, rest) = split(progress.head.size);
        let tail = full / BUNDLE;
        // Not a full bundle in its place that no commit spoke of yet.
        if pending.get(&tail).is_some_and(|entries| entries.len() as u64 == rest) {
            view.entries.replace_from(full, pending.remove(&tail).unwrap_or_default());
        }
        view.progress = progress.clone();
    }
}

impl Keep for Log {
    type Error = Error;

    async fn put(&self, path: TilePath, entries: &[Entry]) -> Result<(), Error> {
        let first = path.index.saturating_mul(BUNDLE);
        let cells: Vec<_> = entries.iter().map(|entry| *entry.as_bytes()).collect();
        let owned = entries.to_vec();
        self.blocking(move |files| files.write(first, &owned)).await?;
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).insert(path.index, cells);
        Ok(())
    }

    async fn commit(&self, progress: &Progress, batch: &Batch) -> Result<(), Error> {
        let promised = {
            let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
            // A tail is looked through again once its bundle is full.
            for new in &batch.promised {
                if promised.iter().all(|known| known.version != new.version) {
                    promised.push(new.clone());
                }
            }
            promised.clone()
        };
        let (key, hashes) = (self.view().key, batch.hashes.clone());
        let owned = progress.clone();
        self.blocking(move |files| files.commit(&key, &owned, &hashes, &promised)).await?;
        self.grow(progress, batch);
        Ok(())
    }
}

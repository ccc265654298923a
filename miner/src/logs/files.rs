//! One log's files: `entries` (512 bytes each, by index), `bundles` (a hash for each full bundle) and `state.json`, which
//! says how much of both counts. What is read back is held against its hashes.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use medrec_accesslog::{Anchor, BUNDLE, Counters, Entry, LogKey};
use medrec_merkle::{Frontier, Hash, leaf_hash};
use medrec_mirror::{Progress, Promised};
use medrec_pow::ENTRY_BYTES;
use serde::{Deserialize, Serialize};

use super::view::{View, split};

/// The version this program writes and reads.
const VERSION: u32 = 1;
const ENTRIES: &str = "entries";
const BUNDLES: &str = "bundles";
const STATE: &str = "state.json";
/// Bytes of a bundle's entries.
const BUNDLE_BYTES: usize = 256 * ENTRY_BYTES;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what} {path}: {reason}", path = path.display())]
    Io { what: &'static str, path: PathBuf, reason: io::Error },
    #[error("{path}: {reason}; remove its folder, the log is copied again", path = path.display())]
    State { path: PathBuf, reason: String },
    #[error("the copy in {path} is of another log or key than the chain has; move its folder away", path = path.display())]
    OtherLog { path: PathBuf },
    #[error("a task that works on files ended early")]
    Cancelled,
}

/// The files, open. One owner writes.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    entries: File,
    bundles: File,
}

/// `state.json`; hashes base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    origin: String,
    key: String,
    /// Full bundles that are here.
    bundles: u64,
    /// The newest head that is here whole.
    size: u64,
    root: String,
    signature: String,
    promised: Vec<Promise>,
}

/// A counter map that an entry promises (wire.md section 7).
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promise {
    version: u32,
    index: u64,
    at: u64,
    day: u32,
    size: u64,
    leaves: u32,
    root: String,
}

impl State {
    fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(STATE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(failed("read", &path))?,
        };
        let bad = |reason: String| Error::State { path: path.clone(), reason };
        let state: State = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
        if state.version == VERSION {
            return Ok(Some(state));
        }
        Err(bad(format!("version {}, this program knows {VERSION}", state.version)))
    }
}

/// What was found in the files.
pub struct Loaded {
    pub view: View,
    pub promised: Vec<Promised>,
    /// Entries that were there and are not what they were: they are fetched again.
    pub damaged: u64,
}

impl Files {
    /// Opens or makes the folder, mode 0700.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed("make", folder))?;
        let open = |name: &str| {
            let path = folder.join(name);
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            options.open(&path).map_err(failed("open", &path))
        };
        Ok(Self { folder: folder.to_owned(), entries: open(ENTRIES)?, bundles: open(BUNDLES)? })
    }

    /// Origin and key the copy was made with; none if there is no copy.
    pub fn stored_key(folder: &Path) -> Result<Option<LogKey>, Error> {
        let Some(state) = State::read(folder)? else { return Ok(None) };
        let bad = |reason: String| Error::State { path: folder.join(STATE), reason };
        let key = hash(&state.key).ok_or_else(|| bad("key".into()))?;
        LogKey::new(&state.origin, &key).map(Some).map_err(|e| bad(e.to_string()))
    }

    /// Reads all that is here and checks it.
    pub fn load(&self, key: &LogKey) -> Result<Loaded, Error> {
        let Some(state) = State::read(&self.folder)? else {
            return Ok(Loaded { view: View::empty(key.clone()), promised: Vec::new(), damaged: 0 });
        };
        let bad = |reason: String| Error::State { path: self.folder.join(STATE), reason };
        if state.origin != key.origin() || B64.decode(&state.key).ok().as_deref() != Some(key.public_key()) {
            return Err(Error::OtherLog { path: self.folder.clone() });
        }
        let head = Anchor { size: state.size, root: hash(&state.root).ok_or_else(|| bad("root".into()))? };
        let signature = B64.decode(&state.signature).map_err(|e| bad(e.to_string()))?;
        let promised = state.promised.iter().map(promised).collect::<Option<Vec<_>>>();
        let promised = promised.ok_or_else(|| bad("a promise".into()))?;
        self.check(key, state.bundles, head, signature, promised)
    }

    fn check(
        &self,
        key: &LogKey,
        bundles: u64,
        head: Anchor,
        signature: Vec<u8>,
        mut promised: Vec<Promised>,
    ) -> Result<Loaded, Error> {
        let mut view = View::empty(key.clone());
        let mut tree = medrec_merkle::Tree::new();
        let mut buffer = vec![0; BUNDLE_BYTES];
        for index in 0..bundles {
            let (stored, entries) = (self.stored_hash(index)?, self.read(index, BUNDLE, &mut buffer)?);
            let Some(entries) = entries.filter(|entries| stored == Some(bundle_hash(entries))) else { break };
            view.entries.replace_from(index.saturating_mul(BUNDLE), entries.iter().copied());
            // Far from 2^64 bundles.
            let _ = view.progress.bundles.push(stored.unwrap_or_default());
            let _ = tree.push(stored.unwrap_or_default());
        }
        view.bundles = std::sync::Arc::new(tree);
        let (full, rest) = split(head.size);
        if full <= view.entries.len() && head.size > 0 {
            let tail = if view.entries.len() > full {
                // Longer than the head already: its last entries are the start of a full bundle now.
                (full..head.size).filter_map(|index| view.entries.get(index).copied()).collect()
            } else {
                let tail = self.read(full / BUNDLE, rest, &mut buffer)?;
                tail.map(<[_]>::to_vec).unwrap_or_default()
            };
            self.take_head(&mut view, head, signature, &tail, full);
        }
        let expected = bundles.saturating_mul(BUNDLE).max(head.size);
        let damaged = expected.saturating_sub(view.entries.len());
        if damaged > 0 {
            let here = view.entries.len();
            promised.retain(|promised| promised.index < here);
        }
        Ok(Loaded { view, promised, damaged })
    }

    /// The head counts if the entries give its root.
    fn take_head(
        &self,
        view: &mut View,
        head: Anchor,
        signature: Vec<u8>,
        tail: &[[u8; ENTRY_BYTES]],
        full: u64,
    ) {
        let mut edge = Frontier::new();
        let pushed = tail.iter().try_for_each(|entry| edge.push(leaf_hash(entry)));
        let before = Frontier::read(view, full).map(|frontier| frontier.nodes().to_vec()).unwrap_or_default();
        let whole = Frontier::from_parts(head.size, [before.as_slice(), edge.nodes()].concat());
        if pushed.is_err() || !whole.is_ok_and(|whole| whole.root() == head.root) {
            return;
        }
        let progress = Progress { head, signature, tail: edge, ..view.progress.clone() };
        // Damaged too if its log did not sign it.
        if progress.checkpoint(&view.key).is_err() {
            return;
        }
        if view.entries.len() <= full {
            view.entries.replace_from(full, tail.iter().copied());
        }
        view.progress = progress;
    }

    fn stored_hash(&self, index: u64) -> Result<Option<Hash>, Error> {
        let mut hash = [0; 32];
        match self.bundles.read_exact_at(&mut hash, index.saturating_mul(32)) {
            Ok(()) => Ok(Some(hash)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(failed("read", &self.folder.join(BUNDLES))(error)),
        }
    }

    /// The first `count` entries of a bundle; none if the file ends before.
    fn read<'a>(
        &self,
        bundle: u64,
        count: u64,
        buffer: &'a mut [u8],
    ) -> Result<Option<&'a [[u8; ENTRY_BYTES]]>, Error> {
        let bytes = usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(ENTRY_BYTES);
        let Some(buffer) = buffer.get_mut(..bytes) else { return Ok(None) };
        let at = bundle.saturating_mul(BUNDLE_BYTES as u64);
        match self.entries.read_exact_at(buffer, at) {
            Ok(()) => Ok(Some(buffer.as_chunks().0)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(failed("read", &self.folder.join(ENTRIES))(error)),
        }
    }

    /// Writes entries from `first` on.
    pub fn write(&self, first: u64, entries: &[Entry]) -> Result<(), Error> {
        let bytes: Vec<u8> = entries.iter().flat_map(Entry::as_bytes).copied().collect();
        let at = first.saturating_mul(ENTRY_BYTES as u64);
        self.entries.write_all_at(&bytes, at).map_err(failed("write", &self.folder.join(ENTRIES)))
    }

    /// What was written counts from now on, also after a loss of power: `hashes` are those of the newest bundles.
    pub fn commit(
        &self,
        key: &LogKey,
        progress: &Progress,
        hashes: &[Hash],
        promised: &[Promised],
    ) -> Result<(), Error> {
        self.entries.sync_data().map_err(failed("write", &self.folder.join(ENTRIES)))?;
        let bundles = progress.bundles.size();
        if !hashes.is_empty() {
            let first = bundles.saturating_sub(hashes.len() as u64);
            let path = self.folder.join(BUNDLES);
            let written = self.bundles.write_all_at(&hashes.concat(), first.saturating_mul(32));
            written.and_then(|()| self.bundles.sync_data()).map_err(failed("write", &path))?;
        }
        let state = State {
            version: VERSION,
            origin: key.origin().to_owned(),
            key: B64.encode(key.public_key()),
            bundles,
            size: progress.head.size,
            root: B64.encode(progress.head.root),
            signature: B64.encode(&progress.signature),
            promised: promised.iter().map(Promise::of).collect(),
        };
        let path = self.folder.join(STATE);
        let text = serde_json::to_vec(&state).map_err(|e| Error::State { path, reason: e.to_string() })?;
        replace(&self.folder, STATE, &text)
    }

    /// Keeps the counter map of a day.
    pub fn keep_map(&self, day: u32, leaves: &[u8]) -> Result<(), Error> {
        let folder = self.folder.join("counters");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("make", &folder))?;
        replace(&folder, &day.to_string(), leaves)
    }

    /// The counter map of a day, as it was kept.
    pub fn map(&self, day: u32) -> Result<Option<Vec<u8>>, Error> {
        let path = self.folder.join("counters").join(day.to_string());
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(failed("read", &path)),
        }
    }
}

/// Replaces a file at once, and for good.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    use std::io::Write as _;
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    let write = || {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(failed("write", &path))
}

fn bundle_hash(entries: &[[u8; ENTRY_BYTES]]) -> Hash {
    medrec_merkle::root(&entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>())
}

fn hash(text: &str) -> Option<Hash> {
    B64.decode(text).ok()?.try_into().ok()
}

impl Promise {
    fn of(promised: &Promised) -> Self {
        let Counters { at, day, size, leaves, root } = promised.entry.clone();
        let (version, index) = (promised.version, promised.index);
        Self { version, index, at, day, size, leaves, root: B64.encode(root) }
    }
}

fn promised(read: &Promise) -> Option<Promised> {
    let Promise { version, index, at, day, size, leaves, .. } = *read;
    Some(Promised { version, index, entry: Counters { at, day, size, leaves, root: hash(&read.root)? } })
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |reason| Error::Io { what, path, reason }
}

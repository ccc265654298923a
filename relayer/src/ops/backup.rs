//! A copy of everything that cannot be made again: store, keystore, configuration, mapping, files of the log.
//!
//! The store is copied while the relayer runs or not; files of the log are copied after it, as they only grow. The
//! tokens are left out: they lie open, and `restore` makes new ones.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::{config::Config, log, store::bundle_folder};

/// Version of the manifest's form.
const VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
const STORE: &str = "store.sqlite";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {reason}", path = path.display())]
    File { path: PathBuf, reason: io::Error },
    #[error("{path} is not empty: name a new folder for the backup", path = path.display())]
    NotEmpty { path: PathBuf },
    #[error("copy the store {path}: {reason}", path = path.display())]
    Store { path: PathBuf, reason: sqlx::Error },
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error("{path} is not a manifest of a backup: {reason}", path = path.display())]
    Manifest { path: PathBuf, reason: String },
    #[error("the backup's {name} is not what was backed up: {what}; use another backup")]
    Damaged { name: String, what: String },
    #[error("{path} exists already: a restore never replaces a file; move it away first", path = path.display())]
    Exists { path: PathBuf },
    #[error(
        "{store} comes from a backup: if the store it was copied from wrote a single entry after the backup, going on \
         would seal two entries with one key and sign two histories. Only if you are certain that it did not (it was \
         stopped before the backup and never started again) start once with `run --continue-restored`; \
         docs/operating.md, \"The store is lost or too old\", says what to do otherwise",
        store = store.display()
    )]
    Restored { store: PathBuf },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |reason| Error::File { path, reason }
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub version: u32,
    /// The relayer that made it.
    pub relayer: String,
    /// Seconds since 1970.
    pub made_at: u64,
    /// Entries in the backed-up log, and their root in hex.
    pub log_size: u64,
    pub log_root: String,
    pub files: Vec<Listed>,
}

/// A file of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Relative to the backup's folder.
    pub name: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// Copies everything into `target`, a new or empty folder. `config_path` is the configuration's own file.
pub async fn backup(config: &Config, config_path: &Path, target: &Path, now: u64) -> Result<Manifest, Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(at(target))?;
    if fs::read_dir(target).map_err(at(target))?.next().is_some() {
        return Err(Error::NotEmpty { path: target.to_owned() });
    }
    let store = target.join(STORE);
    let head = copy_store(&config.store, &store).await?;
    let mut files = vec![listed(target, STORE)?];
    let mut plain = vec![
        (config.keystore.clone(), "keystore.age".to_owned()),
        (config_path.to_owned(), "relayer.toml".to_owned()),
        (config.database.mapping.clone(), "mapping.toml".to_owned()),
        (config.deployment.clone(), "deployment.json".to_owned()),
    ];
    let folder = bundle_folder(&config.store).join("tile");
    if folder.is_dir() {
        below(&folder, Path::new("log/tile"), &mut plain)?;
    }
    for (from, name) in plain {
        match copy(&from, &target.join(&name)) {
            // A tile that was not full is removed once the full one is there.
            Err(Error::File { reason, .. })
                if is_partial(&name) && reason.kind() == io::ErrorKind::NotFound => {}
            copied => {
                copied?;
                files.push(listed(target, &name)?);
            }
        }
    }
    let manifest = Manifest {
        version: VERSION,
        relayer: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now,
        log_size: head.size,
        log_root: hex::encode(head.root),
        files,
    };
    let path = target.join(MANIFEST);
    let text = serde_json::to_string_pretty(&manifest);
    let text = text.map_err(|e| Error::Manifest { path: path.clone(), reason: e.to_string() })?;
    write(&path, format!("{text}\n").as_bytes())?;
    File::open(target).and_then(|folder| folder.sync_all()).map_err(at(target))?;
    Ok(manifest)
}

/// A consistent copy, also while somebody writes; free pages are left behind.
async fn copy_store(from: &Path, to: &Path) -> Result<log::Head, Error> {
    let failed = |reason| Error::Store { path: from.to_owned(), reason };
    let options =
        SqliteConnectOptions::new().filename(from).create_if_missing(false).pragma("query_only", "OFF");
    let mut source = options.connect().await.map_err(failed)?;
    let name = to.display().to_string();
    sqlx::query("VACUUM INTO ?").bind(&name).execute(&mut source).await.map_err(failed)?;
    source.close().await.map_err(failed)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).map_err(at(to))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(at(to))?;
    let mut copy =
        SqliteConnectOptions::new().filename(to).read_only(true).connect().await.map_err(failed)?;
    let head = log::head(&mut copy).await?;
    copy.close().await.map_err(failed)?;
    Ok(head)
}

/// Checks the whole backup first, then writes its files where its configuration says, below `home`.
pub fn restore(source: &Path, home: &Path) -> Result<(Manifest, Config), Error> {
    let manifest = check(source)?;
    let config_path = home.join("relayer.toml");
    let text = fs::read_to_string(source.join("relayer.toml")).map_err(at(&source.join("relayer.toml")))?;
    let config = Config::parse(&text, &config_path)
        .map_err(|e| Error::Damaged { name: "relayer.toml".into(), what: e.to_string() })?;
    let folder = bundle_folder(&config.store);
    let mut places = vec![];
    for file in &manifest.files {
        let place = match file.name.as_str() {
            STORE => config.store.clone(),
            "keystore.age" => config.keystore.clone(),
            "relayer.toml" => config_path.clone(),
            "mapping.toml" => config.database.mapping.clone(),
            "deployment.json" => config.deployment.clone(),
            other => folder.join(other.strip_prefix("log/").unwrap_or(other)),
        };
        // What is there with the same content stays: keystore and mapping may lie outside the lost disk.
        let there = if place.exists() { Some(digest(&place)?) } else { None };
        match there {
            Some((_, sha256)) if sha256 == file.sha256 && file.name != STORE => {}
            Some(_) => return Err(Error::Exists { path: place }),
            None => places.push((source.join(&file.name), place)),
        }
    }
    // Its write-ahead log would be played into the restored store.
    for left in ["sqlite-wal", "sqlite-shm"] {
        let path = config.store.with_extension(left);
        if path.exists() {
            return Err(Error::Exists { path });
        }
    }
    // Before the store is there, so that none is ever without it.
    write(&restored_mark(&config.store), b"")?;
    // The store comes last: with it the home is whole.
    places.sort_by_key(|(_, place)| *place == config.store);
    for (from, to) in places {
        copy(&from, &to)?;
    }
    Ok((manifest, config))
}

/// Refuses a restored store that nobody vouched for: the chain only tells of entries that were anchored.
pub fn check_restored(store: &Path, vouched: bool) -> Result<(), Error> {
    if restored_mark(store).exists() && !vouched {
        return Err(Error::Restored { store: store.to_owned() });
    }
    Ok(())
}

/// Somebody vouched for the store, and it fits its anchor.
pub fn forget_restored(store: &Path) -> Result<(), Error> {
    let mark = restored_mark(store);
    match fs::remove_file(&mark) {
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => Err(Error::File { path: mark, reason }),
        _ => Ok(()),
    }
}

/// An empty file beside a restored store.
fn restored_mark(store: &Path) -> PathBuf {
    store.with_extension("restored")
}

/// The manifest, when every file is what it says.
fn check(source: &Path) -> Result<Manifest, Error> {
    let path = source.join(MANIFEST);
    let refused = |reason: String| Error::Manifest { path: path.clone(), reason };
    let text = fs::read(&path).map_err(at(&path))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| refused(e.to_string()))?;
    if manifest.version != VERSION {
        return Err(refused(format!("version {}, this relayer knows {VERSION}", manifest.version)));
    }
    for needed in [STORE, "keystore.age", "relayer.toml"] {
        if !manifest.files.iter().any(|file| file.name == needed) {
            return Err(refused(format!("{needed} is not listed")));
        }
    }
    for file in &manifest.files {
        let plain = Path::new(&file.name).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            return Err(refused(format!("{:?} leads out of the backup", file.name)));
        }
        let (bytes, sha256) = digest(&source.join(&file.name))?;
        if bytes != file.bytes {
            let what = format!("{bytes} bytes, the manifest says {}", file.bytes);
            return Err(Error::Damaged { name: file.name.clone(), what });
        }
        if sha256 != file.sha256 {
            return Err(Error::Damaged { name: file.name.clone(), what: "its SHA-256 differs".into() });
        }
    }
    Ok(manifest)
}

fn below(folder: &Path, name: &Path, found: &mut Vec<(PathBuf, String)>) -> Result<(), Error> {
    for file in fs::read_dir(folder).map_err(at(folder))? {
        let file = file.map_err(at(folder))?;
        let name = name.join(file.file_name());
        match file.file_type().map_err(at(&file.path()))? {
            kind if kind.is_dir() => below(&file.path(), &name, found)?,
            _ => found.push((file.path(), name.display().to_string())),
        }
    }
    Ok(())
}

fn is_partial(name: &str) -> bool {
    name.starts_with("log/") && name.contains(".p/")
}

fn listed(folder: &Path, name: &str) -> Result<Listed, Error> {
    let (bytes, sha256) = digest(&folder.join(name))?;
    Ok(Listed { name: name.to_owned(), bytes, sha256 })
}

fn digest(path: &Path) -> Result<(u64, String), Error> {
    let mut file = File::open(path).map_err(at(path))?;
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 65_536], 0u64);
    loop {
        let read = file.read(&mut buffer).map_err(at(path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hasher.update(part);
        bytes = bytes.saturating_add(part.len() as u64);
    }
    Ok((bytes, hex::encode(hasher.finalize())))
}

/// Durable and private before it returns.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    }
    let mut source = File::open(from).map_err(at(from))?;
    let mut target = new(to)?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(at(to))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = new(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

fn new(path: &Path) -> Result<File, Error> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(at(path))
}

//! The wallet's folder: `words.age` (the words under a passphrase, age format), `state.json`, and what others keep in
//! it: `known` (sealed, `known.rs`) and `evidence/` (content-free, `evidence.rs`).

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use medrec_wallet::Words;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;

const WORDS: &str = "words.age";
const STATE: &str = "state.json";
/// scrypt's cost as a power of two; about a second on a laptop.
const WORK_FACTOR: u8 = 18;
/// A file that asks for more is refused: 4 GiB of memory.
const MAX_WORK_FACTOR: u8 = 22;
/// Lowers the cost; for tests only.
const WORK_FACTOR_ENV: &str = "MEDREC_TEST_SCRYPT_LOG_N";

/// A wallet's folder, which need not exist yet.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

/// What the words cannot tell: which indices were handed out and not seen on the chain yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub version: u32,
    /// Indices below this one were handed out on cards.
    pub next_index: u32,
}

impl Home {
    pub fn at(given: Option<&Path>) -> Result<Home, Error> {
        match (given, std::env::home_dir()) {
            (Some(folder), _) => Ok(Home(folder.to_owned())),
            (None, Some(home)) => Ok(Home(home.join(".medrec"))),
            (None, None) => Err(Error::Usage("your home folder is unknown here; give --home DIR".into())),
        }
    }

    pub fn words_file(&self) -> PathBuf {
        self.0.join(WORDS)
    }

    /// Refuses to write over a wallet.
    pub fn check_empty(&self) -> Result<(), Error> {
        if self.words_file().exists() { Err(Error::WalletExists { home: self.0.clone() }) } else { Ok(()) }
    }

    /// Stores the words encrypted; never over existing ones.
    pub fn create(&self, words: &Words, passphrase: SecretString, state: &State) -> Result<(), Error> {
        let mut recipient = age::scrypt::Recipient::new(passphrase);
        recipient.set_work_factor(work_factor()?);
        let sealed = age::encrypt(&recipient, words.phrase().as_bytes())
            .map_err(|e| Error::Failed(format!("the words could not be encrypted: {e}")))?;
        create_private_folder(&self.0)?;
        self.check_empty()?;
        self.store(state)?;
        write_private(&self.words_file(), &sealed, true)
    }

    pub fn unlock(&self, passphrase: SecretString) -> Result<Words, Error> {
        let path = self.words_file();
        let sealed = fs::read(&path).map_err(Error::file("read the wallet file", &path))?;
        let mut identity = age::scrypt::Identity::new(passphrase);
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        let opened =
            age::decrypt(&identity, &sealed).map_err(|_| Error::Passphrase { file: path.clone() })?;
        let opened = Zeroizing::new(opened);
        let text = std::str::from_utf8(&opened).map_err(|_| Error::Passphrase { file: path })?;
        Ok(Words::parse(text)?)
    }

    /// Asked before any passphrase is, so that the missing wallet is what one hears of.
    pub fn check_exists(&self) -> Result<(), Error> {
        if self.words_file().exists() { Ok(()) } else { Err(Error::NoWallet { home: self.0.clone() }) }
    }

    pub fn state(&self) -> Result<State, Error> {
        let path = self.0.join(STATE);
        let Some(bytes) = self.read_file(STATE)? else { return Ok(State { version: 1, next_index: 0 }) };
        let state: State = serde_json::from_slice(&bytes).map_err(|e| {
            Error::Failed(format!("{} is damaged ({e}); remove it, the chain knows the rest", path.display()))
        })?;
        if state.version == 1 {
            return Ok(state);
        }
        Err(Error::Failed(format!("{} has version {}, this program knows 1", path.display(), state.version)))
    }

    pub fn store(&self, state: &State) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(state).map_err(|e| Error::Failed(e.to_string()))?;
        self.write_file(STATE, &text)
    }
}

impl Home {
    /// Where a file of this folder is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file of this folder; none if it is not there.
    pub fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file("read", &path)(e)),
        }
    }

    /// Replaces a file of this folder at once.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        replace(&self.0, name, bytes).map(drop)
    }

    /// Replaces a file of a folder below this one; gives its path.
    pub fn write_below(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let folder = self.0.join(folder);
        create_private_folder(&folder)?;
        replace(&folder, name, bytes)
    }

    /// The JSON files of a folder below this one, in order of names.
    pub fn files_below(&self, folder: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
        let folder = self.0.join(folder);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::file("read", &folder)(e)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::file("read", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        let read = |path: PathBuf| match fs::read(&path) {
            Ok(bytes) => Ok((path, bytes)),
            Err(e) => Err(Error::file("read", &path)(e)),
        };
        paths.into_iter().map(read).collect()
    }
}

/// Writes a file elsewhere, for its owner's eyes, at once.
pub fn write_out(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Error::Usage(format!("{} is not the name of a file", path.display())));
    };
    replace(folder.unwrap_or(Path::new(".")), name, bytes).map(drop)
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    write_private(&new, bytes, false)?;
    fs::rename(&new, &path).map_err(Error::file("write", &path))?;
    Ok(path)
}

fn work_factor() -> Result<u8, Error> {
    match std::env::var(WORK_FACTOR_ENV) {
        Err(_) => Ok(WORK_FACTOR),
        Ok(text) => match text.parse() {
            Ok(log_n @ 1..=MAX_WORK_FACTOR) => Ok(log_n),
            _ => Err(Error::Usage(format!("{WORK_FACTOR_ENV} is `{text}`, expected 1 to {MAX_WORK_FACTOR}"))),
        },
    }
}

fn create_private_folder(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Error::file("make the folder", path))
}

/// Readable by its owner only; `fresh` refuses an existing file.
fn write_private(path: &Path, bytes: &[u8], fresh: bool) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(!fresh).create_new(fresh).truncate(!fresh);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::file("write", path))
}

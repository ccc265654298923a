//! The folder of a local chain: what is where, who owns it, what an earlier run left.
//!
//! ```text
//! localnet.lock       held by the owner while he lives; contains his pid
//! control.sock        commands for the owner (`localnet validator …`)
//! deployment.json     written by deploy
//! chain/              appears at once when the chain has been made
//!   manifest.json     facts of this chain and its ports of the last start
//!   keys/             operators and sponsor, mode 0600
//!   node0/ …          home of each validator; log in node0/wasmd.log
//! ```

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::{Error, error::FileContext};

/// A killed process is gone within this time, unless its disk hangs.
const KILLED_WITHIN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// Paths under a home.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// Makes the path absolute, as the validators run elsewhere. Nothing is created.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        std::path::absolute(path).doing("resolve", path).map(Self)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
    pub fn deployment(&self) -> PathBuf {
        self.0.join("deployment.json")
    }
    pub fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }
    pub fn chain(&self) -> PathBuf {
        self.0.join("chain")
    }
    /// Log of a validator's node.
    pub fn log(&self, index: usize) -> PathBuf {
        self.node(index).join("wasmd.log")
    }
    pub(crate) fn node(&self, index: usize) -> PathBuf {
        self.chain().join(format!("node{index}"))
    }
    pub(crate) fn pid_file(&self, index: usize) -> PathBuf {
        self.node(index).join("wasmd.pid")
    }
    pub(crate) fn manifest(&self) -> PathBuf {
        self.chain().join("manifest.json")
    }
    fn lock_file(&self) -> PathBuf {
        self.0.join("localnet.lock")
    }

    /// Takes possession, until the returned file is dropped or its owner dies.
    pub(crate) fn own(&self) -> Result<File, Error> {
        create_private(&self.0)?;
        let path = self.lock_file();
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open().doing("open", &path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::AlreadyUp { home: self.0.clone(), pid: self.read_pid(&mut file)? });
            }
            Err(fs::TryLockError::Error(error)) => return Err(error).doing("lock", &path),
        }
        file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).doing("write", &path)?;
        Ok(file)
    }

    /// Pid of the living owner, if there is one.
    pub fn owner(&self) -> Result<Option<u32>, Error> {
        let path = self.lock_file();
        let mut file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).doing("open", &path),
        };
        match file.try_lock() {
            Ok(()) => Ok(None),
            Err(fs::TryLockError::WouldBlock) => {
                let text = self.read_pid(&mut file)?;
                let refuse = |_| Error::Content { what: "a pid", path, reason: format!("it says {text:?}") };
                text.parse().map(Some).map_err(refuse)
            }
            Err(fs::TryLockError::Error(error)) => Err(error).doing("lock", &path),
        }
    }

    fn read_pid(&self, file: &mut File) -> Result<String, Error> {
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).doing("read", &self.lock_file())?;
        Ok(text.trim().to_owned())
    }

    /// Deletes the chain, its keys and its deployment. The caller owns the home.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        for path in [self.chain(), unfinished(self)] {
            if path.exists() {
                fs::remove_dir_all(&path).doing("remove", &path)?;
            }
        }
        for path in [self.deployment(), self.control()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).doing("remove", &path);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Kills validators that a killed earlier run left behind. Returns how many there were.
    pub(crate) fn kill_leftovers(&self, validators: usize) -> usize {
        (0..validators).filter(|index| self.kill_leftover(*index)).count()
    }

    fn kill_leftover(&self, index: usize) -> bool {
        let Some(pid) =
            fs::read_to_string(self.pid_file(index)).ok().and_then(|text| text.trim().parse::<i32>().ok())
        else {
            return false;
        };
        // The pid may be somebody else's by now: its command line must name this very home.
        let node = self.node(index);
        let is_ours = || {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|part| part == node.as_os_str().as_encoded_bytes())
        };
        if pid <= 1 || !is_ours() || kill(Pid::from_raw(pid), Signal::SIGKILL).is_err() {
            return false;
        }
        tracing::warn!(pid, index, "killed a validator left by an earlier run");
        // No child of ours: the kernel tells nobody else when it is gone.
        let started = Instant::now();
        while is_ours() && started.elapsed() < KILLED_WITHIN {
            thread::sleep(LOOK);
        }
        true
    }
}

/// Deletes the chain of a home, with its keys and its deployment, unless somebody runs it.
pub fn reset(home: &Home) -> Result<(), Error> {
    let _owned = home.own()?;
    home.kill_leftovers(crate::MAX_VALIDATORS);
    home.clear()
}

/// Where a chain is made before it appears as `chain/`.
pub(crate) fn unfinished(home: &Home) -> PathBuf {
    home.path().join("chain.unfinished")
}

/// A folder only its owner may enter: it holds keys.
pub(crate) fn create_private(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).doing("create", path)
}

/// What a chain was made with, and where its nodes listened last.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub version: u32,
    pub chain_id: String,
    /// `timeout_commit` of the nodes, milliseconds.
    pub block_time_ms: u64,
    pub validators: Vec<NodeFacts>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFacts {
    /// Peer id: hex of the node key's address.
    pub node_id: String,
    pub rpc_port: u16,
    pub p2p_port: u16,
}

impl Manifest {
    pub(crate) fn load(home: &Home) -> Result<Option<Self>, Error> {
        let path = home.manifest();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).doing("read", &path),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| Error::Content {
            what: "a manifest of this version (else run `localnet reset`)",
            path,
            reason: error.to_string(),
        })
    }

    pub(crate) fn store(&self, path: &Path) -> Result<(), Error> {
        write_json(path, self)
    }
}

/// Writes pretty JSON beside the destination and renames, so that readers never see half of it.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Error::Content {
        what: "JSON",
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    text.push(b'\n');
    let draft = path.with_extension("json.tmp");
    fs::write(&draft, text).doing("write", &draft)?;
    fs::rename(&draft, path).doing("rename to", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child has every lock of its parent until it has called exec: these tests take turns.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

    #[test]
    fn one_owner_at_a_time() {
        let _turn = TURN.lock().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home")).unwrap();
        assert_eq!(home.owner().unwrap(), None);
        let owned = home.own().unwrap();
        assert_eq!(home.owner().unwrap(), Some(std::process::id()));
        let refused = home.own().unwrap_err();
        assert!(matches!(&refused, Error::AlreadyUp { pid, .. } if *pid == std::process::id().to_string()));
        drop(owned);
        assert_eq!(home.owner().unwrap(), None);
        home.own().unwrap();
    }

    #[test]
    fn leftovers_are_killed_strangers_are_not() {
        let _turn = TURN.lock().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path()).unwrap();
        fs::create_dir_all(home.node(0)).unwrap();
        fs::create_dir_all(home.node(1)).unwrap();
        let mut ours = std::process::Command::new("sh");
        let mut ours = ours
            .args(["-c", "read line"])
            .arg(home.node(0))
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        fs::write(home.pid_file(0), ours.id().to_string()).unwrap();
        // A pid that now belongs to another program, here this very test.
        fs::write(home.pid_file(1), std::process::id().to_string()).unwrap();
        // Held open, so that it ends by no other cause.
        let _input = ours.stdin.take();
        // Just after exec the kernel has not set the command line yet.
        let line = format!("/proc/{}/cmdline", ours.id());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while fs::read(&line).unwrap().is_empty() {
            assert!(std::time::Instant::now() < deadline, "{line} stays empty");
            std::thread::yield_now();
        }
        let reaper = std::thread::spawn(move || ours.wait().unwrap());
        assert_eq!(home.kill_leftovers(2), 1);
        assert!(!reaper.join().unwrap().success());
    }
}

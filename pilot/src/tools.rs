//! The programs the scenario drives, as a person would: by their command line. Nothing is linked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::wait::{Passing, until};

/// The pilot's wallets hold invented people and live as long as the run: their passphrase need not cost a second of
/// scrypt at each of some hundred calls.
const THROWAWAY_LOG_N: &str = "12";

/// What is hindered by a relayer or a validator that is away works within this time of its return.
const PATIENCE: Duration = Duration::from_secs(90);

/// Reasons for which a gatekeeper answers nothing now and the same request later.
const FOR_NOW: [&str; 3] = ["chain-stale", "unavailable", "rate-limited"];

/// The built binaries and the settings every call shares.
#[derive(Debug, Clone)]
pub struct Tools {
    binaries: PathBuf,
    deployment: PathBuf,
    passphrase: PathBuf,
    retries: Arc<AtomicU64>,
}

/// How a call ended: exit code, and what it printed.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// How a call was kept from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a network namespace with no device but its own loopback, which is down.
    Namespace,
    /// This system allows none: it was only told no address.
    NoAddress,
}

impl Tools {
    /// `binaries`: the folder with `medrec`, `medrec-relayer` and `medrec-miner`; `home`: where the pilot keeps its files;
    /// `deployment`: where deployment.json will be.
    pub fn new(binaries: &Path, home: &Path, deployment: &Path) -> Result<Self> {
        for name in ["medrec", "medrec-relayer", "medrec-miner"] {
            let path = binaries.join(name);
            if !path.is_file() {
                bail!("no {} there; `cargo xtask pilot` builds it first", path.display());
            }
        }
        let passphrase = home.join("passphrase");
        write_secret(&passphrase, &random_hex()?)?;
        Ok(Self {
            binaries: binaries.to_owned(),
            deployment: deployment.to_owned(),
            passphrase,
            retries: Arc::default(),
        })
    }

    /// Does as people do when somebody does not answer: tries again. An attempt must be one that can be repeated.
    pub async fn again<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let mut first = true;
        until(what, PATIENCE, async || {
            if !std::mem::take(&mut first) {
                self.retries.fetch_add(1, Ordering::Relaxed);
            }
            attempt().await.map(Some)
        })
        .await
    }

    /// How often something was tried again.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// The patient's and viewer's tool, for the person whose files are in `home`.
    pub async fn medrec(&self, home: &Path, args: &[&str]) -> Result<Outcome> {
        self.call("medrec", home, args).await
    }

    /// The provider's daemon and its commands.
    pub async fn relayer(&self, home: &Path, args: &[&str]) -> Result<Outcome> {
        self.call("medrec-relayer", home, args).await
    }

    /// The researcher's daemon and its commands.
    pub async fn miner(&self, home: &Path, args: &[&str]) -> Result<Outcome> {
        self.call("medrec-miner", home, args).await
    }

    /// Starts `medrec-relayer run`, its log at the end of `relayer.log`; it ends with the handle.
    pub fn start_relayer(&self, home: &Path) -> Result<Child> {
        self.start("medrec-relayer", home, "relayer.log")
    }

    /// Starts `medrec-miner run`, its log at the end of `miner.log`; it ends with the handle.
    pub fn start_miner(&self, home: &Path) -> Result<Child> {
        self.start("medrec-miner", home, "miner.log")
    }

    fn start(&self, binary: &str, home: &Path, log: &str) -> Result<Child> {
        let file = std::fs::File::options().create(true).append(true).open(home.join(log));
        let file = file.with_context(|| log.to_owned())?;
        self.command(self.binaries.join(binary), home)
            .arg("run")
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {binary} run"))
    }

    /// `medrec` with something on its standard input, as `wallet restore` wants the words.
    pub async fn medrec_with_input(&self, home: &Path, args: &[&str], input: &str) -> Result<Outcome> {
        let mut child = self
            .command(self.binaries.join("medrec"), home)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("run medrec {}", args.join(" ")))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await.context("hand over the input")?;
        }
        Ok(Outcome::of(child.wait_with_output().await?))
    }

    /// A program with an empty home, no deployment and, where the system allows it, no network.
    pub async fn offline(&self, binary: &str, home: &Path, args: &[&str]) -> Result<(Outcome, Isolation)> {
        let program = self.binaries.join(binary);
        let cut = ["--user", "--map-root-user", "--net"];
        let allowed = Command::new("unshare").args(cut).arg("true").stderr(Stdio::null()).status().await;
        let (mut command, isolation) = if allowed.is_ok_and(|status| status.success()) {
            let mut command = Command::new("unshare");
            command.args(cut).arg(&program);
            (command, Isolation::Namespace)
        } else {
            (Command::new(&program), Isolation::NoAddress)
        };
        let output = command
            .args(args)
            .env_clear()
            .env("MEDREC_HOME", home)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("run {binary} {} without a network", args.join(" ")))?;
        Ok((Outcome::of(output), isolation))
    }

    /// A script in the pilot's folder that runs `binary` with everything set for whoever's files are in `home`: what a
    /// person pastes stays short.
    pub fn script(&self, file: &Path, binary: &str, home: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
        let text = format!(
            "#!/bin/sh\nMEDREC_HOME={home} MEDREC_RELAYER_HOME={home} MEDREC_MINER_HOME={home} MEDREC_LOCALNET_HOME={home} \
             MEDREC_DEPLOYMENT={} MEDREC_PASSPHRASE_FILE={} exec {} \"$@\"\n",
            quoted(&self.deployment),
            quoted(&self.passphrase),
            quoted(&self.binaries.join(binary)),
            home = quoted(home),
        );
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
        let runnable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(file, runnable).with_context(|| format!("make {} run", file.display()))
    }

    async fn call(&self, binary: &str, home: &Path, args: &[&str]) -> Result<Outcome> {
        let output = self
            .command(self.binaries.join(binary), home)
            .args(args)
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("run {binary} {}", args.join(" ")))?;
        Ok(Outcome::of(output))
    }

    fn command(&self, program: impl AsRef<OsStr>, home: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("MEDREC_HOME", home)
            .env("MEDREC_RELAYER_HOME", home)
            .env("MEDREC_MINER_HOME", home)
            .env("MEDREC_TEST_SCRYPT_LOG_N", THROWAWAY_LOG_N)
            .env("MEDREC_DEPLOYMENT", &self.deployment)
            .env("MEDREC_PASSPHRASE_FILE", &self.passphrase)
            .stdin(Stdio::null());
        command
    }
}

impl Outcome {
    fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The printed JSON of a call that must succeed.
    pub fn json<T: DeserializeOwned>(self, what: &str) -> Result<T> {
        let outcome = self.ok(what)?;
        serde_json::from_str(&outcome.stdout).with_context(|| {
            format!("{what}: it printed {:.2000?}, which is not the JSON expected", outcome.stdout)
        })
    }

    pub fn ok(self, what: &str) -> Result<Self> {
        match self.code {
            0 => Ok(self),
            1 if self.reason().is_none_or(|reason| FOR_NOW.contains(&reason.as_str())) => {
                Err(Passing(format!("{what}: {}", self.said())).into())
            }
            code => bail!("{what}: exit code {code}, expected 0: {}", self.said()),
        }
    }

    /// The reason code of a call that the gatekeeper must refuse.
    pub fn refusal(&self, what: &str) -> Result<String> {
        match (self.code, self.reason()) {
            (1, Some(reason)) if !FOR_NOW.contains(&reason.as_str()) => Ok(reason),
            (1, _) => Err(Passing(format!("{what}: {}", self.said())).into()),
            (code, _) => bail!("{what}: exit code {code}, expected a refusal (1): {}", self.said()),
        }
    }

    /// The gatekeeper's reason code, whatever it is.
    pub fn reason(&self) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&self.stdout).ok()?;
        Some(json.get("reason")?.as_str()?.to_owned())
    }

    fn said(&self) -> String {
        format!("{:.2000}{:.2000}", self.stdout, self.stderr)
    }
}

fn random_hex() -> Result<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;
    let mut bytes = [0u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("random bytes")?;
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

fn write_secret(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(code: i32, stdout: &str) -> Outcome {
        Outcome { code, stdout: stdout.to_owned(), stderr: String::new() }
    }

    #[test]
    fn silence_passes_refusals_and_falsehoods_do_not() {
        let silent = outcome(1, r#"{"error":"no connection","reason":null,"exit":1}"#);
        assert!(Passing::is(&silent.refusal("read").unwrap_err()));
        assert!(Passing::is(&silent.ok("read").unwrap_err()));
        let stale = outcome(1, r#"{"error":"…","reason":"chain-stale","exit":1}"#);
        assert!(Passing::is(&stale.refusal("read").unwrap_err()));
        let refused = outcome(1, r#"{"error":"…","reason":"revoked","exit":1}"#);
        assert_eq!(refused.refusal("read").unwrap(), "revoked");
        assert!(!Passing::is(&refused.ok("read").unwrap_err()));
        assert!(!Passing::is(&outcome(3, "{}").ok("read").unwrap_err()));
        assert!(!Passing::is(&outcome(0, "{}").refusal("read").unwrap_err()));
    }
}

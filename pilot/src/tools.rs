//! The programs the scenario drives, as a person would: by their command line. Nothing is linked.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// The pilot's wallets hold invented people and live as long as the run: their passphrase need not cost a second of
/// scrypt at each of some sixty calls.
const THROWAWAY_LOG_N: &str = "12";

/// The built binaries and the settings every call shares.
#[derive(Debug, Clone)]
pub struct Tools {
    binaries: PathBuf,
    deployment: PathBuf,
    passphrase: PathBuf,
}

/// How a call ended: exit code, and what it printed.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Tools {
    /// `binaries`: the folder with `medrec` and `medrec-relayer`; `home`: where the pilot keeps its files;
    /// `deployment`: where deployment.json will be.
    pub fn new(binaries: &Path, home: &Path, deployment: &Path) -> Result<Self> {
        for name in ["medrec", "medrec-relayer"] {
            let path = binaries.join(name);
            if !path.is_file() {
                bail!("no {} there; `cargo xtask pilot` builds it first", path.display());
            }
        }
        let passphrase = home.join("passphrase");
        write_secret(&passphrase, &random_hex()?)?;
        Ok(Self { binaries: binaries.to_owned(), deployment: deployment.to_owned(), passphrase })
    }

    /// The patient's and viewer's tool, for the person whose files are in `home`.
    pub async fn medrec(&self, home: &Path, args: &[&str]) -> Result<Outcome> {
        self.call("medrec", home, args).await
    }

    /// The provider's daemon and its commands.
    pub async fn relayer(&self, home: &Path, args: &[&str]) -> Result<Outcome> {
        self.call("medrec-relayer", home, args).await
    }

    /// Starts `medrec-relayer run`; it ends with the handle.
    pub fn start_relayer(&self, home: &Path) -> Result<Child> {
        let log = std::fs::File::create(home.join("relayer.log")).context("relayer.log")?;
        self.command("medrec-relayer", home)
            .arg("run")
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("start medrec-relayer run")
    }

    /// `medrec` with something on its standard input, as `wallet restore` wants the words.
    pub async fn medrec_with_input(&self, home: &Path, args: &[&str], input: &str) -> Result<Outcome> {
        let mut child = self
            .command("medrec", home)
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

    /// A command line that works when pasted into a shell.
    pub fn pasted(&self, binary: &str, home: &Path, args: &str) -> String {
        format!(
            "MEDREC_HOME={home} MEDREC_RELAYER_HOME={home} MEDREC_DEPLOYMENT={} MEDREC_PASSPHRASE_FILE={} {} {args}",
            self.deployment.display(),
            self.passphrase.display(),
            self.binaries.join(binary).display(),
            home = home.display(),
        )
    }

    async fn call(&self, binary: &str, home: &Path, args: &[&str]) -> Result<Outcome> {
        let output = self
            .command(binary, home)
            .args(args)
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("run {binary} {}", args.join(" ")))?;
        Ok(Outcome::of(output))
    }

    fn command(&self, binary: &str, home: &Path) -> Command {
        let mut command = Command::new(self.binaries.join(binary));
        command
            .env("MEDREC_HOME", home)
            .env("MEDREC_RELAYER_HOME", home)
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
            format!("{what}: it printed {:?}, which is not the JSON expected", outcome.stdout)
        })
    }

    pub fn ok(self, what: &str) -> Result<Self> {
        if self.code != 0 {
            bail!("{what}: exit code {}, expected 0\n{}{}", self.code, self.stdout, self.stderr);
        }
        Ok(self)
    }

    /// The reason code of a call that the gatekeeper must refuse.
    pub fn refusal(&self, what: &str) -> Result<String> {
        if self.code != 1 {
            bail!("{what}: exit code {}, expected a refusal (1)\n{}{}", self.code, self.stdout, self.stderr);
        }
        let json: serde_json::Value = serde_json::from_str(&self.stdout).with_context(|| {
            format!("{what}: the refusal is not JSON: {:?} {:?}", self.stdout, self.stderr)
        })?;
        match json.get("reason").and_then(serde_json::Value::as_str) {
            Some(reason) => Ok(reason.to_owned()),
            None => bail!("{what}: the refusal names no reason: {json}"),
        }
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

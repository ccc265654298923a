//! One hospital's relayer: made by `medrec-relayer init`, started, killed, asked how it stands.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use medrec_api::registrar::NewInstitution;
use serde::Deserialize;
use tokio::process::Child;
use tokio::sync::Mutex;

use crate::hospitals::Hospital;
use crate::tools::{Outcome, Tools};
use crate::wait::until;

/// Exit code of `medrec-relayer status` when it cannot answer reads now.
const NOT_READY: i32 = 3;
const START_DEADLINE: Duration = Duration::from_secs(90);
const APPLY_DEADLINE: Duration = Duration::from_secs(60);

/// A relayer beside its hospital's database. It ends with this.
pub struct Relayer {
    /// Its institution's id in the registrar.
    pub institution: u32,
    pub name: String,
    pub home: PathBuf,
    /// The hospital's own database.
    pub database: PathBuf,
    /// Where the gatekeeper and the log are.
    pub url: String,
    private: String,
    tools: Tools,
    process: Mutex<Option<Child>>,
}

/// What `/status` of a relayer says.
#[derive(Debug, Deserialize)]
pub struct RelayerStatus {
    pub ready: bool,
    pub applied_height: u64,
    pub log_size: u64,
    /// Copies of the others' logs, by institution.
    pub mirrors: BTreeMap<u32, Mirror>,
}

#[derive(Debug, Deserialize)]
pub struct Mirror {
    /// Entries that are here and served.
    pub size: u64,
}

impl Relayer {
    /// Writes the hospital's database, its mapping and the relayer's keys and configuration. Nothing runs yet.
    pub async fn init(
        tools: &Tools,
        home: &Path,
        deployment: &Path,
        (institution, hospital): (u32, &Hospital),
    ) -> Result<(Self, NewInstitution)> {
        std::fs::create_dir_all(home).with_context(|| format!("make {}", home.display()))?;
        let database = home.join("hospital.sqlite");
        hospital.write_database(&database).await?;
        let mapping = home.join("mapping.toml");
        std::fs::write(&mapping, hospital.mapping()).context("write the mapping")?;
        let (public, private) = (free_address()?, free_address()?);
        let url = format!("http://{public}");
        let text = |path: &Path| path.display().to_string();
        let (deployment, data, map) = (text(deployment), text(&database), text(&mapping));
        let who = ["init", "--name", &hospital.name, "--url", &url, "--log-origin", &hospital.origin];
        let places = ["--public", &public, "--private", &private, "--deployment", &deployment];
        let rows = ["--database", &data, "--mapping", &map];
        // A real hospital anchors every ten seconds and spreads what it files; people who watch want to see it.
        let pace = ["--anchor-tick", "2", "--first-filing", "0"];
        let args = [&who[..], &places, &rows, &pace].concat();
        let admitted = tools.relayer(home, &args).await?.json("medrec-relayer init")?;
        hasten(&home.join("relayer.toml"))?;
        let relayer = Self {
            institution,
            name: hospital.name.clone(),
            home: home.to_owned(),
            database,
            url,
            private: format!("http://{private}"),
            tools: tools.clone(),
            process: Mutex::new(None),
        };
        Ok((relayer, admitted))
    }

    /// Starts it and waits until it answers reads.
    pub async fn start(&self) -> Result<()> {
        let mut process = self.process.lock().await;
        let child = process.insert(self.tools.start_relayer(&self.home)?);
        until(&format!("the relayer of {} to be ready", self.name), START_DEADLINE, async || {
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(self.home.join("relayer.log")).unwrap_or_default();
                bail!("medrec-relayer ended with {status}:\n{log}");
            }
            let answer = reqwest::get(format!("{}/readyz", self.private)).await?;
            Ok(answer.status().is_success().then_some(()))
        })
        .await
    }

    /// SIGKILL: nothing is ended in order.
    pub async fn kill(&self) -> Result<()> {
        match self.process.lock().await.take() {
            Some(mut child) => child.kill().await.context("kill the relayer"),
            None => bail!("the relayer of {} does not run", self.name),
        }
    }

    /// One of its commands.
    pub async fn call(&self, args: &[&str]) -> Result<Outcome> {
        self.tools.relayer(&self.home, args).await
    }

    pub async fn status(&self) -> Result<RelayerStatus> {
        let mut asked = self.call(&["status", "--json"]).await?;
        // It runs and cannot answer reads now: that is an answer here.
        if asked.code == NOT_READY {
            asked.code = 0;
        }
        asked.json("ask the relayer's status")
    }

    /// Until it has applied everything up to `height`.
    pub async fn applied(&self, height: u64) -> Result<()> {
        let what = format!("the relayer of {} to apply block {height}", self.name);
        until(&what, APPLY_DEADLINE, async || {
            Ok((self.status().await?.applied_height >= height).then_some(()))
        })
        .await
    }

    /// Until its copy of another institution's log has so many entries.
    pub async fn mirrored(&self, institution: u32, size: u64) -> Result<()> {
        let what = format!("{size} entries of institution {institution} in the mirror of {}", self.name);
        until(&what, APPLY_DEADLINE, async || {
            let mirrors = self.status().await?.mirrors;
            Ok(mirrors.get(&institution).is_some_and(|mirror| mirror.size >= size).then_some(()))
        })
        .await
    }
}

/// `init` writes what suits a hospital; the pilot's notices changes of rows and new heads sooner, and answers at once.
fn hasten(config: &Path) -> Result<()> {
    let mut text = std::fs::read_to_string(config).context("read relayer.toml")?;
    for (section, setting) in
        [("[database]\n", "poll_seconds = 1\n"), ("[mirror]\n", "poll_seconds = 2\ncosign_seconds = 2\n")]
    {
        let Some(at) = text.find(section) else { bail!("relayer.toml has no {}", section.trim()) };
        text.insert_str(at.saturating_add(section.len()), setting);
    }
    text.push_str("\n[research]\ndelay_seconds = 0\n");
    std::fs::write(config, text).context("write relayer.toml")
}

/// An address of this machine that nobody listens on.
pub fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0").context("find a free port")?.local_addr()?.to_string())
}

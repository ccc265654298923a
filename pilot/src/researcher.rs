//! One researcher's miner: made by `medrec-miner init`, certified by an institution, started, killed, asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::process::Child;
use tokio::sync::Mutex;

use crate::relayer::{Relayer, free_address};
use crate::tools::{Outcome, Tools};
use crate::wait::until;

const START_DEADLINE: Duration = Duration::from_secs(60);

/// A researcher with a machine of his own. His miner ends with this.
pub struct Researcher {
    pub name: &'static str,
    pub home: PathBuf,
    /// Sends seals and claims.
    pub account: String,
    /// Percent of the time that one core searches.
    pub share: u8,
    tools: Tools,
    process: Mutex<Option<Child>>,
}

/// What an institution certifies.
#[derive(Deserialize)]
struct Certified {
    account: String,
}

/// `medrec-miner status --json`.
#[derive(Debug, Deserialize)]
struct Standing {
    status: MinerStatus,
}

#[derive(Debug, Deserialize)]
pub struct MinerStatus {
    pub number: u64,
    pub entries: u64,
    pub held: u64,
    pub tries: u64,
    pub wins: u64,
}

impl Researcher {
    /// Keys and configuration. Nothing runs yet.
    pub async fn init(tools: &Tools, home: &Path, (name, share): (&'static str, u8)) -> Result<Self> {
        std::fs::create_dir_all(home).with_context(|| format!("make {}", home.display()))?;
        let (listen, part) = (free_address()?, share.to_string());
        let who = ["init", "--name", name, "--listen", &listen, "--allow-private", "--json"];
        // A real researcher looks every ten seconds and uses all of his machine.
        let pace = ["--cores", "1", "--share", &part, "--poll-seconds", "1", "--cosign-seconds", "2"];
        let made: Certified =
            tools.miner(home, &[&who[..], &pace].concat()).await?.json("medrec-miner init")?;
        Ok(Self {
            name,
            home: home.to_owned(),
            account: made.account,
            share,
            tools: tools.clone(),
            process: Mutex::new(None),
        })
    }

    /// An institution vouches for him.
    pub async fn certify(&self, by: &Relayer) -> Result<()> {
        let file = self.home.join("researcher.json").display().to_string();
        by.call(&["researcher", "certify", &file]).await?.ok("certify a researcher").map(drop)
    }

    /// Starts it and waits until it looks for a seal.
    pub async fn start(&self) -> Result<()> {
        let mut process = self.process.lock().await;
        let child = process.insert(self.tools.start_miner(&self.home)?);
        until(&format!("the miner of {} to mine", self.name), START_DEADLINE, async || {
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(self.home.join("miner.log")).unwrap_or_default();
                bail!("medrec-miner ended with {status}:\n{log}");
            }
            let asked = self.call(&["status", "--json"]).await?;
            Ok((asked.code == 0).then_some(()))
        })
        .await
    }

    /// SIGKILL: nothing is ended in order.
    pub async fn kill(&self) -> Result<()> {
        match self.process.lock().await.take() {
            Some(mut child) => child.kill().await.context("kill the miner"),
            None => bail!("the miner of {} does not run", self.name),
        }
    }

    /// One of its commands.
    pub async fn call(&self, args: &[&str]) -> Result<Outcome> {
        self.tools.miner(&self.home, args).await
    }

    pub async fn status(&self) -> Result<MinerStatus> {
        let standing: Standing = self.call(&["status", "--json"]).await?.json("ask the miner's status")?;
        Ok(standing.status)
    }
}

//! What stands before the scenario can play: chain, contracts, hospital, relayer.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use medrec_api::registrar::NewInstitution;
use medrec_clients::{Authlog, Deployment, Rpc};
use medrec_localnet::{Localnet, Plan, Progress};
use serde::Deserialize;
use tokio::process::Child;

use crate::hospitals::Hospital;
use crate::people::{Clinician, Patient};
use crate::tools::Tools;
use crate::wait::until;
use crate::{Options, PATIENTS};

/// Fees an institution's account has from genesis, ufee: some hundred thousand anchors.
const FEES: u128 = 1_000_000_000;

/// Exit code of `medrec-relayer status` when it cannot answer reads now.
const NOT_READY: i32 = 3;

/// Everything the steps act on.
pub struct Stage {
    pub home: PathBuf,
    pub tools: Tools,
    pub hospital: Hospital,
    pub net: Localnet,
    pub deployment: Option<Deployment>,
    institutions: Vec<NewInstitution>,
    relayer: Option<Child>,
    private: String,
    pub patients: Vec<Patient>,
    pub clinician: Option<Clinician>,
}

/// A stage whose scenario has played; it goes on running until stopped.
pub struct Running(pub Stage);

/// What `/status` of the relayer says.
#[derive(Debug, Deserialize)]
pub struct RelayerStatus {
    pub ready: bool,
    pub applied_height: u64,
    pub log_size: u64,
}

impl Stage {
    /// Keys of both institutions, the hospital's database, four validators. Nothing is deployed yet.
    pub async fn up(options: &Options) -> Result<Self> {
        let home = empty(&options.home)?;
        let net_home = home.join("localnet");
        let tools = Tools::new(&options.binaries, &home, &net_home.join("deployment.json"))?;
        let hospital = Hospital::busiest(&options.sample)?;
        let database = home.join("hospital.sqlite");
        hospital.write_sqlite(&database).await?;

        let (public, private) = (free_port()?, free_port()?);
        let institutions = vec![
            init(
                &tools,
                &home.join("hospital"),
                "Berkshire Medical Center",
                "log.berkshire.example",
                (public, private),
                &database,
            )
            .await?,
            init(
                &tools,
                &home.join("clinic"),
                "Fitchburg Outpatient Clinic",
                "log.fitchburg.example",
                (free_port()?, free_port()?),
                &database,
            )
            .await?,
        ];
        let mut builder = Localnet::builder(&net_home)?;
        for institution in &institutions {
            builder = builder.fund(institution.account.clone(), FEES);
        }
        if options.progress {
            builder = builder.progress(Progress::stderr());
        }
        let net = builder.up().await?;
        Ok(Self {
            home,
            tools,
            hospital,
            net,
            deployment: None,
            institutions,
            relayer: None,
            private: format!("http://127.0.0.1:{private}"),
            patients: Vec::new(),
            clinician: None,
        })
    }

    /// Contracts, admitted delegates, and the relayer running.
    pub async fn deploy(&mut self, artifacts: &Path) -> Result<()> {
        let plan = Plan::new(artifacts, self.institutions.clone());
        let deployment = self.net.deploy(&plan).await?;
        let count = PATIENTS.saturating_add(2).to_string();
        let mut delegates = Vec::new();
        for institution in ["hospital", "clinic"] {
            let printed = self
                .tools
                .relayer(&self.home.join(institution), &["delegates", "--count", &count])
                .await?
                .ok("print delegates")?;
            delegates.extend(printed.stdout.lines().map(str::to_owned));
        }
        let contract = &deployment.contracts.relationship.address;
        medrec_localnet::admit(&self.rpc()?, &self.net.chain()?, self.net.sponsor(), contract, delegates)
            .await?;
        self.deployment = Some(deployment);
        self.start_relayer().await
    }

    pub async fn start_relayer(&mut self) -> Result<()> {
        let home = self.home.join("hospital");
        self.relayer = Some(self.tools.start_relayer(&home)?);
        let ready = until("the relayer to be ready", Duration::from_secs(60), async || {
            if let Some(relayer) = &mut self.relayer
                && let Some(status) = relayer.try_wait()?
            {
                let log = std::fs::read_to_string(home.join("relayer.log")).unwrap_or_default();
                bail!("medrec-relayer ended with {status}:\n{log}");
            }
            let answer = reqwest::get(format!("{}/readyz", self.private)).await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        });
        ready.await
    }

    /// SIGKILL: nothing is ended in order.
    pub async fn kill_relayer(&mut self) -> Result<()> {
        match self.relayer.take() {
            Some(mut relayer) => relayer.kill().await.context("kill the relayer"),
            None => bail!("no relayer runs"),
        }
    }

    /// The first validator.
    pub fn rpc(&self) -> Result<Rpc> {
        Ok(self.net.rpc(0)?)
    }

    pub fn deployment(&self) -> Result<&Deployment> {
        self.deployment.as_ref().context("nothing is deployed yet")
    }

    pub fn authlog(&self) -> Result<Authlog> {
        Ok(Authlog::new(&self.rpc()?, &self.deployment()?.contracts.authlog.address))
    }

    pub async fn relayer_status(&self) -> Result<RelayerStatus> {
        let mut asked = self.tools.relayer(&self.home.join("hospital"), &["status", "--json"]).await?;
        // It runs and cannot answer reads now: that is an answer here.
        if asked.code == NOT_READY {
            asked.code = 0;
        }
        asked.json("ask the relayer's status")
    }

    /// Until the relayer has applied everything up to `height`.
    pub async fn applied(&self, height: u64) -> Result<()> {
        until(&format!("the relayer to apply block {height}"), Duration::from_secs(30), async || {
            Ok((self.relayer_status().await?.applied_height >= height).then_some(()))
        })
        .await
    }

    pub async fn stop(mut self) {
        // The scenario is over; the relayer's own tests end it in order. A relayer that is gone needs no killing.
        let _ = self.kill_relayer().await;
        self.net.down().await;
    }
}

impl Running {
    /// Commands that work when pasted.
    pub fn what_to_try(&self) -> String {
        let stage = &self.0;
        let Some(patient) = stage.patients.first() else { return String::new() };
        let lines = [
            ("the record, each item verified", "record".to_owned()),
            ("who saw what", "log".to_owned()),
            ("everything checked against the chain", "verify".to_owned()),
        ]
        .map(|(what, args)| format!("  # {what}\n  {}", stage.tools.pasted("medrec", &patient.home, &args)));
        format!("The pilot keeps running until Ctrl-C. To try, as its first patient:\n{}", lines.join("\n"))
    }

    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// Versions that a report names.
pub fn versions() -> BTreeMap<String, String> {
    let ours = ("medrec".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let wasmd = ("wasmd".to_owned(), medrec_localnet::WASMD_VERSION.to_owned());
    BTreeMap::from([ours, wasmd])
}

async fn init(
    tools: &Tools,
    home: &Path,
    name: &str,
    origin: &str,
    (public, private): (u16, u16),
    database: &Path,
) -> Result<NewInstitution> {
    let url = format!("http://127.0.0.1:{public}");
    let deployment = home.join("../localnet/deployment.json");
    let args = [
        "init",
        "--name",
        name,
        "--url",
        &url,
        "--log-origin",
        origin,
        "--public",
        &format!("127.0.0.1:{public}"),
        "--private",
        &format!("127.0.0.1:{private}"),
        "--database",
        &database.display().to_string(),
        "--deployment",
        &deployment.display().to_string(),
        "--anchor-tick",
        "2",
        "--first-filing",
        "0",
    ];
    tools.relayer(home, &args).await?.json("medrec-relayer init")
}

/// The pilot's folder, empty. Only one this program made is emptied.
fn empty(home: &Path) -> Result<PathBuf> {
    const MARK: &str = ".medrec-pilot";
    if home.exists() {
        if !home.join(MARK).exists() && std::fs::read_dir(home)?.next().is_some() {
            bail!("{} is not empty and no pilot made it: name another folder with --home", home.display());
        }
        std::fs::remove_dir_all(home).with_context(|| format!("empty {}", home.display()))?;
    }
    std::fs::create_dir_all(home).with_context(|| format!("make {}", home.display()))?;
    std::fs::write(home.join(MARK), "")?;
    Ok(home.canonicalize()?)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("find a free port")?.local_addr()?.port())
}

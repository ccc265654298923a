//! What stands before the scenario can play: chain, contracts, three hospitals, a relayer each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use medrec_api::registrar::NewInstitution;
use medrec_clients::{Authlog, Deployment, Rpc};
use medrec_localnet::{Localnet, Plan, Progress};

use crate::Options;
use crate::hospitals::{Hospital, Hospitals};
use crate::relayer::Relayer;
use crate::researcher::Researcher;
use crate::tools::Tools;

/// Fees an institution's or a researcher's account has from genesis, ufee: some hundred thousand anchors.
const FEES: u128 = 1_000_000_000;

/// Delegates that each institution has admitted: relationships it can open.
const DELEGATES: u32 = 30;

/// Folder, name, and how much of a core each has: a small group and a larger one.
const RESEARCHERS: [(&str, &str, u8); 2] =
    [("researcher-1", "Institute of Epidemiology", 20), ("researcher-2", "University of the Hills", 10)];

/// Everything the steps act on. What a step finds out about people is the step's to return.
pub struct Stage {
    pub home: PathBuf,
    pub tools: Tools,
    pub hospitals: Hospitals,
    /// One for each hospital, in the same order; institution n + 1 of the registrar.
    pub relayers: Vec<Relayer>,
    /// Each certified by another institution.
    pub researchers: Vec<Researcher>,
    pub net: Localnet,
    institutions: Vec<NewInstitution>,
    deployment: OnceLock<Deployment>,
}

impl Stage {
    /// Keys and databases of the institutions, four validators. Nothing is deployed yet.
    pub async fn up(options: &Options) -> Result<Self> {
        let home = empty(&options.home)?;
        let net_home = home.join("localnet");
        let deployment = net_home.join("deployment.json");
        let tools = Tools::new(&options.binaries, &home, &deployment)?;
        let hospitals = Hospitals::of(&options.sample)?;
        let made = (1..).zip(&hospitals.all).map(|(institution, hospital)| {
            let folder = home.join(&hospital.slug);
            let (tools, deployment) = (&tools, &deployment);
            async move { Relayer::init(tools, &folder, deployment, (institution, hospital)).await }
        });
        let (relayers, institutions): (Vec<_>, Vec<_>) = try_join_all(made).await?.into_iter().unzip();
        let researchers = RESEARCHERS.map(|(slug, name, share)| {
            let folder = home.join(slug);
            let tools = &tools;
            async move { Researcher::init(tools, &folder, (name, share)).await }
        });
        let researchers: Vec<Researcher> = try_join_all(researchers).await?;
        let mut builder = Localnet::builder(&net_home)?;
        let accounts = institutions.iter().map(|institution| &institution.account);
        for account in accounts.chain(researchers.iter().map(|researcher| &researcher.account)) {
            builder = builder.fund(account.clone(), FEES);
        }
        if options.progress {
            builder = builder.progress(Progress::stderr());
        }
        let net = builder.up().await?;
        Ok(Self {
            home,
            tools,
            hospitals,
            relayers,
            researchers,
            net,
            institutions,
            deployment: OnceLock::new(),
        })
    }

    /// Contracts, admitted delegates, and the relayers running. Returns how many relayers there are.
    pub async fn deploy(&self, artifacts: &Path) -> Result<usize> {
        let plan = Plan::new(artifacts, self.institutions.clone());
        let deployment = self.tools.again("deploy", async || Ok(self.net.deploy(&plan).await?)).await?;
        let contract = deployment.contracts.relationship.address.clone();
        if self.deployment.set(deployment).is_err() {
            bail!("this stage is deployed already");
        }
        let mut delegates = Vec::new();
        for relayer in &self.relayers {
            let printed = relayer.call(&["delegates", "--count", &DELEGATES.to_string()]).await?;
            delegates.extend(printed.ok("print delegates")?.stdout.lines().map(str::to_owned));
        }
        self.tools.again("admit delegates", async || self.admit(&contract, &delegates).await).await?;
        try_join_all(self.relayers.iter().map(Relayer::start)).await?;
        for (researcher, institution) in self.researchers.iter().zip(&self.relayers) {
            let certify = async || researcher.certify(institution).await;
            self.tools.again("certify a researcher", certify).await?;
        }
        try_join_all(self.researchers.iter().map(Researcher::start)).await?;
        Ok(self.relayers.len())
    }

    /// All in one transaction; it may be there already when its sender lost sight of it.
    async fn admit(&self, contract: &str, delegates: &[String]) -> Result<()> {
        let rpc = self.rpc().await?;
        let first = delegates.first().context("no delegates were printed")?;
        let known = medrec_clients::Relationship::new(&rpc, contract).delegate(first).await?;
        if known.status == medrec_api::relationship::DelegateStatus::Unknown {
            let (chain, sponsor) = (self.net.chain()?, self.net.sponsor());
            medrec_localnet::admit(&rpc, &chain, sponsor, contract, delegates.to_vec()).await?;
        }
        Ok(())
    }

    /// The first validator that answers.
    pub async fn rpc(&self) -> Result<Rpc> {
        Ok(self.net.any_rpc().await?)
    }

    pub fn deployment(&self) -> Result<&Deployment> {
        self.deployment.get().context("nothing is deployed yet")
    }

    /// Entries of an institution's log that the chain has anchored.
    pub async fn anchored(&self, institution: u32) -> Result<u64> {
        let authlog = Authlog::new(&self.rpc().await?, &self.deployment()?.contracts.authlog.address);
        Ok(authlog.log_of(institution).await?.size)
    }

    /// A hospital by its place.
    pub fn hospital(&self, place: usize) -> Result<&Hospital> {
        self.hospitals.all.get(place).with_context(|| format!("there is no hospital {place}"))
    }

    /// The hospital's relayer, by its place.
    pub fn relayer(&self, hospital: usize) -> Result<&Relayer> {
        self.relayers.get(hospital).with_context(|| format!("there is no hospital {hospital}"))
    }

    pub async fn stop(self) {
        for relayer in &self.relayers {
            // The scenario is over; the relayers' own tests end them in order. One that is gone needs no killing.
            let _ = relayer.kill().await;
        }
        for researcher in &self.researchers {
            let _ = researcher.kill().await;
        }
        self.net.down().await;
    }
}

/// Versions that a report names.
pub fn versions() -> BTreeMap<String, String> {
    let ours = ("medrec".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let wasmd = ("wasmd".to_owned(), medrec_localnet::WASMD_VERSION.to_owned());
    BTreeMap::from([ours, wasmd])
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

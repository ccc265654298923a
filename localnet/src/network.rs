//! A running chain: all validators of this machine and their owner's say over them.

use std::{
    fs::File,
    path::Path,
    sync::{Mutex as SyncMutex, MutexGuard, PoisonError},
    time::Duration,
};

use medrec_clients::{Chain, Deployment, GasPrice, Rpc, Signer};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{
    Builder, Error, Home, Progress, Wasmd,
    create::{self, Accounts, Plan},
    genesis::POLICY,
    home::{Manifest, write_json},
    node, ports,
    process::Process,
};

/// A node answers within this time of its start, also after a long replay on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(120);
/// A new chain makes its second block within this time.
const FIRST_BLOCKS_DEADLINE: Duration = Duration::from_secs(120);
/// Time a validator gets to end by itself.
const STOP_GRACE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

/// A local chain. Its validators die with it: on [`Localnet::down`], on drop, and when its process dies.
#[derive(Debug)]
pub struct Localnet {
    home: Home,
    wasmd: Wasmd,
    accounts: Accounts,
    manifest: SyncMutex<Manifest>,
    nodes: Vec<Mutex<Option<Process>>>,
    progress: Progress,
    _owned: File,
}

/// What `localnet status` shows.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Status {
    pub chain_id: String,
    pub home: String,
    /// Pid of the owner.
    pub owner: u32,
    /// The consortium's account.
    pub policy: String,
    pub sponsor: String,
    pub validators: Vec<ValidatorStatus>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ValidatorStatus {
    pub index: usize,
    pub rpc: String,
    /// Account of the operator, a member of the consortium.
    pub operator: String,
    /// None: stopped, killed or ended.
    pub pid: Option<u32>,
    /// None: it does not answer.
    pub height: Option<u64>,
    pub catching_up: Option<bool>,
    pub log: String,
}

impl Localnet {
    /// Settings for a chain in a folder, which is created if need be.
    pub fn builder(home: impl AsRef<Path>) -> Result<Builder, Error> {
        Builder::new(home)
    }

    pub(crate) async fn up(home: Home, plan: Plan, progress: Progress) -> Result<Self, Error> {
        let owned = home.own()?;
        let (report, count) = (progress.clone(), plan.validators);
        let wasmd = blocking(move || Wasmd::ensure(&report)).await?;
        let manifest = match Manifest::load(&home)? {
            Some(manifest) => same_chain(manifest, &plan, &home)?,
            None => {
                progress.step("making keys and genesis");
                let (wasmd, home) = (wasmd.clone(), home.clone());
                blocking(move || create::create(&wasmd, &home, &plan)).await?
            }
        };
        if home.kill_leftovers(count) > 0 {
            progress.step("killed validators that an earlier run left");
        }
        let net = Self {
            accounts: create::load_accounts(&home, count)?,
            manifest: SyncMutex::new(manifest),
            nodes: (0..count).map(|_| Mutex::new(None)).collect(),
            home,
            wasmd,
            progress,
            _owned: owned,
        };
        net.start_all().await?;
        Ok(net)
    }

    async fn start_all(&self) -> Result<(), Error> {
        self.progress.step(&format!("starting {} validators", self.nodes.len()));
        for index in 0..self.nodes.len() {
            self.settle_ports(index, false)?;
        }
        let starts = (0..self.nodes.len()).map(|index| self.start(index));
        futures::future::try_join_all(starts).await?;
        let height = self.rpc(0)?.status().await?.height;
        self.progress.step("waiting for blocks");
        self.wait_height(height.saturating_add(2), FIRST_BLOCKS_DEADLINE).await?;
        Ok(())
    }

    /// Starts a stopped validator and waits until it answers.
    pub async fn start(&self, index: usize) -> Result<(), Error> {
        let mut slot = self.slot(index)?.lock().await;
        if slot.as_ref().is_some_and(|process| process.ended().is_none()) {
            return Err(Error::ValidatorState { index, state: "is running already" });
        }
        for attempt in 0..ports::TRIES {
            self.settle_ports(index, attempt > 0)?;
            let manifest = self.facts().clone();
            node::configure(&self.home, &manifest, index)?;
            let mut process = node::start(&self.wasmd, &self.home, index).await?;
            match self.wait_answer(index, &mut process).await {
                Err(Error::NodeEnded { tail, .. }) if node::is_port_taken(&tail) => {
                    tracing::info!(index, attempt, "a port was taken meanwhile: trying others");
                }
                answered => {
                    *slot = Some(process);
                    answered?;
                    return self.refresh_deployment();
                }
            }
        }
        Err(Error::NoPort { index, tries: ports::TRIES })
    }

    /// Ends a validator in order.
    pub async fn stop(&self, index: usize) -> Result<(), Error> {
        let mut slot = self.slot(index)?.lock().await;
        running(&mut slot, index)?.stop(STOP_GRACE).await;
        *slot = None;
        Ok(())
    }

    /// Ends a validator as a power failure would.
    pub async fn kill(&self, index: usize) -> Result<(), Error> {
        let mut slot = self.slot(index)?.lock().await;
        running(&mut slot, index)?.kill().await;
        *slot = None;
        Ok(())
    }

    pub async fn restart(&self, index: usize) -> Result<(), Error> {
        self.stop(index).await?;
        self.start(index).await
    }

    /// Ends all validators in order and gives the home free.
    pub async fn down(self) {
        futures::future::join_all(self.nodes.iter().map(|slot| async {
            if let Some(mut process) = slot.lock().await.take() {
                process.stop(STOP_GRACE).await;
            }
        }))
        .await;
    }

    /// Waits until a running validator, the first that answers, has committed a height.
    pub async fn wait_height(&self, height: u64, deadline: Duration) -> Result<u64, Error> {
        let started = Instant::now();
        loop {
            let mut last = "no validator answers".to_owned();
            for index in 0..self.nodes.len() {
                match self.rpc(index)?.status().await {
                    Ok(status) if status.height >= height => return Ok(status.height),
                    Ok(status) => {
                        last = format!("validator {index} is at {}", status.height);
                        break;
                    }
                    Err(error) => tracing::debug!(index, %error, "no answer"),
                }
            }
            if started.elapsed() >= deadline {
                return Err(Error::Deadline {
                    what: format!("height {height}"),
                    seconds: deadline.as_secs(),
                    last,
                });
            }
            sleep(LOOK).await;
        }
    }

    pub async fn status(&self) -> Result<Status, Error> {
        let mut validators = Vec::new();
        for index in 0..self.nodes.len() {
            let pid =
                self.slot(index)?.lock().await.as_ref().filter(|it| it.ended().is_none()).map(Process::pid);
            let answer = match pid {
                Some(_) => self.rpc(index)?.status().await.ok(),
                None => None,
            };
            validators.push(ValidatorStatus {
                index,
                rpc: self.rpc_url(index)?,
                operator: self
                    .accounts
                    .operators
                    .get(index)
                    .map(|key| key.address().to_owned())
                    .unwrap_or_default(),
                pid,
                height: answer.as_ref().map(|status| status.height),
                catching_up: answer.as_ref().map(|status| status.catching_up),
                log: self.home.log(index).display().to_string(),
            });
        }
        Ok(Status {
            chain_id: self.chain_id(),
            home: self.home.path().display().to_string(),
            owner: std::process::id(),
            policy: POLICY.to_owned(),
            sponsor: self.accounts.sponsor.address().to_owned(),
            validators,
        })
    }

    /// Wrong ports, or ports that another program holds now, are replaced by free ones.
    fn settle_ports(&self, index: usize, afresh: bool) -> Result<(), Error> {
        let count = self.nodes.len();
        let mut manifest = self.facts();
        let facts = manifest.validators.get_mut(index).ok_or(Error::NoValidator { index, count })?;
        if afresh || !ports::is_free(facts.rpc_port) || !ports::is_free(facts.p2p_port) {
            let found = ports::free(2)?;
            facts.rpc_port = found.first().copied().unwrap_or_default();
            facts.p2p_port = found.last().copied().unwrap_or_default();
            manifest.store(&self.home.manifest())?;
        }
        Ok(())
    }

    /// The addresses of the nodes in `deployment.json` stay true when ports change.
    fn refresh_deployment(&self) -> Result<(), Error> {
        let path = self.home.deployment();
        if !path.exists() {
            return Ok(());
        }
        let mut deployment = Deployment::load(&path)?;
        deployment.rpc = self.rpc_urls();
        write_json(&path, &deployment)
    }

    async fn wait_answer(&self, index: usize, process: &mut Process) -> Result<(), Error> {
        let rpc = self.rpc(index)?;
        let started = Instant::now();
        loop {
            if let Some(status) = process.ended() {
                let (status, tail) = (status.to_string(), node::last_words(&self.home, index));
                return Err(Error::NodeEnded { index, status, tail, log: self.home.log(index) });
            }
            let answer = rpc.status().await;
            match answer {
                Ok(status) if status.chain_id == self.chain_id() => return Ok(()),
                _ if started.elapsed() < START_DEADLINE => sleep(LOOK).await,
                Ok(status) => return Err(self.silent(index, format!("chain {} answers", status.chain_id))),
                Err(error) => return Err(self.silent(index, error.to_string())),
            }
        }
    }

    fn silent(&self, index: usize, last: String) -> Error {
        let what = format!("an answer of validator {index} (log: {})", self.home.log(index).display());
        Error::Deadline { what, seconds: START_DEADLINE.as_secs(), last }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    pub fn chain_id(&self) -> String {
        self.facts().chain_id.clone()
    }

    /// Chain id and gas price, for signing.
    pub fn chain(&self) -> Result<Chain, Error> {
        let gas_price: GasPrice = node::GAS_PRICE.parse()?;
        Ok(Chain { chain_id: self.chain_id(), gas_price })
    }

    /// How many validators there are, running or not.
    pub fn validators(&self) -> usize {
        self.nodes.len()
    }

    /// `http://127.0.0.1:port` of one validator. The port may change when it is started again.
    pub fn rpc_url(&self, index: usize) -> Result<String, Error> {
        let count = self.nodes.len();
        let port = self.facts().validators.get(index).map(|facts| facts.rpc_port);
        port.map(|port| format!("http://127.0.0.1:{port}")).ok_or(Error::NoValidator { index, count })
    }

    pub fn rpc_urls(&self) -> Vec<String> {
        self.facts().validators.iter().map(|facts| format!("http://127.0.0.1:{}", facts.rpc_port)).collect()
    }

    pub fn rpc(&self, index: usize) -> Result<Rpc, Error> {
        Ok(Rpc::new(&self.rpc_url(index)?)?)
    }

    /// A client of the first validator that runs and answers.
    pub async fn any_rpc(&self) -> Result<Rpc, Error> {
        let mut last = "none runs".to_owned();
        for index in 0..self.nodes.len() {
            let rpc = self.rpc(index)?;
            match rpc.status().await {
                Ok(_) => return Ok(rpc),
                Err(error) => last = error.to_string(),
            }
        }
        Err(Error::Deadline { what: "an answering validator".into(), seconds: 0, last })
    }

    /// The consortium's account, which nobody has a key of.
    pub fn policy(&self) -> &'static str {
        POLICY
    }

    /// Admits delegates and pays for it.
    pub fn sponsor(&self) -> &Signer {
        &self.accounts.sponsor
    }

    /// Members of the consortium, in the order of their validators.
    pub fn operators(&self) -> &[Signer] {
        &self.accounts.operators
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    fn slot(&self, index: usize) -> Result<&Mutex<Option<Process>>, Error> {
        self.nodes.get(index).ok_or(Error::NoValidator { index, count: self.nodes.len() })
    }

    fn facts(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn running(slot: &mut Option<Process>, index: usize) -> Result<&mut Process, Error> {
    let alive = slot.as_mut().filter(|process| process.ended().is_none());
    alive.ok_or(Error::ValidatorState { index, state: "is not running" })
}

/// A chain that is there is taken up again, if it is the one that was asked for.
fn same_chain(manifest: Manifest, plan: &Plan, home: &Home) -> Result<Manifest, Error> {
    let differs = |setting, there: String, asked: String| {
        Err(Error::OtherChain { home: home.path().to_owned(), setting, there, asked })
    };
    if manifest.chain_id != plan.chain_id {
        return differs("chain id", manifest.chain_id, plan.chain_id.clone());
    }
    if manifest.validators.len() != plan.validators {
        return differs("validators", manifest.validators.len().to_string(), plan.validators.to_string());
    }
    let block_time_ms = u64::try_from(plan.block_time.as_millis()).unwrap_or(u64::MAX);
    Ok(Manifest { block_time_ms, ..manifest })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let lost = |error: tokio::task::JoinError| Error::Start { what: "a worker".into(), source: error.into() };
    spawn_blocking(work).await.map_err(lost)?
}

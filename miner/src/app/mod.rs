//! The running miner: mirrors, search, what is sent, what is shown.

mod mining;
mod mirroring;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use medrec_clients::Contracts;
use rand_core::{OsRng, RngCore as _};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    chain::{Ask, Chain},
    clock::Clock,
    config::Config,
    events::{Event, Events},
    identity::Identity,
    logs::Mirrors,
    mine::Crew,
    status::Status,
};

/// How often `status.json` is written and the screen is told.
const STATUS: Duration = Duration::from_secs(2);

/// What a miner is made of.
pub struct Parts {
    pub chain: Arc<dyn Chain>,
    pub chain_id: String,
    pub contracts: Contracts,
    pub identity: Identity,
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub events: Events,
    /// `status.json` and evidence are written below it.
    pub home: PathBuf,
}

/// What everything works with.
pub struct Miner {
    parts: Parts,
    account: String,
    mirrors: Mirrors,
    shared: Mutex<Status>,
    /// The newest trouble of each kind: what recurs is told once.
    said: Mutex<BTreeMap<String, String>>,
}

impl std::ops::Deref for Miner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Miner {
    pub fn new(parts: Parts) -> Result<Self, crate::identity::Error> {
        let account = parts.identity.account()?.address().to_owned();
        let config = &parts.config;
        let mirrors = Mirrors::new(&config.mirror.folder, config.mirroring(), parts.events.clone());
        let pace = config.mining.pace();
        let (cores, share) = (pace.cores.get(), pace.share);
        let shared = Mutex::new(Status { account: account.clone(), cores, share, ..Status::default() });
        Ok(Self { parts, account, mirrors, shared, said: Mutex::default() })
    }

    pub fn ask(&self) -> Ask<'_> {
        Ask { chain: &*self.chain, contracts: &self.contracts }
    }

    /// How it stands now.
    pub fn status(&self) -> Status {
        let mut status = self.shared().clone();
        (status.at, status.mirrors) = (self.clock.now(), self.mirrors.standings());
        status
    }

    fn shared(&self) -> MutexGuard<'_, Status> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something did not succeed; it is tried again. Told once while it stays the same.
    fn stumble(&self, what: &str, reason: &impl ToString) {
        let reason = reason.to_string();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.insert(what.to_owned(), reason.clone());
        drop(said);
        if before.as_ref() != Some(&reason) {
            self.events.tell(Event::Failed { what: what.to_owned(), reason });
        }
    }

    /// It succeeded.
    fn recover(&self, what: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    /// Works until told to stop. `shown` is told every two seconds how it stands.
    pub async fn run(
        self: Arc<Self>,
        stop: CancellationToken,
        shown: impl Fn(&Status) + Send + 'static,
    ) -> anyhow::Result<()> {
        let pace = self.config.mining.pace();
        let (send, found) = mpsc::unbounded_channel();
        let crew = Crew::start(pace, OsRng.next_u64(), &send)?;
        let (account, cores, share) = (self.account.clone(), pace.cores.get(), pace.share);
        self.events.tell(Event::Started { account, cores, share });
        let serving = tokio::spawn(serve(self.clone(), stop.clone()));
        let copying = tokio::spawn(mirroring::run(self.clone(), stop.clone()));
        let telling = tokio::spawn(tell(self.clone(), stop.clone(), shown));
        let mined = mining::run(&self, &crew, found, &stop).await;
        stop.cancel();
        crew.set(None);
        for task in [serving, copying] {
            task.await??;
        }
        telling.await?;
        mined
    }
}

/// The copies, as their logs are served.
async fn serve(miner: Arc<Miner>, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(address) = miner.config.mirror.listen else {
        return Ok(());
    };
    use anyhow::Context as _;
    let listener = TcpListener::bind(address).await.with_context(|| format!("mirror.listen {address}"));
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            stop.cancel();
            return Err(error);
        }
    };
    let router = medrec_mirror::router(miner.mirrors.clone());
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await?)
}

async fn tell(miner: Arc<Miner>, stop: CancellationToken, shown: impl Fn(&Status)) {
    let mut ticks = tokio::time::interval(STATUS);
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let status = miner.status();
        shown(&status);
        if let Err(error) = status.write(&miner.home) {
            tracing::warn!(%error, "the status cannot be written");
        }
        if ended {
            return;
        }
    }
}

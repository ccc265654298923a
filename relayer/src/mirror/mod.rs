//! Mirrors: verified copies of the other institutions' logs, so that a log survives its hospital.
//!
//! Each round asks the chain which institutions are active and what it has anchored of their logs, and copies up to
//! that head. The hashes of all bundles come first and must give the anchored root; then each bundle must give its
//! hash before it is written. A log that lies is caught at its first wrong byte, a crash or a broken connection loses
//! at most the bundles under way, and nothing that was not checked is ever on disk, let alone served.

mod copy;
mod cosign;
mod counters;
mod serve;
mod state;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream};
use medrec_accesslog::{Anchor, CheckpointError, TilePath};
use medrec_api::{
    authlog::LogResponse,
    registrar::{InstitutionResponse, InstitutionStatus},
};
use tokio_util::sync::CancellationToken;

pub use cosign::Cosigning;
pub use medrec_mirror::{Guard, Remote, Standing, Trouble, router};
use medrec_mirror::{Pauses, check_same_log, look_ahead};
use state::State;

use crate::{
    chain::{self, Chain, Contracts},
    clock::Clock,
    config,
    log::tile_dir::{self, TileDir},
    ops::health::Health,
    store::{self, Store},
};

/// Logs copied at the same time. Slow ones must not keep the others waiting for long.
const CONCURRENT: usize = 4;
/// One log may take so long in one round; what it gave until then is kept, and the next round goes on from there.
const ROUND: Duration = Duration::from_secs(900);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Mirror(#[from] medrec_mirror::Error),
    #[error("the folder of the mirror: {0}")]
    Disk(#[from] tile_dir::Error),
    #[error("{path} of the mirror is not what it was; it is fetched again")]
    Damaged { path: TilePath },
    #[error("encode a cosignature: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("the relayer ends")]
    Cancelled,
}

/// Of the tree or the head: as the mirror says them.
impl From<medrec_merkle::Error> for Error {
    fn from(error: medrec_merkle::Error) -> Self {
        Self::Mirror(error.into())
    }
}

impl From<CheckpointError> for Error {
    fn from(error: CheckpointError) -> Self {
        Self::Mirror(error.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Error {
    /// What this says of the log or of us; none if it is no matter of one log.
    fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Mirror(error) => error.trouble(),
            Self::Damaged { .. } => Some(Trouble::Damaged),
            Self::Disk(_) => Some(Trouble::Disk),
            Self::Store(_) | Self::Chain(_) | Self::Encode(_) | Self::Cancelled => None,
        }
    }
}

/// The copies: where they are, for the task that makes them and for those who read them.
#[derive(Clone)]
pub struct Mirrors {
    store: Arc<Store>,
    folder: Arc<Path>,
    open: Arc<Mutex<BTreeMap<u32, Arc<Folder>>>>,
}

/// The files of one copy.
struct Folder {
    tiles: Arc<TileDir>,
    /// Nobody looked yet whether all files are there.
    unseen: AtomicBool,
    /// A reader found a file that is not what it was.
    damaged: AtomicBool,
}

impl Mirrors {
    /// `folder` holds one folder an institution.
    pub fn new(store: Arc<Store>, folder: &Path) -> Self {
        Self { store, folder: folder.into(), open: Arc::default() }
    }

    fn folder(&self, institution: u32) -> Result<Arc<Folder>, Error> {
        let mut open = self.open.lock().map_err(|_| Error::Cancelled)?;
        if let Some(folder) = open.get(&institution) {
            return Ok(folder.clone());
        }
        let tiles = Arc::new(TileDir::open(&self.folder.join(institution.to_string()))?);
        let folder =
            Arc::new(Folder { tiles, unseen: AtomicBool::new(true), damaged: AtomicBool::new(false) });
        open.insert(institution, folder.clone());
        Ok(folder)
    }
}

/// What the mirroring task works with.
pub struct Mirroring {
    pub mirrors: Mirrors,
    pub chain: Arc<dyn Chain>,
    pub contracts: medrec_clients::Contracts,
    /// Our own log is not mirrored.
    pub institution: u32,
    pub settings: config::Mirror,
    pub clock: Arc<dyn Clock>,
    pub health: Health,
    /// Vouches for what the copies reach.
    pub cosigning: Option<Cosigning>,
    pauses: Pauses,
}

impl Mirroring {
    pub fn new(
        mirrors: Mirrors,
        chain: Arc<dyn Chain>,
        contracts: medrec_clients::Contracts,
        institution: u32,
        settings: config::Mirror,
        clock: Arc<dyn Clock>,
        health: Health,
    ) -> Self {
        let (cosigning, pauses) = (None, Pauses::default());
        Self { mirrors, chain, contracts, institution, settings, clock, health, cosigning, pauses }
    }

    /// Copies round after round until told to stop. Ends early only if the store fails.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(Duration::from_secs(self.settings.poll_seconds));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                done = self.round() => match done {
                    Err(Error::Chain(error)) => {
                        tracing::warn!(%error, "nothing mirrored this time: the chain is out of reach");
                    }
                    done => self.vouch(&done?).await?,
                }
            }
        }
    }

    /// Vouches for heads whose entries are all here.
    async fn vouch(&self, reached: &[LogResponse]) -> Result<(), Error> {
        match &self.cosigning {
            Some(cosigning) => Ok(cosigning.vouch(reached).await?),
            None => Ok(()),
        }
    }

    /// Looks at every other active institution's log once; gives those that are here up to their anchor, without trouble.
    pub async fn round(&self) -> Result<Vec<LogResponse>, Error> {
        let height = self.chain.status().await?.height;
        let institutions = self.contracts().institutions(height).await?;
        let others = institutions.into_iter().filter(|institution| {
            institution.status == InstitutionStatus::Active
                && institution.id != self.institution
                && self.pauses.is_due(institution.id, self.clock.now())
        });
        let mut rounds = stream::iter(others.map(|other| self.one(other))).buffer_unordered(CONCURRENT);
        let mut mirrored = Vec::new();
        while let Some(done) = rounds.next().await {
            mirrored.extend(done?);
        }
        Ok(mirrored)
    }

    /// Trouble with one log is told and passed over; only trouble of our own is an error.
    async fn one(&self, institution: InstitutionResponse) -> Result<Option<LogResponse>, Error> {
        let id = institution.id;
        let Some(log) = self.contracts().log_of(id).await? else { return Ok(None) };
        let outcome = tokio::time::timeout(ROUND, self.mirror(&institution, &log)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(late(ROUND)));
        let trouble = match &outcome {
            Ok(()) => None,
            Err(error) => error.trouble(),
        };
        let mut connection = self.mirrors.store.read().acquire().await?;
        let size = state::load(&mut connection, id).await?.map_or(0, |state| state.progress.head.size);
        drop(connection);
        self.health.mirror(id, Standing { anchored: log.size, size, trouble });
        match (outcome, trouble) {
            (Ok(()), _) => {
                self.pauses.went_well(id);
                Ok(Some(log))
            }
            (Err(error), Some(trouble)) => {
                tracing::warn!(institution = id, ?trouble, %error, "a log is not mirrored");
                self.pauses.went_wrong(id, self.clock.now(), self.settings.poll_seconds);
                Ok(None)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn mirror(&self, institution: &InstitutionResponse, log: &LogResponse) -> Result<(), Error> {
        let (key, head) = state::anchored(log)?;
        let mut connection = self.mirrors.store.read().acquire().await?;
        let stored = state::load(&mut connection, institution.id).await?;
        drop(connection);
        let mut state = stored.unwrap_or_else(|| State::new(institution.id, key.clone()));
        check_same_log(&state.progress, &state.key, &key, &head)?;
        if head.size == 0 {
            return Ok(());
        }
        if head.size > self.settings.max_entries {
            return Err(
                medrec_mirror::Error::TooLarge { size: head.size, max: self.settings.max_entries }.into()
            );
        }
        let guard = Guard { allow_private: self.settings.allow_private };
        let timeout = Duration::from_secs(self.settings.timeout_seconds);
        let remote =
            Remote::new(&institution.url, guard, timeout).await.map_err(medrec_mirror::Error::from)?;
        let folder = self.mirrors.folder(institution.id)?;
        let copier = copy::Copier {
            store: &self.mirrors.store,
            dir: &folder.tiles,
            remote: &remote,
            institution: institution.id,
            key: &key,
        };
        let is_damaged = folder.damaged.load(Ordering::SeqCst);
        if is_damaged || folder.unseen.load(Ordering::SeqCst) {
            let healed = copier.heal(&state, is_damaged).await?;
            folder.damaged.store(false, Ordering::SeqCst);
            folder.unseen.store(false, Ordering::SeqCst);
            if healed > 0 {
                tracing::warn!(
                    institution = institution.id,
                    bundles = healed,
                    "files of a mirror were fetched again"
                );
            }
        }
        // Copied first: what the chain has anchored is worth keeping whatever else the log shows.
        if head.size > state.progress.head.size {
            copier.run(&mut state.progress, head, &log.signature).await?;
        }
        counters::fetch(&self.mirrors.store, &remote, &state).await?;
        self.look_ahead(&remote, &state, &head).await
    }

    /// The checkpoint that the log shows now must continue what it anchored. One that does not is evidence.
    async fn look_ahead(&self, remote: &Remote, state: &State, head: &Anchor) -> Result<(), Error> {
        let ahead = look_ahead(remote, &state.key, head).await?;
        if ahead.is_evidence() {
            let (store, now) = (&self.mirrors.store, self.clock.now());
            state::keep_evidence(store, state.institution, now, &ahead.shown.note(), head).await?;
        }
        Ok(ahead.checked.map_err(medrec_mirror::Error::from)?)
    }

    fn contracts(&self) -> Contracts<'_> {
        Contracts::new(&*self.chain, &self.contracts)
    }
}

fn late(limit: Duration) -> Error {
    medrec_mirror::Error::from(medrec_mirror::remote::Error::Slow { path: "a round".into(), limit }).into()
}

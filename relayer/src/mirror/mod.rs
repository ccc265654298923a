//! Mirrors: verified copies of the other institutions' logs, so that a log survives its hospital.
//!
//! Each round asks the chain which institutions are active and what it has anchored of their logs, and copies up to
//! that head. The hashes of all bundles come first and must give the anchored root; then each bundle must give its
//! hash before it is written. A log that lies is caught at its first wrong byte, a crash or a broken connection loses
//! at most the bundles under way, and nothing that was not checked is ever on disk, let alone served.

mod copy;
mod counters;
mod guard;
mod remote;
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
use medrec_accesslog::{Anchor, CheckpointError, LogKey, TilePath, VerifyError, mirror};
use medrec_api::{
    authlog::LogResponse,
    registrar::{InstitutionResponse, InstitutionStatus},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use guard::Guard;
pub use remote::Remote;
pub use serve::router;
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
/// A log in trouble is asked again after `poll`, twice that, four times that, …, at most so many seconds.
const MAX_PAUSE: u64 = 3600;
/// One log may take so long in one round; what it gave until then is kept, and the next round goes on from there.
const ROUND: Duration = Duration::from_secs(900);

/// Why a copy does not grow. The name is all that health and metrics say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Its URL is none we may ask ([`Guard`]).
    Address,
    /// No connection.
    Unreachable,
    /// Answers take longer than they may.
    Slow,
    /// It does not give what the chain has anchored.
    Withholds,
    /// It sends us elsewhere.
    Redirects,
    /// Answers are longer than they can be.
    Endless,
    /// What it serves is not what the chain has anchored.
    Lies,
    /// It signed a checkpoint that contradicts the chain: the evidence is kept.
    Forked,
    /// It shows a checkpoint behind its own anchor: the evidence is kept.
    Shrunk,
    /// The chain has another origin, key or history than the copy.
    OtherLog,
    /// It has more entries than `mirror.max_entries`.
    TooLarge,
    /// Files of the copy were damaged and could not be fetched again yet.
    Damaged,
    /// Our disk.
    Disk,
}

/// As an operator reads it: behind the name of the institution.
impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "has a URL that is not asked",
            Self::Unreachable => "is out of reach",
            Self::Slow => "answers too slowly",
            Self::Withholds => "does not give what is anchored",
            Self::Redirects => "redirects",
            Self::Endless => "sends answers without end",
            Self::Lies => "serves other entries than are anchored",
            Self::Forked => "signed a checkpoint that contradicts its anchor",
            Self::Shrunk => "shows fewer entries than are anchored",
            Self::OtherLog => "has another log on chain than was copied",
            Self::TooLarge => "has more entries than mirror.max_entries",
            Self::Damaged => "has a damaged copy here",
            Self::Disk => "has no room here",
        })
    }
}

/// How a copy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Entries the chain has anchored, and entries that are here and served.
    pub anchored: u64,
    pub size: u64,
    pub trouble: Option<Trouble>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Remote(#[from] remote::Error),
    #[error("the folder of the mirror: {0}")]
    Disk(#[from] tile_dir::Error),
    #[error("the head on chain: {0}")]
    Head(#[from] CheckpointError),
    #[error("the tree of the mirror: {0}")]
    Tree(#[from] medrec_merkle::Error),
    #[error(
        "the copy is of log {stored:?}, the chain has {given:?}, or another key of it: a log has one name for ever"
    )]
    OtherLog { stored: String, given: String },
    #[error(
        "the copy has {stored} entries, the chain {anchored}, or another root: is it the chain the copy was made on?"
    )]
    OtherHistory { stored: u64, anchored: u64 },
    #[error("the log has {size} entries anchored, mirror.max_entries is {max}")]
    TooLarge { size: u64, max: u64 },
    #[error("{path} of the mirror is not what it was; it is fetched again")]
    Damaged { path: TilePath },
    #[error("the counter map of day {day}: {reason}")]
    Counters { day: u32, reason: &'static str },
    #[error("the relayer ends")]
    Cancelled,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Error {
    /// What this says of the log or of us; none if it is no matter of one log.
    fn trouble(&self) -> Option<Trouble> {
        Some(match self {
            Self::Remote(remote::Error::Refused(_)) => Trouble::Address,
            Self::Remote(remote::Error::Unreachable { .. } | remote::Error::Client(_)) => {
                Trouble::Unreachable
            }
            Self::Remote(remote::Error::Slow { .. }) => Trouble::Slow,
            Self::Remote(remote::Error::Status { .. }) => Trouble::Withholds,
            Self::Remote(remote::Error::Redirected { .. }) => Trouble::Redirects,
            Self::Remote(remote::Error::Endless { .. }) => Trouble::Endless,
            Self::Remote(remote::Error::Verify(error)) => match error {
                VerifyError::Fork { .. } | VerifyError::NotAnchored { .. } => Trouble::Forked,
                VerifyError::Shrunk { .. } => Trouble::Shrunk,
                _ => Trouble::Lies,
            },
            Self::Head(_) | Self::OtherLog { .. } | Self::OtherHistory { .. } => Trouble::OtherLog,
            Self::TooLarge { .. } => Trouble::TooLarge,
            Self::Damaged { .. } => Trouble::Damaged,
            Self::Counters { .. } => Trouble::Lies,
            Self::Disk(_) => Trouble::Disk,
            Self::Store(_) | Self::Chain(_) | Self::Tree(_) | Self::Cancelled => return None,
        })
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
    pauses: Mutex<BTreeMap<u32, Pause>>,
}

/// When a log in trouble is asked again.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    failures: u32,
    until: u64,
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
        Self { mirrors, chain, contracts, institution, settings, clock, health, pauses: Mutex::default() }
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
                    done => done?,
                }
            }
        }
    }

    /// Looks at every other active institution's log once.
    pub async fn round(&self) -> Result<(), Error> {
        let height = self.chain.status().await?.height;
        let institutions = self.contracts().institutions(height).await?;
        let others = institutions.into_iter().filter(|institution| {
            institution.status == InstitutionStatus::Active
                && institution.id != self.institution
                && self.is_due(institution.id)
        });
        let mut rounds = stream::iter(others.map(|other| self.one(other))).buffer_unordered(CONCURRENT);
        while let Some(done) = rounds.next().await {
            done?;
        }
        Ok(())
    }

    /// Trouble with one log is told and passed over; only trouble of our own is an error.
    async fn one(&self, institution: InstitutionResponse) -> Result<(), Error> {
        let id = institution.id;
        let Some(log) = self.contracts().log_of(id).await? else { return Ok(()) };
        let outcome = tokio::time::timeout(ROUND, self.mirror(&institution, &log)).await;
        let outcome = outcome
            .unwrap_or_else(|_| Err(remote::Error::Slow { path: "a round".into(), limit: ROUND }.into()));
        let trouble = match &outcome {
            Ok(()) => None,
            Err(error) => error.trouble(),
        };
        let mut connection = self.mirrors.store.read().acquire().await?;
        let size = state::load(&mut connection, id).await?.map_or(0, |state| state.head.size);
        drop(connection);
        self.health.mirror(id, Standing { anchored: log.size, size, trouble });
        match (outcome, trouble) {
            (Ok(()), _) => self.went_well(id),
            (Err(error), Some(trouble)) => {
                tracing::warn!(institution = id, ?trouble, %error, "a log is not mirrored");
                self.went_wrong(id);
            }
            (Err(error), None) => return Err(error),
        }
        Ok(())
    }

    async fn mirror(&self, institution: &InstitutionResponse, log: &LogResponse) -> Result<(), Error> {
        let (key, head) = state::anchored(log)?;
        let mut connection = self.mirrors.store.read().acquire().await?;
        let stored = state::load(&mut connection, institution.id).await?;
        drop(connection);
        let mut state = stored.unwrap_or_else(|| State::new(institution.id, key.clone()));
        check_same_log(&state, &key, &head)?;
        if head.size == 0 {
            return Ok(());
        }
        if head.size > self.settings.max_entries {
            return Err(Error::TooLarge { size: head.size, max: self.settings.max_entries });
        }
        let guard = Guard { allow_private: self.settings.allow_private };
        let timeout = Duration::from_secs(self.settings.timeout_seconds);
        let remote = Remote::new(&institution.url, guard, timeout).await?;
        let folder = self.mirrors.folder(institution.id)?;
        let copier = copy::Copier { store: &self.mirrors.store, dir: &folder.tiles, remote: &remote };
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
        if head.size > state.head.size {
            copier.run(&mut state, head, &log.signature).await?;
        }
        counters::fetch(&self.mirrors.store, &remote, &state).await?;
        self.look_ahead(&remote, &state, &head).await
    }

    /// The checkpoint that the log shows now must continue what it anchored. One that does not is evidence.
    async fn look_ahead(&self, remote: &Remote, state: &State, head: &Anchor) -> Result<(), Error> {
        let shown = mirror::checkpoint(remote, &state.key).await?;
        let checked = mirror::check_ahead(remote, &shown, head).await;
        if let Err(remote::Error::Verify(
            VerifyError::Fork { .. } | VerifyError::NotAnchored { .. } | VerifyError::Shrunk { .. },
        )) = &checked
        {
            let (store, now) = (&self.mirrors.store, self.clock.now());
            state::keep_evidence(store, state.institution, now, &shown.note(), head).await?;
        }
        Ok(checked?)
    }

    fn contracts(&self) -> Contracts<'_> {
        Contracts::new(&*self.chain, &self.contracts)
    }

    fn is_due(&self, institution: u32) -> bool {
        let pauses = self.pauses.lock();
        pauses
            .is_ok_and(|pauses| pauses.get(&institution).is_none_or(|pause| pause.until <= self.clock.now()))
    }

    fn went_well(&self, institution: u32) {
        if let Ok(mut pauses) = self.pauses.lock() {
            pauses.remove(&institution);
        }
    }

    fn went_wrong(&self, institution: u32) {
        let Ok(mut pauses) = self.pauses.lock() else { return };
        let pause = pauses.entry(institution).or_default();
        let factor = 2u64.saturating_pow(pause.failures);
        let seconds = self.settings.poll_seconds.saturating_mul(factor).min(MAX_PAUSE);
        *pause = Pause {
            failures: pause.failures.saturating_add(1),
            until: self.clock.now().saturating_add(seconds),
        };
    }
}

/// A copy goes on only with the log it was begun with.
fn check_same_log(state: &State, key: &LogKey, head: &Anchor) -> Result<(), Error> {
    if state.key != *key {
        let (stored, given) = (state.key.origin().to_owned(), key.origin().to_owned());
        return Err(Error::OtherLog { stored, given });
    }
    let is_behind = head.size < state.head.size;
    let is_other = head.size == state.head.size && head.root != state.head.root;
    if is_behind || is_other {
        return Err(Error::OtherHistory { stored: state.head.size, anchored: head.size });
    }
    Ok(())
}

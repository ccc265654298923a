//! Rounds over all logs: what the chain has anchored of each is copied, and who lies is named. What a log does not give
//! comes from other mirrors of it: the chain's anchor is the same everywhere.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use medrec_accesslog::{Anchor, LogKey, SignedCheckpoint};
use medrec_api::{
    authlog::LogResponse,
    registrar::{InstitutionResponse, InstitutionStatus},
};
use medrec_mirror::{Ahead, Guard, Pauses, Remote, Trouble, check_same_log, copy, look_ahead, remote};

use super::{
    copy::{Log, Standing},
    files,
};
use crate::{
    chain::{self, Ask},
    events::{Event, Events},
};

/// Logs copied at the same time.
const CONCURRENT: usize = 4;
/// One log may take so long in one round; what it gave until then is kept, and the next round goes on from there.
const ROUND: Duration = Duration::from_secs(900);
/// Counter maps fetched in one round.
const MAPS: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Mirror(#[from] medrec_mirror::Error),
    #[error(transparent)]
    Files(#[from] files::Error),
}

impl From<remote::Error> for Error {
    fn from(error: remote::Error) -> Self {
        Self::Mirror(error.into())
    }
}

impl Error {
    fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Mirror(error) => error.trouble(),
            Self::Files(files::Error::OtherLog { .. }) => Some(Trouble::OtherLog),
            Self::Files(files::Error::State { .. }) => Some(Trouble::Damaged),
            Self::Files(_) => Some(Trouble::Disk),
            Self::Chain(_) => None,
        }
    }
}

/// How logs are copied.
#[derive(Clone, Debug)]
pub struct Settings {
    pub poll_seconds: u64,
    pub timeout: Duration,
    pub max_entries: u64,
    pub allow_private: bool,
    /// URLs of mirrors, besides those of the institutions.
    pub others: Vec<String>,
}

impl Settings {
    /// Which addresses may be asked.
    pub fn guard(&self) -> Guard {
        Guard { allow_private: self.allow_private }
    }
}

/// A checkpoint that contradicts the chain.
#[derive(Clone, Debug)]
pub struct Shown {
    pub log: LogResponse,
    pub url: String,
    pub checkpoint: SignedCheckpoint,
}

/// All copies.
#[derive(Clone)]
pub struct Mirrors {
    folder: Arc<Path>,
    settings: Settings,
    open: Arc<Mutex<BTreeMap<u32, Arc<Log>>>>,
    standings: Arc<Mutex<BTreeMap<u32, Standing>>>,
    pauses: Arc<Pauses>,
    /// Before other mirrors are asked for a log again.
    pauses_elsewhere: Arc<Pauses>,
    events: Events,
}

impl Mirrors {
    /// `folder` holds one folder an institution.
    pub fn new(folder: &Path, settings: Settings, events: Events) -> Self {
        let (open, standings) = (Arc::default(), Arc::default());
        let (pauses, pauses_elsewhere) = (Arc::default(), Arc::default());
        Self { folder: folder.into(), settings, open, standings, pauses, pauses_elsewhere, events }
    }

    /// The copy of an institution's log, once a round has seen it.
    pub fn log(&self, institution: u32) -> Option<Arc<Log>> {
        guard(&self.open).get(&institution).cloned()
    }

    /// The copies by the slots of their logs, as the last round saw them.
    pub fn by_slot(&self) -> BTreeMap<u32, Arc<Log>> {
        let slots: Vec<_> =
            guard(&self.standings).values().map(|known| (known.slot, known.institution)).collect();
        slots.into_iter().filter_map(|(slot, institution)| Some((slot, self.log(institution)?))).collect()
    }

    /// How all copies stand, in order of institution.
    pub fn standings(&self) -> Vec<Standing> {
        guard(&self.standings).values().cloned().collect()
    }

    /// Looks at every institution's log once. Contradictions are returned; other trouble is told and passed over.
    pub async fn round(&self, ask: Ask<'_>, now: u64) -> Result<Vec<Shown>, Error> {
        let mut logs = ask.logs().await?;
        let institutions = ask.institutions().await?;
        let active = institutions.iter().filter(|one| one.status == InstitutionStatus::Active);
        let serving: Vec<(u32, String)> = active.map(|one| (one.id, one.url.clone())).collect();
        let mut pairs = Vec::new();
        for institution in institutions {
            let Some(at) = logs.iter().position(|log| log.institution == institution.id) else { continue };
            pairs.push((institution, logs.swap_remove(at)));
        }
        let mut rounds = stream::iter(pairs.into_iter().map(|(of, log)| self.one(of, log, &serving, now)))
            .buffer_unordered(CONCURRENT);
        let mut shown = Vec::new();
        while let Some(done) = rounds.next().await {
            shown.extend(done?);
        }
        Ok(shown)
    }

    async fn one(
        &self,
        institution: InstitutionResponse,
        log: LogResponse,
        serving: &[(u32, String)],
        now: u64,
    ) -> Result<Option<Shown>, Error> {
        let id = institution.id;
        // A copy outlives its institution; nothing is fetched from there any more.
        let is_asked = institution.status == InstitutionStatus::Active && self.pauses.is_due(id, now);
        let outcome = if is_asked {
            let round = tokio::time::timeout(ROUND, self.mirror(&institution, &log)).await;
            round.unwrap_or_else(|_| Err(too_slow().into()))
        } else {
            self.opened(id, &log).map(|_| None)
        };
        let (shown, error) = match outcome {
            Ok(None) => (None, None),
            Ok(Some((shown, error))) => (shown, Some(error)),
            Err(error) => (None, Some(error)),
        };
        let error = match error {
            // No matter of one log.
            Some(error) if error.trouble().is_none() => return Err(error),
            error => error,
        };
        let trouble = error.as_ref().and_then(Error::trouble);
        if is_asked {
            match trouble {
                None => self.pauses.went_well(id),
                Some(_) => self.pauses.went_wrong(id, now, self.settings.poll_seconds),
            }
        }
        if self.pauses_elsewhere.is_due(id, now) {
            match self.elsewhere(&log, serving).await {
                Ok(()) => self.pauses_elsewhere.went_well(id),
                Err(error) => {
                    tracing::info!(institution = id, %error, "no other mirror has what is missing");
                    self.pauses_elsewhere.went_wrong(id, now, self.settings.poll_seconds);
                }
            }
        }
        // The log's trouble stays, also if its entries are here.
        self.tell(&institution, &log, is_asked.then_some(trouble), error.as_ref());
        Ok(shown)
    }

    /// Notes how the copy stands; a change is an event. `looked`: none if the log was not asked this time.
    fn tell(
        &self,
        institution: &InstitutionResponse,
        log: &LogResponse,
        looked: Option<Option<Trouble>>,
        error: Option<&Error>,
    ) {
        let size = self.log(institution.id).map_or(0, |copy| copy.view().len());
        let mut standings = guard(&self.standings);
        let before = standings.get(&institution.id).and_then(|standing| standing.trouble);
        let trouble = looked.unwrap_or(before);
        let standing = Standing {
            institution: institution.id,
            name: institution.name.clone(),
            slot: log.slot,
            anchored: log.size,
            size,
            trouble,
            forked: log.forked.is_some(),
        };
        standings.insert(institution.id, standing);
        drop(standings);
        if trouble == before {
            return;
        }
        let (institution, name) = (institution.id, institution.name.clone());
        let reason = error.map(ToString::to_string);
        self.events.tell(match trouble {
            None => Event::Recovered { institution, name },
            Some(trouble) if trouble.is_lie() => Event::Caught { institution, name, trouble, reason },
            Some(trouble) => Event::Lacking { institution, name, trouble, reason },
        });
    }

    /// Copies up to the anchored head; a contradiction comes with the error that says which.
    async fn mirror(
        &self,
        institution: &InstitutionResponse,
        log: &LogResponse,
    ) -> Result<Option<(Option<Shown>, Error)>, Error> {
        let (copied, key, head) = self.opened(institution.id, log)?;
        if head.size == 0 {
            return Ok(None);
        }
        let max = self.settings.max_entries;
        if head.size > max {
            return Err(medrec_mirror::Error::TooLarge { size: head.size, max }.into());
        }
        let remote = Remote::new(&institution.url, self.settings.guard(), self.settings.timeout).await?;
        let mut progress = copied.view().progress;
        if head.size > progress.head.size {
            let mut finder = copied.finder();
            copy(&*copied, &remote, &mut progress, &mut finder, head, &log.signature).await?;
        }
        self.maps(&copied, &remote).await?;
        let ahead = look_ahead(&remote, &key, &head).await?;
        let is_evidence = ahead.is_evidence();
        let Ahead { shown, checked } = ahead;
        let Err(error) = checked else { return Ok(None) };
        let shown = Shown { log: log.clone(), url: institution.url.clone(), checkpoint: shown };
        Ok(Some((is_evidence.then_some(shown), error.into())))
    }

    /// What is missing up to the anchored head, from the first other mirror that has it; `serving`: institutions with
    /// their URLs.
    async fn elsewhere(&self, log: &LogResponse, serving: &[(u32, String)]) -> Result<(), Error> {
        let (copied, _, head) = self.opened(log.institution, log)?;
        let is_missing = || copied.view().progress.head.size < head.size;
        if head.size > self.settings.max_entries {
            return Ok(());
        }
        let institutions = serving.iter().filter(|(id, _)| *id != log.institution).map(|(_, url)| url);
        let mut tried = Ok(());
        for url in institutions.chain(&self.settings.others) {
            if !is_missing() {
                return Ok(());
            }
            let copying = tokio::time::timeout(ROUND, self.copy_from(&copied, url, log, head));
            tried = copying.await.unwrap_or(Err(Error::from(too_slow())));
        }
        if is_missing() { tried } else { Ok(()) }
    }

    async fn copy_from(&self, copied: &Log, url: &str, log: &LogResponse, head: Anchor) -> Result<(), Error> {
        let remote =
            Remote::mirror(url, log.institution, self.settings.guard(), self.settings.timeout).await?;
        let (mut progress, mut finder) = (copied.view().progress, copied.finder());
        copy(copied, &remote, &mut progress, &mut finder, head, &log.signature).await?;
        self.maps(copied, &remote).await
    }

    /// The copy, which must be of the log that the chain has.
    fn opened(&self, institution: u32, log: &LogResponse) -> Result<(Arc<Log>, LogKey, Anchor), Error> {
        let (key, head) = anchored(log)?;
        let found = self.log(institution);
        let copied = match found {
            Some(copied) => copied,
            None => {
                let (opened, damaged) = Log::open(&self.folder_of(institution), &key)?;
                if damaged > 0 {
                    self.events.tell(Event::Damaged { institution, entries: damaged });
                }
                guard(&self.open).entry(institution).or_insert_with(|| Arc::new(opened)).clone()
            }
        };
        let view = copied.view();
        check_same_log(&view.progress, &view.key, &key, &head)?;
        Ok((copied, key, head))
    }

    fn folder_of(&self, institution: u32) -> PathBuf {
        self.folder.join(institution.to_string())
    }

    /// Daily counter maps that are promised and not here.
    async fn maps(&self, copied: &Log, remote: &Remote) -> Result<(), Error> {
        let size = copied.view().progress.head.size;
        let mut fetched = 0usize;
        for promised in copied.promised().iter().filter(|promised| promised.index < size) {
            if fetched >= MAPS || copied.files().map(promised.entry.day)?.is_some() {
                continue;
            }
            let leaves = promised.fetch(remote).await?;
            copied.files().keep_map(promised.entry.day, &leaves)?;
            fetched = fetched.saturating_add(1);
        }
        Ok(())
    }
}

fn too_slow() -> remote::Error {
    remote::Error::Slow { path: "a round".into(), limit: ROUND }
}

/// What the chain has of a log, in our types.
pub fn anchored(log: &LogResponse) -> Result<(LogKey, Anchor), Error> {
    let bad = |what: &str| {
        let reason = "not 32 bytes".to_owned();
        Error::Chain(chain::Error::Codec { what: format!("{what} of log {}", log.slot), reason })
    };
    let key: [u8; 32] = log.key.as_slice().try_into().map_err(|_| bad("key"))?;
    let root = log.root.as_slice().try_into().map_err(|_| bad("root"))?;
    let key = LogKey::new(&log.origin, &key).map_err(medrec_mirror::Error::from)?;
    Ok((key, Anchor { size: log.size, root }))
}

/// No lock is held while something can panic: what it holds is whole.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

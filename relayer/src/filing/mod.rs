//! Rows of the hospital's database become commitments in the log.
//!
//! One way for all: read a scope of a patient, compare with what is filed, file what differs. The filing task does
//! it for accepted relationships, the gatekeeper at every read.

mod filed;
mod judge;
mod known;
pub mod openings;
mod records;
pub mod sealer;
mod task;

use std::sync::Arc;

pub use judge::Current;
pub use known::Known;
use records::Write;
pub use task::{FilingTask, want};

use crate::{
    adapter::{self, Adapter, Scope},
    clock::Clock,
    failpoint,
    identity::Identity,
    log::{self, append::Appender},
    store::{self, Store},
};

/// Records written in one transaction.
const BATCH: usize = 256;
/// Somebody else files the same records at the same time at most so often in a row.
const ATTEMPTS: u32 = 5;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error(transparent)]
    Adapter(#[from] adapter::Error),
    #[error("a row of scope {scope:?} cannot be committed: {reason}")]
    Commit { scope: String, reason: medrec_record::Error },
    #[error("the relationship has no ratchet: it was not accepted, or its acceptance could not be read")]
    NoRatchet,
    #[error("the same records were filed by another at the same time, again and again")]
    Contended,
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<medrec_accesslog::EntryError> for Error {
    fn from(error: medrec_accesslog::EntryError) -> Self {
        Self::Log(error.into())
    }
}

/// Files records.
#[derive(Clone)]
pub struct Filer {
    pub store: Arc<Store>,
    pub adapter: Arc<dyn Adapter>,
    pub identity: Arc<Identity>,
    pub clock: Arc<dyn Clock>,
    /// Shared by all clones.
    pub known: Arc<Known>,
}

/// How far a scope is filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub filed: usize,
    /// New or differing records that were not filed.
    pub left: usize,
}

/// `current` is as filed only where nothing is left.
struct Done {
    current: Vec<Current>,
    progress: Progress,
}

impl Filer {
    /// Reads a scope, files what is new or differs and the removal of what is gone, and returns all that is there as
    /// filed, in the adapter's order.
    pub async fn bring_up_to_date(
        &self,
        relationship: u64,
        scope: &Scope,
        patient_id: &str,
    ) -> Result<Vec<Current>, Error> {
        Ok(self.file(relationship, scope, patient_id, usize::MAX).await?.current)
    }

    /// Reads a scope and files at most `limit` of what is new or differs: the pacing stage's way.
    pub async fn bring_nearer(
        &self,
        relationship: u64,
        scope: &Scope,
        patient_id: &str,
        limit: usize,
    ) -> Result<Progress, Error> {
        Ok(self.file(relationship, scope, patient_id, limit).await?.progress)
    }

    async fn file(
        &self,
        relationship: u64,
        scope: &Scope,
        patient_id: &str,
        limit: usize,
    ) -> Result<Done, Error> {
        for _ in 0..ATTEMPTS {
            // In this order: rows read after what is filed are never older than it, so no update is taken back.
            let stored = records::open(self.store.vault(), &self.filed(relationship, &scope.id).await?)?;
            let rows = self.adapter.read(scope, patient_id).await?;
            let reference = self.identity.relationship_ref(relationship);
            let verdict =
                judge::judge(&self.known, &self.identity.log_origin, reference, scope, rows, stored)
                    .map_err(|reason| Error::Commit { scope: scope.id.clone(), reason })?;
            match self.write(relationship, scope, verdict, limit).await? {
                Some(done) => return Ok(done),
                None => tracing::debug!("records were filed meanwhile; looking again"),
            }
        }
        Err(Error::Contended)
    }

    /// What is filed of a scope of a patient.
    async fn filed(&self, relationship: u64, scope: &str) -> Result<Arc<Vec<records::Row>>, Error> {
        let filed = &self.known.filed;
        let since = match filed.find(relationship, scope) {
            Ok(known) => return Ok(known),
            Err(since) => since,
        };
        let mut connection = self.store.read().acquire().await?;
        let rows = Arc::new(records::rows(&mut connection, relationship, scope).await?);
        filed.keep(relationship, scope, &rows, since);
        Ok(rows)
    }

    /// Writes new versions and removals in batches; none if somebody else wrote one of them first.
    async fn write(
        &self,
        relationship: u64,
        scope: &Scope,
        mut verdict: judge::Verdict,
        limit: usize,
    ) -> Result<Option<Done>, Error> {
        let changed = verdict.rows.iter_mut().filter(|judged| judged.change.is_some());
        let mut writes: Vec<Write<'_>> =
            changed.map(Write::File).chain(verdict.gone.iter().map(Write::Remove)).collect();
        let all = writes.len();
        writes.truncate(limit);
        let progress = Progress { filed: writes.len(), left: all.saturating_sub(writes.len()) };
        if !writes.is_empty() {
            self.known.filed.begin(relationship, &scope.id);
            let written = self.write_all(relationship, scope, &mut writes).await;
            self.known.filed.end(relationship, &scope.id);
            if !written? {
                return Ok(None);
            }
        }
        let current = verdict.rows.into_iter().map(|judged| judged.current).collect();
        Ok(Some(Done { current, progress }))
    }

    /// False, and what was not written yet left out, if somebody else wrote one of them first.
    async fn write_all(
        &self,
        relationship: u64,
        scope: &Scope,
        writes: &mut [Write<'_>],
    ) -> Result<bool, Error> {
        let now = self.clock.now();
        for batch in writes.chunks_mut(BATCH) {
            let mut tx = self.store.begin().await?;
            let vault = self.store.vault();
            let mut appender = Appender::open(&self.store, &mut tx).await?;
            let mut sealer = sealer::load(&mut tx, vault, relationship).await?.ok_or(Error::NoRatchet)?;
            if !records::write(&mut tx, vault, &mut appender, &mut sealer, scope, batch, now).await? {
                return Ok(false);
            }
            sealer.save(&mut tx, vault).await?;
            appender.close(&mut tx).await?;
            tx.commit().await?;
            failpoint::hit("filing.batch-committed");
        }
        Ok(true)
    }
}

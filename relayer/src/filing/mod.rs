//! Rows of the hospital's database become commitments in the log.
//!
//! One way for all: read a scope of a patient, compare with what is filed, file what differs. The filing task does
//! it for accepted relationships, the gatekeeper at every read.

pub mod openings;
mod records;
pub mod sealer;
mod task;

use std::sync::Arc;

pub use records::Current;
pub use task::{FilingTask, want};

use crate::{
    adapter::{self, Adapter, Scope},
    clock::Clock,
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
}

impl Filer {
    /// Reads a scope, files what is new or differs, and returns all of it as filed, in the adapter's order.
    pub async fn bring_up_to_date(
        &self,
        relationship: u64,
        scope: &Scope,
        patient_id: &str,
    ) -> Result<Vec<Current>, Error> {
        for _ in 0..ATTEMPTS {
            let rows = self.adapter.read(scope, patient_id).await?;
            let mut connection = self.store.read().acquire().await?;
            let stored = records::stored(&mut connection, self.store.vault(), relationship, scope).await?;
            drop(connection);
            let reference = self.identity.relationship_ref(relationship);
            let judged = records::judge_all(&self.identity.log_origin, reference, scope, rows, stored)
                .map_err(|reason| Error::Commit { scope: scope.id.clone(), reason })?;
            match self.write(relationship, scope, judged).await? {
                Some(current) => return Ok(current),
                None => tracing::debug!("records were filed meanwhile; looking again"),
            }
        }
        Err(Error::Contended)
    }

    /// Files the new versions in batches; none if somebody else filed one of them first.
    async fn write(
        &self,
        relationship: u64,
        scope: &Scope,
        mut judged: Vec<records::Judged>,
    ) -> Result<Option<Vec<Current>>, Error> {
        let now = self.clock.now();
        let mut unfiled: Vec<&mut records::Judged> =
            judged.iter_mut().filter(|judged| judged.change.is_some()).collect();
        for batch in unfiled.chunks_mut(BATCH) {
            let mut tx = self.store.begin().await?;
            let vault = self.store.vault();
            let mut appender = Appender::open(&mut tx).await?;
            let mut sealer = sealer::load(&mut tx, vault, relationship).await?.ok_or(Error::NoRatchet)?;
            for judged in batch.iter_mut() {
                let filed =
                    records::file(&mut tx, vault, &mut appender, &mut sealer, scope, judged, now).await?;
                if !filed {
                    return Ok(None);
                }
            }
            sealer.save(&mut tx, vault).await?;
            appender.close(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(Some(judged.into_iter().map(|judged| judged.current).collect()))
    }
}

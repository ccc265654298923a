//! The task that files: accepted relationships at once, all of them again when the hospital's database moved.

use std::{sync::Arc, time::Duration};

use sqlx::{Row, SqliteConnection};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Error, Filer, openings};
use crate::{
    adapter::{self, Affected},
    failpoint,
    ops::health::Health,
    store::{self, from_db, to_db},
};

/// What the filing task works with.
pub struct FilingTask {
    pub filer: Filer,
    /// Rung when a relationship was accepted.
    pub wake: Arc<Notify>,
    pub poll: Duration,
    /// Everybody's rows are read after so many seconds, whatever the database says of changes.
    pub reread: u64,
    pub health: Health,
}

/// What the task knows of the database between two polls.
#[derive(Default)]
struct Watch {
    /// None after a start: what happened while we were away is not known, so everybody is read.
    cursor: Option<String>,
    /// When everybody was last marked to be read.
    marked: u64,
    /// Why the last poll failed.
    failed: Option<String>,
}

/// There is a reason to read a relationship's rows.
pub async fn want(connection: &mut SqliteConnection, relationship: u64) -> Result<(), store::Error> {
    sqlx::query(
        "INSERT INTO filing (relationship, wanted, done) VALUES (?, 1, 0) \
         ON CONFLICT (relationship) DO UPDATE SET wanted = wanted + 1",
    )
    .bind(to_db(relationship))
    .execute(connection)
    .await?;
    Ok(())
}

impl FilingTask {
    /// Works until told to stop. A database out of reach is waited for; a store out of reach ends the task.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut watch = Watch::default();
        let mut polls = tokio::time::interval(self.poll);
        polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let polled = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.wake.notified() => false,
                _ = polls.tick() => true,
            };
            if polled {
                self.look_for_changes(&mut watch).await?;
            }
            let outcome = self.file_wanted(&stop).await?;
            self.health.filing(watch.failed.clone().map_or(outcome, Err));
        }
    }

    /// Asks the database whether anything moved since the last time; if so, everybody's rows are read again.
    async fn look_for_changes(&self, watch: &mut Watch) -> Result<(), Error> {
        let now = self.filer.clock.now();
        let changes = match self.filer.adapter.changes(watch.cursor.as_deref()).await {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, "the hospital's database is out of reach");
                watch.failed = Some(error.to_string());
                return Ok(());
            }
        };
        watch.failed = None;
        if changes.affected == Affected::Everybody || now.abs_diff(watch.marked) >= self.reread {
            let mut tx = self.filer.store.begin().await?;
            sqlx::query("UPDATE filing SET wanted = wanted + 1").execute(&mut *tx).await?;
            tx.commit().await?;
            watch.marked = now;
        }
        // Only now: what the mark is for must not be forgotten by a failure between.
        watch.cursor = Some(changes.cursor);
        Ok(())
    }

    /// Files what is wanted; the last thing that went wrong, if anything did.
    async fn file_wanted(&self, stop: &CancellationToken) -> Result<Result<(), String>, Error> {
        let mut outcome = Ok(());
        for (relationship, wanted) in self.wanted().await? {
            if stop.is_cancelled() {
                break;
            }
            match self.file(relationship).await {
                Ok(()) => {
                    failpoint::hit("filing.patient-filed");
                    self.done(relationship, wanted).await?;
                }
                Err(error @ (Error::Store(_) | Error::Log(_))) => return Err(error),
                Err(error) => {
                    tracing::warn!(relationship, %error, "records could not be filed; trying again later");
                    outcome = Err(error.to_string());
                    if matches!(
                        error,
                        Error::Adapter(adapter::Error::Gone { .. } | adapter::Error::Open { .. })
                    ) {
                        break;
                    }
                }
            }
        }
        Ok(outcome)
    }

    /// Closing ends filing, so only active relationships count.
    async fn wanted(&self) -> Result<Vec<(u64, i64)>, Error> {
        let rows = sqlx::query(
            "SELECT f.relationship, f.wanted FROM filing f JOIN relationships r ON r.id = f.relationship \
             WHERE f.done < f.wanted AND r.status = 'active' ORDER BY f.relationship",
        )
        .fetch_all(self.filer.store.read())
        .await?;
        rows.iter().map(|row| Ok((from_db(row.try_get("relationship")?), row.try_get("wanted")?))).collect()
    }

    /// Reads all scopes of one patient and files what differs.
    async fn file(&self, relationship: u64) -> Result<(), Error> {
        let mut connection = self.filer.store.read().acquire().await?;
        let patient_id = openings::patient_id(&mut connection, relationship).await?;
        drop(connection);
        let missing = || store::Error::Corrupt { what: "openings.patient_id".into() };
        let patient_id = patient_id.ok_or_else(missing)?;
        // A row that is no record stops its scope, not the others.
        let mut outcome = Ok(());
        for scope in self.filer.adapter.scopes() {
            match self.filer.bring_up_to_date(relationship, scope, &patient_id).await {
                Ok(filed) => {
                    tracing::debug!(relationship, scope = scope.id, records = filed.len(), "filed")
                }
                Err(error @ Error::Adapter(_)) => outcome = Err(error),
                Err(error) => return Err(error),
            }
        }
        outcome
    }

    async fn done(&self, relationship: u64, wanted: i64) -> Result<(), Error> {
        let mut tx = self.filer.store.begin().await?;
        sqlx::query("UPDATE filing SET done = ? WHERE relationship = ?")
            .bind(wanted)
            .bind(to_db(relationship))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

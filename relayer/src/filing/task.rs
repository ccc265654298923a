//! The task that files: accepted relationships at once, all of them again when the hospital's database moved.

use std::{sync::Arc, time::Duration};

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Error, Filer, openings};
use crate::{
    adapter::{self, Affected},
    failpoint,
    log::{
        self,
        pacing::{FirstFiling, Pace},
    },
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
    pub pace: Pace,
    pub health: Health,
}

/// A relationship to be filed.
struct Wanted {
    relationship: u64,
    /// What `done` becomes.
    wanted: i64,
    /// Its records were never all filed.
    first: bool,
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
            let outcome = self.file_due(&stop).await?;
            self.health.filing(watch.failed.clone().or(outcome).map_or(Ok(()), Err));
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

    /// One round over the relationships that are due; the last thing that went wrong, if anything did.
    pub async fn file_due(&self, stop: &CancellationToken) -> Result<Option<String>, Error> {
        let mut outcome = None;
        for Wanted { relationship, wanted, first } in self.wanted().await? {
            if stop.is_cancelled() {
                break;
            }
            match self.file(relationship, first).await {
                Ok(0) => {
                    failpoint::hit("filing.patient-filed");
                    self.done(relationship, wanted).await?;
                }
                Ok(left) => tracing::debug!(relationship, left, "records wait for their time"),
                Err(error @ (Error::Store(_) | Error::Log(_))) => return Err(error),
                Err(error) => {
                    tracing::warn!(relationship, %error, "records could not be filed; trying again later");
                    outcome = Some(error.to_string());
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

    /// Closing ends filing, so only active relationships count; and only those whose time has come (security H9).
    async fn wanted(&self) -> Result<Vec<Wanted>, Error> {
        let rows = sqlx::query(
            "SELECT f.relationship, f.wanted, f.done = 0 AS first FROM filing f \
             JOIN relationships r ON r.id = f.relationship \
             LEFT JOIN first_filings p ON p.relationship = f.relationship \
             WHERE f.done < f.wanted AND r.status = 'active' AND coalesce(p.next, 0) <= ? ORDER BY f.relationship",
        )
        .bind(to_db(self.filer.clock.now()))
        .fetch_all(self.filer.store.read())
        .await?;
        let read = |row: &SqliteRow| {
            let (relationship, wanted) = (from_db(row.try_get("relationship")?), row.try_get("wanted")?);
            Ok(Wanted { relationship, wanted, first: row.try_get("first")? })
        };
        rows.iter().map(read).collect()
    }

    /// Reads all scopes of one patient and files what differs, as far as its time has come; how many records wait.
    async fn file(&self, relationship: u64, first: bool) -> Result<u64, Error> {
        let now = self.filer.clock.now();
        let mut connection = self.filer.store.read().acquire().await?;
        let patient_id = openings::patient_id(&mut connection, relationship).await?;
        drop(connection);
        let first = if first { self.begin_first(relationship, now).await? } else { None };
        let missing = || store::Error::Corrupt { what: "openings.patient_id".into() };
        let patient_id = patient_id.ok_or_else(missing)?;
        let mut due = first.and_then(|first| first.due(now)).unwrap_or(u64::MAX);
        let mut left = 0u64;
        // A row that is no record stops its scope, not the others.
        let mut outcome = Ok(());
        for scope in self.filer.adapter.scopes() {
            let limit = usize::try_from(due.min(self.allowance().await?)).unwrap_or(usize::MAX);
            match self.filer.bring_nearer(relationship, scope, &patient_id, limit).await {
                Ok(progress) => {
                    due = due.saturating_sub(progress.filed as u64);
                    left = left.saturating_add(progress.left as u64);
                    tracing::debug!(relationship, scope = scope.id, filed = progress.filed, "filed");
                }
                Err(error @ Error::Adapter(_)) => outcome = Err(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(first) = first {
            // A scope that failed is not filed: the first filing goes on.
            let left = if outcome.is_ok() { left } else { left.max(1) };
            let mut tx = self.filer.store.begin().await?;
            first.visited(&mut tx, left, now).await?;
            tx.commit().await?;
        }
        outcome.map(|()| left)
    }

    async fn begin_first(&self, relationship: u64, now: u64) -> Result<Option<FirstFiling>, Error> {
        let mut tx = self.filer.store.begin().await?;
        let first = self.pace.first_filing(&mut tx, relationship, now).await?;
        tx.commit().await?;
        Ok(first)
    }

    /// Entries the log has room for until the next tick.
    async fn allowance(&self) -> Result<u64, Error> {
        let mut connection = self.filer.store.read().acquire().await?;
        let size = log::head(&mut connection).await?.size;
        Ok(self.pace.allowance(size).unwrap_or(u64::MAX))
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

//! The pacing stage: how fast the log grows says little of who was opened or filed (security H9).
//!
//! Two things, both configured: the first filing of a relationship is spread over hours, and cover entries fill every
//! tick up to one size. What belongs to a read or to a block never waits.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use medrec_accesslog::{ENTRY_LEN, Entry};
use rand_core::{OsRng, RngCore};
use sqlx::{Row, SqliteConnection};

use super::{Error, append::Appender};
use crate::{
    failpoint,
    store::{self, Store, from_db, to_db},
};

/// How entries are paced; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Seconds over which a relationship's first filing is spread; 0: filed at once.
    first_filing: u64,
    /// Entries by which the log grows every tick; 0: as it comes.
    cover: u64,
    /// Size the log has after the next tick.
    ceiling: Arc<AtomicU64>,
}

impl Pace {
    pub fn new(first_filing: u64, cover: u64) -> Self {
        Self { first_filing, cover, ceiling: Arc::default() }
    }

    /// Entries that filing may add to a log of `size` entries before the next tick; none: as many as there are. Half of
    /// the rate is left to what cannot wait.
    pub fn allowance(&self, size: u64) -> Option<u64> {
        let reserve = self.cover.wrapping_div(2);
        let ceiling = self.ceiling.load(Ordering::SeqCst).saturating_sub(reserve);
        (self.cover > 0).then(|| ceiling.saturating_sub(size))
    }

    /// Fills the log up with cover; the size to be anchored, none if the newest head is.
    ///
    /// A log that grew beyond its rate goes on from where it is: that tick shows.
    pub async fn tick(&self, store: &Store, anchored: u64) -> Result<Option<u64>, Error> {
        if self.cover == 0 {
            return Ok(None);
        }
        let mut tx = store.begin().await?;
        let mut appender = Appender::open(store, &mut tx).await?;
        // After a restart the ceiling is not known: the anchor before goes on.
        let ceiling = self.ceiling.load(Ordering::SeqCst).max(anchored.saturating_add(self.cover));
        while appender.size() < ceiling {
            appender.append(&mut tx, &cover(), None, "cover").await?;
        }
        let size = appender.size();
        appender.close(&mut tx).await?;
        tx.commit().await?;
        failpoint::hit("log.cover-committed");
        self.ceiling.store(size.saturating_add(self.cover), Ordering::SeqCst);
        Ok(Some(size))
    }

    /// The first filing of a relationship, begun now if it was not; none if it is not to be spread.
    pub async fn first_filing(
        &self,
        connection: &mut SqliteConnection,
        relationship: u64,
        now: u64,
    ) -> Result<Option<FirstFiling>, store::Error> {
        if self.first_filing == 0 {
            sqlx::query("DELETE FROM first_filings WHERE relationship = ?")
                .bind(to_db(relationship))
                .execute(connection)
                .await?;
            return Ok(None);
        }
        sqlx::query(
            "INSERT INTO first_filings (relationship, ends, visited, next) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(to_db(relationship))
        .bind(to_db(now.saturating_add(self.first_filing)))
        .bind(to_db(now))
        .bind(to_db(now))
        .execute(&mut *connection)
        .await?;
        let row =
            sqlx::query("SELECT ends, visited, next, remaining FROM first_filings WHERE relationship = ?")
                .bind(to_db(relationship))
                .fetch_one(connection)
                .await?;
        Ok(Some(FirstFiling {
            relationship,
            ends: from_db(row.try_get("ends")?),
            visited: from_db(row.try_get("visited")?),
            next: from_db(row.try_get("next")?),
            remaining: row.try_get::<Option<i64>, _>("remaining")?.map(from_db),
        }))
    }
}

/// 512 random bytes, as every entry looks to those it does not belong to.
fn cover() -> Entry {
    let mut bytes = [0; ENTRY_LEN];
    OsRng.fill_bytes(&mut bytes);
    Entry::from_bytes(bytes)
}

/// A first filing under way. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstFiling {
    relationship: u64,
    ends: u64,
    visited: u64,
    /// Not before this time is the next record filed.
    next: u64,
    /// Records that were left at the last visit; none before the first.
    remaining: Option<u64>,
}

impl FirstFiling {
    /// Records to file now: their share of the time since the last visit; none: all there are. The first visit counts.
    pub fn due(&self, now: u64) -> Option<u64> {
        if now >= self.ends {
            return None;
        }
        if now < self.next {
            return Some(0);
        }
        let span = u128::from(self.ends.saturating_sub(self.visited).max(1));
        let passed = u128::from(now.saturating_sub(self.visited));
        let share = u128::from(self.remaining.unwrap_or(0)).saturating_mul(passed).div_ceil(span);
        Some(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// Says what was left at this visit; the next record is due after a random while, on average in time for all.
    pub async fn visited(
        self,
        connection: &mut SqliteConnection,
        remaining: u64,
        now: u64,
    ) -> Result<(), store::Error> {
        if remaining == 0 {
            sqlx::query("DELETE FROM first_filings WHERE relationship = ?")
                .bind(to_db(self.relationship))
                .execute(connection)
                .await?;
            return Ok(());
        }
        let gap = self.ends.saturating_sub(now).saturating_mul(2).checked_div(remaining).unwrap_or(0);
        let while_random = OsRng.next_u64().checked_rem(gap.saturating_add(1)).unwrap_or(0);
        sqlx::query("UPDATE first_filings SET visited = ?, next = ?, remaining = ? WHERE relationship = ?")
            .bind(to_db(now))
            .bind(to_db(now.saturating_add(while_random)))
            .bind(to_db(remaining))
            .bind(to_db(self.relationship))
            .execute(connection)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filing(visited: u64, remaining: Option<u64>) -> FirstFiling {
        FirstFiling { relationship: 5, ends: 1_000, visited, next: visited, remaining }
    }

    #[test]
    fn records_are_due_in_proportion_to_the_time_passed() {
        assert_eq!(filing(0, None).due(0), Some(0), "the first visit counts");
        assert_eq!(filing(0, Some(100)).due(0), Some(0));
        assert_eq!(filing(0, Some(100)).due(10), Some(1));
        assert_eq!(filing(0, Some(100)).due(11), Some(2), "late rather than never: rounded up");
        assert_eq!(filing(500, Some(50)).due(750), Some(25));
        assert_eq!(filing(0, Some(100)).due(1_000), None, "the time is over: all");
        assert_eq!(FirstFiling { next: 20, ..filing(0, Some(100)) }.due(19), Some(0));
        assert_eq!(filing(900, Some(7)).due(10), Some(0), "a clock set back files nothing");
    }

    #[test]
    fn half_of_the_rate_is_left_to_what_cannot_wait() {
        assert_eq!(Pace::default().allowance(7), None);
        let pace = Pace::new(0, 10);
        assert_eq!(pace.allowance(0), Some(0), "before the first tick nothing is known");
        pace.ceiling.store(110, Ordering::SeqCst);
        assert_eq!([100, 104, 105, 200].map(|size| pace.allowance(size).unwrap()), [5, 1, 0, 0]);
        let slowest = Pace::new(0, 1);
        slowest.ceiling.store(101, Ordering::SeqCst);
        assert_eq!(slowest.allowance(100), Some(1));
    }
}

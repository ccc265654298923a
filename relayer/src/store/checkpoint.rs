//! Moves what the write-ahead log holds into the store's file, beside the commits instead of inside one of them, and
//! empties the log: old images of pages, with keys that were destroyed since, do not linger in it (security H14).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::Row;
use tokio_util::sync::CancellationToken;

use super::{Error, Store};

/// Pages that a look should move: a commit's sync waits for those of a checkpoint, so many small ones are better than
/// few large ones.
const FEW: i64 = 500;
/// Between two looks.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);
/// The log is emptied when nobody wrote for so long.
const IDLE: Duration = Duration::from_secs(1);
/// Pages from which the log begins anew although somebody writes: 128 MiB. A commit waits some 10 to 30 ms then.
const LONG: i64 = 32_768;
/// The log is emptied at least so often while anything is in it, at the first look at which nobody reads.
const LINGER: Duration = Duration::from_secs(30);

/// Works until told to stop. A failure is told and tried again: until it works, commits go on and the log grows.
pub async fn run(store: Arc<Store>, stop: CancellationToken) {
    let mut checkpoints = Checkpoints::new(store);
    let mut pause = LONGEST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        match checkpoints.step().await {
            Ok(moved) => pause = next_pause(pause, moved),
            Err(error) => {
                pause = LONGEST;
                tracing::warn!(%error, "the store's write-ahead log is not moved into the store; trying again");
            }
        }
    }
}

/// What the last look saw.
pub struct Checkpoints {
    store: Arc<Store>,
    seen: Log,
    /// When something was seen to come.
    written: Instant,
    emptied: Instant,
    idle: Duration,
}

/// Pages in the write-ahead log, and how many of them are in the store's file too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Log {
    pages: i64,
    moved: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// The next commit writes from the log's start.
    Restart,
    /// The log's file is empty.
    Truncate,
}

impl Checkpoints {
    pub fn new(store: Arc<Store>) -> Self {
        let now = Instant::now();
        Self { store, seen: Log::default(), written: now, emptied: now, idle: IDLE }
    }

    /// One look: moves what is there while others write, then begins the log anew if it is time. Pages that came since
    /// the last look.
    pub async fn step(&mut self) -> Result<i64, Error> {
        if std::fs::metadata(self.store.wal()).map_or(0, |found| found.len()) == 0 {
            (self.seen, self.emptied) = (Log::default(), Instant::now());
            return Ok(0);
        }
        let now = self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)").await?;
        let before = std::mem::replace(&mut self.seen, now);
        // Fewer than before: it began anew.
        let came = if now.pages < before.pages { now.pages } else { now.pages.saturating_sub(before.pages) };
        if now.pages != before.pages {
            self.written = Instant::now();
        }
        let is_idle = self.written.elapsed() >= self.idle;
        let mode = match next(now, is_idle, self.emptied.elapsed()) {
            Next::Nothing => return Ok(came),
            Next::Restart => "PRAGMA wal_checkpoint(RESTART)",
            Next::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        // Nobody writes meanwhile, so little is left to move. Readers are not waited for: then it stays as it is.
        let _writer = self.store.writer().await?;
        self.seen = self.checkpoint(mode).await?;
        Ok(came)
    }

    async fn checkpoint(&self, pragma: &'static str) -> Result<Log, Error> {
        let row = sqlx::query(pragma).fetch_one(&self.store.checkpoint).await?;
        Ok(Log { pages: row.try_get("log")?, moved: row.try_get("checkpointed")? })
    }
}

/// Twice as long or half as long as the last one, until a look moves few pages.
fn next_pause(last: Duration, came: i64) -> Duration {
    let next = if came > FEW { last.checked_div(2) } else { last.checked_mul(2) };
    next.unwrap_or(last).clamp(SHORTEST, LONGEST)
}

fn next(now: Log, is_idle: bool, since_emptied: Duration) -> Next {
    let is_moved = now.moved == now.pages;
    if (is_idle && is_moved) || since_emptied >= LINGER {
        Next::Truncate
    } else if now.pages >= LONG && (is_moved || now.pages >= LONG.saturating_mul(2)) {
        Next::Restart
    } else {
        Next::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a key that was destroyed";

    async fn put(store: &Store, value: &str) {
        let mut tx = store.begin().await.unwrap();
        sqlx::query("INSERT OR REPLACE INTO meta VALUES ('secret', ?)")
            .bind(value)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn open() -> (tempfile::TempDir, Arc<Store>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap();
        (dir, Arc::new(store))
    }

    fn holds(path: &std::path::Path, text: &str) -> bool {
        std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[tokio::test]
    async fn what_was_destroyed_is_gone_from_the_log_too() {
        let (_dir, store) = open().await;
        let mut checkpoints = Checkpoints { idle: Duration::ZERO, ..Checkpoints::new(store.clone()) };
        put(&store, SECRET).await;
        put(&store, "nothing").await;
        assert!(holds(&store.wal(), SECRET), "else this shows nothing");
        checkpoints.step().await.unwrap();
        checkpoints.step().await.unwrap();
        assert_eq!(std::fs::metadata(store.wal()).unwrap().len(), 0);
        assert!(!holds(store.path(), SECRET) && holds(store.path(), "nothing"));
    }

    #[tokio::test]
    async fn a_reader_is_not_waited_for_and_the_log_is_emptied_after_him() {
        let (_dir, store) = open().await;
        let mut checkpoints = Checkpoints { idle: Duration::ZERO, ..Checkpoints::new(store.clone()) };
        put(&store, "one").await;
        let mut reader = store.read().begin().await.unwrap();
        let read = "SELECT value FROM meta WHERE key = 'secret'";
        let seen: String = sqlx::query_scalar(read).fetch_one(&mut *reader).await.unwrap();
        put(&store, "two").await;
        for _ in 0..3 {
            checkpoints.step().await.unwrap();
        }
        put(&store, "three").await;
        let again: String = sqlx::query_scalar(read).fetch_one(&mut *reader).await.unwrap();
        assert_eq!((seen.as_str(), again.as_str()), ("one", "one"));
        assert!(std::fs::metadata(store.wal()).unwrap().len() > 0);
        reader.rollback().await.unwrap();
        for _ in 0..3 {
            checkpoints.step().await.unwrap();
        }
        assert_eq!(std::fs::metadata(store.wal()).unwrap().len(), 0);
        assert!(holds(store.path(), "three"));
    }

    #[test]
    fn looks_are_as_often_as_there_is_something_to_move() {
        let after = |came: i64| (0..20).fold(LONGEST, |pause, _| next_pause(pause, came));
        assert_eq!((after(0), after(FEW), after(FEW + 1)), (LONGEST, LONGEST, SHORTEST));
    }

    #[test]
    fn the_log_begins_anew_when_it_is_idle_long_or_old() {
        let log = |pages, moved| Log { pages, moved };
        let soon = Duration::from_secs(1);
        assert_eq!(next(log(9, 9), false, soon), Next::Nothing, "somebody writes");
        assert_eq!(next(log(9, 9), true, soon), Next::Truncate);
        assert_eq!(next(log(9, 4), true, soon), Next::Nothing, "a reader needs the rest");
        assert_eq!(next(log(LONG, LONG), false, soon), Next::Restart);
        assert_eq!(next(log(LONG, 9), false, soon), Next::Nothing, "a moment later less is left to move");
        assert_eq!(next(log(2 * LONG, 9), false, soon), Next::Restart, "it was waited for long enough");
        assert_eq!(next(log(9, 9), false, LINGER), Next::Truncate);
    }
}

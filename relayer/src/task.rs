//! Named tasks under one supervisor: the first that ends, for whatever reason, stops all.

use std::{future::Future, time::Duration};

use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long tasks may take to end once they were told to.
const GRACE: Duration = Duration::from_secs(25);

/// Why the group ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{name} failed: {reason}")]
    Failed { name: &'static str, reason: anyhow::Error },
    #[error("{name} ended although nothing asked it to")]
    Ended { name: &'static str },
    #[error("a task panicked: {0}")]
    Panicked(tokio::task::JoinError),
    #[error("tasks did not end within {} s of being asked to", GRACE.as_secs())]
    Stuck,
}

/// Tasks that live and die together.
pub struct TaskGroup {
    stop: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
}

impl TaskGroup {
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, tasks: JoinSet::new() }
    }

    /// Cancelled when all are to end.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// A task ends by itself when the group's token is cancelled.
    pub fn spawn(
        &mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Waits for the first task to end, then stops the others and waits for them.
    pub async fn run(mut self) -> Result<(), Error> {
        let first = self.tasks.join_next().await;
        let asked = self.stop.is_cancelled();
        self.stop.cancel();
        let outcome = first.map_or(Ok(()), |joined| judge(joined, asked));
        let rest = timeout(GRACE, async {
            let mut worst = Ok(());
            while let Some(joined) = self.tasks.join_next().await {
                worst = worst.and(judge(joined, true));
            }
            worst
        });
        outcome.and(rest.await.unwrap_or(Err(Error::Stuck)))
    }
}

type Joined = Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>;

fn judge(joined: Joined, asked: bool) -> Result<(), Error> {
    match joined {
        Err(panicked) => Err(Error::Panicked(panicked)),
        Ok((name, Err(reason))) => Err(Error::Failed { name, reason }),
        Ok((name, Ok(()))) if !asked => Err(Error::Ended { name }),
        Ok((name, Ok(()))) => {
            tracing::info!(task = name, "ended");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_failure_stops_all_and_is_reported() {
        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone());
        let waits = stop.clone();
        group.spawn("waits", async move {
            waits.cancelled().await;
            Ok(())
        });
        group.spawn("fails", async { anyhow::bail!("no more") });
        let error = group.run().await.unwrap_err();
        assert!(matches!(error, Error::Failed { name: "fails", .. }), "{error}");
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn an_early_end_is_an_error_and_an_asked_end_is_not() {
        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone());
        group.spawn("short", async { Ok(()) });
        assert!(matches!(group.run().await, Err(Error::Ended { name: "short" })));

        let stop = CancellationToken::new();
        let mut group = TaskGroup::new(stop.clone());
        let waits = stop.clone();
        group.spawn("waits", async move {
            waits.cancelled().await;
            Ok(())
        });
        stop.cancel();
        assert!(group.run().await.is_ok());
    }
}

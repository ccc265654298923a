//! Waiting on conditions, with a deadline that says what was waited for.

use std::time::Duration;

use anyhow::{Error, Result, bail};
use tokio::time::Instant;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Trouble that passes: somebody did not answer, or the chain stands still. A person tries again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Passing(pub String);

impl Passing {
    /// Whether an error is of this kind; nodes that do not answer are.
    pub fn is(error: &Error) -> bool {
        error.chain().any(|cause| {
            cause.is::<Self>()
                || cause.is::<reqwest::Error>()
                || cause.is::<medrec_clients::Error>()
                || cause.is::<medrec_localnet::Error>()
        })
    }
}

/// Looks until there is something, or the deadline passes. Trouble that passes is told if it does not.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now().checked_add(deadline);
    loop {
        let looked = look().await;
        let trouble = match looked {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => String::new(),
            Err(error) if Passing::is(&error) => format!("; last: {error:#}"),
            Err(error) => return Err(error),
        };
        if end.is_none_or(|end| Instant::now() > end) {
            bail!("waited {} s for {what}, in vain{trouble}", deadline.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_passes_is_tried_again_and_what_is_wrong_is_told_at_once() {
        let mut tries = 0;
        let found = until("an answer", Duration::from_secs(5), async || {
            tries += 1;
            if tries < 3 { Err(Passing("nobody there".to_owned()).into()) } else { Ok(Some(7)) }
        });
        assert_eq!(found.await.unwrap(), 7);
        assert_eq!(tries, 3);

        let mut tries = 0;
        let wrong = until("a count", Duration::from_secs(5), async || -> Result<Option<()>> {
            tries += 1;
            bail!("2 records, expected 3")
        });
        assert_eq!(wrong.await.unwrap_err().to_string(), "2 records, expected 3");
        assert_eq!(tries, 1);
    }

    #[tokio::test]
    async fn a_deadline_tells_what_the_trouble_was() {
        let late = until("an answer", Duration::ZERO, async || -> Result<Option<()>> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Err(Passing("nobody there".to_owned()).into())
        });
        assert_eq!(
            late.await.unwrap_err().to_string(),
            "waited 0 s for an answer, in vain; last: nobody there"
        );
    }
}

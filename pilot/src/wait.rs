//! Waiting on conditions, with a deadline that says what was waited for.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Looks until there is something, or the deadline passes.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now().checked_add(deadline);
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if end.is_none_or(|end| Instant::now() > end) {
            bail!("waited {} s for {what}, in vain", deadline.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
}

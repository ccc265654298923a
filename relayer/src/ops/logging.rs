//! Logs: JSON lines on standard error. What is logged names relationships, heights and reasons, never a patient's
//! id, a card, a scope's content or a payload.

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Starts logging; `RUST_LOG` sets the level, `info` without it.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let lines = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    // Fails only if logging was started before, as in tests.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

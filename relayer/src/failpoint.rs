//! Named points at which a test kills this process, to prove that nothing is lost or done twice there.
//!
//! `MEDREC_FAILPOINT=name` or `name:3` (the third time) ends the process by SIGKILL: no destructor, no flush. Compiled
//! into builds with debug assertions only; a release has none.

/// Every point there is; the tests of kill -9 go through this list.
pub const ALL: &[&str] = &[
    "desk.drawn",
    "desk.kept",
    "desk.offer-queued",
    "desk.queued",
    "filing.batch-committed",
    "filing.patient-filed",
    "gate.entry-durable",
    "gate.entry-written",
    "ingest.applied",
    "log.bundle-written",
    "log.counters-committed",
    "log.counters-written",
    "log.cover-committed",
    "log.rows-deleted",
    "mirror.state-written",
    "mirror.tiles-written",
    "office.close-queued",
    "office.open-queued",
    "outbox.broadcast",
    "outbox.prepared",
    "outbox.settled",
    "rebuild.read",
    "rebuild.written",
];

/// Dies here if the environment says so.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    use nix::sys::signal::{Signal, kill};

    static ARMED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let wanted = std::env::var("MEDREC_FAILPOINT").ok()?;
        let (name, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some((name.to_owned(), nth.parse().unwrap_or(1)))
    });
    static SEEN: AtomicU64 = AtomicU64::new(0);

    debug_assert!(ALL.contains(&name), "failpoint {name:?} is not in the list");
    if let Some((armed, nth)) = &*ARMED
        && armed == name
        && SEEN.fetch_add(1, Ordering::SeqCst).saturating_add(1) == *nth
        && kill(nix::unistd::getpid(), Signal::SIGKILL).is_ok()
    {
        // The signal is on its way; nothing more is to happen here.
        loop {
            std::thread::park();
        }
    }
}

/// Nothing in a release.
#[cfg(not(debug_assertions))]
pub const fn hit(_name: &str) {}

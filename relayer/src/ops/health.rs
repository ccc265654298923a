//! One snapshot of how it goes, written by the tasks, read by `/healthz`, `/readyz` and `/status`.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use tokio::sync::watch;

use super::metrics::Metrics;
use crate::{clock::Clock, log::promises, mirror};

/// How it goes. Heights are blocks, sizes entries, times seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Newest height a node told of.
    pub observed_height: u64,
    /// Newest applied height, and that block's time.
    pub applied_height: u64,
    pub applied_time: u64,
    /// The last look at the chain failed.
    pub chain_error: Option<String>,
    /// The line is stopped: a block could not be applied, and none is skipped.
    pub stopped: Option<String>,
    /// Differences between projection and contracts that the last comparison found and put right; none before it.
    pub drift: Option<usize>,
    /// Entries of the log that the newest anchor on chain covers.
    pub anchored_size: u64,
    /// Entries promised to be anchored that are not yet, and those of them that are late: a broken promise.
    pub promises_open: u64,
    pub promises_broken: u64,
    /// Anchored bundles could not be moved to files.
    pub bundles_error: Option<String>,
    /// The last filing failed.
    pub filing_error: Option<String>,
    /// Copies of other institutions' logs, by institution id.
    #[serde(deserialize_with = "by_number")]
    pub mirrors: BTreeMap<u32, mirror::Standing>,
}

/// JSON's keys are text, which serde does not take for numbers inside a flattened struct, as `/status` has this.
fn by_number<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, mirror::Standing>, D::Error> {
    let by_text: BTreeMap<String, mirror::Standing> = Deserialize::deserialize(from)?;
    let number = |(id, standing): (String, _)| Ok((id.parse().map_err(D::Error::custom)?, standing));
    by_text.into_iter().map(number).collect()
}

/// Newest applied block, once every block the node had told of was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainView {
    pub height: u64,
    pub time: u64,
}

/// Handle on the snapshot; clones share it.
#[derive(Clone)]
pub struct Health {
    snapshot: Arc<watch::Sender<Snapshot>>,
    view: Arc<watch::Sender<Option<ChainView>>>,
    clock: Arc<dyn Clock>,
    /// Seconds, in either direction.
    max_staleness: u64,
    /// Where everybody who has this handle counts.
    pub metrics: Metrics,
}

impl Health {
    pub fn new(clock: Arc<dyn Clock>, max_staleness: u64) -> Self {
        let snapshot = Arc::new(watch::Sender::new(Snapshot::default()));
        let view = Arc::new(watch::Sender::new(None));
        Self { snapshot, view, clock, max_staleness, metrics: Metrics::new() }
    }

    /// The node is at this height.
    pub fn observed(&self, height: u64) {
        self.snapshot.send_modify(|s| s.observed_height = height);
    }

    /// A block was applied.
    pub fn applied(&self, height: u64, time: u64) {
        self.snapshot.send_modify(|s| (s.applied_height, s.applied_time) = (height, time));
    }

    /// All blocks the node had told of are applied.
    pub fn caught_up(&self, view: ChainView) {
        self.view.send_replace(Some(view));
    }

    /// The last look at the chain found nothing wrong.
    pub fn chain_works(&self) {
        self.snapshot.send_if_modified(|s| s.chain_error.take().is_some());
    }

    pub fn chain_failed(&self, error: String) {
        self.snapshot.send_modify(|s| s.chain_error = Some(error));
    }

    /// No further block will be applied.
    pub fn stopped(&self, why: String) {
        self.snapshot.send_modify(|s| s.stopped = Some(why));
    }

    /// The projection was compared with the contracts' state.
    pub fn drift(&self, differences: usize) {
        self.snapshot.send_modify(|s| s.drift = Some(differences));
        self.metrics.reconciled(differences as u64);
    }

    pub fn anchored(&self, size: u64) {
        self.snapshot.send_modify(|s| s.anchored_size = size);
    }

    /// How it stands with the promises given; those newly broken count.
    pub fn promises(&self, standing: promises::Standing) {
        let before = self.snapshot.borrow().promises_broken;
        (before..standing.broken).for_each(|_| self.metrics.promise_broken());
        self.snapshot
            .send_modify(|s| (s.promises_open, s.promises_broken) = (standing.open, standing.broken));
    }

    pub fn bundles(&self, outcome: Result<(), String>) {
        self.snapshot.send_modify(|s| s.bundles_error = outcome.err());
    }

    pub fn filing(&self, outcome: Result<(), String>) {
        self.snapshot.send_modify(|s| s.filing_error = outcome.err());
    }

    /// How the copy of an institution's log stands.
    pub fn mirror(&self, institution: u32, standing: mirror::Standing) {
        self.metrics.mirror_lag(institution, standing.anchored.saturating_sub(standing.size));
        self.metrics.mirror_trouble(institution, standing.trouble.is_some());
        self.snapshot.send_modify(|s| {
            s.mirrors.insert(institution, standing);
        });
    }

    /// Seconds that the newest applied block may be from our clock.
    pub fn max_staleness(&self) -> u64 {
        self.max_staleness
    }

    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// The view permissions may be decided on now: caught up, and its block's time near our clock in either
    /// direction (security H10, H22), nothing stopped for good. None: chain-stale.
    pub fn fresh(&self) -> Option<ChainView> {
        let view = Some(*self.view.borrow()).filter(|_| self.healthy()).flatten();
        view.filter(|view| view.time.abs_diff(self.clock.now()) <= self.max_staleness)
    }

    /// Alive and doing its work: nothing stopped for good.
    pub fn healthy(&self) -> bool {
        self.snapshot.borrow().stopped.is_none()
    }

    /// Able to answer reads now.
    pub fn ready(&self) -> bool {
        self.healthy() && self.fresh().is_some()
    }

    /// Seconds between our clock and the newest applied block's time, in either direction.
    pub fn staleness(&self) -> u64 {
        self.snapshot.borrow().applied_time.abs_diff(self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_view_is_fresh_near_our_clock_in_both_directions() {
        let clock = ManualClock::at(1000);
        let health = Health::new(Arc::new(clock.clone()), 8);
        assert_eq!(health.fresh(), None);
        let view = ChainView { height: 5, time: 1000 };
        health.caught_up(view);
        for (now, fresh) in [(1000, true), (1008, true), (1009, false), (992, true), (991, false)] {
            clock.set(now);
            assert_eq!(health.fresh().is_some(), fresh, "{now}");
            assert_eq!(health.ready(), fresh);
        }
        clock.set(1000);
        health.stopped("schema".into());
        assert!(!health.healthy() && !health.ready());
    }
}

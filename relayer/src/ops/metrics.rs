//! What can be counted and watched, in the OpenMetrics text format at `/metrics` of the private listener.
//!
//! One struct, a method a fact; clones are cheap and share the numbers. A label is one of a small fixed set (a kind, a
//! reason) or an institution's id in the registrar: never a relationship, an address, a scope or a patient.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        MetricType, TypedMetric,
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Metric, Registry},
};

use super::status::Status;

/// Every name begins with it.
const PREFIX: &str = "medrec";

type Number = Gauge<u64, AtomicU64>;
/// One label from a fixed set of words.
type Word = [(&'static str, &'static str); 1];
/// One label: an institution's id.
type Id = [(&'static str, u32); 1];

/// Handle on the numbers; clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Numbers>);

struct Numbers {
    registry: Registry,
    names: Vec<String>,
    gauges: Gauges,
    entries: Family<Word, Counter>,
    under_way: Number,
    answers: Counter,
    refusals: Family<Word, Counter>,
    read_seconds: Histogram,
    commit_seconds: Histogram,
    adapter_seconds: Histogram,
    adapter_errors: Counter,
    drift: Number,
    drift_found: Counter,
    mirror_lag: Family<Id, Number>,
    mirror_trouble: Family<Id, Number>,
    promises_broken: Counter,
    counters_day: Number,
    research_answers: Counter,
    research_deliveries: Counter,
    research_troubles: Counter,
}

/// What is looked up when somebody asks; the rest is counted as it happens.
struct Gauges {
    healthy: Number,
    ready: Number,
    observed_height: Number,
    applied_height: Number,
    staleness: Number,
    log_size: Number,
    anchored_size: Number,
    outbox_waiting: Number,
    outbox_oldest: Number,
    filing_backlog: Number,
    store_bytes: Number,
    disk_free_bytes: Number,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut made = Maker { registry: Registry::with_prefix(PREFIX), names: Vec::new() };
        made.register("build", "The running program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let numbers = Numbers {
            gauges: Gauges::make(&mut made),
            entries: made.zero("entries", "Entries written since the start, by kind"),
            under_way: made.zero("requests_under_way", "Signed requests that are being worked on"),
            answers: made.zero("answers", "Requests answered with what they asked for since the start"),
            refusals: made.zero("refusals", "Requests refused since the start, by reason"),
            read_seconds: made.seconds("read_seconds", "A request from its last byte to its answer"),
            commit_seconds: made
                .seconds("commit_seconds", "A decided request until entry and answer are durable"),
            adapter_seconds: made.seconds("adapter_seconds", "Reading one scope of one patient"),
            adapter_errors: made.zero("adapter_errors", "Reads of the hospital's database that failed"),
            drift: made.zero("projection_drift", "Differences between projection and chain found last time"),
            drift_found: made.zero("projection_drift_found", "Differences found since the start"),
            mirror_lag: made
                .zero("mirror_lag_entries", "Another institution's anchored entries not mirrored yet"),
            mirror_trouble: made
                .zero("mirror_trouble", "1 while its log cannot be mirrored or contradicts itself"),
            promises_broken: made.zero("promises_broken", "Promised entries not under an anchor in time"),
            counters_day: made.zero("counters_day", "Day of the newest daily counter map, days since 1970"),
            research_answers: made.zero("research_answers", "Questions of research whose noise was drawn"),
            research_deliveries: made.zero("research_deliveries", "Answers queued for their owners"),
            research_troubles: made.zero("research_troubles", "Looks at an offer that could not be answered"),
            registry: made.registry,
            names: made.names,
        };
        Self(Arc::new(numbers))
    }

    /// Every metric's name as a query has it; a histogram's without its endings.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// A request came; it is under way until the answer is dropped.
    pub fn begun(&self) -> UnderWay {
        self.0.under_way.inc();
        UnderWay(self.0.under_way.clone())
    }

    /// A request got what it asked for, so long after its last byte came.
    pub fn answered(&self, took: Duration) {
        self.0.answers.inc();
        self.0.read_seconds.observe(took.as_secs_f64());
    }

    /// A request was refused with this reason code.
    pub fn refused(&self, reason: &'static str) {
        self.0.refusals.get_or_create(&[("reason", reason)]).inc();
    }

    /// A decided request was durable after so long.
    pub fn committed(&self, took: Duration) {
        self.0.commit_seconds.observe(took.as_secs_f64());
    }

    /// A scope of a patient was read, or could not be.
    pub fn adapter_read(&self, took: Duration, ok: bool) {
        self.0.adapter_seconds.observe(took.as_secs_f64());
        if !ok {
            self.0.adapter_errors.inc();
        }
    }

    /// The projection was compared with the chain, with so many differences.
    pub fn reconciled(&self, differences: u64) {
        self.0.drift.set(differences);
        self.0.drift_found.inc_by(differences);
    }

    /// So many anchored entries of an institution's log are not mirrored yet.
    pub fn mirror_lag(&self, institution: u32, entries: u64) {
        self.0.mirror_lag.get_or_create(&[("institution", institution)]).set(entries);
    }

    /// An institution's log cannot be mirrored, or can again.
    pub fn mirror_trouble(&self, institution: u32, trouble: bool) {
        self.0.mirror_trouble.get_or_create(&[("institution", institution)]).set(trouble.into());
    }

    /// The anchor of a promised entry came too late.
    pub fn promise_broken(&self) {
        self.0.promises_broken.inc();
    }

    /// The counter map of a day (days since 1970) is written.
    pub fn counters_day(&self, day: u32) {
        self.0.counters_day.set(day.into());
    }

    /// The desk drew an answer. Never which, or what of.
    pub fn drawn(&self) {
        self.0.research_answers.inc();
    }

    /// An answer is on its way to its owner.
    pub fn delivered(&self) {
        self.0.research_deliveries.inc();
    }

    /// An offer waits, or will not be answered.
    pub fn research_trouble(&self) {
        self.0.research_troubles.inc();
    }

    /// Everything as text, with how it stands now.
    pub fn text(&self, now: &Status) -> Result<String, std::fmt::Error> {
        self.0.gauges.set(now);
        for (kind, count) in &now.entries {
            // Of two who ask at the same time the later one may know less.
            self.0.entries.get_or_create(&[("kind", *kind)]).inner().fetch_max(*count, Ordering::Relaxed);
        }
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Gauges {
    fn make(made: &mut Maker) -> Self {
        Self {
            healthy: made.zero("healthy", "1 unless the line of blocks is stopped for good"),
            ready: made.zero("ready", "1 while reads can be answered"),
            observed_height: made.zero("chain_observed_height", "Newest height a node told of"),
            applied_height: made.zero("chain_applied_height", "Newest applied height"),
            staleness: made.zero("chain_staleness_seconds", "Our clock against the newest applied block"),
            log_size: made.zero("log_size", "Entries in the access log"),
            anchored_size: made.zero("log_anchored_size", "Entries the newest anchor covers"),
            outbox_waiting: made.zero("outbox_waiting", "Transactions that are not settled"),
            outbox_oldest: made.zero("outbox_oldest_seconds", "Age of the oldest of them"),
            filing_backlog: made.zero("filing_backlog", "Relationships whose rows are to be read and filed"),
            store_bytes: made.zero("store_bytes", "Size of the store with its write-ahead log"),
            disk_free_bytes: made.zero("disk_free_bytes", "Free space where the store is"),
        }
    }

    fn set(&self, now: &Status) {
        for (gauge, value) in [
            (&self.healthy, now.healthy.into()),
            (&self.ready, now.ready.into()),
            (&self.observed_height, now.snapshot.observed_height),
            (&self.applied_height, now.snapshot.applied_height),
            (&self.staleness, now.staleness),
            (&self.log_size, now.log_size),
            (&self.anchored_size, now.snapshot.anchored_size),
            (&self.outbox_waiting, now.outbox.waiting),
            (&self.outbox_oldest, now.outbox_oldest),
            (&self.filing_backlog, now.filing_backlog),
            (&self.store_bytes, now.store_bytes),
            (&self.disk_free_bytes, now.disk_free_bytes),
        ] {
            gauge.set(value);
        }
    }
}

/// A request that is being worked on.
pub struct UnderWay(Number);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Registers metrics and notes their names.
struct Maker {
    registry: Registry,
    names: Vec<String>,
}

impl Maker {
    /// A number that starts at nothing.
    fn zero<M: Metric + TypedMetric + Default + Clone>(&mut self, name: &str, help: &str) -> M {
        self.add(name, help, M::default())
    }

    /// Durations, from half a millisecond to 16 s.
    fn seconds(&mut self, name: &str, help: &str) -> Histogram {
        let help = format!("{help}, seconds");
        self.add(name, &help, Histogram::new(exponential_buckets(0.0005, 2.0, 16)))
    }

    fn add<M: Metric + TypedMetric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.register(name, help, metric.clone());
        metric
    }

    fn register<M: Metric + TypedMetric>(&mut self, name: &str, help: &str, metric: M) {
        let ending = match M::TYPE {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            _ => "",
        };
        self.names.push(format!("{PREFIX}_{name}{ending}"));
        self.registry.register(name, help, metric);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_numbers_and_the_text_has_them() {
        let metrics = Metrics::new();
        let other = metrics.clone();
        other.refused("not-permitted");
        other.adapter_read(Duration::from_millis(3), false);
        other.mirror_lag(4, 17);
        let text = metrics
            .text(&Status {
                log_size: 9,
                ready: true,
                entries: [("read", 2), ("filed", 7)].into(),
                ..Status::default()
            })
            .unwrap();
        for line in [
            "medrec_entries_total{kind=\"read\"} 2",
            "medrec_entries_total{kind=\"filed\"} 7",
            "medrec_refusals_total{reason=\"not-permitted\"} 1",
            "medrec_adapter_errors_total 1",
            "medrec_adapter_seconds_count 1",
            "medrec_mirror_lag_entries{institution=\"4\"} 17",
            "medrec_log_size 9",
            "medrec_ready 1",
            "medrec_healthy 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}

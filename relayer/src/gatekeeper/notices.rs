//! Content-free notices: that there is news in a relationship's log, never what. One task looks for all streams.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use medrec_gate::{Reason, Refusal};
use sqlx::{QueryBuilder, Row};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::unavailable;
use crate::{
    config,
    store::{Error, Store, from_db, to_db},
};

/// How often the log is looked at while somebody listens.
const LOOK: Duration = Duration::from_millis(250);
/// Longest life of a stream.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// All open streams.
pub struct Notices {
    store: Arc<Store>,
    topics: Mutex<Topics>,
    per_relationship: usize,
    total: usize,
    stop: CancellationToken,
}

#[derive(Default)]
struct Topics {
    open: BTreeMap<u64, Topic>,
    streams: usize,
}

/// Entries of a relationship, told to its streams.
struct Topic {
    counter: watch::Sender<u64>,
    streams: usize,
}

/// One stream. Dropping it makes room for another.
pub struct Subscription {
    counter: watch::Receiver<u64>,
    until: Instant,
    stop: CancellationToken,
    _place: Place,
}

struct Place {
    notices: Arc<Notices>,
    relationship: u64,
}

impl Notices {
    pub fn new(store: Arc<Store>, limits: &config::Limits, stop: CancellationToken) -> Self {
        let (per_relationship, total) = (limits.streams_per_relationship, limits.streams_total);
        Self { store, topics: Mutex::default(), per_relationship, total, stop }
    }

    /// A stream of what happens from now on.
    pub async fn subscribe(self: &Arc<Self>, relationship: u64) -> Result<Subscription, Refusal> {
        let counter = self.counters(&[relationship]).await.map_err(unavailable)?;
        let counter = counter.get(&relationship).copied().unwrap_or(0);
        let mut topics = self.lock();
        if topics.streams >= self.total {
            return Err(Refusal::new(Reason::RateLimited, "all streams taken"));
        }
        let (topic, told) = match topics.open.entry(relationship) {
            Entry::Occupied(topic) => {
                let topic = topic.into_mut();
                let told = topic.counter.subscribe();
                (topic, told)
            }
            Entry::Vacant(place) => {
                let (counter, told) = watch::channel(counter);
                (place.insert(Topic { counter, streams: 0 }), told)
            }
        };
        if topic.streams >= self.per_relationship {
            return Err(Refusal::new(Reason::RateLimited, "all streams of the relationship taken"));
        }
        let now = Instant::now();
        topic.streams = topic.streams.saturating_add(1);
        topics.streams = topics.streams.saturating_add(1);
        drop(topics);
        Ok(Subscription {
            counter: told,
            until: now.checked_add(LIFETIME).unwrap_or(now),
            stop: self.stop.clone(),
            _place: Place { notices: self.clone(), relationship },
        })
    }

    /// Looks until told to stop.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let heard: Vec<u64> = self.lock().open.keys().copied().collect();
            if heard.is_empty() {
                continue;
            }
            match self.counters(&heard).await {
                Ok(counters) => self.tell(&counters),
                Err(error) => tracing::warn!(%error, "the log cannot be looked at for notices"),
            }
        }
    }

    fn tell(&self, counters: &BTreeMap<u64, u64>) {
        let topics = self.lock();
        for (relationship, topic) in &topics.open {
            if let Some(now) = counters.get(relationship) {
                topic.counter.send_if_modified(|told| std::mem::replace(told, *now) != *now);
            }
        }
    }

    /// Entries of these relationships.
    async fn counters(&self, relationships: &[u64]) -> Result<BTreeMap<u64, u64>, Error> {
        let mut select =
            QueryBuilder::new("SELECT relationship, counter FROM ratchets WHERE relationship IN (");
        let mut ids = select.separated(", ");
        for id in relationships {
            ids.push_bind(to_db(*id));
        }
        select.push(")");
        let rows = select.build().fetch_all(self.store.read()).await?;
        rows.iter()
            .map(|row| Ok((from_db(row.try_get("relationship")?), from_db(row.try_get("counter")?))))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Waits for news; false: the stream ends here.
    pub async fn news(&mut self) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep_until(self.until) => false,
            changed = self.counter.changed() => changed.is_ok(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut topics = self.notices.lock();
        topics.streams = topics.streams.saturating_sub(1);
        if let Entry::Occupied(mut topic) = topics.open.entry(self.relationship) {
            topic.get_mut().streams = topic.get().streams.saturating_sub(1);
            if topic.get().streams == 0 {
                topic.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn notices(dir: &tempfile::TempDir) -> Arc<Notices> {
        let store = Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap();
        let limits = config::Limits { streams_per_relationship: 2, streams_total: 3, ..Default::default() };
        Arc::new(Notices::new(Arc::new(store), &limits, CancellationToken::new()))
    }

    #[tokio::test]
    async fn streams_are_bounded_for_each_and_for_all_and_their_places_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let notices = notices(&dir).await;
        let limited = |id| {
            let notices = notices.clone();
            async move { notices.subscribe(id).await.map(drop).unwrap_err().reason == Reason::RateLimited }
        };
        let one = notices.subscribe(1).await.unwrap();
        let two = notices.subscribe(1).await.unwrap();
        assert!(limited(1).await);
        let three = notices.subscribe(2).await.unwrap();
        assert!(limited(3).await);
        drop((one, two));
        assert_eq!(notices.lock().open.len(), 1);
        drop((notices.subscribe(1).await.unwrap(), three));
        assert!(notices.lock().open.is_empty() && notices.lock().streams == 0);
    }

    #[tokio::test]
    async fn a_stream_tells_each_change_once_and_ends_with_its_time_or_ours() {
        let dir = tempfile::tempdir().unwrap();
        let notices = notices(&dir).await;
        let mut stream = notices.subscribe(1).await.unwrap();
        notices.tell(&BTreeMap::from([(1, 1), (2, 9)]));
        assert!(stream.news().await);
        notices.tell(&BTreeMap::from([(1, 1)]));
        assert!(!stream.counter.has_changed().unwrap());
        let mut old = notices.subscribe(1).await.unwrap();
        old.until = Instant::now();
        assert!(!old.news().await);
        notices.stop.cancel();
        assert!(!stream.news().await);
    }
}

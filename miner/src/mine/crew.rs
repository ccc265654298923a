//! The cores that search: each its own thread and nonces, all one job, which is dropped when it is stale.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::search::{Found, Job, Nonces, Search, Tally};

/// Entries that each try in flight goes on by between two looks whether the job is stale: under a millisecond.
const ROUNDS: u32 = 64;

/// How much of the machine the search may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub cores: NonZeroU32,
    /// Percent of the time each core searches: 1 to 100.
    pub share: u8,
}

/// Tries since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    pub tries: u64,
    pub skipped: u64,
}

/// What the cores are told, and tell.
#[derive(Default)]
struct Desk {
    /// Grows with each job and each end of one.
    epoch: AtomicU64,
    job: Mutex<Order>,
    changed: Condvar,
    tries: AtomicU64,
    skipped: AtomicU64,
}

#[derive(Default)]
struct Order {
    job: Option<Arc<Job>>,
    ended: bool,
}

/// The cores.
pub struct Crew {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    /// Starts the cores; they wait for a job. `start`: random, of this run. Seals go to `found`.
    pub fn start(pace: Pace, start: u64, found: &mpsc::UnboundedSender<Found>) -> std::io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let mut threads = Vec::new();
        for core in 0..pace.cores.get() {
            let (desk, found) = (desk.clone(), found.clone());
            let nonces = Nonces::new(core, pace.cores.get(), start);
            let named = std::thread::Builder::new().name(format!("mine-{core}"));
            threads.push(named.spawn(move || desk.work(nonces, pace.share, &found))?);
        }
        Ok(Self { desk, threads })
    }

    /// Hands all cores another job, or none; the one before is dropped.
    pub fn set(&self, job: Option<Job>) {
        let mut order = self.desk.order();
        order.job = job.map(Arc::new);
        self.desk.epoch.fetch_add(1, Ordering::Release);
        drop(order);
        self.desk.changed.notify_all();
    }

    pub fn rate(&self) -> Rate {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Rate { tries: count(&self.desk.tries), skipped: count(&self.desk.skipped) }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.desk.order().ended = true;
        self.desk.epoch.fetch_add(1, Ordering::Release);
        self.desk.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Desk {
    /// No thread panics while it holds it: what it holds is whole.
    fn order(&self) -> MutexGuard<'_, Order> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job behind `seen`, with its epoch; none when all is over.
    fn wait(&self, seen: u64) -> Option<(u64, Arc<Job>)> {
        let mut order = self.order();
        loop {
            let epoch = self.epoch.load(Ordering::Acquire);
            match &order.job {
                _ if order.ended => return None,
                Some(job) if epoch != seen => return Some((epoch, job.clone())),
                _ => {}
            }
            order = self.changed.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, mut nonces: Nonces, share: u8, found: &mpsc::UnboundedSender<Found>) {
        let mut seen = 0;
        while let Some((epoch, job)) = self.wait(seen) {
            seen = epoch;
            let mut search = Search::new(&job, nonces);
            while self.epoch.load(Ordering::Acquire) == epoch {
                let began = Instant::now();
                let hit = search.run(ROUNDS);
                let Tally { tries, skipped } = search.take_tally();
                self.tries.fetch_add(tries, Ordering::Relaxed);
                self.skipped.fetch_add(skipped, Ordering::Relaxed);
                if let Some(hit) = hit {
                    let _ = found.send(hit);
                    break;
                }
                if search.is_idle() {
                    // No entry is here: the next job may have some.
                    break;
                }
                self.rest(began.elapsed(), share, epoch);
            }
            nonces = search.nonces();
        }
    }

    /// The part of the time that is not ours.
    fn rest(&self, busy: Duration, share: u8, epoch: u64) {
        let Some(idle) = Some(u32::from(100u8.saturating_sub(share))).filter(|idle| *idle > 0) else {
            return;
        };
        let pause = busy.saturating_mul(idle).checked_div(u32::from(share.max(1))).unwrap_or_default();
        let order = self.order();
        if self.epoch.load(Ordering::Acquire) == epoch {
            let _ = self.changed.wait_timeout(order, pause);
        }
    }
}

//! The search of one core: many tries in flight, so that the memory answers while others are hashed.
//!
//! Two things would hold the core up, and are spread over the tries. Where an entry is must be looked up in the page
//! tables: all tries look up at once, at the end of a round, so that they wait together. Its lines must come from memory:
//! they are asked for while the try before is hashed, since a core asks for a dozen or two at a time.

use medrec_pow::{ENTRY_BYTES, Hash, RECALLS, Target, recalled};

use super::{
    holding::Holding,
    prefetch,
    sha::{First, Next},
};

/// Tries in flight on a core.
const IN_FLIGHT: usize = 32;
/// Nonces in a row whose first entry is not here, before the job is looked at again.
const MISSES: u32 = 4_096;
/// What is recalled while the logs have no entries.
const NOTHING: [u8; ENTRY_BYTES] = [0; ENTRY_BYTES];

/// The next seal: what a miner works on until somebody finds it.
#[derive(Clone)]
pub struct Job {
    /// Of the seal.
    pub number: u64,
    pub header: Hash,
    pub target: Target,
    pub holding: Holding,
}

/// A try that is a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub number: u64,
    pub nonce: u64,
    pub mix: Hash,
}

/// The nonces of one core: those that are `core` modulo `cores`, from a start that is the run's own.
#[derive(Clone, Copy, Debug)]
pub struct Nonces {
    next: u64,
    cores: u64,
    core: u64,
}

impl Nonces {
    /// `start`: random, the same for all cores of a run.
    pub fn new(core: u32, cores: u32, start: u64) -> Self {
        let (core, cores) = (u64::from(core), u64::from(cores.max(1)));
        // Half of all nonces lie ahead of any start.
        let turn = (start >> 1).checked_div(cores).unwrap_or(0);
        Self { next: turn.saturating_mul(cores).saturating_add(core), cores, core }
    }
}

impl Iterator for Nonces {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let nonce = self.next;
        // Behind the last one: the first again.
        self.next = nonce.checked_add(self.cores).unwrap_or(self.core);
        Some(nonce)
    }
}

/// What a search did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tries that went through all recalls.
    pub tries: u64,
    /// Tries given up because an entry is not here.
    pub skipped: u64,
}

/// A try under way.
struct Try<'a> {
    nonce: u64,
    step: usize,
    mix: Hash,
    /// What its next recall reads.
    entry: &'a [u8; ENTRY_BYTES],
}

/// The search of one core for one job.
pub struct Search<'a> {
    job: &'a Job,
    entries: u64,
    first: First,
    next: Next,
    nonces: Nonces,
    tries: Vec<Try<'a>>,
    /// Not handed over yet.
    found: Vec<Found>,
    tally: Tally,
}

impl<'a> Search<'a> {
    pub fn new(job: &'a Job, nonces: Nonces) -> Self {
        let (entries, _) = job.holding.sizes();
        let (first, next) = (First::new(&job.header), Next::default());
        Self {
            job,
            entries,
            first,
            next,
            nonces,
            tries: Vec::with_capacity(IN_FLIGHT),
            found: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// What was done since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Where the nonces are, to go on with another job.
    pub fn nonces(&self) -> Nonces {
        self.nonces
    }

    /// No entry that counts is here: nothing can be tried.
    pub fn is_idle(&self) -> bool {
        self.entries > 0 && self.job.holding.sizes().1 == 0
    }

    /// Hashes `rounds` entries of each try in flight; ends early with a seal, or when too few entries are here.
    pub fn run(&mut self, rounds: u32) -> Option<Found> {
        for _ in 0..rounds {
            if !self.found.is_empty() {
                break;
            }
            if self.round().is_none() {
                self.tries.clear();
                break;
            }
        }
        self.found.pop()
    }

    /// Hashes an entry of each try in flight; none if no other try could begin: some are not settled then.
    fn round(&mut self) -> Option<()> {
        while self.tries.len() < IN_FLIGHT {
            let begun = self.begin()?;
            self.tries.push(begun);
        }
        for at in 0..IN_FLIGHT {
            let following = self.tries.get(at.wrapping_add(1)).or(self.tries.first())?;
            prefetch::whole(following.entry);
            let now = self.tries.get_mut(at)?;
            now.mix = self.next.mix(&now.mix, now.entry);
            now.step = now.step.wrapping_add(1);
            // One behind: the core settles that one while it hashes this one.
            if let Some(before) = at.checked_sub(1) {
                self.settle(before)?;
            }
        }
        self.settle(IN_FLIGHT.wrapping_sub(1))?;
        for waiting in &self.tries {
            prefetch::first_line(waiting.entry);
        }
        Some(())
    }

    /// After a hash: gives a try the entry that its mix recalls, or its place to a new one.
    #[inline]
    fn settle(&mut self, at: usize) -> Option<()> {
        let now = self.tries.get_mut(at)?;
        if now.step < RECALLS {
            if let Some(entry) = recall(self.job, self.entries, &now.mix) {
                now.entry = entry;
                return Some(());
            }
            self.tally.skipped = self.tally.skipped.wrapping_add(1);
        } else {
            self.tally.tries = self.tally.tries.wrapping_add(1);
            if self.job.target.reached_by(&now.mix).is_ok() {
                self.found.push(Found { number: self.job.number, nonce: now.nonce, mix: now.mix });
            }
        }
        let begun = self.begin()?;
        *self.tries.get_mut(at)? = begun;
        Some(())
    }

    /// A new try whose first entry is here; none if none is soon found.
    fn begin(&mut self) -> Option<Try<'a>> {
        for _ in 0..MISSES {
            let nonce = self.nonces.next()?;
            let mix = self.first.mix(nonce);
            if let Some(entry) = recall(self.job, self.entries, &mix) {
                return Some(Try { nonce, step: 0, mix, entry });
            }
            self.tally.skipped = self.tally.skipped.wrapping_add(1);
        }
        None
    }
}

/// The entry that a mix recalls among `entries`; none if it is not here.
#[inline]
fn recall<'a>(job: &'a Job, entries: u64, mix: &Hash) -> Option<&'a [u8; ENTRY_BYTES]> {
    match recalled(mix, entries) {
        Some(number) => job.holding.entry(number),
        None => Some(&NOTHING),
    }
}

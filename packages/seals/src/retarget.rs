//! The target of the next seal; `docs/spec/pow.md` section 7.

use alloc::{format, string::String};

use medrec_pow::{Schedule, Target, U256};

use crate::error::Error;

/// Intervals that count for one seal, at most.
pub const IDLE_INTERVALS: u64 = 4;
/// The time beyond them waits for the next seals, up to this part of a half-life.
pub const WAITING_PART: u64 = 3;
/// Work never falls below the mean over this.
pub const FLOOR: u64 = 4;
/// Seals the running mean looks back over.
pub const MEAN_OVER: u64 = 32;

/// What the consortium sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Seconds between two seals, on schedule.
    pub interval: u64,
    /// Seconds ahead of schedule that double the work.
    pub half_life: u64,
    /// Target of the first seal under these rules.
    pub anchor: Target,
    /// No target is easier.
    pub easiest: Target,
    /// No target is harder.
    pub hardest: Target,
}

impl Rules {
    /// Refuses rules that could give no target.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |field, must, found: String| Err(Error::Rules { field, must, found });
        if self.interval == 0 {
            return wrong("interval", "at least 1 second", format!("{}", self.interval));
        }
        if self.half_life == 0 {
            return wrong("half_life", "at least 1 second", format!("{}", self.half_life));
        }
        if self.anchor > self.easiest {
            return wrong("anchor", "no easier than `easiest`", hex(&self.anchor));
        }
        if self.anchor < self.hardest {
            return wrong("anchor", "no harder than `hardest`", hex(&self.anchor));
        }
        Ok(())
    }
}

fn hex(target: &Target) -> String {
    target.to_be_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How far the seals are since their anchor target was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retarget {
    /// Of the seal that is being looked for.
    pub target: Target,
    /// Found since.
    pub seals: u64,
    /// Seconds that count since.
    pub elapsed: u64,
    /// Seconds that passed and do not count yet.
    pub waiting: u64,
    /// Running mean of the targets' work, this one's included.
    pub mean: U256,
}

impl Retarget {
    /// The first seal under these rules has their anchor target.
    pub fn start(rules: &Rules) -> Self {
        Self { target: rules.anchor, seals: 0, elapsed: 0, waiting: 0, mean: rules.anchor.work() }
    }

    /// After a seal that was found `seconds` after the one before.
    #[must_use]
    pub fn next(&self, rules: &Rules, seconds: u64) -> Self {
        let passed = seconds.saturating_add(self.waiting);
        let counted = passed.min(rules.interval.saturating_mul(IDLE_INTERVALS));
        let most = rules.half_life.checked_div(WAITING_PART).unwrap_or_default();
        let waiting = passed.saturating_sub(counted).min(most);
        let (seals, elapsed) = (self.seals.saturating_add(1), self.elapsed.saturating_add(counted));
        let Rules { interval, half_life, anchor, easiest, hardest } = *rules;
        let schedule = Schedule { anchor, interval, half_life, easiest };
        let least = over(&self.mean, FLOOR);
        let target = schedule.target(seals, elapsed).min(Target::of_work(&least)).max(hardest);
        Self { target, seals, elapsed, waiting, mean: towards(&self.mean, &target.work()) }
    }
}

/// `mean + (work - mean) / 32`, the division rounded towards zero.
fn towards(mean: &U256, work: &U256) -> U256 {
    match work.checked_sub(mean) {
        Some(above) => mean.checked_add(&over(&above, MEAN_OVER)).unwrap_or(U256::MAX),
        None => {
            let below = mean.checked_sub(work).unwrap_or(U256::ZERO);
            mean.checked_sub(&over(&below, MEAN_OVER)).unwrap_or(U256::ZERO)
        }
    }
}

fn over(value: &U256, divisor: u64) -> U256 {
    value.checked_div(&U256::from(divisor)).unwrap_or(*value)
}

//! A log in trouble is asked less and less often.

use std::{collections::BTreeMap, sync::Mutex};

/// A log in trouble is asked again after `poll`, twice that, four times that, …, at most so many seconds.
const MAX_PAUSE: u64 = 3600;

/// When logs in trouble are asked again. Times are seconds.
#[derive(Debug, Default)]
pub struct Pauses(Mutex<BTreeMap<u32, Pause>>);

#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    failures: u32,
    until: u64,
}

impl Pauses {
    pub fn is_due(&self, institution: u32, now: u64) -> bool {
        let pauses = self.0.lock();
        pauses.is_ok_and(|pauses| pauses.get(&institution).is_none_or(|pause| pause.until <= now))
    }

    pub fn went_well(&self, institution: u32) {
        if let Ok(mut pauses) = self.0.lock() {
            pauses.remove(&institution);
        }
    }

    pub fn went_wrong(&self, institution: u32, now: u64, poll: u64) {
        let Ok(mut pauses) = self.0.lock() else { return };
        let pause = pauses.entry(institution).or_default();
        let seconds = poll.saturating_mul(2u64.saturating_pow(pause.failures)).min(MAX_PAUSE);
        *pause = Pause { failures: pause.failures.saturating_add(1), until: now.saturating_add(seconds) };
    }
}

//! Measuring the search: against the bare compressions, over cores, with part of the entries. By the processor time of each
//! thread: what else the machine does is not counted.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use medrec_pow::{ENTRY_BYTES, RECALLS, Target};
use nix::time::{ClockId, clock_gettime};
use sha2_blocks::block_api::compress256;

use crate::{
    logs::Region,
    mine::{Holding, Job, Nonces, Search},
};

/// Compressions of a try (docs/spec/pow.md section 2).
pub const COMPRESSIONS: usize = 1 + RECALLS * 9;
/// Entries each try in flight goes on by between two looks at the clock.
const ROUNDS: u32 = 256;

/// Entries as incompressible as sealed ones: splitmix64 from their number.
pub fn entry(number: u64) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0; ENTRY_BYTES];
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for chunk in bytes.as_chunks_mut::<8>().0 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        *chunk = (mixed ^ (mixed >> 31)).to_le_bytes();
    }
    bytes
}

/// A job over `entries` entries of one log, the first `held` of which are here. No try is a seal.
pub fn job(entries: u64, region: &Region, held: u64) -> Job {
    let mut here = region.clone();
    here.replace_from(held.min(region.len()), []);
    let mut holding = Holding::default();
    holding.add(0, entries, here);
    Job { number: 1, header: [7; 32], target: Target::HARDEST, holding }
}

/// Whole tries a second of `cores` cores together, over `time`.
pub fn rate(job: &Job, cores: u32, time: Duration) -> f64 {
    let stop = AtomicBool::new(false);
    let search = |core| {
        let mut search = Search::new(job, Nonces::new(core, cores, 0x5eed));
        let goes_on = || !stop.load(Ordering::Relaxed);
        per_second(goes_on, || {
            search.run(ROUNDS);
            search.take_tally().tries
        })
    };
    std::thread::scope(|scope| {
        let search = &search;
        let searches: Vec<_> = (0..cores).map(|core| scope.spawn(move || search(core))).collect();
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        searches.into_iter().filter_map(|search| search.join().ok()).sum()
    })
}

/// The limit: the compressions of a try alone, as many of them a second on one core as make whole tries.
pub fn limit(time: Duration) -> f64 {
    let blocks = [[0x5a; 64]; COMPRESSIONS];
    let (mut state, began) = ([0x6a09_e667; 8], Instant::now());
    per_second(
        || began.elapsed() < time,
        || {
            for _ in 0..ROUNDS {
                compress256(&mut state, black_box(&blocks));
            }
            black_box(&state);
            u64::from(ROUNDS)
        },
    )
}

/// What `work` counts in a second of this thread's processor time, called as long as it `goes_on`.
fn per_second(goes_on: impl Fn() -> bool, mut work: impl FnMut() -> u64) -> f64 {
    let (began, mut done) = (processor_seconds(), 0u64);
    while goes_on() {
        done = done.wrapping_add(work());
    }
    done as f64 / (processor_seconds() - began)
}

/// That this thread used.
fn processor_seconds() -> f64 {
    let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    used.unwrap_or_default().as_secs_f64()
}

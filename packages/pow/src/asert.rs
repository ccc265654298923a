//! Retargeting by ASERT, aserti3-2d: the target follows from an anchor and from how far the seals are ahead of their
//! schedule, in whole numbers, the same on every machine.
//!
//! Source: "ASERT Difficulty Adjustment Algorithm (aserti3-2d)", Bitcoin Cash 2020-11-15, version 0.6.3.

use crate::target::Target;
use crate::uint::U256;

/// One in the fixed point of the exponent.
const RADIX_BITS: u32 = 16;
const RADIX: i128 = 1 << RADIX_BITS;

/// When seals are due, and how hard the first one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Target of a chain of seals that is on schedule.
    pub anchor: Target,
    /// Seconds between two seals.
    pub interval: u64,
    /// Seconds ahead of schedule that double the work.
    pub half_life: u64,
    /// No target is easier.
    pub easiest: Target,
}

impl Schedule {
    /// Target of the seal that follows `seals` seals, found in `elapsed` seconds that count.
    pub fn target(&self, seals: u64, elapsed: u64) -> Target {
        let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
        match seals.checked_sub(1) {
            None => self.anchor.min(self.easiest),
            Some(after) => asert(self, elapsed, after),
        }
    }
}

/// aserti3-2d as published.
///
/// `elapsed`: seconds from the parent of the anchor block to the block before the next; `blocks`: height of that block
/// over the anchor's. On schedule, `elapsed` is `interval` × (`blocks` + 1).
pub fn asert(schedule: &Schedule, elapsed: i64, blocks: u64) -> Target {
    let Schedule { anchor, interval, half_life, easiest } = *schedule;
    // Below 2^64 × 2^65 and 2^63 × 2^16: i128 holds each.
    let due = i128::from(interval).saturating_mul(i128::from(blocks).saturating_add(1));
    let late = i128::from(elapsed).saturating_sub(due).saturating_mul(RADIX);
    // The division rounds towards zero, as the reference does.
    let exponent = late.checked_div(i128::from(half_life)).unwrap_or(0);
    let shifts = exponent.checked_shr(RADIX_BITS).unwrap_or(0);
    let factor = factor(exponent & (RADIX.saturating_sub(1)));

    let (low, high) = anchor.value().widening_mul(factor);
    // The factor is in fixed point: `RADIX_BITS` shifts to the right take it back.
    let shifts = shifts.saturating_sub(i128::from(RADIX_BITS));
    let value = match u32::try_from(shifts.unsigned_abs()) {
        Ok(right) if shifts <= 0 => shift_right(&low, high, right),
        Ok(left) => shift_left(&low, high, left),
        Err(_) if shifts <= 0 => Some(U256::ZERO),
        Err(_) => None,
    };
    let value = value.unwrap_or(U256::MAX).max(U256::ONE);
    Target::new(value).unwrap_or(Target::HARDEST).min(easiest)
}

/// 2^(fraction / 2^16) × 2^16 by a cubic; within 0.013 %. Below 2^17.
fn factor(fraction: i128) -> u64 {
    // 0 ≤ fraction < 2^16: at most 2^96 under way.
    let f = u128::try_from(fraction).unwrap_or(0);
    let cubic = 195_766_423_245_049u128
        .saturating_mul(f)
        .saturating_add(971_821_376u128.saturating_mul(f).saturating_mul(f))
        .saturating_add(5_127u128.saturating_mul(f).saturating_mul(f).saturating_mul(f))
        .saturating_add(1 << 47);
    u64::try_from(cubic.wrapping_shr(48)).unwrap_or(0).saturating_add(1 << RADIX_BITS)
}

/// None if the value does not fit.
fn shift_right(low: &U256, high: u64, bits: u32) -> Option<U256> {
    let above = U256::from(high);
    let from_above = match U256::BITS.checked_sub(bits) {
        // What stays above the 256 bits must be nothing.
        Some(up) if above.shr(bits).is_zero() => above.shl(up),
        Some(_) => return None,
        None => above.shr(bits.saturating_sub(U256::BITS)),
    };
    low.shr(bits).checked_add(&from_above)
}

/// None if the value does not fit.
fn shift_left(low: &U256, high: u64, bits: u32) -> Option<U256> {
    let shifted = low.shl(bits);
    (high == 0 && shifted.shr(bits) == *low).then_some(shifted)
}

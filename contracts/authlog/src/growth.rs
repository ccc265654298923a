//! How fast a log may grow. A consistency proof alone verifies entries that do not exist (security H4), so what a
//! log may claim is bounded by the time that passed.

use medrec_api::authlog::GrowthCap;

/// Entries still counted against the cap after an anchor adds `grown`, or, refused, how many it could have added.
///
/// `debt` is what was counted after the last anchor, `elapsed` the seconds since. It drains by `per_second`, so
/// that from any earlier anchor on growth stays within burst + per_second × seconds: many small anchors gain
/// nothing over one large.
pub fn charge(cap: GrowthCap, debt: u64, elapsed: u64, grown: u64) -> Result<u64, u64> {
    let regained = cap.per_second.saturating_mul(elapsed);
    let allowed = cap.burst.saturating_add(regained).saturating_sub(debt);
    if grown > allowed { Err(allowed) } else { Ok(debt.saturating_add(grown).saturating_sub(regained)) }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "test code")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAP: GrowthCap = GrowthCap { burst: 100, per_second: 10 };

    #[test]
    fn burst_then_rate() {
        assert_eq!(charge(CAP, 0, 0, 100), Ok(100));
        assert_eq!(charge(CAP, 0, 0, 101), Err(100));
        assert_eq!(charge(CAP, 100, 0, 1), Err(0));
        assert_eq!(charge(CAP, 100, 3, 30), Ok(100));
        assert_eq!(charge(CAP, 100, 3, 31), Err(30));
        assert_eq!(charge(CAP, 100, 60, 0), Ok(0));
    }

    #[test]
    fn enormous_numbers_saturate() {
        let cap = GrowthCap { burst: u64::MAX, per_second: u64::MAX };
        assert_eq!(charge(cap, 0, u64::MAX, u64::MAX), Ok(0));
        assert_eq!(charge(CAP, u64::MAX, 0, 1), Err(0));
    }

    proptest! {
        #[test]
        fn no_pattern_of_anchors_outruns_the_cap(anchors in prop::collection::vec((0u64..20, 0u64..150), 1..60)) {
            let mut debt = 0;
            // (time, size) of every anchor so far; the first is the admission.
            let mut past = vec![(0u64, 0u64)];
            for (elapsed, grown) in anchors {
                let (at, size) = past[past.len() - 1];
                let Ok(after) = charge(CAP, debt, elapsed, grown) else { continue };
                debt = after;
                past.push((at + elapsed, size + grown));
                let (now, size) = past[past.len() - 1];
                for (then, before) in &past[..past.len() - 1] {
                    prop_assert!(size - before <= CAP.burst + CAP.per_second * (now - then));
                }
            }
        }
    }
}

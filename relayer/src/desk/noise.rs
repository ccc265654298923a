//! Noise and its price, both by `opendp`: discrete Laplace on whole numbers, whose exact sampler knows no float.
//!
//! What the library may not choose is the scale: the least multiple of 1/1,024 whose price, by the library's own map, is
//! within the share. A price is rounded up to millionths of ε (security H31).

use medrec_aggregate::{Noise, Part};
use opendp::{
    core::Measurement,
    domains::{AtomDomain, VectorDomain},
    measurements::make_laplace,
    measures::MaxDivergence,
    metrics::L1Distance,
};

type Numbers = VectorDomain<AtomDomain<i64>>;
type Mechanism = Measurement<Numbers, L1Distance<i64>, MaxDivergence, Vec<i64>>;

/// Parts of a scale of one.
const UNIT: u64 = 1024;
const MICRO: u64 = 1_000_000;
/// Bits of a float's fraction: a scale of so many is exact.
const EXACT_BITS: u32 = 53;
/// How often a scale is made a little larger until its price fits.
const TRIES: u32 = 8;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("noise: {0}")]
    Library(String),
    #[error("noise: no scale gives a sensitivity of {sensitivity} for {share} millionths of ε")]
    Scale { sensitivity: u64, share: u64 },
}

impl From<opendp::error::Error> for Error {
    /// The library's words may quote what it was given: only the kind is kept.
    fn from(error: opendp::error::Error) -> Self {
        Self::Library(format!("{:?}", error.variant))
    }
}

/// Numbers that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    pub numbers: Vec<i64>,
    pub noise: Noise,
}

/// The least noise for a share of ε: what it will be, without drawing any.
pub fn quote(part: &Part) -> Result<Noise, Error> {
    let Part { sensitivity, share, .. } = *part;
    let failed = Error::Scale { sensitivity, share };
    let wanted = u128::from(UNIT).saturating_mul(MICRO.into()).saturating_mul(sensitivity.into());
    let Some(least) = wanted.checked_add(u128::from(share).saturating_sub(1)) else { return Err(failed) };
    let least = least.checked_div(share.into()).and_then(|scale| u64::try_from(scale).ok());
    let mut scale_1024 = least.and_then(exact_in_binary).filter(|scale| *scale > 0).ok_or(failed)?;
    for _ in 0..TRIES {
        let epsilon = price(scale_1024, sensitivity)?;
        if epsilon <= share {
            return Ok(Noise { sensitivity, scale_1024, epsilon });
        }
        // The library rounds up; one step more is more than it rounded.
        let step = 1u64.checked_shl(excess_bits(scale_1024)).unwrap_or(1);
        scale_1024 = scale_1024.saturating_add(step);
    }
    Err(Error::Scale { sensitivity, share })
}

/// Draws, once: the same numbers drawn again cost their share again.
pub fn release(part: &Part, exact: Vec<i64>) -> Result<Released, Error> {
    let noise = quote(part)?;
    let numbers = mechanism(noise.scale_1024)?.invoke(&exact)?;
    Ok(Released { numbers, noise })
}

/// Millionths of ε of one release, by the library's map, rounded up.
fn price(scale_1024: u64, sensitivity: u64) -> Result<u64, Error> {
    let too_far = || Error::Library("the sensitivity is beyond 63 bits".to_owned());
    let sensitivity = i64::try_from(sensitivity).map_err(|_| too_far())?;
    let epsilon = mechanism(scale_1024)?.map(&sensitivity)?;
    micro(epsilon).ok_or_else(|| Error::Library(format!("a price of ε = {epsilon}")))
}

fn mechanism(scale_1024: u64) -> Result<Mechanism, Error> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    // Both steps are exact: at most 53 bits, and a power of two.
    let scale = scale_1024 as f64 / UNIT as f64;
    Ok(make_laplace(domain, L1Distance::default(), scale, None)?)
}

/// ε × 10^6 rounded up, exactly: a float is a whole number times a power of two. None below zero or above 2^20.
fn micro(epsilon: f64) -> Option<u64> {
    if epsilon == 0.0 {
        return Some(0);
    }
    if !(epsilon.is_normal() && epsilon > 0.0 && epsilon < f64::from(1 << 20)) {
        return None;
    }
    let bits = epsilon.to_bits();
    let fraction = (bits & ((1 << 52) - 1)) | (1 << 52);
    let exponent = i64::try_from(bits >> 52).ok()?.checked_sub(1075)?;
    let product = u128::from(fraction).checked_mul(MICRO.into())?;
    let right = u32::try_from(exponent.checked_neg()?).ok()?;
    if right >= 128 {
        return Some(1);
    }
    let whole = product.checked_shr(right)?;
    let back = whole.checked_shl(right)?;
    u64::try_from(whole.checked_add(u128::from(back != product))?).ok()
}

fn excess_bits(scale: u64) -> u32 {
    u64::BITS.saturating_sub(scale.leading_zeros()).saturating_sub(EXACT_BITS)
}

/// The next number up that a float holds exactly.
fn exact_in_binary(scale: u64) -> Option<u64> {
    let below = 1u64.checked_shl(excess_bits(scale))?.checked_sub(1)?;
    Some(scale.checked_add(below)? & !below)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "test code")]
mod tests {
    use medrec_aggregate::Quantity;
    use proptest::prelude::*;

    use super::*;

    fn part(sensitivity: u64, share: u64) -> Part {
        Part { quantity: Quantity::Patients, sensitivity, share }
    }

    #[test]
    fn the_scale_is_the_least_whose_price_is_within_the_share() {
        for (sensitivity, share, scale_1024, epsilon) in [
            (1, 1_000_000, 1024, 1_000_000),
            (1, 250_000, 4096, 250_000),
            (16, 500_000, 32 * 1024, 500_000),
            // 3 × 1,024 / 0.7 = 4,388.57…
            (3, 700_000, 4389, 699_932),
        ] {
            let noise = quote(&part(sensitivity, share)).unwrap();
            assert_eq!((noise.scale_1024, noise.epsilon), (scale_1024, epsilon), "{sensitivity} for {share}");
        }
    }

    #[test]
    fn prices_are_rounded_up_exactly() {
        assert_eq!(micro(0.25), Some(250_000));
        assert_eq!(micro(0.25f64.next_up()), Some(250_001));
        assert_eq!(micro(1e-300), Some(1));
        assert_eq!(micro(0.0), Some(0));
        for refused in [-0.1, f64::NAN, f64::INFINITY, 1e7] {
            assert_eq!(micro(refused), None, "{refused}");
        }
    }

    proptest! {
        #[test]
        fn no_release_costs_more_than_its_share_and_little_is_given_away(
            sensitivity in 1u64..1 << 41, share in 1_000u64..10_000_000,
        ) {
            let noise = quote(&part(sensitivity, share)).unwrap();
            prop_assert!(noise.epsilon <= share);
            let truth = u128::from(sensitivity) * u128::from(UNIT) * u128::from(MICRO);
            // Never below the exact price.
            prop_assert!(u128::from(noise.epsilon) * u128::from(noise.scale_1024) >= truth);
            prop_assert_eq!((noise.scale_1024 as f64) as u64, noise.scale_1024);
        }
    }

    #[test]
    fn what_is_released_is_whole_and_has_as_many_numbers() {
        let exact = vec![5, -3, 0, i64::MAX];
        let released = release(&part(1, 1_000_000), exact.clone()).unwrap();
        assert_eq!(released.numbers.len(), exact.len());
        let moved = (0..200).any(|_| release(&part(1, 1_000_000), vec![0]).unwrap().numbers != [0]);
        assert!(moved, "noise was added");
    }
}

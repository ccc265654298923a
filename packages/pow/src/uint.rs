//! 256-bit integers: what targets and cumulative work need, no more.

use core::{cmp::Ordering, fmt};

/// Decimal digits of the largest value.
const DIGITS: usize = 78;

/// An unsigned integer below 2^256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct U256 {
    /// Least significant limb first.
    limbs: [u64; 4],
}

impl U256 {
    pub const ZERO: U256 = U256 { limbs: [0; 4] };
    pub const ONE: U256 = U256 { limbs: [1, 0, 0, 0] };
    pub const MAX: U256 = U256 { limbs: [u64::MAX; 4] };
    pub const BITS: u32 = 256;

    pub fn from_be_bytes(bytes: &[u8; 32]) -> Self {
        let (chunks, _) = bytes.as_chunks::<8>();
        let mut limbs = [0; 4];
        for (limb, chunk) in limbs.iter_mut().rev().zip(chunks) {
            *limb = u64::from_be_bytes(*chunk);
        }
        Self { limbs }
    }

    pub fn to_be_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (chunk, limb) in chunks.iter_mut().zip(self.limbs.iter().rev()) {
            *chunk = limb.to_be_bytes();
        }
        bytes
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Bits up to the highest that is set.
    pub fn bits(&self) -> u32 {
        let zeros = self.limbs.iter().rev().try_fold(0u32, |zeros, limb| match limb {
            0 => Ok(zeros.saturating_add(64)),
            some => Err(zeros.saturating_add(some.leading_zeros())),
        });
        let (Ok(zeros) | Err(zeros)) = zeros;
        Self::BITS.saturating_sub(zeros)
    }

    /// None above 2^256 - 1.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let (mut limbs, mut carry) = ([0; 4], false);
        for ((sum, a), b) in limbs.iter_mut().zip(self.limbs).zip(other.limbs) {
            (*sum, carry) = a.carrying_add(b, carry);
        }
        (!carry).then_some(Self { limbs })
    }

    /// None below 0.
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        let (mut limbs, mut borrow) = ([0; 4], false);
        for ((difference, a), b) in limbs.iter_mut().zip(self.limbs).zip(other.limbs) {
            (*difference, borrow) = a.borrowing_sub(b, borrow);
        }
        (!borrow).then_some(Self { limbs })
    }

    /// The product as its low 256 bits and what lies above them.
    pub fn widening_mul(&self, factor: u64) -> (Self, u64) {
        let (mut limbs, mut carry) = ([0; 4], 0);
        for (product, limb) in limbs.iter_mut().zip(self.limbs) {
            (*product, carry) = limb.carrying_mul(factor, carry);
        }
        (Self { limbs }, carry)
    }

    /// Towards the high end; bits beyond it are lost.
    pub fn shl(&self, bits: u32) -> Self {
        let mut bytes = Self::ZERO;
        let Some((limbs, within)) = places(bits) else { return bytes };
        for (index, limb) in self.limbs.iter().enumerate() {
            let place = index.saturating_add(limbs);
            if let Some(low) = bytes.limbs.get_mut(place) {
                *low |= limb.wrapping_shl(within);
            }
            if within > 0
                && let Some(high) = bytes.limbs.get_mut(place.saturating_add(1))
            {
                *high |= limb.wrapping_shr(64u32.saturating_sub(within));
            }
        }
        bytes
    }

    /// Towards the low end; bits below 1 are lost.
    pub fn shr(&self, bits: u32) -> Self {
        let mut bytes = Self::ZERO;
        let Some((limbs, within)) = places(bits) else { return bytes };
        for (place, limb) in bytes.limbs.iter_mut().enumerate() {
            let from = place.saturating_add(limbs);
            let low = self.limbs.get(from).copied().unwrap_or(0).wrapping_shr(within);
            let high = match within {
                0 => 0,
                _ => {
                    let above = self.limbs.get(from.saturating_add(1)).copied().unwrap_or(0);
                    above.wrapping_shl(64u32.saturating_sub(within))
                }
            };
            *limb = low | high;
        }
        bytes
    }

    /// The whole quotient; None by 0.
    pub fn checked_div(&self, divisor: &Self) -> Option<Self> {
        if divisor.is_zero() {
            return None;
        }
        let (mut quotient, mut rest) = (Self::ZERO, *self);
        let first = self.bits().checked_sub(divisor.bits());
        // Long division, a bit at a time; the divisor shifted by `first` has as many bits as the dividend.
        for bit in (0..=first.unwrap_or(0)).rev() {
            if let Some(less) = rest.checked_sub(&divisor.shl(bit)) {
                rest = less;
                quotient = quotient.checked_add(&Self::ONE.shl(bit))?;
            }
        }
        Some(quotient)
    }

    /// All bits the other way: 2^256 - 1 - self.
    pub fn complement(&self) -> Self {
        Self { limbs: self.limbs.map(|limb| !limb) }
    }
}

impl From<u64> for U256 {
    fn from(value: u64) -> Self {
        Self { limbs: [value, 0, 0, 0] }
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.limbs.iter().rev().cmp(other.limbs.iter().rev())
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// In decimal digits.
impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut digits) = (self.limbs, [b'0'; DIGITS]);
        for digit in digits.iter_mut().rev() {
            // Division by ten, from the highest limb on; a remainder is below ten, a quotient no longer than its limb.
            let mut remainder = 0u128;
            for limb in rest.iter_mut().rev() {
                let dividend = (remainder << 64) | u128::from(*limb);
                *limb = u64::try_from(dividend / 10).unwrap_or(u64::MAX);
                remainder = dividend % 10;
            }
            *digit = digit.saturating_add(u8::try_from(remainder).unwrap_or(u8::MAX));
        }
        let text = core::str::from_utf8(&digits).map_err(|_| fmt::Error)?;
        let text = text.trim_start_matches('0');
        f.pad_integral(true, "", if text.is_empty() { "0" } else { text })
    }
}

/// Whole limbs and the bits beyond them; None for shifts that leave nothing.
fn places(bits: u32) -> Option<(usize, u32)> {
    let limbs = usize::try_from(bits.wrapping_shr(6)).ok()?;
    (bits < U256::BITS).then_some((limbs, bits & 63))
}

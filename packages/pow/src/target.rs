//! How hard a seal is: the last mix of a try, read as a number, must not be above the target.

use crate::error::Error;
use crate::recall::Hash;
use crate::uint::U256;

/// At least 1. The lower, the harder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(U256);

impl Target {
    /// Every try reaches it.
    pub const EASIEST: Target = Target(U256::MAX);
    /// One try in 2^256 reaches it.
    pub const HARDEST: Target = Target(U256::ONE);

    pub fn new(value: U256) -> Result<Self, Error> {
        if value.is_zero() { Err(Error::ZeroTarget) } else { Ok(Self(value)) }
    }

    pub fn from_be_bytes(bytes: &Hash) -> Result<Self, Error> {
        Self::new(U256::from_be_bytes(bytes))
    }

    pub fn to_be_bytes(self) -> Hash {
        self.0.to_be_bytes()
    }

    pub fn value(&self) -> U256 {
        self.0
    }

    /// Whether the last mix of a try is a seal.
    pub fn reached_by(&self, mix: &Hash) -> Result<(), Error> {
        if U256::from_be_bytes(mix) <= self.0 {
            Ok(())
        } else {
            Err(Error::AboveTarget { mix: *mix, target: self.to_be_bytes() })
        }
    }

    /// Tries it takes on average: 2^256 / (target + 1), rounded down.
    pub fn work(&self) -> U256 {
        match self.0.checked_add(&U256::ONE) {
            // Every try is a seal.
            None => U256::ONE,
            // 2^256 does not fit: (2^256 - (target + 1)) / (target + 1) + 1 is the same.
            Some(above) => {
                let less = self.0.complement().checked_div(&above).unwrap_or(U256::ZERO);
                less.checked_add(&U256::ONE).unwrap_or(U256::MAX)
            }
        }
    }

    /// The target whose seals take a `divisor`-th of the work; at most the easiest.
    pub fn eased(&self, divisor: u64) -> Self {
        match self.0.widening_mul(divisor.max(1)) {
            (value, 0) => Self(value),
            _ => Self::EASIEST,
        }
    }

    /// The target that takes `work` tries on average, as near as whole numbers are.
    pub fn of_work(work: &U256) -> Self {
        // 2^256 / work - 1, by 2^256 - 1 instead of 2^256: off by one at most.
        let value = U256::MAX.checked_div(work).unwrap_or(U256::MAX);
        Self(value.max(U256::ONE))
    }
}

//! What gas costs.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

const PLACES: usize = 9;
const UNIT: u128 = 1_000_000_000;

/// Price of one gas in `ufee`, a decimal with at most 9 places (`deployment.json`: `"0.001"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasPrice {
    nano: u64,
}

impl GasPrice {
    /// Fee in `ufee` for so much gas, rounded up.
    pub fn fee(&self, gas: u64) -> u64 {
        let nano = u128::from(gas).saturating_mul(u128::from(self.nano));
        u64::try_from(nano.div_ceil(UNIT)).unwrap_or(u64::MAX)
    }
}

impl FromStr for GasPrice {
    type Err = Error;

    /// `0.001`, also with the denom behind it as in a node's configuration: `0.001ufee`.
    fn from_str(given: &str) -> Result<Self> {
        let refuse = || Error::GasPrice { given: given.to_owned() };
        let number = given.strip_suffix(crate::FEE_DENOM).unwrap_or(given);
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > PLACES {
            return Err(refuse());
        }
        let nano = format!("{whole}{part:0<PLACES$}").parse().map_err(|_| refuse())?;
        Ok(Self { nano })
    }
}

impl fmt::Display for GasPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = u64::try_from(UNIT).unwrap_or(u64::MAX);
        let (whole, part) = (self.nano.div_euclid(unit), self.nano.rem_euclid(unit));
        let part = format!("{part:09}");
        let part = part.trim_end_matches('0');
        if part.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{part}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_round_up() {
        let price: GasPrice = "0.001".parse().unwrap();
        assert_eq!((price.fee(0), price.fee(1), price.fee(1_000), price.fee(1_001)), (0, 1, 1, 2));
        assert_eq!("2".parse::<GasPrice>().unwrap().fee(u64::MAX), u64::MAX);
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["0.001", "0", "3", "12.000000001"] {
            assert_eq!(text.parse::<GasPrice>().unwrap().to_string(), text);
        }
        assert_eq!("0.0250ufee".parse::<GasPrice>().unwrap().to_string(), "0.025");
    }

    #[test]
    fn refuses_what_is_no_price() {
        for text in ["", ".", "1.", ".5", "-1", "1e3", "0.0000000001", "0.001ustake", "99999999999999"] {
            assert!(matches!(text.parse::<GasPrice>(), Err(Error::GasPrice { .. })), "{text}");
        }
    }
}

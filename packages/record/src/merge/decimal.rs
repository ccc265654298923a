//! Decimals with the digits they were written with.

/// A FHIR decimal: `mantissa / 10^scale`. 7.10 has scale 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Beyond it a number is compared by its spelling.
const MAX_SCALE: u32 = 30;

impl Decimal {
    /// None for what is no number, or has more digits than any measurement.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
        if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let mantissa: i128 = digits.parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        match u32::try_from(scale) {
            Ok(scale) if scale <= MAX_SCALE => Some(Self { mantissa, scale }),
            Ok(_) => None,
            // 1e3 is a way of writing, not a statement on precision.
            Err(_) => {
                let mantissa = mantissa.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?;
                Some(Self { mantissa, scale: 0 })
            }
        }
    }

    /// How far two numbers are apart if they can be one, rounded to the digits of the less precise: 0 equal, 1000 half a
    /// unit of its last digit. Which way a hospital rounds a half is not known, so both count.
    pub(super) fn apart(self, other: Self) -> Option<u16> {
        let finest = self.scale.max(other.scale);
        let widened = |number: Self| {
            number.mantissa.checked_mul(10i128.checked_pow(finest.checked_sub(number.scale)?)?)
        };
        let twice = widened(self)?.checked_sub(widened(other)?)?.unsigned_abs().checked_mul(2)?;
        let unit = 10u128.checked_pow(finest.checked_sub(self.scale.min(other.scale))?)?;
        if twice > unit {
            return None;
        }
        u16::try_from(twice.checked_mul(1000)?.checked_div(unit)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(a: &str, b: &str) -> Option<u16> {
        let (a, b) = (Decimal::parse(a).unwrap(), Decimal::parse(b).unwrap());
        assert_eq!(a.apart(b), b.apart(a));
        a.apart(b)
    }

    #[test]
    fn numbers_are_equal_to_the_digits_of_the_less_precise() {
        assert_eq!(apart("7.10", "7.1"), Some(0));
        assert_eq!(apart("120", "120.0"), Some(0));
        assert_eq!(apart("7.14", "7.1"), Some(800));
        assert_eq!(apart("7.15", "7.1"), Some(1000));
        assert_eq!(apart("7.15", "7.2"), Some(1000));
        assert_eq!(apart("7.16", "7.1"), None);
        assert_eq!(apart("-7.14", "7.1"), None);
        assert_eq!(apart("59.5", "60"), Some(1000));
        assert_eq!(apart("7.1", "7.2"), None);
        assert_eq!(apart("0", "-0.0"), Some(0));
    }

    #[test]
    fn exponents_are_a_way_of_writing() {
        assert_eq!(apart("1e3", "1000"), Some(0));
        assert_eq!(apart("1.25E+1", "12.5"), Some(0));
        assert_eq!(apart("1e3", "1100"), None);
        assert_eq!(apart("25e-1", "2.5"), Some(0));
    }

    #[test]
    fn what_is_no_measurement_is_no_number() {
        for text in ["", "-", "x", "1.2.3", "--1", "1e", "1e99999999999", "1e-40", "1e60", &"9".repeat(60)] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}

//! Decimal text as integers: no value ever passes through a float.

/// Powers above this leave every bound behind.
const FAR: i64 = 40;

/// `text × 10^scale`, digits behind it rounded half away from zero. Beyond 64 bits it stays at the nearest that fits:
/// bounds are smaller still. None if the text is not a JSON number.
#[must_use]
pub fn fixed(text: &str, scale: u8) -> Option<i64> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent)),
        None => (rest, "0"),
    };
    if exponent.is_empty()
        || !exponent.strip_prefix('-').unwrap_or(exponent).bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let exponent =
        exponent.parse::<i64>().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !digits().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // The place of the point, counted in digits from the left, after scaling.
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let point = length.saturating_add(exponent).saturating_add(scale.into());
    let magnitude = magnitude(digits().skip_while(|b| *b == b'0'), {
        let zeros = digits().take_while(|b| *b == b'0').count();
        point.saturating_sub(i64::try_from(zeros).unwrap_or(i64::MAX))
    });
    let magnitude = i64::try_from(magnitude).unwrap_or(i64::MAX);
    Some(if negative { magnitude.saturating_neg() } else { magnitude })
}

/// The first `point` digits (more zeros behind, if there are fewer) as a number, the next one rounds.
fn magnitude(digits: impl Iterator<Item = u8>, point: i64) -> u128 {
    let mut value: u128 = 0;
    let mut left = point;
    for digit in digits {
        let digit = u128::from(digit.wrapping_sub(b'0'));
        match left {
            ..0 => return value,
            0 => return if digit >= 5 { value.saturating_add(1) } else { value },
            _ => value = value.saturating_mul(10).saturating_add(digit),
        }
        left = left.saturating_sub(1);
    }
    if value == 0 {
        return 0;
    }
    (0..left.min(FAR)).fold(value, |value, _| value.saturating_mul(10))
}

/// An integer at a scale as decimal text: the reverse of [`fixed`].
#[must_use]
pub fn show(value: i64, scale: u8) -> String {
    if scale == 0 {
        return value.to_string();
    }
    let width = usize::from(scale).saturating_add(1);
    let digits = format!("{:0width$}", value.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(usize::from(scale)));
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "test code")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_become_integers_exactly() {
        for (text, scale, expected) in [
            ("7.10", 2, 710),
            ("7.1", 2, 710),
            ("0.1", 1, 1),
            ("-0.1", 3, -100),
            ("13.45", 1, 135),
            ("13.449999999999999999999999", 1, 134),
            ("-13.45", 1, -135),
            ("0.05", 1, 1),
            ("0.049", 1, 0),
            ("0.0004", 3, 0),
            ("0.0005", 3, 1),
            ("0.9", 0, 1),
            ("1e3", 0, 1000),
            ("1.25E-1", 3, 125),
            ("1e+2", 1, 1000),
            ("9007199254740993", 0, 9_007_199_254_740_993),
            ("00012", 0, 12),
            ("0", 6, 0),
            ("-0", 6, 0),
            ("1e99999999999999999999", 0, i64::MAX),
            ("-1e400", 0, i64::MIN + 1),
            ("1e-99999999999999999999", 6, 0),
            ("0e99999999999999999999", 6, 0),
        ] {
            assert_eq!(fixed(text, scale), Some(expected), "{text} at {scale}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "", "-", ".", "1.", ".5", "1e", "1e+", "1e--2", "+1", "1,5", "0x10", "NaN", "inf", " 1", "1 ",
            "1.2.3",
        ] {
            assert_eq!(fixed(text, 2), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn shown_and_read_again(value in i64::MIN + 1..i64::MAX, scale in 0u8..=6) {
            prop_assert_eq!(fixed(&show(value, scale), scale), Some(value));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}", scale in 0u8..=6) {
            let _ = fixed(&text, scale);
        }

        /// Against big-integer arithmetic by hand: whole digits and a fraction, no rounding in play.
        #[test]
        fn digits_are_kept(whole in 0u32..1_000_000, fraction in 0u32..1_000_000) {
            let text = format!("{whole}.{fraction:06}");
            prop_assert_eq!(fixed(&text, 6), Some(i64::from(whole) * 1_000_000 + i64::from(fraction)));
        }
    }
}

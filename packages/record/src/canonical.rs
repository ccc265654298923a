//! RFC 8785 (JCS), and the canonical value of a leaf, which differs from it in one point: numbers keep their digits.

use serde_json::{Map, Number, Value};

use crate::Error;

/// Canonical text of a leaf's value: `None` for an object or array that has members, and for a number that is not
/// written as JSON writes numbers.
pub fn canonical_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        // FHIR decimals carry precision: 7.10 is not 7.1.
        Value::Number(number) => is_json_number(number.as_str()).then(|| one_spelling(number.as_str())),
        Value::String(text) => Some(quoted(text)),
        Value::Array(items) => items.is_empty().then(|| "[]".to_owned()),
        Value::Object(members) => members.is_empty().then(|| "{}".to_owned()),
    }
}

/// Canonical JSON by RFC 8785: members sorted by UTF-16 code units, numbers as ECMAScript prints doubles.
pub fn jcs(value: &Value) -> Result<String, Error> {
    let mut out = String::new();
    write_value(value, &mut out)?;
    Ok(out)
}

fn write_value(value: &Value, out: &mut String) -> Result<(), Error> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&ecmascript_number(number)?),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_value(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => write_object(members, out)?,
    }
    Ok(())
}

fn write_object(members: &Map<String, Value>, out: &mut String) -> Result<(), Error> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    out.push('{');
    for (position, (name, value)) in sorted.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(&quoted(name));
        out.push(':');
        write_value(value, out)?;
    }
    out.push('}');
    Ok(())
}

/// serde_json escapes what RFC 8785 section 3.2.2.2 escapes, and nothing else.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// ECMAScript `Number::toString`: the shortest digits that give the double back, laid out by the decimal exponent.
fn ecmascript_number(number: &Number) -> Result<String, Error> {
    let double: f64 = number.as_str().parse().map_err(|_| Error::NumberRange)?;
    if !double.is_finite() {
        return Err(Error::NumberRange);
    }
    if double == 0.0 {
        return Ok("0".to_owned()); // also for -0
    }
    let scientific = shortest(double.abs());
    let (mantissa, exponent) = scientific.split_once('e').ok_or(Error::NumberRange)?;
    let exponent: i32 = exponent.parse().map_err(|_| Error::NumberRange)?;
    let digits = mantissa.replace('.', "");
    let sign = if double < 0.0 { "-" } else { "" };
    Ok(format!("{sign}{}", lay_out(&digits, exponent)))
}

/// Shortest digits that give the double back, the closest of them, and of two as close the even one (ECMAScript's
/// note 2, which RFC 8785 section 3.2.2.3 demands). `{:e}` leaves the last point open; rounding to as many digits
/// settles it.
fn shortest(double: f64) -> String {
    let shortest = format!("{double:e}");
    let fraction = shortest.split(['.', 'e']).nth(1).filter(|_| shortest.contains('.')).map_or(0, str::len);
    let closest = format!("{double:.fraction$e}");
    if closest.parse() == Ok(double) { closest } else { shortest }
}

/// `digits` with a point after the first one, times ten to the `exponent`.
fn lay_out(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
    match exponent {
        0..=20 => {
            let whole = usize::try_from(exponent).unwrap_or_default().saturating_add(1);
            match digits.split_at_checked(whole) {
                Some((whole, "")) => whole.to_owned(),
                Some((whole, fraction)) => format!("{whole}.{fraction}"),
                None => format!("{digits:0<whole$}"),
            }
        }
        -6..=-1 => {
            let zeros = usize::try_from(exponent.unsigned_abs()).unwrap_or_default().saturating_sub(1);
            format!("0.{}{digits}", "0".repeat(zeros))
        }
        _ if rest.is_empty() => format!("{first}e{exponent:+}"),
        _ => format!("{first}.{rest}e{exponent:+}"),
    }
}

/// Exponents have two spellings that say nothing of precision: `1E3` is written `1e+3`. serde_json does so as it
/// reads; other readers may not.
fn one_spelling(number: &str) -> String {
    match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) if exponent.starts_with(['+', '-']) => format!("{mantissa}e{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}e+{exponent}"),
        None => number.to_owned(),
    }
}

/// RFC 8259 section 6: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
fn is_json_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let no_leading_zero = whole == "0" || !whole.starts_with('0');
    no_leading_zero && is_digits(whole) && fraction.is_none_or(is_digits) && exponent.is_none_or(is_digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_number_grammar() {
        for good in ["0", "-0", "7.10", "1E30", "1e+30", "1e-07", "10", "0.000"] {
            assert!(is_json_number(good), "{good}");
        }
        for bad in
            ["", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1 ", "--1", "1.2.3", "1e2e3", "٣"]
        {
            assert!(!is_json_number(bad), "{bad}");
        }
    }

    /// RFC 8785 appendix B: IEEE 754 bits and their JSON representation.
    #[test]
    fn rfc8785_number_samples() {
        let samples: [(u64, &str); 23] = [
            (0x0000000000000000, "0"),
            (0x8000000000000000, "0"),
            (0x0000000000000001, "5e-324"),
            (0x8000000000000001, "-5e-324"),
            (0x7fefffffffffffff, "1.7976931348623157e+308"),
            (0xffefffffffffffff, "-1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"),
            (0xc340000000000000, "-9007199254740992"),
            (0x4430000000000000, "295147905179352830000"),
            (0x44b52d02c7e14af5, "9.999999999999997e+22"),
            (0x44b52d02c7e14af6, "1e+23"),
            (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
            (0x444b1ae4d6e2ef4e, "999999999999999700000"),
            (0x444b1ae4d6e2ef4f, "999999999999999900000"),
            (0x444b1ae4d6e2ef50, "1e+21"),
            (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
            (0x3eb0c6f7a0b5ed8d, "0.000001"),
            (0x41b3de4355555553, "333333333.3333332"),
            (0x41b3de4355555554, "333333333.33333325"),
            (0x41b3de4355555555, "333333333.3333333"),
            (0x41b3de4355555556, "333333333.3333334"),
            (0xbecbf647612f3696, "-0.0000033333333333333333"),
            (0x43143ff3c1cb0959, "1424953923781206.2"),
        ];
        for (bits, expected) in samples {
            let double = f64::from_bits(bits);
            // Written out with far more digits than a double has, and exponents in both spellings.
            let number = Number::from_string_unchecked(format!("{double:.30e}"));
            assert_eq!(ecmascript_number(&number).unwrap(), expected);
        }
        assert_eq!(
            ecmascript_number(&Number::from_string_unchecked("1e400".into())),
            Err(Error::NumberRange)
        );
    }
}

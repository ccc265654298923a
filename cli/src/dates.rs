//! `--from` and `--to`: whole days, months or years, both included.

use time::Date;
use time::macros::format_description;

use crate::Error;

/// A span of dates, each written as `2027`, `2027-01` or `2027-01-31`.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Dates {
    /// Only from this date on: 2027-01-31, 2027-01 or 2027
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<String>,
    /// Only up to this date, itself included
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<String>,
}

impl Dates {
    /// Whether a date (or a time that begins with it) is within; what has no date is only within no bounds at all.
    pub fn hold(&self, date: &str) -> bool {
        let within = |bound: &Option<String>, fits: fn(&str, &str) -> bool| {
            // As much as both say: 2027 holds 2027-01-31, and the other way round.
            bound.as_deref().is_none_or(|bound| {
                let length = bound.len().min(date.len());
                let (date, bound) = (date.get(..length), bound.get(..length));
                length > 0 && date.zip(bound).is_some_and(|(date, bound)| fits(date, bound))
            })
        };
        within(&self.from, |date, from| date >= from) && within(&self.to, |date, to| date <= to)
    }
}

fn date(text: &str) -> Result<String, Error> {
    let mut parts = text.split('-');
    let number = |part: Option<&str>, length: usize| {
        part.is_none_or(|part| part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let whole = text.len() < 10 || Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok();
    let fits = number(parts.next(), 4) && number(parts.next(), 2) && number(parts.next(), 2);
    if whole && fits && parts.next().is_none() {
        return Ok(text.to_owned());
    }
    Err(Error::Usage("write a date as 2027-01-31, 2027-01 or 2027".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(from: &str, to: &str, date: &str) -> bool {
        let bound = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Dates { from: bound(from), to: bound(to) }.hold(date)
    }

    #[test]
    fn both_ends_are_included_as_far_as_they_are_said() {
        assert!(hold("2024-03-01", "2024-03-01", "2024-03-01T08:00:00Z"));
        assert!(hold("2024", "2024-03", "2024-03-31"));
        assert!(!hold("2024", "2024-03", "2024-04-01"));
        assert!(!hold("2024-03-02", "", "2024-03-01"));
        assert!(hold("2024-03-02", "", "2024"));
        assert!(hold("", "", "") && !hold("2024", "", "") && !hold("", "2024", ""));
        // A hospital may write anything for a date; it must not be cut within a letter.
        let _ = hold("2024", "", "202é");
    }

    #[test]
    fn only_dates_are_dates() {
        for right in ["2024", "2024-03", "2024-03-31", "1931-01-01"] {
            assert!(date(right).is_ok(), "{right}");
        }
        for wrong in ["", "24", "2024-3", "2024-03-1", "2024-03-32", "+30d", "2024-03-01-05", "20x4"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }
}

//! Times as people write and read them; seconds since 1970, UTC, inside.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::Error;

/// The present, by this computer's clock.
pub fn now() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default()
}

/// `+30d`, `+12h`, `+45m`, `2027-01-31` (its first second, UTC), RFC 3339, or seconds since 1970.
pub fn parse(text: &str, now: u64) -> Result<u64, Error> {
    let refuse = || {
        Error::Usage(format!(
            "`{text}` is not a time; write +30d, +12h, +45m, 2027-01-31 or 2027-01-31T12:00:00Z"
        ))
    };
    if let Some(span) = text.strip_prefix('+') {
        let (digits, unit) = span.split_at_checked(span.len().saturating_sub(1)).ok_or_else(refuse)?;
        let seconds = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return Err(refuse()),
        };
        let count: u64 = digits.parse().map_err(|_| refuse())?;
        return count.checked_mul(seconds).and_then(|span| now.checked_add(span)).ok_or_else(refuse);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| refuse());
    }
    let moment = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| {
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
        date.map(|date| date.midnight().assume_utc())
    });
    moment.ok().and_then(|moment| u64::try_from(moment.unix_timestamp()).ok()).ok_or_else(refuse)
}

/// `2026-11-23 12:25 UTC`.
pub fn text(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    moment.and_then(|moment| moment.format(form).ok()).unwrap_or_else(|| format!("second {seconds}"))
}

/// `2026-11-23`, UTC.
pub fn date(seconds: u64) -> String {
    text(seconds).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_people_write() {
        let at = |text: &str| parse(text, 1_000).ok();
        assert_eq!(at("+2d"), Some(1_000 + 172_800));
        assert_eq!(at("+1h"), Some(4_600));
        assert_eq!(at("+0s"), Some(1_000));
        assert_eq!(at("1970-01-02"), Some(86_400));
        assert_eq!(at("2027-01-31T12:00:00Z"), Some(1_801_396_800));
        assert_eq!(at("2027-01-31T13:00:00+01:00"), Some(1_801_396_800));
        assert_eq!(at("12345"), Some(12_345));
        for wrong in
            ["", "+", "+d", "+-1d", "+1y", "tomorrow", "2027-13-01", "1969-12-31", "+99999999999999999999d"]
        {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        assert_eq!(super::text(86_400), "1970-01-02 00:00 UTC");
    }
}

//! FHIR dates and times.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// When something was, as precisely as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Moment {
    /// Seconds since 1970, and the day where it was written down.
    Instant {
        second: i64,
        day: Date,
    },
    Day(Date),
    /// A year or a month: too little to say that two are one, unless both say just that.
    Vague(String),
    /// Of what has no time: a person.
    Timeless,
}

/// Two moments that can be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Same {
    /// One knows the day only.
    Day,
    /// Both say the same.
    Exactly,
}

/// What moments that can be one share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Day {
    Date(Date),
    Vague(String),
    Timeless,
}

impl Moment {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(instant) = OffsetDateTime::parse(text, &Rfc3339) {
            return Some(Self::Instant { second: instant.unix_timestamp(), day: instant.date() });
        }
        if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
            return Some(Self::Day(day));
        }
        let (year, month) = text.split_once('-').unwrap_or((text, "01"));
        let number = |digits: &str, length| {
            digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse() != Ok(0u16)
        };
        (number(year, 4) && number(month, 2)).then(|| Self::Vague(text.to_owned()))
    }

    /// Whether both can be one; an instant is on the day that its own time zone says.
    pub(super) fn same(&self, other: &Self) -> Option<Same> {
        let same = match (self, other) {
            (Self::Instant { second: a, .. }, Self::Instant { second: b, .. }) => (a == b, Same::Exactly),
            (Self::Instant { day: a, .. }, Self::Day(b)) | (Self::Day(b), Self::Instant { day: a, .. }) => {
                (a == b, Same::Day)
            }
            (a, b) => (a == b, Same::Exactly),
        };
        same.0.then_some(same.1)
    }

    /// Days under which whatever can be the same is found.
    pub(super) fn days(&self) -> impl Iterator<Item = Day> {
        let (written, universal) = match self {
            Self::Instant { second, day } => {
                let universal = OffsetDateTime::from_unix_timestamp(*second).ok().map(OffsetDateTime::date);
                (Day::Date(*day), universal.filter(|universal| universal != day).map(Day::Date))
            }
            Self::Day(day) => (Day::Date(*day), None),
            Self::Vague(text) => (Day::Vague(text.clone()), None),
            Self::Timeless => (Day::Timeless, None),
        };
        std::iter::once(written).chain(universal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> Option<Same> {
        let (a, b) = (Moment::parse(a).unwrap(), Moment::parse(b).unwrap());
        assert_eq!(a.same(&b), b.same(&a));
        if a.same(&b).is_some() {
            assert!(a.days().any(|day| b.days().any(|other| day == other)), "{a:?} and {b:?} share no day");
        }
        a.same(&b)
    }

    #[test]
    fn instants_are_compared_across_time_zones_and_days_where_they_were_written() {
        assert_eq!(same("2024-03-01T23:30:00-05:00", "2024-03-02T04:30:00Z"), Some(Same::Exactly));
        assert_eq!(same("2024-03-01T23:30:00.250Z", "2024-03-01T23:30:00Z"), Some(Same::Exactly));
        assert_eq!(same("2024-03-01T23:30:00-05:00", "2024-03-01T23:30:00Z"), None);
        assert_eq!(same("2024-03-01T23:30:00-05:00", "2024-03-01"), Some(Same::Day));
        assert_eq!(same("2024-03-01T23:30:00-05:00", "2024-03-02"), None);
        assert_eq!(same("2024-03-01", "2024-03-01"), Some(Same::Exactly));
        assert_eq!(same("2024-03-01", "2024-03-02"), None);
    }

    #[test]
    fn a_year_is_the_same_as_that_year_only() {
        assert_eq!(same("2024", "2024"), Some(Same::Exactly));
        assert_eq!(same("2024-03", "2024-03"), Some(Same::Exactly));
        assert_eq!(same("2024-03", "2024-03-01"), None);
        assert_eq!(same("2024", "2024-03"), None);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "soon", "24", "2024-1", "2024-13-01", "2024-03-01T25:00:00Z", "0000", "2024-03-01T08:00"]
        {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}

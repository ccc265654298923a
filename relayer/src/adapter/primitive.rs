//! FHIR R4 primitive types (hl7.org/fhir/R4/datatypes.html): a column's text becomes a value, a value is checked.

use serde::Deserialize;
use serde_json::{Number, Value};

/// Characters a `string` may have.
const MAX_STRING: usize = 1024 * 1024;

/// A primitive type; the mapping names them as FHIR does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldType {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    /// Keeps its digits: 7.10 stays 7.10.
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

impl FieldType {
    /// Every type.
    pub const ALL: [Self; 20] = [
        Self::Base64Binary,
        Self::Boolean,
        Self::Canonical,
        Self::Code,
        Self::Date,
        Self::DateTime,
        Self::Decimal,
        Self::Id,
        Self::Instant,
        Self::Integer,
        Self::Markdown,
        Self::Oid,
        Self::PositiveInt,
        Self::String,
        Self::Time,
        Self::UnsignedInt,
        Self::Uri,
        Self::Url,
        Self::Uuid,
        Self::Xhtml,
    ];

    /// FHIR's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base64Binary => "base64Binary",
            Self::Boolean => "boolean",
            Self::Canonical => "canonical",
            Self::Code => "code",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Decimal => "decimal",
            Self::Id => "id",
            Self::Instant => "instant",
            Self::Integer => "integer",
            Self::Markdown => "markdown",
            Self::Oid => "oid",
            Self::PositiveInt => "positiveInt",
            Self::String => "string",
            Self::Time => "time",
            Self::UnsignedInt => "unsignedInt",
            Self::Uri => "uri",
            Self::Url => "url",
            Self::Uuid => "uuid",
            Self::Xhtml => "xhtml",
        }
    }

    /// The type of FHIR's name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a text may be put in front of it.
    pub(super) const fn takes_prefix(self) -> bool {
        matches!(self, Self::String | Self::Uri | Self::Url | Self::Canonical | Self::Id)
    }

    /// The value of a column's text behind `prefix`; none if it is not of this type.
    pub(super) fn value(self, prefix: &str, text: &str) -> Option<Value> {
        match self {
            Self::Boolean => match text {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Integer => text.parse::<i32>().ok().map(Value::from),
            Self::PositiveInt => text.parse::<i32>().ok().filter(|n| *n > 0).map(Value::from),
            Self::UnsignedInt => text.parse::<i32>().ok().filter(|n| *n >= 0).map(Value::from),
            Self::Decimal => serde_json::from_str::<Number>(text).ok().map(Value::Number),
            // Words are what the database says, whatever is in them: `scope check` names what FHIR would not have.
            Self::String | Self::Markdown => Some(Value::String(format!("{prefix}{text}"))),
            _ => {
                let text = format!("{prefix}{text}");
                self.spells(&text).then_some(Value::String(text))
            }
        }
    }

    /// Whether a value of a resource is of this type.
    pub(super) fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Boolean, Value::Bool(_)) => true,
            (Self::Decimal, Value::Number(_)) => true,
            (Self::Integer | Self::PositiveInt | Self::UnsignedInt, Value::Number(number)) => {
                self.value("", number.as_str()).is_some()
            }
            (
                Self::Boolean | Self::Decimal | Self::Integer | Self::PositiveInt | Self::UnsignedInt,
                Value::String(_),
            ) => false,
            (_, Value::String(text)) => self.spells(text),
            _ => false,
        }
    }

    /// The types that JSON writes as a string.
    fn spells(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::DateTime => is_date(text) || is_instant(text),
            Self::Instant => is_instant(text),
            Self::Time => is_time(text),
            Self::Code => is_code(text),
            Self::Id => is_id(text),
            Self::Uri | Self::Url | Self::Canonical => !text.is_empty() && no_white_space(text),
            Self::Oid => text.strip_prefix("urn:oid:").is_some_and(is_oid),
            Self::Uuid => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
            Self::Base64Binary => is_base64(text),
            Self::String | Self::Markdown => is_text(text),
            Self::Xhtml => text.starts_with("<div") && text.ends_with("</div>"),
            Self::Boolean | Self::Decimal | Self::Integer | Self::PositiveInt | Self::UnsignedInt => false,
        }
    }
}

/// Something to read, no control characters but tab and line ends, 1 MiB at most.
fn is_text(text: &str) -> bool {
    let allowed = |c: char| c >= ' ' || matches!(c, '\t' | '\r' | '\n');
    !text.trim().is_empty() && text.chars().all(allowed) && text.len() <= MAX_STRING
}

fn no_white_space(text: &str) -> bool {
    !text.contains(char::is_whitespace)
}

/// FHIR `code`: no white space but single spaces inside.
fn is_code(text: &str) -> bool {
    text.split(' ').all(|word| !word.is_empty() && no_white_space(word))
}

/// FHIR `id`: `[A-Za-z0-9\-\.]{1,64}`.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// `[0-2](\.(0|[1-9][0-9]*))+`.
fn is_oid(text: &str) -> bool {
    let mut arcs = text.split('.');
    let first = arcs.next().is_some_and(|arc| matches!(arc, "0" | "1" | "2"));
    let rest: Vec<&str> = arcs.collect();
    let is_arc = |arc: &&str| {
        !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (*arc == "0" || !arc.starts_with('0'))
    };
    first && !rest.is_empty() && rest.iter().all(is_arc)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths = parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]);
    lengths && parts.concat().bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_base64(text: &str) -> bool {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let packed: String = text.split_ascii_whitespace().collect();
    !packed.is_empty() && STANDARD.decode(packed).is_ok()
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let (year, month, day) = match parts.as_slice() {
        [year] => (year, "01", "01"),
        [year, month] => (year, *month, "01"),
        [year, month, day] => (year, *month, *day),
        _ => return false,
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
    let (year, day) = (i32::try_from(year).unwrap_or_default(), u8::try_from(day).unwrap_or_default());
    year > 0 && month.is_some_and(|month| time::Date::from_calendar_date(year, month, day).is_ok())
}

/// `YYYY-MM-DDThh:mm:ss[.sss](Z|±hh:mm)`.
fn is_instant(text: &str) -> bool {
    text.len() >= 20
        && text.as_bytes().get(10) == Some(&b'T')
        && time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
}

/// `hh:mm:ss[.sss]`, 00:00:00 to 23:59:60.
fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let parts: Vec<Option<u32>> = clock.split(':').map(|part| digits(part, 2)).collect();
    let [Some(hour), Some(minute), Some(second)] = parts.as_slice() else { return false };
    let fraction = fraction.is_none_or(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    *hour < 24 && *minute < 60 && *second <= 60 && fraction
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits_and_nothing_else_is_a_number() {
        let decimal = |text: &str| FieldType::Decimal.value("", text);
        for text in ["7.10", "0.000", "-1.50", "1e+3", "100"] {
            assert_eq!(decimal(text).unwrap().to_string(), text);
        }
        // An exponent has one spelling, the one a viewer's parser gives it as well.
        assert_eq!(decimal("1E3").unwrap().to_string(), "1e+3");
        for text in ["", "+1", "01", ".5", "1.", "NaN", "1,5", "1 2", "0x1"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    /// Taken from the regular expressions of hl7.org/fhir/R4/datatypes.html.
    #[test]
    fn each_type_takes_what_fhir_takes() {
        use FieldType::*;
        let cases: [(FieldType, &[&str], &[&str]); 15] = [
            (Integer, &["0", "-1", "2147483647"], &["2147483648", "1.0", "1e2", ""]),
            (PositiveInt, &["1"], &["0", "-1"]),
            (UnsignedInt, &["0", "7"], &["-1"]),
            (Boolean, &["true", "false", "1", "0"], &["TRUE", "yes", "2"]),
            (
                Date,
                &["2020", "2020-02", "2020-02-29"],
                &["20", "2020-13", "2021-02-29", "2020-2-1", "20200229", "0000-01-01"],
            ),
            (
                DateTime,
                &["2020", "2020-02-29T10:00:00Z", "2020-02-29T10:00:00.123+01:00"],
                &["2020-02-29T10:00:00", "2020-02-29 10:00:00Z", "2020-02-30T10:00:00Z"],
            ),
            (Instant, &["2020-02-29T10:00:00Z"], &["2020-02-29", "2020-02-29T10:00Z"]),
            (Time, &["00:00:00", "23:59:60", "12:30:15.250"], &["24:00:00", "12:30", "12:30:15Z", "1:2:3"]),
            (Code, &["a", "a b"], &["a  b", " a", "a\tb"]),
            (Id, &["a-1.B"], &["a/b", "", "a_b"]),
            (Uri, &["http://hl7.org", "urn:x"], &["a b", ""]),
            (Oid, &["urn:oid:1.2.3", "urn:oid:2.16.840"], &["urn:oid:3.1", "1.2.3", "urn:oid:1.02"]),
            (
                Uuid,
                &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
                &["urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "c757873d-ec9a-4326-a141-556f43239520"],
            ),
            (Base64Binary, &["aGk=", "aG k="], &["a", "=="]),
            (Xhtml, &["<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"], &["<p>x</p>", "x"]),
        ];
        for (kind, good, bad) in cases {
            assert_eq!(FieldType::named(kind.name()), Some(kind));
            for text in good {
                let value = kind.value("", text).unwrap_or_else(|| panic!("{kind:?} {text}"));
                assert!(kind.admits(&value), "{kind:?} {text}");
            }
            for text in bad {
                assert_eq!(kind.value("", text), None, "{kind:?} {text}");
            }
        }
        assert!(!Id.admits(&Value::from("x".repeat(65))) && Id.admits(&Value::from("x".repeat(64))));
        assert!(String.admits(&Value::from("a\nb")) && !String.admits(&Value::from("a\u{1}b")));
        assert!(!String.admits(&Value::from("  ")) && !String.admits(&Value::from(1)));
        assert!(!Integer.admits(&Value::from("1")) && !Boolean.admits(&Value::from("true")));
    }
}

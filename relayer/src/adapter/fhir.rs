//! A row of text columns becomes a FHIR R4 resource, by the mapping's pointers and types.

use serde_json::{Map, Number, Value};

use super::mapping::{Field, FieldType, Scope};

/// The resource of a row; `column` gives a column's text, none for null or a column that is not there.
pub(super) fn resource<'r>(scope: &Scope, column: impl Fn(&str) -> Option<&'r str>) -> Result<Value, String> {
    let mut root = empty(&scope.resource_type);
    for (to, constant) in &scope.constants {
        place(&mut root, to, constant.clone())?;
    }
    for field in &scope.fields {
        // CSV knows no null: an empty column is an absent one.
        let Some(text) = column(&field.column).map(str::trim).filter(|text| !text.is_empty()) else {
            continue;
        };
        let value = typed(field, text).ok_or_else(|| {
            format!("column {:?} is not a valid {:?} for /{}", field.column, field.kind, field.to.join("/"))
        })?;
        place(&mut root, &field.to, value)?;
    }
    Ok(root)
}

/// Places everything once, so that clashes and holes show when the mapping is read.
pub(super) fn dry_run(
    resource_type: &str,
    constants: &[(Vec<String>, Value)],
    fields: &[Field],
) -> Result<(), String> {
    let mut root = empty(resource_type);
    for (to, constant) in constants {
        place(&mut root, to, constant.clone())?;
    }
    fields.iter().try_for_each(|field| place(&mut root, &field.to, Value::Bool(true)))
}

fn empty(resource_type: &str) -> Value {
    Value::Object(Map::from_iter([("resourceType".to_owned(), Value::from(resource_type))]))
}

/// Puts `value` at a place, making objects and arrays on the way: a number as token means an array.
fn place(root: &mut Value, to: &[String], value: Value) -> Result<(), String> {
    let whole = || format!("/{}", to.join("/"));
    let mut at = root;
    for token in to {
        if at.is_null() {
            let is_index = token.parse::<usize>().is_ok();
            *at = if is_index { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        }
        at = match at {
            Value::Object(members) => members.entry(token.as_str()).or_insert(Value::Null),
            Value::Array(items) => {
                let index: usize =
                    token.parse().map_err(|_| format!("{} goes through an array by a name", whole()))?;
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index).ok_or_else(|| format!("{} leaves a hole in an array", whole()))?
            }
            _ => return Err(format!("{} goes through a value that stands there already", whole())),
        };
    }
    if !at.is_null() {
        return Err(format!("{} is set twice", whole()));
    }
    *at = value;
    Ok(())
}

fn typed(field: &Field, text: &str) -> Option<Value> {
    match field.kind {
        FieldType::String => Some(Value::String(format!("{}{text}", field.prefix))),
        FieldType::Uri => no_white_space(text).then(|| Value::String(format!("{}{text}", field.prefix))),
        FieldType::Code => is_code(text).then(|| Value::from(text)),
        FieldType::Id => is_id(text).then(|| Value::from(text)),
        FieldType::Boolean => match text {
            "true" | "1" => Some(Value::Bool(true)),
            "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        FieldType::Integer => text.parse::<i32>().ok().map(Value::from),
        FieldType::Decimal => serde_json::from_str::<Number>(text).ok().map(Value::Number),
        FieldType::Date => is_date(text).then(|| Value::from(text)),
        FieldType::DateTime => (is_date(text) || is_instant(text)).then(|| Value::from(text)),
        FieldType::Instant => is_instant(text).then(|| Value::from(text)),
    }
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
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
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
        && time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldType, to: &str) -> Field {
        let to = to.split('/').skip(1).map(str::to_owned).collect();
        Field { column: "c".into(), to, kind, prefix: String::new() }
    }

    #[test]
    fn decimals_keep_their_digits_and_nothing_else_is_a_number() {
        let decimal = field(FieldType::Decimal, "/x");
        for text in ["7.10", "0.000", "-1.50", "1e+3", "100"] {
            assert_eq!(typed(&decimal, text).unwrap().to_string(), text);
        }
        // An exponent has one spelling, the one a viewer's parser gives it as well.
        assert_eq!(typed(&decimal, "1E3").unwrap().to_string(), "1e+3");
        for text in ["", "+1", "01", ".5", "1.", "NaN", "1,5", "1 2", "0x1"] {
            assert_eq!(typed(&decimal, text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_calendar_dates() {
        for text in ["2020", "2020-02", "2020-02-29"] {
            assert!(is_date(text), "{text}");
        }
        for text in ["", "20", "2020-13", "2021-02-29", "2020-2-1", "2020-02-29T", "20200229", "0000-01-01"] {
            assert!(!is_date(text), "{text}");
        }
        assert!(is_instant("2020-02-29T10:00:00Z") && is_instant("2020-02-29T10:00:00.123+01:00"));
        assert!(!is_instant("2020-02-29 10:00:00") && !is_instant("2020-02-30T10:00:00Z"));
    }

    #[test]
    fn ids_and_codes() {
        assert!(is_id("a-1.B") && !is_id("a/b") && !is_id(&"x".repeat(65)));
        assert!(is_code("a b") && !is_code("a  b") && !is_code(" a"));
    }

    #[test]
    fn places_clash_and_leave_no_holes() {
        let run = |places: &[&str]| {
            let fields: Vec<_> = places.iter().map(|to| field(FieldType::String, to)).collect();
            dry_run("Patient", &[], &fields)
        };
        assert!(run(&["/name/0/given/0", "/name/0/given/1", "/name/0/family"]).is_ok());
        assert!(run(&["/name/1"]).unwrap_err().contains("hole"));
        assert!(run(&["/a", "/a"]).unwrap_err().contains("twice"));
        assert!(run(&["/a", "/a/b"]).unwrap_err().contains("stands there"));
        assert!(run(&["/a/0", "/a/b"]).unwrap_err().contains("by a name"));
        assert!(run(&["/resourceType"]).unwrap_err().contains("twice"));
    }
}

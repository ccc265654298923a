//! A row of text columns becomes a FHIR R4 resource, by the mapping's places and types.

use serde_json::Value;

use super::{
    BadRow,
    mapping::{Field, Scope},
    place::Builder,
};

/// The resource of a row; `column` gives a column's text, none for null or a column that is not there.
pub(super) fn resource<'r>(scope: &Scope, column: impl Fn(&str) -> Option<&'r str>) -> Result<Value, BadRow> {
    let mut builder = Builder::new(&scope.resource_type);
    for (place, constant) in &scope.constants {
        builder.put(place, 0, constant.clone()).map_err(|what| BadRow { at: scope.at.clone(), what })?;
    }
    for field in &scope.fields {
        // CSV knows no null: an empty column is an absent one.
        let Some(text) = column(&field.column).map(str::trim).filter(|text| !text.is_empty()) else {
            continue;
        };
        place(&mut builder, field, text).map_err(|what| BadRow { at: field.at.clone(), what })?;
    }
    Ok(builder.finish())
}

fn place(builder: &mut Builder, field: &Field, text: &str) -> Result<(), String> {
    if !field.to.is_list() {
        return item(builder, field, 0, text);
    }
    let items = serde_json::from_str::<Vec<Value>>(text).map_err(|_| {
        format!("column {:?} is not a JSON array, as {} with its '*' wants it", field.column, field.to)
    })?;
    for (value, number) in items.iter().zip(0usize..) {
        match value {
            // Keeps the items of several columns side by side.
            Value::Null => {}
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => item(builder, field, number, text.trim())?,
            Value::Number(_) | Value::Bool(_) => item(builder, field, number, &value.to_string())?,
            Value::Array(_) | Value::Object(_) => {
                return Err(format!("column {:?} is an array of more than texts and numbers", field.column));
            }
        }
    }
    Ok(())
}

fn item(builder: &mut Builder, field: &Field, number: usize, text: &str) -> Result<(), String> {
    let value = field.kind.value(&field.prefix, text).ok_or_else(|| {
        format!("column {:?} is not a valid {} for {}", field.column, field.kind.name(), field.to)
    })?;
    builder.put(&field.to, number, value)?;
    field.with.iter().try_for_each(|(place, constant)| builder.put(place, number, constant.clone()))
}

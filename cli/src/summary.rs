//! One line of a FHIR resource: when, and what.

use serde_json::Value;

/// Elements that say when something happened, the most telling first.
const DATES: [&str; 16] = [
    "/effectiveDateTime",
    "/effectivePeriod/start",
    "/occurrenceDateTime",
    "/performedDateTime",
    "/performedPeriod/start",
    "/onsetDateTime",
    "/period/start",
    "/authoredOn",
    "/started",
    "/recordedDate",
    "/issued",
    "/date",
    "/created",
    "/birthDate",
    "/servicedDate",
    "/meta/lastUpdated",
];

/// Elements that say what it is.
const NAMES: [&str; 8] = [
    "/code",
    "/vaccineCode",
    "/medicationCodeableConcept",
    "/type",
    "/type/0",
    "/category/0",
    "/class",
    "/title",
];

/// `YYYY-MM-DD` or as much of it as there is; empty when nothing says.
pub fn date(resource: &Value) -> String {
    moment(resource).chars().take(10).collect()
}

/// Date, and time if there is one, as the hospital wrote it.
pub fn moment(resource: &Value) -> &str {
    DATES.iter().find_map(|pointer| resource.pointer(pointer)?.as_str()).unwrap_or_default()
}

/// What it is, with its value if it has one.
pub fn what(resource: &Value) -> String {
    let name = NAMES.iter().find_map(|pointer| name(resource.pointer(pointer)?));
    let name = name.or_else(|| person(resource)).unwrap_or_else(|| "(no description)".to_owned());
    match value(resource) {
        Some(value) => format!("{name}: {value}"),
        None => name,
    }
}

fn name(element: &Value) -> Option<String> {
    let text = |pointer: &str| element.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
    let found = element.as_str().or_else(|| text("/text")).or_else(|| text("/coding/0/display"));
    found
        .or_else(|| text("/display"))
        .or_else(|| text("/coding/0/code"))
        .or_else(|| text("/code"))
        .map(str::to_owned)
}

fn person(resource: &Value) -> Option<String> {
    let text = |pointer: &str| resource.pointer(pointer).and_then(Value::as_str);
    text("/name/0/text")
        .map(str::to_owned)
        .or_else(|| Some(format!("{} {}", text("/name/0/given/0")?, text("/name/0/family")?)))
}

fn value(resource: &Value) -> Option<String> {
    if let Some(value) = resource.pointer("/valueQuantity/value") {
        let unit = resource.pointer("/valueQuantity/unit").and_then(Value::as_str).unwrap_or_default();
        return Some(format!("{value} {unit}").trim_end().to_owned());
    }
    if let Some(text) = resource.get("valueString").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    resource.get("valueCodeableConcept").and_then(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn observations_show_their_value_with_its_digits() {
        let resource = parse(
            r#"{"resourceType":"Observation","effectiveDateTime":"2024-03-01T08:00:00Z",
                "code":{"coding":[{"code":"718-7","display":"Hemoglobin"}]},
                "valueQuantity":{"value":13.10,"unit":"g/dL"}}"#,
        );
        assert_eq!(
            (date(&resource).as_str(), what(&resource).as_str()),
            ("2024-03-01", "Hemoglobin: 13.10 g/dL")
        );
    }

    #[test]
    fn other_types() {
        let condition = parse(r#"{"onsetDateTime":"2020","code":{"text":"Anaemia"}}"#);
        assert_eq!((date(&condition).as_str(), what(&condition).as_str()), ("2020", "Anaemia"));
        let patient = parse(r#"{"birthDate":"1980-01-02","name":[{"family":"Roe","given":["Jo"]}]}"#);
        assert_eq!((date(&patient).as_str(), what(&patient).as_str()), ("1980-01-02", "Jo Roe"));
        let encounter = parse(r#"{"period":{"start":"2021-05-05"},"class":{"code":"AMB"}}"#);
        assert_eq!(what(&encounter), "AMB");
        assert_eq!((date(&parse("{}")).as_str(), what(&parse("[]")).as_str()), ("", "(no description)"));
    }
}

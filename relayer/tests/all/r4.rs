//! The FHIR R4 tables: HL7's own examples pass, each kind of error is found where it is.

use medrec_relayer::adapter::r4::{Tables, element};
use serde_json::{Value, json};

const EXAMPLES: &str = include_str!("../../testdata/r4-examples.json");

fn examples() -> Vec<Value> {
    serde_json::from_str(EXAMPLES).unwrap()
}

fn example(resource_type: &str) -> Value {
    examples().into_iter().find(|example| example["resourceType"] == resource_type).unwrap()
}

fn findings(resource: &Value) -> Vec<(String, String)> {
    let kind = resource["resourceType"].as_str().unwrap_or("Resource").to_owned();
    let found = Tables::new().unwrap().validate(resource);
    found.into_iter().map(|finding| (element(&kind, &finding.place), finding.what)).collect()
}

#[test]
fn the_examples_of_the_specification_pass() {
    let examples = examples();
    assert_eq!(examples.len(), 9);
    for example in examples {
        passes(&example);
    }
}

fn passes(resource: &Value) {
    let found = findings(resource);
    assert!(found.is_empty(), "{found:?}");
}

/// Sets the place of a pointer; `Null` takes it away.
fn with(mut resource: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = resource.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(name)),
        (Value::Object(members), value) => drop(members.insert(name.into(), value)),
        (parent, value) => parent[name.parse::<usize>().unwrap()] = value,
    }
    resource
}

#[test]
fn every_kind_of_error_is_found_where_it_is() {
    for (kind, pointer, value, place, says) in [
        ("Patient", "/colour", json!("red"), "Patient.colour", "no such element"),
        ("Patient", "/gender", json!("F"), "Patient.gender", "none of male, female, other, unknown"),
        ("Patient", "/gender", json!(1), "Patient.gender", "not a valid code"),
        ("Patient", "/birthDate", json!("17.11.1944"), "Patient.birthDate", "not a valid date"),
        ("Patient", "/active", json!("true"), "Patient.active", "not a valid boolean"),
        ("Patient", "/name", json!({"family": "x"}), "Patient.name", "an array"),
        ("Patient", "/name", json!([]), "Patient.name", "never empty"),
        ("Patient", "/name/0", json!({}), "Patient.name[0]", "never empty"),
        ("Patient", "/name/0/given", json!([null]), "Patient.name[0].given[0]", "not a valid string"),
        ("Patient", "/maritalStatus", json!("M"), "Patient.maritalStatus", "not a CodeableConcept"),
        ("Patient", "/birthDate", json!(["1944"]), "Patient.birthDate", "no array"),
        ("Patient", "/deceasedDateTime", json!("2020"), "Patient.deceasedDateTime", "only one deceased[x]"),
        ("Patient", "/deceasedString", json!("no"), "Patient.deceasedString", "no such element"),
        ("Patient", "/id", json!("a b"), "Patient.id", "not a valid id"),
        ("Patient", "/_name", json!({}), "Patient._name", "only primitive"),
        ("Patient", "/_gender", json!({"value": "x"}), "Patient._gender.value", "no such element"),
        ("Patient", "/contact/0/gender", json!("x"), "Patient.contact[0].gender", "none of"),
        ("Encounter", "/status", Value::Null, "Encounter", "status is missing"),
        ("Encounter", "/class", Value::Null, "Encounter", "class is missing"),
        ("Encounter", "/status", json!("done"), "Encounter.status", "none of planned"),
        ("Encounter", "/length/value", json!("140"), "Encounter.length.value", "not a valid decimal"),
        ("Condition", "/subject", Value::Null, "Condition", "subject is missing"),
        (
            "Condition",
            "/clinicalStatus/coding/0/code",
            json!("alive"),
            "Condition.clinicalStatus",
            "no coding is one of active",
        ),
        (
            "Condition",
            "/clinicalStatus/coding/0/system",
            json!("http://example.org"),
            "Condition.clinicalStatus",
            "condition-clinical",
        ),
        ("Observation", "/code", Value::Null, "Observation", "code is missing"),
        (
            "Observation",
            "/effectiveDateTime",
            json!("2012-09-17T10:00:00"),
            "Observation.effectiveDateTime",
            "dateTime",
        ),
        ("Observation", "/component/1/code", Value::Null, "Observation.component[1]", "code is missing"),
        (
            "Observation",
            "/component/1/valueString",
            json!("low"),
            "Observation.component[1].valueString",
            "only one value[x]",
        ),
        (
            "Observation",
            "/component/0/valueQuantity/code",
            json!(" mm"),
            "Observation.component[0].valueQuantity.code",
            "code",
        ),
        (
            "MedicationRequest",
            "/medicationReference",
            Value::Null,
            "MedicationRequest",
            "medication[x] is missing",
        ),
        ("MedicationRequest", "/intent", json!("wish"), "MedicationRequest.intent", "none of"),
        (
            "MedicationRequest",
            "/dispenseRequest/numberOfRepeatsAllowed",
            json!(-1),
            "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed",
            "unsignedInt",
        ),
        ("Procedure", "/status", json!("finished"), "Procedure.status", "none of preparation"),
        ("Procedure", "/performer/0/actor", Value::Null, "Procedure.performer[0]", "actor is missing"),
        ("Immunization", "/occurrenceDateTime", Value::Null, "Immunization", "occurrence[x] is missing"),
        ("Immunization", "/status", json!("in-progress"), "Immunization.status", "none of completed"),
        ("AllergyIntolerance", "/category", json!("food"), "AllergyIntolerance.category", "an array"),
        (
            "AllergyIntolerance",
            "/category/0",
            json!("pollen"),
            "AllergyIntolerance.category[0]",
            "none of food",
        ),
        (
            "AllergyIntolerance",
            "/reaction/0/manifestation",
            Value::Null,
            "AllergyIntolerance.reaction[0]",
            "manifestation is missing",
        ),
        ("DiagnosticReport", "/issued", json!("2013-05-15"), "DiagnosticReport.issued", "instant"),
        ("DiagnosticReport", "/result/4", json!("Observation/1"), "DiagnosticReport.result[4]", "Reference"),
        ("Patient", "/resourceType", json!("Quantity"), "Quantity", "no table"),
        ("Patient", "/resourceType", json!("Observation.component"), "Observation.component", "no table"),
        ("Patient", "/resourceType", Value::Null, "Resource", "resourceType is missing"),
    ] {
        let found = findings(&with(example(kind), pointer, value));
        let hit = found.iter().any(|(at, what)| at == place && what.contains(says));
        assert!(hit, "{kind} {pointer}: {place} {says:?} is not in {found:?}");
        assert_eq!(found.len(), 1, "{kind} {pointer}: {found:?}");
    }
}

#[test]
fn a_primitive_may_be_there_by_its_extension_alone() {
    let silent = json!([{"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}, null]);
    let patient = with(example("Patient"), "/name/0/given", json!([null, "Pieter"]));
    passes(&with(patient, "/name/0/_given", silent));
    let absent = json!({"extension": [{"url": "urn:absent", "valueCode": "unknown"}]});
    let report = with(example("DiagnosticReport"), "/status", Value::Null);
    passes(&with(report, "/_status", absent));
}

#[test]
fn a_finding_shows_no_value() {
    let patient = with(example("Patient"), "/birthDate", json!("secret"));
    let patient = with(patient, "/gender", json!("secret"));
    let found = findings(&patient);
    assert_eq!(found.len(), 2);
    assert!(!format!("{found:?}").contains("secret"));
}

/// Each type of `value[x]`, alone and as a component's.
#[test]
fn every_type_of_an_observations_value_passes() {
    let quantity = json!({"value": 7.1, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"});
    let values = [
        ("valueQuantity", quantity.clone()),
        ("valueCodeableConcept", json!({"text": "positive"})),
        ("valueString", json!("clear")),
        ("valueBoolean", json!(true)),
        ("valueInteger", json!(-3)),
        ("valueRange", json!({"low": quantity.clone(), "high": quantity.clone()})),
        ("valueRatio", json!({"numerator": quantity.clone(), "denominator": {"value": 2}})),
        (
            "valueSampledData",
            json!({"origin": {"value": 0}, "period": 2.5, "dimensions": 1, "data": "1 E 3"}),
        ),
        ("valueTime", json!("10:15:00")),
        ("valueDateTime", json!("2026-01")),
        ("valuePeriod", json!({"start": "2026-01-01", "end": "2026-02-01T00:00:00Z"})),
    ];
    for (name, value) in values {
        let observation = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "component": [{"code": {"text": "y"}}]});
        let observation = with(observation, &format!("/{name}"), value.clone());
        passes(&with(observation, &format!("/component/0/{name}"), value));
    }
}

//! Merging the Synthea sample, held by three hospitals in three styles, against Synthea's own identities.
//!
//! The hospitals have ids of their own; what a record really is stays beside it, and only the count at the end sees it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use flate2::read::GzDecoder;
use medrec_record::merge::{Sourced, merge};
use serde_json::{Map, Value, json};

type Row = BTreeMap<String, String>;

/// How a hospital writes things down.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// Full timestamps, as Synthea has them.
    Full,
    /// Instants of another time zone, dates of conditions and allergies alone, ends and visits kept.
    Zoned,
    /// Dates without times, values rounded, texts as plain strings, no visits.
    Wide,
}

const STYLES: [Style; 3] = [Style::Full, Style::Zoned, Style::Wide];

/// One record of a hospital.
struct Held {
    /// What it is, by Synthea: table and row.
    truth: (&'static str, usize),
    source: u64,
    id: [u8; 16],
    resource: Value,
}

fn table(name: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../data/synthea-sample/{name}.csv.gz"));
    let mut reader = csv::Reader::from_reader(GzDecoder::new(std::fs::File::open(path).unwrap()));
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// A number that looks like chance and is the same in every run.
fn chance(parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^ (hash >> 29)
}

fn when(style: Style, instant: &str, only_date: bool) -> String {
    match style {
        Style::Full => instant.to_owned(),
        Style::Wide => instant[..10].to_owned(),
        Style::Zoned if only_date || instant.len() == 10 => instant[..10].to_owned(),
        // The same instant at +00:00; another zone would move the date, which a hospital's date column follows.
        Style::Zoned => instant.replace('Z', "+00:00"),
    }
}

/// A decimal as it stands in the table; rounded to a digit less, half up, in the wide one.
fn number(style: Style, text: &str) -> Value {
    let written = match (style, text.split_once('.')) {
        (Style::Wide, Some((_, fraction))) => {
            let digits = fraction.len() - 1;
            format!("{:.digits$}", text.parse::<f64>().unwrap())
        }
        _ => text.to_owned(),
    };
    serde_json::from_str(&written).unwrap()
}

fn quantity(style: Style, value: &str, unit: &str) -> Value {
    match style {
        Style::Full => {
            json!({"value": number(style, value), "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"})
        }
        Style::Zoned => {
            json!({"value": number(style, value), "code": unit, "system": "http://unitsofmeasure.org"})
        }
        Style::Wide => json!({"value": number(style, value), "unit": unit}),
    }
}

fn concept(style: Style, system: &str, row: &Row) -> Value {
    let (code, text) = (&row["CODE"], &row["DESCRIPTION"]);
    match style {
        Style::Full => json!({"coding": [{"system": system, "code": code}], "text": text}),
        Style::Zoned => {
            let local = json!({"system": "http://omop.example/concept", "code": chance(&[code]).to_string()});
            json!({"coding": [local, {"system": system, "code": code, "display": text.to_uppercase()}]})
        }
        Style::Wide => json!({"coding": [{"system": format!("{system}/"), "code": code}]}),
    }
}

/// The resource of one row, without its id and its visit.
fn resource(name: &str, row: &Row, style: Style) -> Value {
    let start = |only_date| when(style, row.get("START").or(row.get("DATE")).unwrap(), only_date);
    let stop = || row.get("STOP").filter(|stop| !stop.is_empty());
    const SNOMED: &str = "http://snomed.info/sct";
    let mut made = Map::new();
    let mut put = |name: &str, value: Value| made.insert(name.to_owned(), value);
    match name {
        "encounters" => {
            put("resourceType", json!("Encounter"));
            put("type", json!([concept(style, SNOMED, row)]));
            put("period", json!({"start": start(false), "end": when(style, &row["STOP"], false)}));
            put("class", json!({"code": row["ENCOUNTERCLASS"]}));
        }
        "conditions" => {
            put("resourceType", json!("Condition"));
            put("code", concept(style, SNOMED, row));
            put("onsetDateTime", json!(start(true)));
            if let Some(stop) = stop() {
                put("abatementDateTime", json!(when(style, stop, true)));
            }
        }
        "procedures" => {
            put("resourceType", json!("Procedure"));
            put("code", concept(style, SNOMED, row));
            let mut period = json!({"start": start(false)});
            if let (Some(stop), false) = (stop(), style == Style::Wide) {
                period["end"] = json!(when(style, stop, false));
            }
            put("performedPeriod", period);
        }
        "medications" => {
            put("resourceType", json!("MedicationRequest"));
            put(
                "medicationCodeableConcept",
                concept(style, "http://www.nlm.nih.gov/research/umls/rxnorm", row),
            );
            put("authoredOn", json!(start(false)));
            if let Some(stop) = stop() {
                put("dispenseRequest", json!({"validityPeriod": {"end": when(style, stop, false)}}));
            }
            put("reasonCode", json!([{"coding": [{"system": SNOMED, "code": row["REASONCODE"]}]}]));
        }
        "immunizations" => {
            put("resourceType", json!("Immunization"));
            put("vaccineCode", concept(style, "http://hl7.org/fhir/sid/cvx", row));
            put("occurrenceDateTime", json!(start(false)));
        }
        "allergies" => {
            put("resourceType", json!("AllergyIntolerance"));
            put("code", concept(style, SNOMED, row));
            put("recordedDate", json!(start(true)));
        }
        "observations" => {
            put("resourceType", json!("Observation"));
            put("code", concept(style, "http://loinc.org", row));
            put("effectiveDateTime", json!(start(false)));
            match (row["TYPE"].as_str(), style) {
                ("numeric", _) => put("valueQuantity", quantity(style, &row["VALUE"], &row["UNITS"])),
                (_, Style::Wide) => put("valueString", json!(row["VALUE"])),
                _ => put("valueCodeableConcept", json!({"text": row["VALUE"]})),
            };
        }
        other => panic!("no such table: {other}"),
    }
    Value::Object(made)
}

/// Systolic and diastolic pressure of one measurement are one record.
fn pressure(systolic: &Row, diastolic: &Row, style: Style) -> Value {
    let part = |row: &Row| json!({"code": concept(style, "http://loinc.org", row), "valueQuantity": quantity(style, &row["VALUE"], "mm[Hg]")});
    let mut parts = vec![part(systolic), part(diastolic)];
    if style == Style::Wide {
        parts.reverse();
    }
    json!({
        "resourceType": "Observation", "effectiveDateTime": when(style, &systolic["DATE"], false), "component": parts,
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    })
}

/// Whether a hospital holds a row: each row at least at one, at all three, or at some.
fn holds(name: &str, row: &Row, hospital: u64) -> bool {
    let drawn = chance(&[name, &format!("{row:?}")]);
    drawn % 3 == hospital || (drawn >> (8 + hospital)) & 1 == 1
}

/// Everything the three hospitals hold, by patient.
fn held() -> BTreeMap<String, Vec<Held>> {
    let mut all: BTreeMap<String, Vec<Held>> = BTreeMap::new();
    let mut add = |name: &'static str, number: usize, row: &Row, resource: &dyn Fn(Style) -> Value| {
        for (source, style) in (0u64..).zip(STYLES).filter(|(source, _)| holds(name, row, *source)) {
            let local = |what: &str, id: &str| format!("{:016x}", chance(&[&source.to_string(), what, id]));
            let mut resource = resource(style);
            resource["id"] = json!(local(name, row.get("Id").unwrap_or(&number.to_string())));
            if let (Some(visit), false) = (row.get("ENCOUNTER"), style == Style::Wide) {
                resource["encounter"] =
                    json!({"reference": format!("Encounter/{}", local("encounters", visit))});
            }
            let id =
                u128::from(chance(&[&source.to_string(), name, &number.to_string(), "record"])).to_be_bytes();
            all.entry(row["PATIENT"].clone()).or_default().push(Held {
                truth: (name, number),
                source,
                id,
                resource,
            });
        }
    };
    for name in ["encounters", "conditions", "procedures", "medications", "immunizations", "allergies"] {
        for (number, row) in table(name).iter().enumerate() {
            add(name, number, row, &|style| resource(name, row, style));
        }
    }
    let observations = table("observations");
    let mut pressures: BTreeMap<(&str, &str, &str), [Option<usize>; 2]> = BTreeMap::new();
    for (number, row) in observations.iter().enumerate() {
        match ["8480-6", "8462-4"].iter().position(|code| *code == row["CODE"]) {
            Some(which) => {
                pressures.entry((&row["PATIENT"], &row["DATE"], &row["ENCOUNTER"])).or_default()[which] =
                    Some(number);
            }
            None => add("observations", number, row, &|style| resource("observations", row, style)),
        }
    }
    for both in pressures.values() {
        let [Some(systolic), Some(diastolic)] = both else { continue };
        let (one, other) = (&observations[*systolic], &observations[*diastolic]);
        add("pressures", *systolic, one, &|style| pressure(one, other, style));
    }
    all
}

#[derive(Default)]
struct Count {
    made: u64,
    right: u64,
    possible: u64,
}

impl Count {
    fn precision(&self) -> f64 {
        self.right as f64 / self.made as f64
    }

    fn recall(&self) -> f64 {
        self.right as f64 / self.possible as f64
    }
}

#[test]
fn copies_at_three_hospitals_are_found_and_nothing_else() {
    let all = held();
    let (mut total, mut by_table) = (Count::default(), BTreeMap::<&str, Count>::new());
    let (mut records, mut items) = (0, 0);
    let began = std::time::Instant::now();
    let merged: Vec<(&Vec<Held>, Vec<Vec<usize>>)> = all
        .values()
        .map(|held| {
            let sourced: Vec<Sourced<'_>> = held
                .iter()
                .map(|held| Sourced { source: held.source, id: &held.id, resource: &held.resource })
                .collect();
            (held, merge(&sourced))
        })
        .collect();
    let took = began.elapsed();
    for (held, groups) in &merged {
        records += held.len();
        items += groups.len();
        for group in groups {
            let sources: BTreeSet<u64> = group.iter().map(|index| held[*index].source).collect();
            assert_eq!(sources.len(), group.len(), "two records of one hospital in a group");
            for (n, a) in group.iter().enumerate() {
                for b in &group[n + 1..] {
                    let right = u64::from(held[*a].truth == held[*b].truth);
                    for count in [&mut total, by_table.entry(held[*a].truth.0).or_default()] {
                        count.made += 1;
                        count.right += right;
                    }
                }
            }
        }
        let mut copies: BTreeMap<(&str, usize), u64> = BTreeMap::new();
        held.iter().for_each(|held| *copies.entry(held.truth).or_default() += 1);
        for ((name, _), n) in copies {
            total.possible += n * (n - 1) / 2;
            by_table.entry(name).or_default().possible += n * (n - 1) / 2;
        }
    }
    println!("{records} records, {items} items, {took:.0?}");
    for (name, count) in by_table.iter().chain([(&"all", &total)]) {
        let (precision, recall) = (count.precision(), count.recall());
        println!("{name:14} {:6} pairs  precision {precision:.5}  recall {recall:.5}", count.possible);
    }
    assert!(total.possible > 10_000, "too few pairs to say anything: {}", total.possible);
    assert!(total.precision() >= 0.99 && total.recall() >= 0.99);
}

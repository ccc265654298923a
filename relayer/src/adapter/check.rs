//! `scope check`: every scope's statement run for some patients, every resource held against FHIR R4.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Adapter, BadRow, Position, Scope,
    r4::{self, Tables},
    same_key,
};

/// What was found in one scope. No value of a row is in it.
#[derive(Debug, Serialize)]
pub struct Report {
    pub scope: String,
    pub resource_type: String,
    pub patients: usize,
    pub rows: usize,
    /// Rows that became a resource.
    pub resources: usize,
    pub findings: Vec<Found>,
}

/// One thing that is wrong, wherever it is: the first row, and how many more.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Of the patients asked for, from 1, and of his rows in this scope.
    pub patient: usize,
    pub row: Option<usize>,
    /// As FHIR writes it, items of arrays without their number.
    pub element: String,
    pub column: Option<String>,
    /// Of the mapping: file, line, column.
    pub place: String,
    pub what: String,
    pub times: usize,
}

/// Findings of one scope by what they say.
struct Findings(BTreeMap<(String, String, String), Found>);

/// Runs the check. What the database refuses is a finding like any other.
pub async fn check(adapter: &dyn Adapter, tables: &Tables, patients: &[String]) -> Vec<Report> {
    let mut reports = Vec::new();
    for scope in adapter.scopes() {
        let mut findings = Findings(BTreeMap::new());
        let (mut rows, mut resources) = (0usize, 0usize);
        for (patient_id, patient) in patients.iter().zip(1usize..) {
            match adapter.rows(scope, patient_id).await {
                // It names the place itself.
                Err(error) => findings.add(
                    patient,
                    None,
                    scope.resource_type.clone(),
                    None,
                    &scope.at,
                    error.to_string(),
                ),
                Ok(found) => {
                    rows = rows.saturating_add(found.len());
                    resources =
                        resources.saturating_add(of_patient(scope, tables, &mut findings, patient, found));
                }
            }
        }
        reports.push(Report {
            scope: scope.id.clone(),
            resource_type: scope.resource_type.clone(),
            patients: patients.len(),
            rows,
            resources,
            findings: findings.0.into_values().collect(),
        });
    }
    reports
}

/// Looks at one patient's rows; how many became resources.
fn of_patient(
    scope: &Scope,
    tables: &Tables,
    findings: &mut Findings,
    patient: usize,
    rows: Vec<Result<super::SourceRecord, BadRow>>,
) -> usize {
    let mut records = Vec::with_capacity(rows.len());
    for (row, number) in rows.into_iter().zip(1usize..) {
        let record = match row {
            Ok(record) => record,
            Err(BadRow { at, what }) => {
                findings.add(patient, Some(number), scope.resource_type.clone(), None, &at, what);
                continue;
            }
        };
        for r4::Finding { place, what } in tables.validate(&record.resource) {
            let origin = scope.origin(&place);
            let at = origin.map_or(&scope.at, |field| &field.at);
            let column = origin.map(|field| field.column.clone());
            let unnumbered: Vec<String> =
                place.into_iter().filter(|token| token.parse::<usize>().is_err()).collect();
            let element = r4::element(&scope.resource_type, &unnumbered);
            findings.add(patient, Some(number), element, column, at, what);
        }
        records.push(record);
    }
    if let Some((first, second)) = same_key(&records) {
        let what = format!("records {first} and {second} have the same key; make the key column distinct");
        let column = Some(scope.key.name.clone());
        findings.add(patient, Some(second), scope.resource_type.clone(), column, &scope.key.at, what);
    }
    records.len()
}

impl Findings {
    fn add(
        &mut self,
        patient: usize,
        row: Option<usize>,
        element: String,
        column: Option<String>,
        at: &Position,
        what: String,
    ) {
        let place = at.to_string();
        let key = (element.clone(), place.clone(), what.clone());
        let found = Found { patient, row, element, column, place, what, times: 0 };
        let found = self.0.entry(key).or_insert(found);
        found.times = found.times.saturating_add(1);
    }
}

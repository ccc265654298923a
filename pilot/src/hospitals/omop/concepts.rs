//! The vocabulary: an integer for each code.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::database::Table;
use super::tables;

/// From here on OMOP leaves the numbers to each site.
const FIRST_OF_SITE: usize = 2_000_000_001;

/// Concepts of OMOP's own that the tables point to: id, name, domain, vocabulary, class, code.
const STANDARD: [[&str; 6]; 15] = [
    ["0", "No matching concept", "Metadata", "None", "Undefined", "No matching concept"],
    ["8507", "MALE", "Gender", "Gender", "Gender", "M"],
    ["8532", "FEMALE", "Gender", "Gender", "Gender", "F"],
    ["8527", "White", "Race", "Race", "Race", "5"],
    ["8516", "Black or African American", "Race", "Race", "Race", "3"],
    ["8515", "Asian", "Race", "Race", "Race", "2"],
    ["38003563", "Hispanic or Latino", "Ethnicity", "Ethnicity", "Ethnicity", "Hispanic"],
    ["38003564", "Not Hispanic or Latino", "Ethnicity", "Ethnicity", "Ethnicity", "Not Hispanic"],
    ["9201", "Inpatient Visit", "Visit", "Visit", "Visit", "IP"],
    ["9202", "Outpatient Visit", "Visit", "Visit", "Visit", "OP"],
    ["9203", "Emergency Room Visit", "Visit", "Visit", "Visit", "ER"],
    ["8546", "Hospice", "Visit", "CMS Place of Service", "Visit", "34"],
    ["5083", "Telehealth", "Visit", "CMS Place of Service", "Visit", "02"],
    [EHR, "EHR", "Type Concept", "Type Concept", "Type Concept", "OMOP4976890"],
    [
        EXCHANGE,
        "Health Information Exchange record",
        "Type Concept",
        "Type Concept",
        "Type Concept",
        EXCHANGE,
    ],
];

/// Provenance of a row: made here, or got from another provider.
pub const EHR: &str = "32817";
pub const EXCHANGE: &str = "32849";

/// Domain, vocabulary and class of a code.
pub type Family = [&'static str; 3];

/// Codes that were met, and the id of each.
#[derive(Default)]
pub struct Concepts(BTreeMap<(&'static str, String), (usize, Family, String)>);

impl Concepts {
    /// The id of a code, given the first time it is met. Of several names the longest one counts.
    pub fn id(&mut self, family: Family, code: &str, name: &str) -> String {
        let next = self.0.len().saturating_add(FIRST_OF_SITE);
        let known = self.0.entry((family[1], code.to_owned()));
        let (id, _, known) = known.or_insert_with(|| (next, family, name.to_owned()));
        if (name.len(), name) > (known.len(), known.as_str()) {
            name.clone_into(known);
        }
        id.to_string()
    }

    pub fn table(self) -> Result<Table> {
        let mut rows: BTreeMap<usize, [String; 6]> = BTreeMap::new();
        for row in STANDARD {
            rows.insert(row[0].parse()?, row.map(str::to_owned));
        }
        for ((vocabulary, code), (id, [domain, _, class], name)) in self.0 {
            let row = [&id.to_string(), &name, domain, vocabulary, class, &code].map(|cell| cell.to_owned());
            rows.insert(id, row);
        }
        let mut table = tables::concept();
        for [id, name, domain, vocabulary, class, code] in rows.into_values() {
            table.insert([
                ("concept_id", id),
                ("concept_name", name),
                ("domain_id", domain),
                ("vocabulary_id", vocabulary),
                ("concept_class_id", class),
                ("standard_concept", "S".to_owned()),
                ("concept_code", code),
                ("valid_start_date", "1970-01-01".to_owned()),
                ("valid_end_date", "2099-12-31".to_owned()),
            ])?;
        }
        Ok(table)
    }
}

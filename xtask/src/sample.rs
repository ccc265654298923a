//! The committed sample: patients whom several hospitals treated, with all their rows.

use crate::manifest::{Count, Hospital, Manifest, sample_dir};
use crate::tables::Table;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Tables with a row per fact about a patient; `encounters` names the organisation.
const CLINICAL: [&str; 8] = [
    "allergies",
    "careplans",
    "conditions",
    "encounters",
    "immunizations",
    "medications",
    "observations",
    "procedures",
];
const HOSPITALS: usize = 3;
const MAX_PATIENTS: usize = 60;
/// A patient with fewer rows shows little.
const MIN_ROWS: usize = 100;
/// Compressed bytes of all tables together.
const MAX_BYTES: u64 = 5 * 1024 * 1024;

/// Writes `TABLE.csv.gz` for the chosen patients of the sorted population in `from`.
pub fn extract(from: &Path, to: &Path) -> Result<(BTreeMap<String, Count>, Vec<Hospital>)> {
    let read = |name: &str| Table::read(&from.join(format!("{name}.csv")));
    let (organizations, encounters) = (read("organizations")?, read("encounters")?);
    let visits = Visits::of(&encounters)?;
    let names: BTreeMap<String, String> =
        organizations.columns(["Id", "NAME"])?.into_iter().map(|[id, name]| (id, name)).collect();
    let hospitals = busiest(&visits, &names);
    let chosen = choose(&visits, &hospitals, &rows_of_patients(from)?);

    if to.is_dir() {
        fs::remove_dir_all(to).with_context(|| format!("cannot clear {}", to.display()))?;
    }
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut tables = BTreeMap::from([("patients", read("patients")?.filter("Id", &chosen)?)]);
    for name in CLINICAL {
        tables.insert(name, read(name)?.filter("PATIENT", &chosen)?);
    }
    let used = |column| -> Result<BTreeSet<String>> {
        let rows = tables.get("encounters").context("no encounters")?.columns([column])?;
        Ok(rows.into_iter().map(|[id]| id).collect())
    };
    let (seen_at, seen_by) = (used("ORGANIZATION")?, used("PROVIDER")?);
    tables.insert("organizations", organizations.filter("Id", &seen_at)?);
    tables.insert("providers", read("providers")?.filter("Id", &seen_by)?);

    let mut counts = BTreeMap::new();
    for (name, table) in &tables {
        table.write_gz(&to.join(format!("{name}.csv.gz")))?;
        counts.insert((*name).to_owned(), table.count());
    }
    Ok((counts, summary(&hospitals, &names, &visits, &chosen)))
}

/// The sample on disk is what its manifest says.
pub fn verify() -> Result<()> {
    let dir = sample_dir();
    let manifest = Manifest::read(&dir)?;
    let mut bytes: u64 = 0;
    for (name, expected) in &manifest.sample {
        let path = dir.join(format!("{name}.csv.gz"));
        let found = Table::read(&path)?.count();
        if found != *expected {
            bail!("{} holds {found:?}, the manifest says {expected:?}", path.display());
        }
        bytes = bytes.saturating_add(fs::metadata(&path).context("cannot read its size")?.len());
    }
    if bytes > MAX_BYTES {
        bail!("the sample has {bytes} bytes, {MAX_BYTES} at most");
    }
    Ok(())
}

/// Which patients each organisation has seen, and how often.
struct Visits(BTreeMap<String, BTreeMap<String, usize>>);

impl Visits {
    fn of(encounters: &Table) -> Result<Self> {
        let mut visits: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for [organization, patient] in encounters.columns(["ORGANIZATION", "PATIENT"])? {
            let times = visits.entry(organization).or_default().entry(patient).or_default();
            *times = times.saturating_add(1);
        }
        Ok(Self(visits))
    }

    fn seen(&self, organization: &str, patient: &str) -> bool {
        self.0.get(organization).is_some_and(|patients| patients.contains_key(patient))
    }
}

/// The organisations with most patients, then most encounters; sites of one owner (`NAME - 2`) count once.
fn busiest(visits: &Visits, names: &BTreeMap<String, String>) -> Vec<String> {
    let mut order: Vec<_> = visits
        .0
        .iter()
        .map(|(id, patients)| (patients.len(), patients.values().sum::<usize>(), id))
        .collect();
    order.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(b.2)));
    let mut owners = BTreeSet::new();
    let owner = |id: &str| {
        let name = names.get(id).map_or(id, String::as_str);
        name.rsplit_once(" - ").map_or(name, |(owner, _)| owner).to_owned()
    };
    order
        .into_iter()
        .map(|(.., id)| id)
        .filter(|id| owners.insert(owner(id)))
        .take(HOSPITALS)
        .cloned()
        .collect()
}

/// Patients of at least two of the hospitals with enough rows, those of most hospitals first.
fn choose(visits: &Visits, hospitals: &[String], rows: &BTreeMap<String, usize>) -> BTreeSet<String> {
    let shared = |patient: &str| hospitals.iter().filter(|hospital| visits.seen(hospital, patient)).count();
    let mut candidates: Vec<(usize, &String)> = rows
        .iter()
        .filter(|(_, count)| **count >= MIN_ROWS)
        .map(|(patient, _)| (shared(patient), patient))
        .filter(|(hospitals, _)| *hospitals >= 2)
        .collect();
    candidates.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    candidates.into_iter().take(MAX_PATIENTS).map(|(_, patient)| patient.clone()).collect()
}

fn rows_of_patients(from: &Path) -> Result<BTreeMap<String, usize>> {
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    for name in CLINICAL {
        for [patient] in Table::read(&from.join(format!("{name}.csv")))?.columns(["PATIENT"])? {
            let count = rows.entry(patient).or_default();
            *count = count.saturating_add(1);
        }
    }
    Ok(rows)
}

fn summary(
    hospitals: &[String],
    names: &BTreeMap<String, String>,
    visits: &Visits,
    chosen: &BTreeSet<String>,
) -> Vec<Hospital> {
    let mut list: Vec<Hospital> = hospitals
        .iter()
        .map(|id| Hospital {
            id: id.clone(),
            name: names.get(id).cloned().unwrap_or_default(),
            patients: chosen.iter().filter(|patient| visits.seen(id, patient)).count(),
        })
        .collect();
    list.sort_by(|a, b| b.patients.cmp(&a.patients).then(a.id.cmp(&b.id)));
    list
}

/// Puts the manifest's figures into data/README.md.
pub fn describe(dir: &Path) -> Result<()> {
    let manifest = Manifest::read(dir)?;
    let mut table = String::from("| table | rows | SHA-256 of the sorted CSV |\n|---|---:|---|\n");
    for (name, count) in &manifest.sample {
        table.push_str(&format!("| {name} | {} | `{}` |\n", count.rows, count.sha256));
    }
    table.push_str("\n| hospital | organisation | patients of the sample |\n|---|---|---:|\n");
    for hospital in &manifest.hospitals {
        table.push_str(&format!("| {} | `{}` | {} |\n", hospital.name, hospital.id, hospital.patients));
    }
    crate::tables::replace_block(&crate::paths::root().join("data/README.md"), "figures", &table)
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, Visits, busiest, choose};

    fn visits(list: &[(&str, &[&str])]) -> Visits {
        Visits(
            list.iter()
                .map(|(org, who)| ((*org).into(), who.iter().map(|p| ((*p).into(), 1)).collect()))
                .collect(),
        )
    }

    #[test]
    fn sites_of_one_owner_count_once() {
        let visits = visits(&[("a", &["1", "2", "3"]), ("b", &["1", "2"]), ("c", &["1"]), ("d", &["2"])]);
        let names =
            [("a", "M"), ("b", "M - 1"), ("c", "N"), ("d", "O")].map(|(id, name)| (id.into(), name.into()));
        assert_eq!(busiest(&visits, &BTreeMap::from(names)), ["a", "c", "d"]);
    }

    #[test]
    fn only_shared_patients_with_enough_rows_are_chosen() {
        let visits = visits(&[("a", &["1", "2", "3"]), ("b", &["1", "3"])]);
        let rows = BTreeMap::from([("1".into(), 100), ("2".into(), 500), ("3".into(), 99)]);
        let chosen = choose(&visits, &["a".into(), "b".into()], &rows);
        assert_eq!(chosen.into_iter().collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn the_committed_sample_is_what_its_manifest_says() {
        super::verify().unwrap();
    }
}

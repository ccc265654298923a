//! Which organisation of the sample belongs to which of the three hospitals.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::sample::{Kind, Sample};

/// Words at the end of an organisation's name that say its legal form.
const FORMS: [&str; 4] = ["INC", "LLC", "PC", "PTRS"];

/// Organisations that are one hospital.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// As on the sign at the door: "Berkshire Medical Center".
    pub name: String,
    pub organizations: BTreeSet<String>,
    /// Rows of the sample that they made.
    rows: usize,
    /// Who was treated there.
    patients: BTreeSet<String>,
}

/// Three hospitals, the one with the most rows first. Organisations of one name are one; the three that share the most
/// patients are the hospitals; each other organisation, the largest first, is united with the one where it adds the most
/// patients to those whom all three share, if it makes no difference with the smallest.
pub fn three(sample: &Sample) -> Result<[Group; 3]> {
    let mut groups = by_name(sample);
    let mut best: Option<(usize, usize, [usize; 3])> = None;
    for a in 0..groups.len() {
        for b in a.saturating_add(1)..groups.len() {
            for c in b.saturating_add(1)..groups.len() {
                let rows = [a, b, c].iter().filter_map(|one| groups.get(*one)).map(|group| group.rows).sum();
                let chosen = (shared(&[a, b, c].map(|one| groups.get(one))), rows, [a, b, c]);
                if best.is_none_or(|best| (chosen.0, chosen.1) > (best.0, best.1)) {
                    best = Some(chosen);
                }
            }
        }
    }
    let (_, _, mut places) = best.context("the sample has fewer than three organisations")?;
    places.sort_unstable();
    let mut hospitals = Vec::new();
    for place in places.into_iter().rev() {
        hospitals.push(groups.remove(place));
    }
    groups.sort_by(|a, b| (b.rows, &a.name).cmp(&(a.rows, &b.name)));
    for group in groups {
        unite(&mut hospitals, group);
    }
    hospitals.sort_by(|a, b| (b.rows, &a.name).cmp(&(a.rows, &b.name)));
    hospitals.try_into().ok().context("three hospitals were chosen")
}

fn by_name(sample: &Sample) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let organizations = &sample.organizations;
    let mut names = BTreeMap::new();
    for row in 0..organizations.len() {
        let name = plain_name(organizations.at(row, "NAME"));
        names.insert(organizations.at(row, "Id"), name.clone());
        let empty =
            Group { name: name.clone(), organizations: BTreeSet::new(), rows: 0, patients: BTreeSet::new() };
        let group = groups.entry(name).or_insert(empty);
        group.organizations.insert(organizations.at(row, "Id").to_owned());
    }
    for kind in Kind::ALL {
        for row in sample.rows(kind) {
            let name = sample.organization(kind, row).and_then(|id| names.get(id));
            let Some(group) = name.and_then(|name| groups.get_mut(name)) else { continue };
            group.rows = group.rows.saturating_add(1);
            group.patients.insert(sample.at(kind, row, kind.patient()).to_owned());
        }
    }
    groups.into_values().collect()
}

/// "BERKSHIRE MEDICAL CENTER INC - 1" is the Berkshire Medical Center.
fn plain_name(name: &str) -> String {
    let letters: String = name.chars().map(|c| if c.is_ascii_alphabetic() { c } else { ' ' }).collect();
    let mut words: Vec<String> = letters.split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
    while words.len() > 1 && words.last().is_some_and(|word| FORMS.contains(&word.as_str())) {
        words.pop();
    }
    let title = |word: &String| {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        format!("{first}{}", rest.to_ascii_lowercase())
    };
    words.iter().map(title).collect::<Vec<_>>().join(" ")
}

/// Patients of all of them.
fn shared(groups: &[Option<&Group>]) -> usize {
    let all: Vec<&BTreeSet<String>> = groups.iter().flatten().map(|group| &group.patients).collect();
    let Some((first, others)) = all.split_first() else { return 0 };
    first.iter().filter(|patient| others.iter().all(|other| other.contains(*patient))).count()
}

fn unite(hospitals: &mut [Group], group: Group) {
    let with = |place: usize| {
        let mut tried = hospitals.to_vec();
        if let Some(hospital) = tried.get_mut(place) {
            hospital.patients.extend(group.patients.iter().cloned());
        }
        shared(&tried.iter().map(Some).collect::<Vec<_>>())
    };
    let rows = |place: usize| hospitals.get(place).map_or(0, |hospital| hospital.rows);
    let best = (0..hospitals.len()).max_by_key(|place| (with(*place), std::cmp::Reverse(rows(*place))));
    let Some(hospital) = best.and_then(|place| hospitals.get_mut(place)) else { return };
    hospital.organizations.extend(group.organizations);
    hospital.patients.extend(group.patients);
    hospital.rows = hospital.rows.saturating_add(group.rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_numbers_and_legal_forms() {
        for name in ["BERKSHIRE MEDICAL CENTER INC", "BERKSHIRE MEDICAL CENTER INC - 1"] {
            assert_eq!(plain_name(name), "Berkshire Medical Center");
        }
        assert_eq!(plain_name("Pittsfield Outpatient Clinic"), "Pittsfield Outpatient Clinic");
        assert_eq!(plain_name("LLC"), "Llc");
    }
}

//! The tables, read once.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::adapter::FieldType;

const FILES: [(&str, &str); 10] = [
    ("allergyintolerance.toml", include_str!("allergyintolerance.toml")),
    ("condition.toml", include_str!("condition.toml")),
    ("diagnosticreport.toml", include_str!("diagnosticreport.toml")),
    ("encounter.toml", include_str!("encounter.toml")),
    ("immunization.toml", include_str!("immunization.toml")),
    ("medicationrequest.toml", include_str!("medicationrequest.toml")),
    ("observation.toml", include_str!("observation.toml")),
    ("patient.toml", include_str!("patient.toml")),
    ("procedure.toml", include_str!("procedure.toml")),
    ("types.toml", include_str!("types.toml")),
];
const CODES: &str = include_str!("codes.toml");
const CHOICE: &str = "[x]";

/// Elements that every resource has, and every data type and part.
const OF_RESOURCES: [(&str, &str); 8] = [
    ("id", "id 0..1"),
    ("meta", "Meta 0..1"),
    ("implicitRules", "uri 0..1"),
    ("language", "code 0..1"),
    ("text", "Narrative 0..1"),
    ("contained", "Resource 0..*"),
    ("extension", "Extension 0..*"),
    ("modifierExtension", "Extension 0..*"),
];
const OF_TYPES: [(&str, &str); 2] = [("id", "string 0..1"), ("extension", "Extension 0..*")];
const OF_PARTS: [(&str, &str); 1] = [("modifierExtension", "Extension 0..*")];

/// The tables of this build are damaged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("FHIR tables, {file}: {reason}")]
    Parse { file: &'static str, reason: toml::de::Error },
    #[error(
        "FHIR tables, {structure}.{element}: {definition:?} is not `types min..max [value set]` of known names"
    )]
    Element { structure: String, element: String, definition: String },
}

/// Structures and value sets by their names.
pub struct Tables {
    structures: BTreeMap<String, Structure>,
    codes: BTreeMap<String, ValueSet>,
}

/// Code system to its codes.
pub(super) type ValueSet = BTreeMap<String, Vec<String>>;

/// A resource type, a data type, or a part of one (its name has a point).
pub(super) struct Structure {
    pub is_resource: bool,
    pub elements: Vec<Element>,
    /// Name in JSON to the element and its type.
    members: BTreeMap<String, (usize, Kind)>,
}

/// One element, a choice of types counting as one.
pub(super) struct Element {
    /// `value[x]` of a choice.
    pub name: String,
    pub required: bool,
    pub many: bool,
    /// Of the value set whose codes alone are allowed.
    pub binding: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Primitive(FieldType),
    Structure(String),
    /// Any resource.
    Resource,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct File(BTreeMap<String, BTreeMap<String, String>>);

impl Tables {
    pub fn new() -> Result<Self, Error> {
        let mut files = Vec::with_capacity(FILES.len());
        for (file, text) in FILES {
            let File(sections) = toml::from_str(text).map_err(|reason| Error::Parse { file, reason })?;
            files.push((file == "types.toml", sections));
        }
        let names: Vec<String> = files.iter().flat_map(|(_, sections)| sections.keys().cloned()).collect();
        let codes: BTreeMap<String, ValueSet> =
            toml::from_str(CODES).map_err(|reason| Error::Parse { file: "codes.toml", reason })?;
        let mut structures = BTreeMap::new();
        for (is_type, sections) in files {
            for (name, elements) in sections {
                let inherited: &[&[(&str, &str)]] = match (is_type, name.contains('.')) {
                    (_, true) => &[&OF_TYPES, &OF_PARTS],
                    (true, false) => &[&OF_TYPES],
                    (false, false) => &[&OF_RESOURCES],
                };
                let is_resource = !is_type && !name.contains('.');
                let mut structure = Structure { is_resource, elements: Vec::new(), members: BTreeMap::new() };
                let inherited = inherited.iter().flat_map(|list| list.iter().copied());
                let own =
                    elements.iter().map(|(element, definition)| (element.as_str(), definition.as_str()));
                for (element, definition) in inherited.chain(own) {
                    structure.add(element, definition, &names, &codes).ok_or_else(|| Error::Element {
                        structure: name.clone(),
                        element: element.to_owned(),
                        definition: definition.to_owned(),
                    })?;
                }
                structures.insert(name, structure);
            }
        }
        Ok(Self { structures, codes })
    }

    pub(super) fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures.get(name)
    }

    pub(super) fn value_set(&self, name: &str) -> Option<&ValueSet> {
        self.codes.get(name)
    }
}

impl Structure {
    /// An element of the tables; none if its definition makes no sense.
    fn add(
        &mut self,
        name: &str,
        definition: &str,
        known: &[String],
        codes: &BTreeMap<String, ValueSet>,
    ) -> Option<()> {
        let mut words = definition.split(' ');
        let (types, times) = (words.next()?, words.next()?);
        let binding = words.next().map(str::to_owned);
        if binding.as_ref().is_some_and(|name| !codes.contains_key(name)) {
            return None;
        }
        let (min, max) = times.split_once("..")?;
        let number = self.elements.len();
        for name_of_type in types.split('|') {
            let kind = kind(name_of_type, known)?;
            let member = match name.strip_suffix(CHOICE) {
                Some(stem) => format!("{stem}{}", capital(name_of_type)),
                None => name.to_owned(),
            };
            self.members.insert(member, (number, kind));
        }
        self.elements.push(Element {
            name: name.to_owned(),
            required: min == "1",
            many: max == "*",
            binding,
        });
        Some(())
    }

    /// What a member of the JSON object is.
    pub(super) fn member(&self, name: &str) -> Option<(usize, &Element, &Kind)> {
        let (number, kind) = self.members.get(name)?;
        Some((*number, self.elements.get(*number)?, kind))
    }
}

fn kind(name: &str, known: &[String]) -> Option<Kind> {
    if name == "Resource" {
        return Some(Kind::Resource);
    }
    match FieldType::named(name) {
        Some(primitive) => Some(Kind::Primitive(primitive)),
        None => known.iter().any(|known| known == name).then(|| Kind::Structure(name.to_owned())),
    }
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_hold_together() {
        let tables = Tables::new().unwrap();
        let observation = tables.structure("Observation").unwrap();
        let (choice, element, _) = observation.member("valueQuantity").unwrap();
        assert_eq!((element.name.as_str(), element.required), ("value[x]", false));
        assert_eq!(observation.member("valueSampledData").unwrap().0, choice);
        assert!(observation.member("valueMoney").is_none() && observation.member("value").is_none());
        assert!(observation.member("status").unwrap().1.required);
        assert_eq!(tables.structures.keys().filter(|name| !name.contains('.')).count(), 9 + 25);
    }
}

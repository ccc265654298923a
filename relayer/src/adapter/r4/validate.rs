//! Holds a resource against the tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::tables::{Element, Kind, Structure, Tables, ValueSet};

/// What is wrong with a resource. It never has a value of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Tokens of the JSON pointer; for what is missing, those of the object it is missing in.
    pub place: Vec<String>,
    pub what: String,
}

/// A place as FHIR writes it: `Observation.component[1].valueQuantity`.
pub fn element(resource_type: &str, place: &[String]) -> String {
    place.iter().fold(resource_type.to_owned(), |path, token| match token.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => format!("{path}.{token}"),
    })
}

impl Tables {
    /// Everything that is wrong with a resource; nothing is said of types that have no table.
    pub fn validate(&self, resource: &Value) -> Vec<Finding> {
        let mut visit = Visit { tables: self, place: Vec::new(), findings: Vec::new() };
        visit.resource(resource);
        visit.findings
    }
}

struct Visit<'t> {
    tables: &'t Tables,
    place: Vec<String>,
    findings: Vec<Finding>,
}

impl<'t> Visit<'t> {
    fn find(&mut self, what: impl Into<String>) {
        self.findings.push(Finding { place: self.place.clone(), what: what.into() });
    }

    fn below(&mut self, token: impl Into<String>, visit: impl FnOnce(&mut Self)) {
        self.place.push(token.into());
        visit(self);
        self.place.pop();
    }

    fn resource(&mut self, value: &Value) {
        let Value::Object(members) = value else { return self.find("a resource is an object") };
        match members.get("resourceType").and_then(Value::as_str) {
            None => self.find("resourceType is missing"),
            Some(name) => {
                if let Some(structure) = self.tables.structure(name).filter(|found| found.is_resource) {
                    self.members(structure, members, true);
                } else if self.place.is_empty() {
                    self.find(format!("there is no table for resource type {name}"));
                }
            }
        }
    }

    fn members(&mut self, structure: &'t Structure, members: &Map<String, Value>, is_resource: bool) {
        if members.is_empty() {
            return self.find("an object is never empty");
        }
        let mut present: BTreeMap<usize, &str> = BTreeMap::new();
        for (name, value) in members {
            if is_resource && name == "resourceType" {
                continue;
            }
            let plain = name.strip_prefix('_').unwrap_or(name);
            let member = structure.member(plain);
            let Some((number, element, kind)) = member else {
                self.below(name, |visit| visit.find("FHIR R4 has no such element here"));
                continue;
            };
            if let Some(other) = present.insert(number, plain).filter(|other| *other != plain) {
                let what = format!("only one {} may be there, {other} is there too", element.name);
                self.below(name, |visit| visit.find(what));
            }
            let extends = plain != name;
            if extends && !matches!(kind, Kind::Primitive(_)) {
                self.below(name, |visit| visit.find("only primitive elements have a '_' beside them"));
                continue;
            }
            // A null among the items stands for one that has only its '_'.
            let holes = members.contains_key(&format!("_{plain}"));
            self.below(name, |visit| visit.element(element, kind, value, extends, holes));
        }
        for (number, element) in structure.elements.iter().enumerate() {
            if element.required && !present.contains_key(&number) {
                self.find(format!("{} is missing, it is required", element.name));
            }
        }
    }

    fn element(&mut self, element: &'t Element, kind: &'t Kind, value: &Value, extends: bool, holes: bool) {
        match (element.many, value) {
            (true, Value::Array(items)) if items.is_empty() => self.find("an array is never empty"),
            (true, Value::Array(items)) => {
                for (item, number) in items.iter().zip(0usize..) {
                    if item.is_null() && (holes || extends) {
                        continue;
                    }
                    self.below(number.to_string(), |visit| visit.value(element, kind, item, extends));
                }
            }
            (true, _) => self.find("it may be there more than once, so it is an array"),
            (false, Value::Array(_)) => self.find("it may be there once only, so it is no array"),
            (false, _) => self.value(element, kind, value, extends),
        }
    }

    fn value(&mut self, element: &'t Element, kind: &'t Kind, value: &Value, extends: bool) {
        match kind {
            Kind::Primitive(_) if extends => match value {
                Value::Object(members) => {
                    for name in members.keys().filter(|name| !matches!(name.as_str(), "id" | "extension")) {
                        self.below(name, |visit| visit.find("FHIR R4 has no such element here"));
                    }
                }
                _ => self.find("the '_' beside a primitive element is an object"),
            },
            Kind::Primitive(primitive) => {
                if !primitive.admits(value) {
                    self.find(format!("it is not a valid {}", primitive.name()));
                } else if let Some(set) = self.binding(element)
                    && !value.as_str().is_some_and(|code| set.values().flatten().any(|known| known == code))
                {
                    self.find(format!("it is none of {}", listed(set)));
                }
            }
            Kind::Resource => self.resource(value),
            Kind::Structure(name) => match (value, self.tables.structure(name)) {
                (Value::Object(members), Some(structure)) => {
                    self.members(structure, members, false);
                    if let Some(set) = self.binding(element) {
                        self.concept(name, set, value);
                    }
                }
                _ => self.find(format!("it is not a {name}, which is an object")),
            },
        }
    }

    fn binding(&self, element: &Element) -> Option<&'t ValueSet> {
        self.tables.value_set(element.binding.as_deref()?)
    }

    /// One coding at least must be of the value set.
    fn concept(&mut self, kind: &str, set: &ValueSet, value: &Value) {
        let of_set = |coding: &Value| {
            let part = |name: &str| coding.get(name).and_then(Value::as_str);
            let (Some(system), Some(code)) = (part("system"), part("code")) else { return false };
            set.get(system).is_some_and(|codes| codes.iter().any(|known| known == code))
        };
        let found = match kind {
            "Coding" => of_set(value),
            _ => value.get("coding").and_then(Value::as_array).is_some_and(|all| all.iter().any(of_set)),
        };
        if !found {
            let systems: Vec<&str> = set.keys().map(String::as_str).collect();
            self.find(format!("no coding is one of {} of {}", listed(set), systems.join(", ")));
        }
    }
}

fn listed(set: &ValueSet) -> String {
    set.values().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

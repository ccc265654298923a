//! The record of several hospitals as one timeline: what is one fact is one line, with its sources.

use medrec_record::merge::{Sourced, merge};
use serde_json::{Value, json};

use crate::reading::{self, Item};
use crate::{entries, show, summary};

/// One fact, and the records that tell of it.
pub struct Merged<'a> {
    /// As the most precise source wrote it; empty if none says.
    moment: &'a str,
    pub kind: &'a str,
    what: String,
    pub sources: Vec<&'a Item>,
}

/// Everything, the newest first.
pub fn merged<'a>(items: impl IntoIterator<Item = &'a Item>) -> Vec<Merged<'a>> {
    let items: Vec<&Item> = items.into_iter().collect();
    let sourced: Vec<Sourced<'_>> = items
        .iter()
        .map(|item| Sourced { source: u64::from(item.keeper), id: &item.id, resource: &item.resource })
        .collect();
    let groups = merge(&sourced);
    let one = |group: &Vec<usize>| {
        let sources: Vec<&Item> = group.iter().filter_map(|index| items.get(*index).copied()).collect();
        // The longest way to write a time is the most precise one.
        let told = sources.iter().max_by_key(|item| summary::moment(&item.resource).len())?;
        let kind = told.resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
        let what = summary::what(&told.resource);
        Some(Merged { moment: summary::moment(&told.resource), kind, what, sources })
    };
    let mut merged: Vec<Merged<'_>> = groups.iter().filter_map(one).collect();
    merged.sort_by(|a, b| b.moment.cmp(a.moment));
    merged
}

impl Merged<'_> {
    /// `YYYY-MM-DD` or as much of it as there is.
    pub fn date(&self) -> String {
        self.moment.chars().take(10).collect()
    }

    /// For programs; `id` and `relationship` of a source name its record.
    pub fn json(&self) -> Value {
        let source = |item: &&Item| {
            json!({
                "relationship": item.relationship,
                "institution": item.institution,
                "scope": item.scope,
                "id": hex::encode(item.id),
                "version": item.version,
                "mark": item.mark.code(),
                "patient": reading::said_json(item.said.as_ref()),
            })
        };
        json!({
            "date": self.date(),
            "type": self.kind,
            "what": self.what,
            "sources": self.sources.iter().map(source).collect::<Vec<_>>(),
        })
    }
}

/// For people. `absent`: hospitals whose records are not here, each with a line of its own on why.
pub fn table(merged: &[Merged<'_>], absent: &[String]) -> String {
    let missing = absent.iter().map(|why| {
        vec![String::new(), String::new(), "HOSPITAL DID NOT ANSWER".to_owned(), show::one_line(why)]
    });
    let lines = merged.iter().map(|item| {
        let sources: Vec<String> = item.sources.iter().map(|source| source_line(source)).collect();
        vec![item.date(), show::one_line(item.kind), show::one_line(&item.what), sources.join("\n")]
    });
    show::table(&["date", "type", "what", "source, version, mark"], missing.chain(lines))
}

/// `North, 4f2a91c0 v2: changed, explained; DISPUTED: not mine`.
fn source_line(item: &Item) -> String {
    let (name, id, version) = (&item.institution, entries::short(&item.id), item.version);
    let said = match reading::said_text(item.said.as_ref()) {
        said if said.is_empty() => said,
        said => format!("; {said}"),
    };
    show::one_line(&format!("{name}, {id} v{version}: {}{said}", item.mark.text()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Mark, tests::item};

    fn blood_count(keeper: u32, when: &str, value: &str) -> Item {
        let value: Value = serde_json::from_str(value).unwrap();
        let resource = json!({
            "resourceType": "Observation", "effectiveDateTime": when, "valueQuantity": {"value": value, "unit": "g/dL"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}], "text": "Hemoglobin"},
        });
        let relationship = u64::from(keeper);
        Item { keeper, relationship, institution: format!("Hospital {keeper}"), ..item(1, 1, resource) }
    }

    #[test]
    fn one_fact_is_one_line_with_its_sources_and_the_newest_comes_first() {
        let items = [
            blood_count(1, "2024-03-01", "13.1"),
            Item {
                mark: Mark::ChangedUnexplained,
                version: 2,
                ..blood_count(2, "2024-03-01T08:00:00Z", "13.14")
            },
            blood_count(2, "2024-03-02T08:00:00Z", "13.14"),
        ];
        let merged = merged(&items);
        let dates: Vec<String> = merged.iter().map(Merged::date).collect();
        assert_eq!(dates, ["2024-03-02", "2024-03-01"]);
        let both = merged[1].json();
        assert_eq!(both["what"], "Hemoglobin: 13.14 g/dL");
        assert_eq!(both["sources"][0]["relationship"], 1);
        assert_eq!(both["sources"][1]["mark"], "changed-unexplained");
        let text = table(&merged, &["South: no connection".to_owned()]);
        for line in [
            "HOSPITAL DID NOT ANSWER",
            "Hospital 2, 01010101 v2: changed, UNEXPLAINED",
            "South: no connection",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn a_hospital_s_name_makes_no_lines_of_its_own() {
        let forged = Item {
            institution: "North\nSouth, 02020202 v1: unchanged".into(),
            ..blood_count(1, "2024", "1")
        };
        assert_eq!(source_line(&forged).lines().count(), 1);
    }
}

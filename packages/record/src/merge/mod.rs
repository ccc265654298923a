//! One fact, one item: which records of several institutions tell of the same thing.
//!
//! The ground is what the records say, never their local ids: the same resource type, a common code, the same moment,
//! the same value ([`Fact::agrees`]). A group holds at most one record of each source, as an institution knows its own
//! records apart. Where several pairs are possible the closest is taken first; what is left equal is decided by source
//! and id, so the result does not depend on the order of the input.

mod decimal;
mod fact;
mod groups;
mod moment;
mod pairing;
mod value;

use std::collections::HashMap;

use serde_json::Value;

use fact::Fact;
use groups::Groups;
use pairing::Candidate;

/// A record and who keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Sourced<'a> {
    /// Who keeps it: two records of one source are never one item.
    pub source: u64,
    /// Its id there; decides where nothing else does.
    pub id: &'a [u8],
    /// FHIR R4 resource.
    pub resource: &'a Value,
}

/// Groups of records that are one fact, as indices into `records`. Each record is in one group; most are alone, and one
/// without a code or a date always is. Groups and members are sorted by source and id.
pub fn merge(records: &[Sourced<'_>]) -> Vec<Vec<usize>> {
    let mut sorted: Vec<(usize, &Sourced<'_>)> = records.iter().enumerate().collect();
    sorted.sort_by(|(_, a), (_, b)| {
        let by_name = (a.source, a.id).cmp(&(b.source, b.id));
        by_name.then_with(|| a.resource.to_string().cmp(&b.resource.to_string()))
    });
    let facts: Vec<Option<Fact>> = sorted.iter().map(|(_, record)| Fact::of(record.resource)).collect();
    let mut groups = Groups::new(sorted.iter().map(|(_, record)| record.source));

    // Encounters first: that two records are of one visit tells which of several pairs is meant.
    let (visits, others): (Vec<_>, Vec<_>) = sorted
        .iter()
        .zip(&facts)
        .enumerate()
        .filter_map(|(place, ((_, record), fact))| Some((place, record.source, fact.as_ref()?)))
        .partition(|(_, _, fact)| fact.kind == "Encounter");
    let candidate = |(place, source, fact), visit| Candidate { place, source, fact, visit };
    pairing::pair(&mut groups, &visits.iter().map(|visit| candidate(*visit, None)).collect::<Vec<_>>());
    let named: HashMap<(u64, String), usize> = visits
        .iter()
        .filter_map(|(place, source, _)| {
            let (_, record) = sorted.get(*place)?;
            let id = record.resource.get("id")?.as_str()?;
            Some(((*source, format!("Encounter/{id}")), groups.of(*place)))
        })
        .collect();
    let visit_of = |place: usize, source: u64| {
        let (_, record) = sorted.get(place)?;
        let reference = record.resource.pointer("/encounter/reference")?.as_str()?;
        named.get(&(source, reference.to_owned())).copied()
    };
    let others: Vec<Candidate<'_>> =
        others.into_iter().map(|other| candidate(other, visit_of(other.0, other.1))).collect();
    pairing::pair(&mut groups, &others);

    let original = |place: &usize| sorted.get(*place).map(|(index, _)| *index);
    groups.into_members().iter().map(|group| group.iter().filter_map(original).collect()).collect()
}

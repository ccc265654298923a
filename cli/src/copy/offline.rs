//! `medrec record --offline`: the record of the copy, verified again from its proofs.

use std::collections::BTreeMap;

use medrec_accesslog::Entry;
use medrec_gate::bundle::{Content, Part, RecordListed, ShownRecord, Standing, Verified};

use super::{Copy, Own};
use crate::args::Global;
use crate::changes::{History, history};
use crate::reading::{Item, Mark, ScopeRead};
use crate::show::count;
use crate::source::Source;
use crate::{Error, moment, session};

/// What the copy gave.
pub struct Kept {
    pub sources: Vec<Source>,
    /// When the oldest part of it was fetched, seconds since 1970.
    pub at: u64,
}

impl Kept {
    /// How old it is, for people.
    pub fn age(&self) -> String {
        let age = age(moment::now().saturating_sub(self.at));
        let made = moment::text(self.at);
        format!(
            "From the copy made {made} ({age}); nobody was asked. What came later is not here: `medrec sync`."
        )
    }
}

/// The copy in the wallet's folder. `scopes`: all if empty.
pub fn read(relationship: Option<u64>, scopes: &[String], global: &Global) -> Result<Kept, Error> {
    let (home, _, wallet) = session::unlock(global)?;
    of(&Copy::must_load(&home, &wallet)?, relationship, scopes)
}

fn of(copy: &Copy, relationship: Option<u64>, scopes: &[String]) -> Result<Kept, Error> {
    let wanted = |part: &Part| relationship.is_none_or(|id| id == part.relationship);
    let pairs = copy.content.parts.iter().zip(&copy.own).filter(|(part, _)| wanted(part));
    let chosen: Vec<(&Part, &Own)> = pairs.collect();
    if let (Some(id), true) = (relationship, chosen.is_empty()) {
        return Err(Error::Failed(format!(
            "relationship {id} is not in the copy; `medrec sync` adds it if it is yours"
        )));
    }
    let sources = chosen.iter().map(|(part, own)| source(copy, part, own, scopes));
    Ok(Kept {
        sources: sources.collect::<Result<_, _>>()?,
        at: chosen.iter().map(|(_, own)| own.at).min().unwrap_or(copy.content.made_at),
    })
}

fn source(copy: &Copy, part: &Part, own: &Own, scopes: &[String]) -> Result<Source, Error> {
    let content = Content { parts: vec![part.clone()], ..copy.content.without_parts() };
    let verified = content.verify();
    let mut reads = Vec::new();
    let checked = verified.parts.first();
    let opened = checked.iter().flat_map(|checked| &checked.entries).flatten();
    let history = history(opened.map(|opened| &opened.body));
    let entries: BTreeMap<u64, Entry> =
        part.entries.iter().map(|shown| (shown.counter, shown.entry())).collect();
    for (place, answered) in part.answers.iter().enumerate() {
        if !scopes.is_empty() && !scopes.contains(&answered.header.scope) {
            continue;
        }
        let shown = checked.iter().flat_map(|checked| &checked.records).filter(|shown| shown.answer == place);
        let items = shown.filter_map(|shown| {
            let record = answered.records.get(shown.record)?;
            let filed = record.filed.and_then(|counter| entries.get(&counter)).cloned();
            Some(Item {
                relationship: part.relationship,
                institution: part.institution.name.clone(),
                keeper: part.institution.id,
                scope: answered.header.scope.clone(),
                id: record.id,
                version: record.version,
                resource: record.content.as_ref()?.resource.clone(),
                filed: filed.unwrap_or_else(|| Entry::from_bytes([0; medrec_accesslog::ENTRY_LEN])),
                mark: mark(shown, record, &history),
                secured: shown.standing == Standing::Anchored,
                said: said(&verified, part, record),
            })
        });
        let items = items.collect();
        reads.push(ScopeRead { header: answered.header.clone(), items, findings: Vec::new() });
    }
    Ok(Source {
        relationship: part.relationship,
        institution: Some(part.institution.name.clone()),
        reads,
        findings: copy.findings(part, own)?,
        failure: None,
        silent: false,
    })
}

fn said(verified: &Verified, part: &Part, record: &RecordListed) -> Option<(medrec_gate::Mark, String)> {
    record.mark.map(|mark| (mark, verified.note_of(part, record).unwrap_or_default()))
}

fn mark(shown: &ShownRecord, record: &RecordListed, history: &History) -> Mark {
    let of = history.get(&record.id);
    let explained = |version| of.and_then(|versions| versions.get(&version)).copied();
    let all: Option<Vec<bool>> = (2..=record.version).map(explained).collect();
    match (shown.standing, all) {
        (Standing::False, _) => Mark::NotAsFiled,
        (_, Some(all)) if all.contains(&false) => Mark::ChangedUnexplained,
        (Standing::Logged, _) => Mark::BeingSecured,
        (Standing::Anchored, Some(all)) if all.is_empty() => Mark::Unchanged,
        (Standing::Anchored, Some(_)) => Mark::ChangedExplained,
        (Standing::Anchored, None) => Mark::Changed,
    }
}

/// In the largest unit that is full.
fn age(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let full = units.iter().map(|(length, name)| (seconds.checked_div(*length).unwrap_or(0), name));
    let largest = full.into_iter().find(|(number, _)| *number > 0);
    largest.map_or_else(|| "just now".to_owned(), |(number, name)| format!("{} ago", count(number, name)))
}

#[cfg(test)]
mod tests {
    use medrec_wallet::{Wallet, Words};
    use rand_core::OsRng;

    use super::super::tests::{copy, home};
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let told = [0, 59, 60, 3_599, 7_200, 200_000].map(age);
        assert_eq!(
            told,
            ["just now", "just now", "1 minute ago", "59 minutes ago", "2 hours ago", "2 days ago"]
        );
    }

    #[test]
    fn the_record_of_the_copy_is_verified_again() {
        let kept = of(&copy(), None, &[]).unwrap();
        let source = &kept.sources[0];
        assert_eq!(source.findings, Vec::<String>::new());
        let items: Vec<&Item> = source.items().collect();
        assert_eq!((items.len(), items[0].mark, items[0].secured), (1, Mark::Unchanged, true));
        assert!(kept.age().contains("medrec sync"));

        let mut bent = copy();
        let answer = &mut bent.content.parts[0].answers[0];
        answer.records[0].content.as_mut().unwrap().resource["valueQuantity"]["value"] = 14.into();
        let kept = of(&bent, None, &[]).unwrap();
        assert_eq!(kept.sources[0].items().next().unwrap().mark, Mark::NotAsFiled);
        assert!(kept.sources[0].findings[0].contains("differs from what was filed"));

        assert!(of(&copy(), None, &["notes".to_owned()]).unwrap().sources[0].reads.is_empty());
        assert_eq!(of(&copy(), Some(9), &[]).err().unwrap().exit(), 1);
    }

    #[test]
    fn entries_of_another_relationship_are_found_by_their_labels() {
        let mut other = copy();
        other.own[0].root = "aa".repeat(32);
        let kept = of(&other, None, &[]).unwrap();
        assert_eq!(kept.sources[0].findings.len(), 3, "{:?}", kept.sources[0].findings);
    }

    #[test]
    fn a_copy_is_sealed_and_a_torn_or_foreign_one_is_refused() {
        let (_folder, home) = home();
        let wallet = || Wallet::from_words(&Words::generate(&mut OsRng).unwrap()).unwrap();
        let (ours, other) = (wallet(), wallet());
        assert_eq!(Copy::must_load(&home, &ours).err().unwrap().exit(), 1);
        copy().store(&home, &ours).unwrap();
        assert_eq!(Copy::must_load(&home, &ours).unwrap().content, copy().content);
        let refused = Copy::load(&home, &other).err().unwrap().to_string();
        assert!(refused.contains("another wallet"), "{refused}");
        let sealed = home.read_file("copy").unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("Observation"));
        for torn in [&sealed[..sealed.len() / 2], &[]] {
            home.write_file("copy", torn).unwrap();
            let refused = Copy::load(&home, &ours).err().unwrap().to_string();
            assert!(refused.contains("cut off or altered"), "{refused}");
        }
    }
}

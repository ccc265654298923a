//! Whether the changes of a record are explained: what the entries say that filed its later versions.
//!
//! The newest version's entry is in the answer itself, proven, and the patient's ratchet opens it: that costs no
//! request. Only for a record in its third version or later are the entries between asked for.

use std::collections::{BTreeMap, HashMap};

use medrec_accesslog::{Body, Explained, Label, Opened, Ratchet, Root, Scan, Scanner, Step};
use medrec_gate::{Endpoint, Entries, check::check_entries};
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, Key};

use crate::anchor::Vouch;
use crate::gatekeeper::Gatekeeper;
use crate::reading::{Item, Mark, ScopeRead};
use crate::{Error, entries};

/// Whose records are looked at, and by what.
pub struct Ground<'a> {
    pub contract: &'a ContractRef,
    pub gatekeeper: &'a Gatekeeper,
    pub vouch: &'a Vouch<'a>,
    pub root: &'a Root,
    pub key: &'a Key,
    pub relationship: u64,
}

impl Ground<'_> {
    fn ratchet(&self) -> Ratchet {
        self.root.ratchet(&self.contract.place(self.relationship, self.gatekeeper.log.origin()))
    }
}

/// Sets the marks of changed records; gives what is wrong with their entries.
pub async fn explain(ground: &Ground<'_>, reads: &mut [ScopeRead]) -> Result<Vec<String>, Error> {
    let counter = reads.iter().map(|read| read.header.counter).max().unwrap_or_default();
    let items = reads.iter_mut().flat_map(|read| &mut read.items);
    let mut changed: Vec<&mut Item> =
        items.filter(|item| item.version > 1 && item.mark != Mark::NotAsFiled).collect();
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    let steps = steps(ground.ratchet(), counter, changed.iter().map(|item| item.filed.label()));
    let mut long: Vec<&mut Item> = Vec::new();
    for item in changed.drain(..) {
        match newest(item, &steps) {
            Err(finding) => {
                item.mark = Mark::Changed;
                findings.push(finding);
            }
            Ok(explained) if item.version == 2 || !explained => set(item, explained),
            Ok(_) => long.push(item),
        }
    }
    if !long.is_empty() {
        let scan = all_entries(ground, &mut findings).await?;
        let history = history(bodies(&scan));
        for item in long {
            match between(item, &history) {
                Ok(explained) => set(item, explained),
                Err(finding) => {
                    item.mark = Mark::Changed;
                    findings.push(finding);
                }
            }
        }
    }
    Ok(findings)
}

/// An unexplained change is shown whether or not the chain vouches for its entry yet.
fn set(item: &mut Item, explained: bool) {
    item.mark = match (explained, item.secured) {
        (false, _) => Mark::ChangedUnexplained,
        (true, true) => Mark::ChangedExplained,
        (true, false) => Mark::BeingSecured,
    };
}

/// The steps that have the labels, among the first `counter` of the relationship.
fn steps(mut ratchet: Ratchet, counter: u64, labels: impl Iterator<Item = Label>) -> HashMap<Label, Step> {
    let mut wanted: std::collections::HashSet<Label> = labels.collect();
    let mut found = HashMap::new();
    while ratchet.counter() < counter && !wanted.is_empty() {
        let step = ratchet.step();
        if wanted.remove(&step.label()) {
            found.insert(step.label(), step);
        }
    }
    found
}

/// Whether the entry that filed the version shown says that it is explained.
fn newest(item: &Item, steps: &HashMap<Label, Step>) -> Result<bool, String> {
    let says = |what: &str| format!("the entry that filed {} {what}", version_of(item, item.version));
    let Some(step) = steps.get(&item.filed.label()) else {
        return Err(says("is not among yours: it would be missing from your log"));
    };
    match item.filed.open(step) {
        Ok(Opened { body: Body::Filed(filed), .. })
            if (filed.record_id, filed.version) == (item.id, item.version) =>
        {
            Ok(filed.explained == Explained::Explained)
        }
        Ok(opened) => Err(says(&format!("says something else: {}", entries::words(&opened.body)))),
        Err(e) => Err(says(&format!("cannot be opened: {e}"))),
    }
}

/// Of every record, the versions after the first and whether each is explained; a removal counts as one.
pub type History = BTreeMap<[u8; 16], BTreeMap<u32, bool>>;

/// What entries say of changes; where two say different things of one version, it is unexplained.
pub fn history<'a>(bodies: impl IntoIterator<Item = &'a Body>) -> History {
    let mut history = History::new();
    for body in bodies {
        let (id, version, explained) = match body {
            // Only a first version is new.
            Body::Filed(filed) => (filed.record_id, filed.version, filed.explained == Explained::Explained),
            Body::Removed(removed) => (removed.record_id, removed.version, removed.explained),
            _ => continue,
        };
        if version > 1 {
            let said = history.entry(id).or_default().entry(version).or_insert(explained);
            *said &= explained;
        }
    }
    history
}

fn bodies(scan: &Scan) -> impl Iterator<Item = &Body> {
    scan.found.iter().filter_map(|found| found.opened.as_ref().ok()).map(|opened| &opened.body)
}

/// Whether all versions from the second to the one shown are explained.
fn between(item: &Item, history: &History) -> Result<bool, String> {
    let versions = history.get(&item.id);
    let mut all = true;
    for version in 2..=item.version {
        match versions.and_then(|versions| versions.get(&version)) {
            Some(explained) => all &= explained,
            None => {
                return Err(format!(
                    "the hospital does not show the entry of {}, so the change is not explained",
                    version_of(item, version)
                ));
            }
        }
    }
    Ok(all)
}

fn version_of(item: &Item, version: u32) -> String {
    format!("version {version} of record {}", entries::short(&item.id))
}

/// All of the relationship's entries, as the gatekeeper gives them, page by page.
async fn all_entries(ground: &Ground<'_>, findings: &mut Vec<String>) -> Result<Scan, Error> {
    let Ground { gatekeeper, relationship, .. } = *ground;
    let mut scanner = Scanner::new(ground.ratchet());
    let mut start_after = None;
    loop {
        let endpoint = Endpoint::Entries { relationship, start_after };
        let (page, _): (Entries, _) =
            gatekeeper.ask(ground.key, endpoint, &[], Purpose::PatientRequest).await?;
        let (wrong, checkpoint) = check_entries(&page, &gatekeeper.facts, ground.contract, relationship);
        findings.extend(wrong.iter().map(ToString::to_string));
        if let Some(signed) = checkpoint
            && let Err(finding) = ground.vouch.vouched(&signed).await?
        {
            findings.push(finding);
        }
        let mut last = start_after;
        for proven in &page.entries {
            if last.is_some_and(|last| proven.index <= last) {
                findings.push(format!("{} shows your entries out of order", gatekeeper.name));
                return Ok(scanner.finish());
            }
            last = Some(proven.index);
            scanner.look(proven.index, &proven.entry());
        }
        if page.entries.is_empty() {
            return Ok(scanner.finish());
        }
        start_after = last;
    }
}

#[cfg(test)]
mod tests {
    use medrec_accesslog::{Entry, Filed, Found, Place, Removed};
    use serde_json::Value;

    use super::*;
    use crate::reading::tests::item;

    fn ratchet() -> Ratchet {
        let place = Place { chain_id: "c", contract: "k", relationship: 1, log_origin: "log.north.example" };
        Root::from_bytes([1; 32]).ratchet(&place)
    }

    fn filed(id: u8, version: u32, explained: Explained) -> Filed {
        let (resource_type, scope) = ("Observation".into(), "labs".into());
        Filed { at: 0, record_id: [id; 16], version, resource_type, scope, scope_hash: [0; 32], explained }
    }

    /// An item whose filing entry is the relationship's `nth`.
    fn shown(id: u8, version: u32, nth: usize, body: Filed) -> Item {
        let mut ratchet = ratchet();
        let step = std::iter::repeat_with(|| ratchet.step()).nth(nth).unwrap();
        Item { filed: Entry::file(&step, [3; 32], body).unwrap(), ..item(id, version, Value::Null) }
    }

    fn said(item: &Item, counter: u64) -> Result<bool, String> {
        newest(item, &steps(ratchet(), counter, [item.filed.label()].into_iter()))
    }

    #[test]
    fn the_filing_entry_itself_says_whether_a_change_is_explained() {
        let explained = shown(1, 2, 5, filed(1, 2, Explained::Explained));
        assert_eq!(said(&explained, 6), Ok(true));
        assert_eq!(said(&shown(1, 2, 5, filed(1, 2, Explained::Unexplained)), 6), Ok(false));
        // Only a first version is new: a change that calls itself so explains nothing.
        assert_eq!(said(&shown(1, 2, 5, filed(1, 2, Explained::New)), 6), Ok(false));
    }

    #[test]
    fn an_entry_that_is_another_s_or_not_hers_explains_nothing() {
        let item = shown(1, 2, 5, filed(1, 3, Explained::Explained));
        assert!(said(&item, 6).unwrap_err().contains("says something else"));
        let item = shown(1, 2, 5, filed(1, 2, Explained::Explained));
        // The hospital signed for five entries only, or the label is of nobody.
        assert!(said(&item, 5).unwrap_err().contains("not among yours"));
    }

    #[test]
    fn one_unexplained_change_of_many_is_shown_and_a_hidden_one_too() {
        let found = |counter, body| Found {
            index: counter,
            counter,
            opened: Ok(Opened { body, cbor: vec![], blind: [0; 32] }),
        };
        let gone = Removed {
            at: 0,
            record_id: [2; 16],
            version: 2,
            scope: "labs".into(),
            scope_hash: [0; 32],
            explained: false,
        };
        let scan = Scan {
            found: vec![
                found(0, Body::Filed(filed(1, 1, Explained::New))),
                found(1, Body::Filed(filed(1, 2, Explained::Explained))),
                found(2, Body::Filed(filed(1, 3, Explained::Explained))),
                found(3, Body::Removed(gone)),
                found(4, Body::Filed(filed(2, 3, Explained::Explained))),
                found(5, Body::Filed(filed(3, 3, Explained::Explained))),
            ],
            ..Scan::default()
        };
        let history = history(bodies(&scan));
        let between = |id| between(&item(id, 3, Value::Null), &history);
        assert_eq!((between(1), between(2)), (Ok(true), Ok(false)));
        assert!(between(3).unwrap_err().contains("version 2 of record 03030303"));
    }

    #[test]
    fn marks_of_changes() {
        for (explained, secured, mark) in [
            (true, true, Mark::ChangedExplained),
            (true, false, Mark::BeingSecured),
            (false, true, Mark::ChangedUnexplained),
            (false, false, Mark::ChangedUnexplained),
        ] {
            let mut item = Item { secured, ..item(1, 2, Value::Null) };
            set(&mut item, explained);
            assert_eq!(item.mark, mark);
        }
    }
}

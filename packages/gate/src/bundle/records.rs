//! The answers of one relationship: header → manifest → commitment → filing entry, and against the log whether
//! something was left out of them (security H17).

use std::collections::{BTreeMap, BTreeSet};

use medrec_accesslog::{Body, Filed, Opened};
use medrec_merkle::Hash;
use medrec_record::{Context, VersionKey, commit_version};

use super::part::Log;
use super::{Answered, Fault, RecordListed};
use crate::answer::{Listed, Mark, manifest};
use crate::check::differences;

/// How far a record is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it was filed, and the filing is under the quoted anchor.
    Anchored,
    /// As it was filed; the filing is in the log and not yet under the anchor.
    Logged,
    /// Not what was filed, or not provable.
    False,
}

/// A record of the bundle: its place in the part's answers, and what it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownRecord {
    pub answer: usize,
    pub record: usize,
    pub standing: Standing,
}

/// Checks all answers; gives what is shown and how many records are not.
pub(super) fn check(log: &Log<'_>, faults: &mut Vec<Fault>) -> (Vec<ShownRecord>, usize) {
    let (mut shown, mut hidden, mut seen) = (Vec::new(), 0usize, BTreeSet::new());
    let said = Said::of(log);
    for (answer, answered) in log.part.answers.iter().enumerate() {
        check_header(log, answered, faults);
        check_read(log, answered, &said, faults);
        for (record, listed) in answered.records.iter().enumerate() {
            let before = faults.len();
            let name = || hex::encode(listed.id);
            if !seen.insert(listed.id) {
                faults.push(Fault::RecordTwice { record: name() });
            }
            check_mark(log, answered, listed, &said, faults);
            if listed.filed.is_none() && listed.content.is_none() {
                hidden = hidden.saturating_add(1);
                continue;
            }
            let index = check_record(log, answered, listed, faults);
            let standing = match index {
                Some(index) if log.sound && faults.len() == before && index < log.anchored => {
                    Standing::Anchored
                }
                Some(_) if log.sound && faults.len() == before => Standing::Logged,
                _ => Standing::False,
            };
            shown.push(ShownRecord { answer, record, standing });
        }
        if log.part.whole {
            check_complete(answered, &said, faults);
        }
    }
    (shown, hidden)
}

fn check_header(log: &Log<'_>, answered: &Answered, faults: &mut Vec<Fault>) {
    let Answered { header, signature, records } = answered;
    let scope = || header.scope.clone();
    let verified = header.verify(log.contract, &log.part.institution.signing_key, signature);
    if let Err(e) = verified {
        faults.push(Fault::HeaderSignature { scope: scope(), reason: e.to_string() });
    }
    let pairs = [
        ("relationship", header.relationship.to_string(), log.part.relationship.to_string()),
        ("count of records", header.count.to_string(), records.len().to_string()),
    ];
    let wrong = |(field, got, expected)| Fault::Header { scope: scope(), field, got, expected };
    faults.extend(differences(pairs).map(wrong));
    let listed = records.iter().map(|record| Listed {
        id: &record.id,
        version: record.version,
        commitment: &record.commitment,
        mark: record.mark,
    });
    if manifest(listed) != header.manifest {
        faults.push(Fault::Manifest { scope: scope() });
    }
}

/// The entry of the very read that gave this answer says the same.
fn check_read(log: &Log<'_>, answered: &Answered, said: &Said, faults: &mut Vec<Fault>) {
    let header = &answered.header;
    let scope = || header.scope.clone();
    let Some(Body::Read(read)) = said.reads.get(&header.request).and_then(|at| log.body(*at)) else {
        let reason = "no entry shown is of it".to_owned();
        return faults.push(Fault::ReadNotLogged { scope: scope(), reason });
    };
    let pairs = [
        ("scope", read.scope.clone(), header.scope.clone()),
        ("purpose", read.purpose.clone(), header.purpose.clone()),
        ("record count", read.record_count.to_string(), header.count.to_string()),
        ("manifest", hex::encode(read.manifest), hex::encode(header.manifest)),
        ("grant", format!("{:?}", read.grant), format!("{:?}", header.grant)),
        ("height", read.height.to_string(), header.height.to_string()),
    ];
    faults.extend(differences(pairs).map(|(field, got, expected)| {
        let reason = format!("its entry says {field} {got}, the answer {expected}");
        Fault::ReadNotLogged { scope: scope(), reason }
    }));
}

/// Gives the index of the filing entry.
fn check_record(
    log: &Log<'_>,
    answered: &Answered,
    listed: &RecordListed,
    faults: &mut Vec<Fault>,
) -> Option<u64> {
    let name = || hex::encode(listed.id);
    let place = listed.filed.and_then(|counter| log.places.get(&counter)).copied();
    let shown = place.and_then(|place| log.part.entries.get(place));
    let (Some(place), Some(shown)) = (place, shown) else {
        let reason = "its entry is missing".to_owned();
        faults.push(Fault::RecordNotFiled { record: name(), reason });
        return None;
    };
    let Some(Body::Filed(filed)) = log.body(place) else {
        let reason = format!("entry {} files no record", shown.index);
        faults.push(Fault::RecordNotFiled { record: name(), reason });
        return None;
    };
    let header = &answered.header;
    let pairs = [
        ("record", hex::encode(filed.record_id), name()),
        ("version", filed.version.to_string(), listed.version.to_string()),
        ("scope", filed.scope.clone(), header.scope.clone()),
        ("definition", hex::encode(filed.scope_hash), hex::encode(header.scope_hash)),
    ];
    faults.extend(differences(pairs).map(|(field, got, expected)| {
        let reason = format!("entry {} files {field} {got}, the answer says {expected}", shown.index);
        Fault::RecordNotFiled { record: name(), reason }
    }));
    if shown.entry().commitment() != listed.commitment {
        faults.push(Fault::RecordChanged { record: name() });
    }
    match recompute(log, answered, listed, filed) {
        None => {}
        Some(Ok(commitment)) if commitment == listed.commitment => {}
        Some(Ok(_)) => faults.push(Fault::RecordChanged { record: name() }),
        Some(Err(reason)) => faults.push(Fault::RecordUnreadable { record: name(), reason }),
    }
    Some(shown.index)
}

/// The commitment of the contents, if they are shown.
fn recompute(
    log: &Log<'_>,
    answered: &Answered,
    listed: &RecordListed,
    filed: &Filed,
) -> Option<Result<Hash, String>> {
    let content = listed.content.as_ref()?;
    let context = Context {
        log_origin: log.part.institution.log_origin.clone(),
        relationship_ref: log.reference,
        record_id: listed.id,
        version: listed.version,
        scope_hash: answered.header.scope_hash,
        resource_type: filed.resource_type.clone(),
    };
    let key = VersionKey::from_bytes(content.version_key);
    Some(commit_version(&key, &context, &content.resource).map_err(|e| e.to_string()))
}

/// What she said last of this version before the answer is what the answer says.
fn check_mark(
    log: &Log<'_>,
    answered: &Answered,
    listed: &RecordListed,
    said: &Said,
    faults: &mut Vec<Fault>,
) {
    let before = answered.header.counter;
    let last = said
        .marks
        .get(&(listed.id, listed.version))
        .and_then(|marks| marks.iter().rev().find(|(counter, _)| *counter < before).map(|(_, mark)| *mark));
    let is_hidden = listed.filed.is_none() && listed.content.is_none();
    if listed.mark == last || (!log.part.whole && (last.is_none() && is_hidden)) {
        return;
    }
    let words = |mark: Option<Mark>| mark.map_or("nothing", Mark::as_str);
    let reason = format!("the answer says {}, the entries say {}", words(listed.mark), words(last));
    faults.push(Fault::Mark { record: hex::encode(listed.id), reason });
}

/// Nothing that was filed before the answer is missing from it or shown in an older version.
fn check_complete(answered: &Answered, said: &Said, faults: &mut Vec<Fault>) {
    let header = &answered.header;
    if said.next < header.counter {
        let what = format!("an answer was signed at {} entries, {} are shown", header.counter, said.next);
        faults.push(Fault::NotWhole { what });
    }
    if !header.complete {
        return;
    }
    let shown: BTreeMap<[u8; 16], u32> =
        answered.records.iter().map(|record| (record.id, record.version)).collect();
    let scope = || header.scope.clone();
    for (id, history) in said.filings.get(&header.scope).into_iter().flatten() {
        let Some(last) = history.iter().rev().find(|one| one.counter < header.counter) else { continue };
        let record = || hex::encode(id);
        match (shown.get(id), last.gone) {
            (None, false) => faults.push(Fault::Omitted { record: record(), scope: scope() }),
            (Some(version), false) if *version < last.version => faults.push(Fault::RolledBack {
                record: record(),
                scope: scope(),
                shown: *version,
                last: last.version,
            }),
            (Some(_), true) => faults.push(Fault::Removed { record: record(), scope: scope() }),
            _ => {}
        }
    }
}

/// One filing or removal.
struct Filing {
    counter: u64,
    version: u32,
    gone: bool,
}

/// A record's id and one of its versions.
type RecordVersion = ([u8; 16], u32);

/// What the entries say, by what is looked up.
struct Said {
    /// Request → place in the part's entries.
    reads: BTreeMap<Hash, usize>,
    /// Record and version → what she said of it, in the order of counters.
    marks: BTreeMap<RecordVersion, Vec<(u64, Mark)>>,
    /// Scope → record → what was filed of it, in the order of counters.
    filings: BTreeMap<String, BTreeMap<[u8; 16], Vec<Filing>>>,
    /// One past the highest counter shown.
    next: u64,
}

impl Said {
    fn of(log: &Log<'_>) -> Said {
        let (mut reads, mut marks) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        let mut filings: BTreeMap<String, BTreeMap<[u8; 16], Vec<Filing>>> = BTreeMap::new();
        let mut file = |scope: &String, id: [u8; 16], filing: Filing| {
            if !filings.contains_key(scope) {
                filings.insert(scope.clone(), BTreeMap::new());
            }
            if let Some(records) = filings.get_mut(scope) {
                records.entry(id).or_default().push(filing);
            }
        };
        for (counter, place) in &log.places {
            let counter = *counter;
            match log.body(*place) {
                Some(Body::Read(read)) => drop(reads.insert(read.request, *place)),
                Some(Body::Acknowledged(marking)) => marks
                    .entry((marking.record_id, marking.version))
                    .or_default()
                    .push((counter, Mark::Acknowledged)),
                Some(Body::Disputed { marking, .. }) => {
                    marks
                        .entry((marking.record_id, marking.version))
                        .or_default()
                        .push((counter, Mark::Disputed));
                }
                Some(Body::Filed(filed)) => {
                    let filing = Filing { counter, version: filed.version, gone: false };
                    file(&filed.scope, filed.record_id, filing);
                }
                Some(Body::Removed(removed)) => {
                    let filing = Filing { counter, version: removed.version, gone: true };
                    file(&removed.scope, removed.record_id, filing);
                }
                _ => {}
            }
        }
        let next = log.places.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        Said { reads, marks, filings, next }
    }
}

impl Log<'_> {
    fn body(&self, place: usize) -> Option<&Body> {
        match self.opened.get(place) {
            Some(Ok(Opened { body, .. })) => Some(body),
            _ => None,
        }
    }
}

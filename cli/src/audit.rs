//! One relationship checked: what is shown, what was filed, what was signed, and what the chain vouches for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use medrec_accesslog::{Body, SignedCounter};
use medrec_gate::{Endpoint, Entries, Finding, check::check_entries};
use medrec_rules::Purpose;

use crate::evidence::{self, Kept};
use crate::gatekeeper::Gatekeeper;
use crate::logread::LogRead;
use crate::logs::{self, OneLog};
use crate::mine::Mine;
use crate::reading::Mark;
use crate::served::Served;
use crate::session::Session;
use crate::source::{self, Source};
use crate::{Error, counter_maps, moment, seals};

/// No log has an entry behind this one (wire.md section 10): only the counter is asked for.
const BEHIND_ALL: u64 = 1 << 40;

/// What the check of one relationship, or of the promises of one log, found.
#[derive(Default)]
pub struct Verdict {
    /// None: the log of an institution where this wallet only reads as a viewer.
    pub relationship: Option<u64>,
    pub institution: Option<String>,
    pub records: usize,
    pub unchanged: usize,
    /// Changed since they were filed first, and the hospital's own records tell of it.
    pub explained: usize,
    /// Changed without that.
    pub unexplained: usize,
    pub securing: usize,
    pub entries: usize,
    /// Days whose counter map agrees.
    pub counter_maps: usize,
    /// Promises of the log that are neither kept nor broken yet.
    pub promises_open: usize,
    pub removed: Vec<Removed>,
    /// What is wrong.
    pub findings: Vec<String>,
    /// What could not be checked.
    pub failures: Vec<String>,
    /// What should be known, and is not wrong.
    pub notes: Vec<String>,
}

/// A record without a row in the hospital's database any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub record: [u8; 16],
    pub scope: String,
    pub version: u32,
    pub at: u64,
    /// Whether the hospital's own change columns tell of it.
    pub explained: bool,
}

/// Checks a relationship. `mirror`: the log alone, from there. Gives the promises that turned out kept as well.
pub async fn relationship(
    session: &Session,
    mine: &Mine,
    promises: &[&Kept],
    mirror: Option<&str>,
) -> (Verdict, Vec<std::path::PathBuf>) {
    let mut verdict = Verdict { relationship: Some(mine.state.id), ..Verdict::default() };
    // The log is read after the records and the counter, so that it has every entry they speak of.
    let (mut source, mut counter) = (None, None);
    if mirror.is_none() {
        let read = source::read(session, mine, &[]).await;
        verdict.take_source(&read);
        source = Some(read);
        counter = verdict.take(signed_counter(session, mine).await);
    }
    let promised: BTreeSet<u64> = promises.iter().map(|kept| kept.evidence.promise.index).collect();
    let mut kept = Vec::new();
    if let Some(one) = verdict.take(logs::of(&session.chain, mine, mirror, &promised).await) {
        verdict.take_log(&one);
        // A copy may be behind what the hospital itself just signed: that is no contradiction.
        let own = one.instead.is_none();
        if let Some(source) = source.as_ref().filter(|_| own) {
            verdict.findings.extend(compare(source, &one.log));
        }
        if let Some((counter, findings)) = counter {
            verdict.findings.extend(findings);
            verdict.findings.extend(contradiction(&counter, &one.log).filter(|_| own));
        }
        // A copy need not have what leads from the seal to its end.
        if own && let Some(seals) = verdict.take(seals::check(&session.chain, &one).await) {
            verdict.notes.extend(seals);
        }
        if let Some(now) = verdict.take(session.chain.time().await) {
            kept = verdict.take_promises(promises, &one.log, &one.served, now);
            let maps = counter_maps::check(&one.log, &one.served, &one.tag_key, now).await;
            if let Some(maps) = verdict.take(maps) {
                verdict.counter_maps = maps.agree;
                verdict.findings.extend(maps.findings);
                verdict.notes.extend(maps.notes);
            }
        }
    }
    (verdict, kept)
}

impl Verdict {
    /// What came of a step: falsehoods are findings, silence is a failure.
    pub fn take<T>(&mut self, step: Result<T, Error>) -> Option<T> {
        match step {
            Ok(value) => return Some(value),
            Err(e) if e.exit() == 3 => self.findings.push(e.to_string()),
            Err(e) => self.failures.push(e.to_string()),
        }
        None
    }

    fn take_source(&mut self, source: &Source) {
        let marked = |mark| source.items().filter(|i| i.mark == mark).count();
        (self.unchanged, self.securing) = (marked(Mark::Unchanged), marked(Mark::BeingSecured));
        self.explained = marked(Mark::ChangedExplained);
        self.unexplained = marked(Mark::ChangedUnexplained);
        let unexplained = source.items().filter(|i| i.mark == Mark::ChangedUnexplained);
        self.notes.extend(unexplained.map(|item| {
            let (id, scope) = (hex::encode(item.id), &item.scope);
            format!("record {id} of {scope} was changed (UNEXPLAINED: the hospital's own records do not tell of it)")
        }));
        self.institution.clone_from(&source.institution);
        self.records = source.reads.iter().map(|r| r.items.len()).sum();
        self.findings.extend(source.findings.iter().cloned());
        self.failures.extend(source.failure.iter().cloned());
    }

    fn take_log(&mut self, one: &OneLog) {
        let log = &one.log;
        self.institution.get_or_insert_with(|| one.served.name.clone());
        self.entries = log.scan.found.len();
        self.findings.extend(one.findings());
        self.notes.extend(one.notes());
        self.removed = removed(log);
        self.notes.extend(self.removed.iter().map(Removed::text));
    }

    /// Promises of the log that was read; gives those kept.
    pub fn take_promises(
        &mut self,
        promises: &[&Kept],
        log: &LogRead,
        served: &Served,
        now: u64,
    ) -> Vec<PathBuf> {
        let outcome = evidence::judge(promises, log, served, now);
        self.findings.extend(outcome.findings);
        self.promises_open = outcome.open;
        outcome.kept
    }
}

impl Removed {
    pub fn text(&self) -> String {
        let (id, at) = (hex::encode(self.record), moment::text(self.at));
        let how = if self.explained {
            "explained"
        } else {
            "UNEXPLAINED: the hospital's own records do not tell of it"
        };
        format!("record {id} of {} is gone from the hospital's database since {at} ({how})", self.scope)
    }
}

/// How many entries the hospital signs that she has; asked before the log is read.
async fn signed_counter(session: &Session, mine: &Mine) -> Result<(SignedCounter, Vec<String>), Error> {
    let chain = &session.chain;
    let (offer, _) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    let gatekeeper = Gatekeeper::new(&institution, &chain.contract)?;
    let relationship = mine.state.id;
    let endpoint = Endpoint::Entries { relationship, start_after: Some(BEHIND_ALL) };
    let (entries, _): (Entries, _) =
        gatekeeper.ask(mine.signer()?, endpoint, &[], Purpose::PatientRequest).await?;
    let (findings, _) = check_entries(&entries, &gatekeeper.facts, &chain.contract, relationship);
    Ok((entries.counter, findings.iter().map(Finding::to_string).collect()))
}

/// The signed counter against the log.
fn contradiction(signed: &SignedCounter, log: &LogRead) -> Option<String> {
    let SignedCounter { counter, size, .. } = *signed;
    if log.size < size {
        return Some(format!("the hospital signed for a log of {size} entries and shows {}", log.size));
    }
    let seen = log.counter_at(size);
    let says =
        format!("the hospital signed for {counter} entries of yours among the first {size} of its log");
    (seen != counter).then(|| format!("{says}, the log shows {seen}"))
}

/// Answers against the log: nothing signed for is missing, and the newest version of everything filed was shown
/// (security H17).
fn compare(source: &Source, log: &LogRead) -> Vec<String> {
    let mut findings = Vec::new();
    for read in &source.reads {
        let (scope, counter) = (&read.header.scope, read.header.counter);
        if log.scan.next < counter {
            findings
                .push(format!("the hospital signed for {counter} entries, the log shows {}", log.scan.next));
        }
        if !read.header.complete {
            findings.push(format!("the hospital did not show all of scope {scope}"));
        }
        let shown: BTreeMap<[u8; 16], u32> = read.items.iter().map(|i| (i.id, i.version)).collect();
        for (id, last) in last(log, counter).into_iter().filter(|(_, last)| last.scope == *scope) {
            let (record, version) = (hex::encode(id), last.version);
            match (shown.get(&id), last.gone) {
                (None, None) => findings.push(format!("record {record} of {scope} was filed and is not shown")),
                (Some(seen), None) if *seen < version => findings.push(format!(
                    "record {record} of {scope} was shown in version {seen}, filed is version {version}"
                )),
                (Some(seen), Some(_)) => findings.push(format!(
                    "record {record} of {scope} was shown in version {seen}, its removal was filed as {version}"
                )),
                _ => {}
            }
        }
    }
    findings
}

/// What the log says last of a record.
struct Last {
    scope: String,
    version: u32,
    /// When it was filed as removed, and whether that is explained.
    gone: Option<(u64, bool)>,
}

/// Of every record, by the entries before `counter`.
fn last(log: &LogRead, counter: u64) -> BTreeMap<[u8; 16], Last> {
    let mut newest: BTreeMap<[u8; 16], Last> = BTreeMap::new();
    for found in log.scan.found.iter().filter(|found| found.counter < counter) {
        let Ok(opened) = &found.opened else { continue };
        let (id, said) = match &opened.body {
            Body::Filed(filed) => {
                (filed.record_id, Last { scope: filed.scope.clone(), version: filed.version, gone: None })
            }
            Body::Removed(removed) => {
                let gone = Some((removed.at, removed.explained));
                (removed.record_id, Last { scope: removed.scope.clone(), version: removed.version, gone })
            }
            _ => continue,
        };
        if newest.get(&id).is_none_or(|before| before.version <= said.version) {
            newest.insert(id, said);
        }
    }
    newest
}

/// Records that are gone now.
fn removed(log: &LogRead) -> Vec<Removed> {
    let all = last(log, u64::MAX).into_iter();
    all.filter_map(|(record, Last { scope, version, gone })| {
        gone.map(|(at, explained)| Removed { record, scope, version, at, explained })
    })
    .collect()
}

#[cfg(test)]
pub mod tests {
    use medrec_accesslog::{Explained, Filed, Found, Opened, Removed as RemovedBody, Scan};
    use medrec_gate::Header;
    use serde_json::Value;

    use super::*;
    use crate::reading::{ScopeRead, tests::item};

    fn entry(counter: u64, body: Body) -> Found {
        Found { index: counter, counter, opened: Ok(Opened { body, cbor: vec![], blind: [0; 32] }) }
    }

    fn filed(counter: u64, id: u8, version: u32) -> Found {
        let (scope, resource_type) = ("labs".into(), "Observation".into());
        let (record_id, scope_hash, explained) = ([id; 16], [0; 32], Explained::New);
        let filed = Filed { at: 0, record_id, version, resource_type, scope, scope_hash, explained };
        entry(counter, Body::Filed(filed))
    }

    fn gone(counter: u64, id: u8, version: u32, explained: bool) -> Found {
        let (record_id, scope, scope_hash) = ([id; 16], "labs".into(), [0; 32]);
        entry(
            counter,
            Body::Removed(RemovedBody { at: 60, record_id, version, scope, scope_hash, explained }),
        )
    }

    fn log(found: Vec<Found>) -> LogRead {
        let next = u64::try_from(found.len()).unwrap();
        LogRead {
            scan: Scan { found, next, ..Scan::default() },
            size: next,
            anchored: next,
            ..LogRead::default()
        }
    }

    /// Of an answer of scope `labs`.
    pub fn header() -> Header {
        Header {
            request: [0; 32],
            relationship: 1,
            scope: "labs".into(),
            scope_hash: [0; 32],
            purpose: "patient-request".into(),
            grant: None,
            height: 1,
            at: 1,
            count: 1,
            complete: true,
            manifest: [0; 32],
            counter: 0,
        }
    }

    fn source(items: &[(u8, u32)], counter: u64, complete: bool) -> Source {
        let header = Header { counter, complete, ..header() };
        let items = items.iter().map(|(id, version)| item(*id, *version, Value::Null));
        let read = ScopeRead { header, items: items.collect(), findings: vec![] };
        Source { relationship: 1, reads: vec![read], ..Source::default() }
    }

    #[test]
    fn omission_rollback_and_missing_tails_are_found() {
        let log = log(vec![filed(0, 1, 1), filed(1, 2, 1), filed(2, 1, 2), filed(3, 9, 1)]);
        // Entry 3 came after the answer: it does not count.
        assert_eq!(compare(&source(&[(1, 2), (2, 1)], 3, true), &log), Vec::<String>::new());
        assert!(compare(&source(&[(1, 2)], 3, true), &log)[0].contains("is not shown"));
        assert!(
            compare(&source(&[(1, 1), (2, 1)], 3, true), &log)[0].contains("version 1, filed is version 2")
        );
        assert!(compare(&source(&[(1, 2), (2, 1), (9, 1)], 5, true), &log)[0].contains("signed for 5"));
        assert!(compare(&source(&[(1, 2), (2, 1)], 3, false), &log)[0].contains("all of scope labs"));
    }

    #[test]
    fn a_record_that_was_removed_is_not_missed_and_must_not_be_shown() {
        let removed_one = log(vec![filed(0, 1, 1), filed(1, 2, 1), gone(2, 1, 2, false)]);
        assert_eq!(compare(&source(&[(2, 1)], 3, true), &removed_one), Vec::<String>::new());
        let shown = compare(&source(&[(1, 1), (2, 1)], 3, true), &removed_one);
        assert!(shown[0].contains("shown in version 1, its removal was filed as 2"), "{shown:?}");
        // The removal came after the answer.
        assert!(compare(&source(&[(2, 1)], 2, true), &removed_one)[0].contains("is not shown"));
        let said = removed(&removed_one);
        assert_eq!((said.len(), said[0].record, said[0].explained), (1, [1; 16], false));
        assert!(said[0].text().contains("UNEXPLAINED"), "{}", said[0].text());

        let back = log(vec![filed(0, 1, 1), gone(1, 1, 2, true), filed(2, 1, 3)]);
        assert!(removed(&back).is_empty());
        assert!(compare(&source(&[], 3, true), &back)[0].contains("is not shown"));
        assert_eq!(compare(&source(&[(1, 3)], 3, true), &back), Vec::<String>::new());
    }

    #[test]
    fn a_signed_counter_that_the_log_contradicts_is_found() {
        let log = log(vec![filed(0, 1, 1), filed(1, 2, 1), filed(2, 1, 2)]);
        let signed = |counter, size| SignedCounter { counter, size, at: 0, signature: [0; 64] };
        assert_eq!((contradiction(&signed(3, 3), &log), contradiction(&signed(2, 2), &log)), (None, None));
        assert!(contradiction(&signed(4, 3), &log).unwrap().contains("4 entries of yours"));
        assert!(contradiction(&signed(1, 2), &log).unwrap().contains("the log shows 2"));
        assert!(contradiction(&signed(3, 4), &log).unwrap().contains("log of 4 entries and shows 3"));
    }
}

use std::collections::BTreeMap;

use medrec_accesslog::Body;
use serde_json::{Value, json};

use crate::Error;
use crate::args::Global;
use crate::chain::Chain;
use crate::commands::log;
use crate::commands::record::{Source, read_source};
use crate::entries::LogRead;
use crate::mine::{self, Mine};
use crate::reading::Mark;
use crate::session::Session;
use crate::show::{self, Shown};

const EXAMPLES: &str = "\
Reads all your records and every log they are filed in, and checks: each record is as it was filed; all of each
scope was shown; your reads were logged; no entry of yours is missing; the chain vouches for the logs.
Ends with 3 when anything is wrong.

Examples:
  medrec verify
  medrec verify --relationship 3 --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this relationship
    #[arg(long)]
    relationship: Option<u64>,
}

/// What the check of one relationship found.
struct Verdict {
    relationship: u64,
    institution: Option<String>,
    records: usize,
    unchanged: usize,
    securing: usize,
    entries: usize,
    findings: Vec<String>,
    failures: Vec<String>,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let mut verdicts = Vec::new();
    for mine in found.readable(args.relationship)? {
        verdicts.push(judge(&session.chain, mine).await);
    }
    Ok(shown(&verdicts))
}

async fn judge(chain: &Chain, mine: &Mine) -> Verdict {
    // The log is read after the records, so that it has every entry they name.
    let source = read_source(chain, mine, &[]).await;
    let log = log::of(chain, mine).await;
    let marked = |mark| source.reads.iter().flat_map(|r| &r.items).filter(|i| i.mark == mark).count();
    let (unchanged, securing) = (marked(Mark::Unchanged), marked(Mark::BeingSecured));
    let mut verdict = Verdict {
        relationship: mine.state.id,
        institution: source.institution.clone(),
        records: source.reads.iter().map(|r| r.items.len()).sum(),
        unchanged,
        securing,
        entries: 0,
        findings: source.findings.clone(),
        failures: source.failure.iter().cloned().collect(),
    };
    match log {
        Ok((_, log)) => {
            verdict.entries = log.scan.found.len();
            verdict.findings.extend(log.findings());
            verdict.findings.extend(compare(&source, &log));
        }
        Err(e) if e.exit() == 3 => verdict.findings.push(e.to_string()),
        Err(e) => verdict.failures.push(e.to_string()),
    }
    verdict
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
        for (id, version) in filed(log, scope, counter) {
            match shown.get(&id) {
                None => {
                    findings.push(format!("record {} of {scope} was filed and is not shown", hex::encode(id)))
                }
                Some(seen) if *seen < version => findings.push(format!(
                    "record {} of {scope} was shown in version {seen}, filed is version {version}",
                    hex::encode(id)
                )),
                Some(_) => {}
            }
        }
    }
    findings
}

/// Newest version of each record of a scope among the entries before `counter`.
fn filed(log: &LogRead, scope: &str, counter: u64) -> BTreeMap<[u8; 16], u32> {
    let mut newest = BTreeMap::new();
    for found in log.scan.found.iter().filter(|found| found.counter < counter) {
        if let Ok(Body::Filed(filed)) = found.opened.as_ref().map(|opened| &opened.body)
            && filed.scope == scope
        {
            let version = newest.entry(filed.record_id).or_insert(filed.version);
            *version = filed.version.max(*version);
        }
    }
    newest
}

fn shown(verdicts: &[Verdict]) -> Shown {
    let wrong = verdicts.iter().any(|v| !v.findings.is_empty());
    let failed = verdicts.iter().any(|v| !v.failures.is_empty());
    let rows = verdicts.iter().map(|v| {
        let state = match (v.findings.is_empty(), v.failures.is_empty()) {
            (false, _) => "WRONG",
            (true, false) => "not all could be checked",
            (true, true) => "all verified",
        };
        let name = v.institution.clone().unwrap_or_default();
        let numbers = [v.records, v.unchanged, v.securing, v.entries].map(|n| n.to_string());
        [v.relationship.to_string(), name].into_iter().chain(numbers).chain([state.to_owned()]).collect()
    });
    let header = ["number", "institution", "records", "unchanged", "being secured", "log entries", "verdict"];
    let mut text = show::table(&header, rows);
    for verdict in verdicts {
        for note in verdict.findings.iter().chain(&verdict.failures) {
            text = format!("{text}\nRelationship {}: {note}", verdict.relationship);
        }
    }
    let exit = match (wrong, failed) {
        (true, _) => 3,
        (false, true) => 1,
        (false, false) => 0,
    };
    let list: Vec<Value> = verdicts.iter().map(verdict_json).collect();
    Shown { text, json: json!({"ok": exit == 0, "relationships": list}), exit }
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "relationship": verdict.relationship,
        "institution": verdict.institution,
        "records": verdict.records,
        "unchanged": verdict.unchanged,
        "being_secured": verdict.securing,
        "entries": verdict.entries,
        "findings": verdict.findings,
        "failures": verdict.failures,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use medrec_accesslog::{Explained, Filed, Found, Opened, Scan};
    use medrec_gate::Header;

    use crate::reading::{Item, ScopeRead};

    fn entry(counter: u64, id: u8, version: u32) -> Found {
        let filed = Filed {
            at: 0,
            record_id: [id; 16],
            version,
            resource_type: "Observation".into(),
            scope: "labs".into(),
            scope_hash: [0; 32],
            explained: Explained::New,
        };
        Found {
            index: counter,
            counter,
            opened: Ok(Opened { body: Body::Filed(filed), cbor: vec![], blind: [0; 32] }),
        }
    }

    fn source(items: &[(u8, u32)], counter: u64, complete: bool) -> Source {
        let header = Header {
            request: [0; 32],
            relationship: 1,
            scope: "labs".into(),
            scope_hash: [0; 32],
            purpose: "patient-request".into(),
            grant: None,
            height: 1,
            at: 1,
            count: 1,
            complete,
            manifest: [0; 32],
            counter,
        };
        let items = items.iter().map(|(id, version)| Item {
            relationship: 1,
            institution: "North".into(),
            scope: "labs".into(),
            id: [*id; 16],
            version: *version,
            resource: Value::Null,
            mark: Mark::Unchanged,
        });
        let read = ScopeRead { header, items: items.collect(), findings: vec![] };
        Source { relationship: 1, institution: None, reads: vec![read], findings: vec![], failure: None }
    }

    #[test]
    fn omission_rollback_and_missing_tails_are_found() {
        let found = vec![entry(0, 1, 1), entry(1, 2, 1), entry(2, 1, 2), entry(3, 9, 1)];
        let log = LogRead {
            scan: Scan { found, next: 4, ..Scan::default() },
            size: 4,
            anchored: 4,
            disagreement: None,
        };
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
    fn exit_codes() {
        let verdict = |findings: &[&str], failures: &[&str]| Verdict {
            relationship: 1,
            institution: None,
            records: 0,
            unchanged: 0,
            securing: 0,
            entries: 0,
            findings: findings.iter().map(|s| (*s).to_owned()).collect(),
            failures: failures.iter().map(|s| (*s).to_owned()).collect(),
        };
        assert_eq!(shown(&[verdict(&[], &[])]).exit, 0);
        assert_eq!(shown(&[verdict(&[], &["silent"])]).exit, 1);
        assert_eq!(shown(&[verdict(&["wrong"], &["silent"])]).exit, 3);
    }
}

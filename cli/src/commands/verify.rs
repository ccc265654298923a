use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::args::Global;
use crate::audit::{self, Removed, Verdict};
use crate::bundles::{self, Against, Expected};
use crate::evidence::{self, Kept};
use crate::home::Home;
use crate::mine;
use crate::session::{self, Session};
use crate::show::{self, Shown};
use crate::{Error, known, logs};

const EXAMPLES: &str = "\
Reads all your records and every log they are filed in, and checks: each record is as it was filed; all of each
scope was shown; your reads were logged; no entry of yours is missing, by the log, by the hospital's signed counter
and by its daily counter maps; what it promised is kept; the chain vouches for the logs.
Ends with 3 when anything is wrong.

Examples:
  medrec verify
  medrec verify --relationship 3 --json
  medrec verify --relationship 3 --mirror https://records.other.example
                                           the log alone, from another hospital's copy
  medrec verify --bundle record.json --offline
                                           a file made by `medrec export`: no wallet, no network
  medrec verify --bundle record.json --deployment deployment.json
                                           and its anchors compared with the chain";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this relationship
    #[arg(long)]
    relationship: Option<u64>,
    /// Read the log from the copy that the institution at this address keeps
    #[arg(long, value_name = "URL", requires = "relationship")]
    mirror: Option<String>,
    /// Check this file, made by `medrec export`, instead of your own record
    #[arg(long, value_name = "FILE", conflicts_with_all = ["relationship", "mirror"])]
    bundle: Option<PathBuf>,
    /// An anchor you have from the chain yourself; may be given several times
    #[arg(long, value_name = "[ORIGIN=]SIZE:ROOT", requires = "bundle", value_parser = Expected::parse)]
    expect_anchor: Vec<Expected>,
    /// Ask nobody, though --deployment says where the chain is
    #[arg(long, requires = "bundle")]
    offline: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    if let Some(file) = &args.bundle {
        let deployment = match global.deployment {
            Some(_) if !args.offline => Some(session::deployment(global)?),
            _ => None,
        };
        return bundles::run(file, Against { expected: args.expect_anchor, deployment }).await;
    }
    let promises = evidence::all(&Home::at(global.home.as_deref())?)?;
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let mut of: BTreeMap<u32, Vec<&Kept>> = BTreeMap::new();
    for kept in &promises {
        of.entry(kept.evidence.institution).or_default().push(kept);
    }
    let readable = found.readable(args.relationship)?;
    let (mut verdicts, mut settled) = (Vec::new(), Vec::new());
    for mine in &readable {
        // One log is judged by its promises once.
        let institution = mine.secrets(&session.chain).ok().map(|(offer, _)| offer.institution);
        let its = institution.and_then(|id| of.remove(&id)).unwrap_or_default();
        let (verdict, kept) = audit::relationship(&session, mine, &its, args.mirror.as_deref()).await;
        verdicts.push(verdict);
        settled.extend(kept);
    }
    if args.relationship.is_none() {
        for (institution, promises) in of {
            let (verdict, kept) = as_viewer(&session, institution, &promises).await;
            verdicts.push(verdict);
            settled.extend(kept);
        }
    }
    evidence::settle(&promises, &settled)?;
    known::remember(&session, &readable).await;
    Ok(shown(&verdicts))
}

/// Promises of an institution where this wallet has only read under grants.
async fn as_viewer(session: &Session, institution: u32, promises: &[&Kept]) -> (Verdict, Vec<PathBuf>) {
    let mut verdict = Verdict::default();
    let judged = async {
        let institution = session.chain.registrar.institution(institution).await?;
        let promised: BTreeSet<u64> = promises.iter().map(|kept| kept.evidence.promise.index).collect();
        let read = logs::read(&session.chain, &institution, None, None, &promised).await?;
        Ok((read, session.chain.time().await?))
    };
    let Some((read, now)) = verdict.take(judged.await) else { return (verdict, Vec::new()) };
    let logs::Read { served, log, instead } = read;
    if let Some(instead) = &instead {
        verdict.notes.push(instead.text());
        verdict.findings.extend(instead.findings.iter().cloned());
    }
    verdict.institution = Some(served.name.clone());
    verdict.findings.extend(log.findings());
    let kept = verdict.take_promises(promises, &log, &served, now);
    (verdict, kept)
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
        let numbers = [v.records, v.unchanged, v.securing, v.removed.len(), v.entries].map(|n| n.to_string());
        [number(v), name].into_iter().chain(numbers).chain([state.to_owned()]).collect()
    });
    let header = [
        "number",
        "institution",
        "records",
        "unchanged",
        "being secured",
        "removed",
        "log entries",
        "verdict",
    ];
    let mut text = show::table(&header, rows);
    for verdict in verdicts {
        for note in verdict.findings.iter().chain(&verdict.failures).chain(&verdict.notes) {
            text = match verdict.relationship {
                Some(id) => format!("{text}\nRelationship {id}: {note}"),
                None => format!("{text}\n{note}"),
            };
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

fn number(verdict: &Verdict) -> String {
    verdict.relationship.map_or_else(|| "as a viewer".to_owned(), |id| id.to_string())
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "relationship": verdict.relationship,
        "institution": verdict.institution,
        "records": verdict.records,
        "unchanged": verdict.unchanged,
        "changed_explained": verdict.explained,
        "changed_unexplained": verdict.unexplained,
        "being_secured": verdict.securing,
        "removed": verdict.removed.iter().map(removed_json).collect::<Vec<_>>(),
        "entries": verdict.entries,
        "counter_maps": verdict.counter_maps,
        "promises_open": verdict.promises_open,
        "findings": verdict.findings,
        "failures": verdict.failures,
        "notes": verdict.notes,
    })
}

fn removed_json(removed: &Removed) -> Value {
    let Removed { record, scope, version, at, explained } = removed;
    json!({"record": hex::encode(record), "scope": scope, "version": version, "at": at, "explained": explained})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        let verdict = |findings: &[&str], failures: &[&str]| Verdict {
            findings: findings.iter().map(|s| (*s).to_owned()).collect(),
            failures: failures.iter().map(|s| (*s).to_owned()).collect(),
            notes: vec!["a record is gone".to_owned()],
            ..Verdict::default()
        };
        assert_eq!(shown(&[verdict(&[], &[])]).exit, 0);
        assert!(shown(&[verdict(&[], &[])]).text.contains("a record is gone"));
        assert_eq!(shown(&[verdict(&[], &["silent"])]).exit, 1);
        assert_eq!(shown(&[verdict(&["wrong"], &["silent"])]).exit, 3);
    }
}

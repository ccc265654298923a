use serde_json::{Value, json};

use crate::args::Global;
use crate::copy::{Copy, Synced, sync_part, sync_seals};
use crate::mine;
use crate::session::{self, Session};
use crate::show::{self, Shown};
use crate::{Error, known, moment};

const EXAMPLES: &str = "\
Keeps your whole record in the wallet's folder, sealed to your words, with everything that proves it: the hospitals'
signed answers, your entries of their logs, and what the chain vouches for. `medrec record --offline` shows it without
a network, `medrec export` hands it to somebody else. The next sync reads the logs on from where this one ended.
What does not verify never replaces what did.

Examples:
  medrec sync
  medrec sync --relationship 3 --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this relationship
    #[arg(long)]
    relationship: Option<u64>,
}

/// What became of one relationship.
struct Row {
    relationship: u64,
    institution: Option<String>,
    records: usize,
    entries: usize,
    anchored: u64,
    findings: Vec<String>,
    failure: Option<String>,
    kept_before: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let deployment = session::deployment(global)?;
    let session = Session::open(global).await?;
    let empty = Copy::of(&deployment);
    let mut copy = match Copy::load(&session.home, &session.wallet)? {
        Some(copy) if copy.content.chain == empty.content.chain => copy,
        Some(copy) => {
            return Err(Error::Failed(format!(
                "the copy here is of chain {}, not of {}; give another --home",
                copy.content.chain.chain_id, deployment.chain_id
            )));
        }
        None => empty,
    };
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let readable = found.readable(args.relationship)?;
    let mut rows = Vec::new();
    for mine in &readable {
        let synced = sync_part(&session, &copy, mine).await;
        rows.push(take(&mut copy, mine.state.id, synced)?);
        copy.content.made_at = moment::now();
        copy.store(&session.home, &session.wallet)?;
    }
    sync_seals(&session.chain, &mut copy).await?;
    copy.store(&session.home, &session.wallet)?;
    known::remember(&session, &readable).await;
    Ok(shown(&rows, copy.content.made_at))
}

/// Takes the new part into the copy unless the one before was sound and this one is not.
fn take(copy: &mut Copy, relationship: u64, synced: Result<Synced, Error>) -> Result<Row, Error> {
    let before = match copy.part(relationship) {
        Some((part, own)) => Some((part.clone(), own.clone(), copy.findings(part, own)?.is_empty())),
        None => None,
    };
    let mut row = Row {
        relationship,
        institution: before.as_ref().map(|(part, ..)| part.institution.name.clone()),
        records: 0,
        entries: 0,
        anchored: 0,
        findings: Vec::new(),
        failure: None,
        kept_before: false,
    };
    match (synced, before) {
        (Err(e), before) => {
            row.kept_before = before.is_some();
            match e.exit() {
                3 => row.findings.push(e.to_string()),
                _ => row.failure = Some(e.to_string()),
            }
        }
        (Ok(synced), Some((part, mut own, true))) if !synced.findings.is_empty() => {
            row.findings = synced.findings;
            row.kept_before = true;
            own.refused = Some(Box::new(synced.part));
            copy.put(part, own);
        }
        (Ok(synced), _) => {
            row.institution = Some(synced.institution);
            row.findings = synced.findings;
            copy.put(synced.part, synced.own);
        }
    }
    if let Some((part, _)) = copy.part(relationship) {
        row.records = part.answers.iter().map(|answered| answered.records.len()).sum();
        (row.entries, row.anchored) = (part.entries.len(), part.anchor.size);
    }
    Ok(row)
}

fn shown(rows: &[Row], at: u64) -> Shown {
    let table = rows.iter().map(|row| {
        let state = match (row.findings.is_empty(), row.failure.is_none()) {
            (false, _) => "WRONG",
            (true, false) => "not reached",
            (true, true) => "kept",
        };
        let name = row.institution.clone().unwrap_or_default();
        let (records, entries) = (row.records.to_string(), row.entries.to_string());
        vec![row.relationship.to_string(), name, records, entries, state.to_owned()]
    });
    let mut text = match rows.is_empty() {
        true => "Nothing to keep: accept a relationship first.".to_owned(),
        false => show::table(&["number", "institution", "records", "log entries", "copy"], table),
    };
    let mut exit = 0;
    for row in rows {
        if let Some(failure) = &row.failure {
            exit = exit.max(1);
            text = format!("{text}\nRelationship {}: {failure}", row.relationship);
        }
        for finding in &row.findings {
            exit = 3;
            text = format!("{text}\nRelationship {}: {finding}", row.relationship);
        }
        if row.kept_before {
            text = format!("{text}\nRelationship {}: the copy made before was kept.", row.relationship);
        }
    }
    let list: Vec<Value> = rows.iter().map(row_json).collect();
    Shown { text, json: json!({"at": at, "relationships": list}), exit }
}

fn row_json(row: &Row) -> Value {
    json!({
        "relationship": row.relationship,
        "institution": row.institution,
        "records": row.records,
        "entries": row.entries,
        "anchored": row.anchored,
        "findings": row.findings,
        "failure": row.failure,
        "kept_before": row.kept_before,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::tests::copy;

    fn synced(findings: &[&str]) -> Result<Synced, Error> {
        let copy = copy();
        let mut part = copy.content.parts[0].clone();
        part.answers.clear();
        let findings = findings.iter().map(|f| (*f).to_owned()).collect();
        Ok(Synced { institution: "North".into(), part, own: copy.own[0].clone(), findings })
    }

    #[test]
    fn what_does_not_verify_never_replaces_what_did() {
        let (mut kept, before) = (copy(), copy());
        let row = take(&mut kept, 5, synced(&["record 1 was left out"])).unwrap();
        assert!(row.kept_before && row.findings.len() == 1 && row.records == 1);
        assert_eq!(kept.content, before.content);
        assert!(kept.own[0].refused.is_some(), "it is the evidence");
        assert_eq!(shown(&[row], 1).exit, 3);

        let row = take(&mut kept, 5, Err(Error::Failed("no connection".into()))).unwrap();
        assert_eq!((row.records, row.kept_before, shown(&[row], 1).exit), (1, true, 1));
        assert_eq!(kept.content, before.content);

        let row = take(&mut kept, 5, synced(&[])).unwrap();
        assert_eq!((row.records, row.kept_before), (0, false));
        assert!(kept.content.parts[0].answers.is_empty());
        assert_eq!(shown(&[row], 1).exit, 0);
    }

    #[test]
    fn a_first_copy_is_kept_even_if_it_does_not_verify() {
        let mut empty = copy();
        (empty.content.parts, empty.own) = (vec![], vec![]);
        let row = take(&mut empty, 5, synced(&["record 1 was left out"])).unwrap();
        assert_eq!((row.entries, row.kept_before, empty.content.parts.len()), (3, false, 1));
    }
}

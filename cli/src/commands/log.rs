use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::args::Global;
use crate::dates::Dates;
use crate::logline::{self, Filter, KINDS, Of};
use crate::logs::{self, OneLog};
use crate::mine::{self, Mine};
use crate::seals::{self, Cover};
use crate::session::Session;
use crate::show::{Shown, count};
use crate::{Error, entries};

const EXAMPLES: &str = "\
The whole log of each hospital is read and checked against the chain; only your own entries can be opened, and
only by you. A missing number is an entry that was withheld. When a hospital does not answer, its log is read from
the copy that another institution keeps.

Examples:
  medrec log                               of all your relationships, in the order of time
  medrec log --kind read,refused --from 2027-01
  medrec log 3 --json
  medrec log 3 --mirror https://records.other.example
                                           from this hospital's copy";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship [default: all]
    relationship: Option<u64>,
    /// Read the log from the copy that the institution at this address keeps
    #[arg(long, value_name = "URL", requires = "relationship")]
    mirror: Option<String>,
    /// Only entries of these kinds, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = KINDS)]
    kind: Vec<String>,
    #[command(flatten)]
    dates: Dates,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let chosen = with_logs(&found.mine, args.relationship)?;
    let nothing = BTreeSet::new();
    let read = chosen.iter().map(|mine| logs::of(&session.chain, mine, args.mirror.as_deref(), &nothing));
    let mut reads = futures::future::join_all(read).await;
    if let (Some(_), [Err(_)]) = (args.relationship, reads.as_slice())
        && let Some(Err(error)) = reads.pop()
    {
        return Err(error);
    }
    let read: Vec<(u64, Result<OneLog, Error>)> =
        chosen.iter().map(|mine| mine.state.id).zip(reads).collect();
    Ok(shown(&read, &Filter { dates: args.dates, kinds: args.kind }))
}

/// Relationships that have a log. Before `accept` the hospital cannot know the labels: there is nothing to find.
pub fn with_logs(mine: &[Mine], wanted: Option<u64>) -> Result<Vec<&Mine>, Error> {
    let chosen: Vec<&Mine> = mine.iter().filter(|m| wanted.is_none_or(|id| id == m.state.id)).collect();
    match wanted {
        Some(id) if chosen.is_empty() => Err(Error::NotYours(id)),
        _ => Ok(chosen.into_iter().filter(|m| m.state.sealed_accept.is_some()).collect()),
    }
}

fn shown(read: &[(u64, Result<OneLog, Error>)], filter: &Filter) -> Shown {
    let (mut notes, mut list, mut silent, mut exit) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut logs = Vec::new();
    for (id, one) in read {
        match one {
            Ok(one) => {
                let of = Of { relationship: *id, institution: &one.served.name };
                if !one.findings().is_empty() {
                    exit = 3;
                }
                notes.push(verdict(of, one));
                list.push(log_json(of, one));
                logs.push((of, &one.log));
            }
            Err(error) => {
                exit = exit.max(error.exit());
                notes.push(format!("Relationship {id}: {error}"));
                silent.push(json!({"relationship": id, "failure": error.to_string()}));
            }
        }
    }
    let lines = logline::lines(logs, filter);
    let text = match (read.is_empty(), lines.is_empty()) {
        (true, _) => "No log yet: accept a relationship first.".to_owned(),
        (false, true) => format!("No entries.\n{}", notes.join("\n")),
        (false, false) => format!("{}\n{}", logline::table(&lines), notes.join("\n")),
    };
    let timeline: Vec<Value> = lines.iter().map(logline::Line::json).collect();
    Shown { text, json: json!({"logs": list, "timeline": timeline, "silent": silent}), exit }
}

fn verdict(of: Of<'_>, one: &OneLog) -> String {
    let (size, anchored) = (one.log.size, one.log.anchored);
    let verdict = match one.findings().as_slice() {
        [] => format!("nothing is missing; the chain vouches for {anchored} of the log's {size} entries"),
        some => format!("SOMETHING IS WRONG: {}", some.join("; ")),
    };
    let name = crate::show::one_line(of.institution);
    let found = count(one.log.scan.found.len(), "entry");
    let text = format!("Relationship {}, {name}: {found} of yours; {verdict}.", of.relationship);
    let text = one.notes().iter().fold(text, |text, note| format!("{text}\n  {note}."));
    match seals::text(&one.log) {
        Some(seals) => format!("{text}\n  {seals}."),
        None => text,
    }
}

fn log_json(of: Of<'_>, one: &OneLog) -> Value {
    let log = &one.log;
    json!({
        "relationship": of.relationship,
        "institution": of.institution,
        "entries": log.scan.found.iter().map(entries::found_json).collect::<Vec<_>>(),
        "gaps": log.scan.gaps,
        "duplicates": log.scan.duplicates,
        "reordered": log.scan.reordered,
        "next": log.scan.next,
        "size": log.size,
        "anchored": log.anchored,
        "seals": log.covers.iter().map(Cover::json).collect::<Vec<_>>(),
        "findings": one.findings(),
        "notes": one.notes(),
        "mirror": one.instead.as_ref().map(|instead| instead.keeper.as_str()),
    })
}

use std::collections::BTreeSet;

use medrec_accesslog::TagKey;
use serde_json::json;

use crate::args::Global;
use crate::chain::Chain;
use crate::logread::LogRead;
use crate::mine::{self, Mine};
use crate::served::Served;
use crate::session::Session;
use crate::show::{self, Shown};
use crate::{Error, entries, logread};

const EXAMPLES: &str = "\
The whole log of the hospital is read and checked against the chain; only your own entries can be opened, and
only by you. A missing number is an entry that was withheld.

Examples:
  medrec log                               of all your relationships
  medrec log 3 --json
  medrec log 3 --mirror https://records.other.example
                                           from another hospital's copy";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship [default: all]
    relationship: Option<u64>,
    /// Read the log from the copy that the institution at this address keeps
    #[arg(long, value_name = "URL", requires = "relationship")]
    mirror: Option<String>,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let wanted = |m: &&Mine| args.relationship.is_none_or(|id| id == m.state.id);
    // Before `accept` the hospital cannot know the labels: there is nothing to find.
    let chosen: Vec<&Mine> = found.mine.iter().filter(wanted).collect();
    if let (true, Some(id)) = (chosen.is_empty(), args.relationship) {
        return Err(Error::NotYours(id));
    }
    let (mut text, mut list, mut exit) = (Vec::new(), Vec::new(), 0);
    for mine in chosen.into_iter().filter(|m| m.state.sealed_accept.is_some()) {
        let read = of(&session.chain, mine, args.mirror.as_deref(), &BTreeSet::new()).await?;
        let (name, log) = (&read.served.name, &read.log);
        let findings = log.findings();
        if !findings.is_empty() {
            exit = 3;
        }
        text.push(told(mine.state.id, name, log, &findings));
        list.push(json!({
            "relationship": mine.state.id,
            "institution": name,
            "entries": log.scan.found.iter().map(entries::found_json).collect::<Vec<_>>(),
            "gaps": log.scan.gaps,
            "duplicates": log.scan.duplicates,
            "reordered": log.scan.reordered,
            "next": log.scan.next,
            "size": log.size,
            "anchored": log.anchored,
            "findings": findings,
        }));
    }
    if text.is_empty() {
        text.push("No log yet: accept a relationship first.".to_owned());
    }
    Ok(Shown { text: text.join("\n\n"), json: json!({"logs": list}), exit })
}

/// A relationship's part of a log, from where it was served.
pub struct OneLog {
    pub served: Served,
    pub tag_key: TagKey,
    pub log: LogRead,
}

/// `mirror`: address of the institution whose copy is read. `promised`: indices whose leaves are wanted.
pub async fn of(
    chain: &Chain,
    mine: &Mine,
    mirror: Option<&str>,
    promised: &BTreeSet<u64>,
) -> Result<OneLog, Error> {
    let (offer, root) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    let served = match mirror {
        None => Served::of(&institution)?,
        Some(url) => Served::mirrored(&institution, url)?,
    };
    let id = mine.state.id;
    let log = logread::read(chain, &served, Some((id, &root)), promised).await?;
    let tag_key = root.tag_key(&chain.contract.place(id, served.origin()));
    Ok(OneLog { served, tag_key, log })
}

fn told(id: u64, name: &str, log: &LogRead, findings: &[String]) -> String {
    let rows = log.scan.found.iter().map(entries::row);
    let table = show::table(&["number", "when", "what"], rows);
    let (size, anchored) = (log.size, log.anchored);
    let behind = log.behind().map(|note| format!("\n{note}.")).unwrap_or_default();
    let verdict = match findings {
        [] => format!("Nothing is missing. The chain vouches for {anchored} of the log's {size} entries."),
        some => format!("SOMETHING IS WRONG:\n{}", some.join("\n")),
    };
    format!("Relationship {id}, {name}\n{table}\n{verdict}{behind}")
}

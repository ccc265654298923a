use std::path::PathBuf;

use medrec_gate::bundle::Selection;
use medrec_wallet::Key;
use serde_json::json;

use crate::args::Global;
use crate::copy::Copy;
use crate::home;
use crate::show::{Shown, count};
use crate::{Error, moment, session};

const EXAMPLES: &str = "\
Writes what `medrec sync` keeps into one file that anybody can check with `medrec verify --bundle FILE`, without a
network, a wallet or your help. Whoever has the file can read it: hand it over as you would the paper. It shows entries
one by one; what is filed later stays closed to its readers. With --scope or --type it is a selection, and says so:
then nobody can tell from it that nothing else was filed.

Examples:
  medrec export --out record.json                        everything, for a doctor
  medrec export --out access.json --log-only             who read and what was filed, no contents
  medrec export --out labs.json --relationship 3 --scope observations
  medrec export --out labs.json --type Observation,Condition";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The file to write; one of that name is replaced
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only these relationships, separated by commas
    #[arg(long, value_delimiter = ',')]
    relationship: Vec<u64>,
    /// Only these scopes, separated by commas
    #[arg(long, value_delimiter = ',')]
    scope: Vec<String>,
    /// Only these resource types, separated by commas
    #[arg(long = "type", value_delimiter = ',')]
    types: Vec<String>,
    /// What was filed and who read, without the contents
    #[arg(long)]
    log_only: bool,
}

pub fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let (home, _, wallet) = session::unlock(global)?;
    let copy = Copy::must_load(&home, &wallet)?;
    if let Some(id) = args.relationship.iter().find(|id| copy.part(**id).is_none()) {
        return Err(Error::Failed(format!(
            "relationship {id} is not in the copy; `medrec sync` adds it if it is yours"
        )));
    }
    let selection = Selection {
        relationships: args.relationship.into_iter().collect(),
        scopes: args.scope.into_iter().collect(),
        types: args.types.into_iter().collect(),
        without_contents: args.log_only,
    };
    let content = selection.of(&copy.content)?;
    let keys: Vec<Key> = content
        .parts
        .iter()
        .filter_map(|part| copy.part(part.relationship))
        .map(|(_, own)| wallet.key(own.index).map_err(Error::from))
        .collect::<Result<_, _>>()?;
    let bundle = content.sign(&keys.iter().collect::<Vec<_>>())?;
    let verified = bundle.verify();
    let findings: Vec<String> = verified.faults().map(|(_, fault)| fault.to_string()).collect();
    let bytes = serde_json::to_vec(&bundle).map_err(|e| Error::Failed(e.to_string()))?;
    home::write_out(&args.out, &bytes)?;
    let (parts, at) = (&bundle.content.parts, bundle.content.made_at);
    let records: usize = verified.parts.iter().map(|part| part.records.len()).sum();
    let entries: usize = parts.iter().map(|part| part.entries.len()).sum();
    let mut text = format!(
        "{}: {} and {} of {}, as they were {}.\nWhoever has the file can read it. They check it with `medrec verify --bundle {}`.",
        args.out.display(),
        count(records, "record"),
        match entries {
            1 => "1 log entry".to_owned(),
            many => format!("{many} log entries"),
        },
        count(parts.len(), "relationship"),
        moment::text(at),
        args.out.display()
    );
    for finding in &findings {
        text = format!("{text}\n{finding}");
    }
    let json = json!({
        "file": args.out, "bytes": bytes.len(), "relationships": parts.len(), "records": records, "entries": entries,
        "at": at, "findings": findings,
    });
    let exit = if findings.is_empty() { 0 } else { 3 };
    Ok(Shown { text, json, exit })
}

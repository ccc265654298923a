use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::args::Global;
use crate::commands::log::with_logs;
use crate::logs::{self, OneLog};
use crate::mine::{self, Mine};
use crate::report::{self, Head, Part};
use crate::session::Session;
use crate::show::{Shown, count};
use crate::{Error, grants, moment, page};

const EXAMPLES: &str = "\
One page to print or to hand over: who may see what, who read and when, who was refused and why, what changed, and
what is missing. The file holds your health information: keep it as you keep your records.

Examples:
  medrec report access.html
  medrec report access.html --relationship 3
  medrec report access.html --force        write over the old one";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where to write it
    #[arg(value_name = "FILE.html")]
    file: PathBuf,
    /// Only this relationship
    #[arg(long)]
    relationship: Option<u64>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// What is gathered of one relationship.
struct Gathered {
    relationship: u64,
    institution: String,
    grants: Vec<medrec_api::relationship::GrantResponse>,
    scopes: Vec<String>,
    log: Result<OneLog, Error>,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    if args.file.exists() && !args.force {
        let file = args.file.display();
        return Err(Error::Usage(format!("{file} is there already; add --force to write over it")));
    }
    let session = Session::open(global).await?;
    let chain = &session.chain;
    let found = mine::discover(chain, &session.wallet).await?;
    let chosen = with_logs(&found.mine, args.relationship)?;
    let gathered = futures::future::try_join_all(chosen.iter().map(|mine| gather(&session, mine))).await?;
    let institutions: BTreeMap<u32, String> =
        chain.institutions().await?.into_iter().map(|one| (one.id, one.name)).collect();
    let (height, now) = chain.newest().await?;
    let head = Head { at: moment::now(), chain_id: chain.contract.chain_id.clone(), height };
    let parts: Vec<Part<'_>> = gathered
        .iter()
        .map(|one| Part {
            relationship: one.relationship,
            institution: one.institution.clone(),
            grants: one.grants.clone(),
            scopes: one.scopes.clone(),
            log: one.log.as_ref().map_err(ToString::to_string),
        })
        .collect();
    let report = report::report(&parts, &institutions, now);
    write(&args.file, page::page(&head, &report).as_bytes(), args.force)?;
    let failed = gathered.iter().filter_map(|one| one.log.as_ref().err());
    let lied = gathered.iter().filter_map(|one| one.log.as_ref().ok()).any(|one| !one.findings().is_empty());
    let exit = failed.map(Error::exit).max().unwrap_or_default().max(if lied { 3 } else { 0 });
    let mut text = format!(
        "Wrote {}: {} in force, {}, {}, {}.",
        args.file.display(),
        count(report.open.len(), "grant"),
        count(report.reads.len(), "read"),
        count(report.refusals.len(), "refusal"),
        count(report.changes.len(), "change"),
    );
    for wrong in &report.wrong {
        text = format!("{text}\n{wrong}");
    }
    let json = json!({
        "file": args.file, "height": height, "relationships": parts.iter().map(|p| p.relationship).collect::<Vec<_>>(),
        "grants": report.open.len(), "reads": report.reads.len(), "refused": report.refusals.len(),
        "changes": report.changes.len(), "counted": report.counted.len(), "wrong": report.wrong, "notes": report.notes,
    });
    Ok(Shown { text, json, exit })
}

async fn gather(session: &Session, mine: &Mine) -> Result<Gathered, Error> {
    let chain = &session.chain;
    let (offer, _) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    let nothing = BTreeSet::new();
    let (log, granted) = tokio::join!(logs::of(chain, mine, None, &nothing), chain.grants_of(mine.state.id));
    let granted = granted?;
    let scopes = match (granted.is_empty(), &log) {
        (false, Ok(one)) if one.instead.is_none() => grants::known_scopes(chain, Some(&institution)).await,
        _ => Vec::new(),
    };
    let relationship = mine.state.id;
    Ok(Gathered { relationship, institution: institution.name, grants: granted, scopes, log })
}

/// Nobody else on this computer reads it.
fn write(file: &Path, page: &[u8], force: bool) -> Result<(), Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(!force).create(true).truncate(force);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file).map_err(Error::file("write", file))?;
    opened.write_all(page).map_err(Error::file("write", file))
}

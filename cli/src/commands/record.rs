use medrec_rules::Purpose;
use serde_json::{Value, json};

use crate::args::Global;
use crate::gatekeeper::Gatekeeper;
use crate::mine::{self, Mine};
use crate::reading::{self, Item, ScopeRead, Wanted};
use crate::session::Session;
use crate::show::{Shown, count};
use crate::{Error, known};

const EXAMPLES: &str = "\
Marks: `unchanged` as it was filed, and the chain vouches for the filing; `being secured` filed, the chain will
vouch in a moment; `NOT AS FILED` the hospital shows something else than it filed. Beside it stands what you said of
the record with `medrec acknowledge` or `medrec dispute`.

Examples:
  medrec record
  medrec record --relationship 3 --scope observations
  medrec record --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this relationship
    #[arg(long)]
    relationship: Option<u64>,
    /// Only these scopes, separated by commas
    #[arg(long, value_delimiter = ',')]
    scope: Vec<String>,
}

/// What one hospital gave.
pub struct Source {
    pub relationship: u64,
    pub institution: Option<String>,
    pub reads: Vec<ScopeRead>,
    /// Everything that did not verify.
    pub findings: Vec<String>,
    /// Why it gave nothing, or not all.
    pub failure: Option<String>,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let mut sources = Vec::new();
    let readable = found.readable(args.relationship)?;
    for mine in &readable {
        sources.push(read_source(&session, mine, &args.scope).await);
    }
    known::remember(&session, &readable).await;
    Ok(shown(sources))
}

/// Reads every scope of one relationship; what fails is part of the result, as other hospitals still answer.
pub async fn read_source(session: &Session, mine: &Mine, scopes: &[String]) -> Source {
    let relationship = mine.state.id;
    let mut source =
        Source { relationship, institution: None, reads: Vec::new(), findings: Vec::new(), failure: None };
    if let Err(e) = fill(session, mine, scopes, &mut source).await {
        match e.exit() {
            3 => source.findings.push(e.to_string()),
            _ => source.failure = Some(e.to_string()),
        }
    }
    source
}

async fn fill(session: &Session, mine: &Mine, scopes: &[String], source: &mut Source) -> Result<(), Error> {
    let chain = &session.chain;
    let (offer, _) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    source.institution = Some(institution.name.clone());
    let gatekeeper = Gatekeeper::new(&institution, &chain.contract)?;
    let scopes: Vec<String> = match scopes {
        [] => gatekeeper.log.scopes().await?.into_iter().map(|s| s.scope).collect(),
        some => some.to_vec(),
    };
    for scope in &scopes {
        let wanted = Wanted {
            relationship: mine.state.id,
            scope,
            purpose: Purpose::PatientRequest,
            card: None,
            key: mine.signer()?,
        };
        let read = reading::read(chain, &session.home, &gatekeeper, &wanted).await?;
        source.findings.extend(read.findings.iter().map(|f| format!("{scope}: {f}")));
        source.reads.push(read);
    }
    Ok(())
}

fn shown(sources: Vec<Source>) -> Shown {
    let json_sources: Vec<Value> = sources.iter().map(source_json).collect();
    let (mut notes, mut exit) = (Vec::new(), 0);
    for source in &sources {
        let name =
            source.institution.clone().unwrap_or_else(|| format!("relationship {}", source.relationship));
        if let Some(failure) = &source.failure {
            notes.push(format!("Not everything could be read ({name}): {failure}"));
            exit = exit.max(1);
        }
        for finding in &source.findings {
            notes.push(format!("{name}: {finding}"));
            exit = 3;
        }
    }
    let items: Vec<Item> = sources.into_iter().flat_map(|s| s.reads).flat_map(|r| r.items).collect();
    let mut text = match items.is_empty() {
        true => "No records.".to_owned(),
        false => format!("{}\n{}.", reading::table(&items), count(items.len(), "record")),
    };
    if !notes.is_empty() {
        text = format!("{text}\n\n{}", notes.join("\n"));
    }
    let json = json!({"records": reading::items_json(&items), "sources": json_sources});
    Shown { text, json, exit }
}

fn source_json(source: &Source) -> Value {
    let scopes = source.reads.iter().map(|r| {
        json!({"scope": r.header.scope, "count": r.header.count, "complete": r.header.complete, "counter": r.header.counter})
    });
    json!({
        "relationship": source.relationship,
        "institution": source.institution,
        "scopes": scopes.collect::<Vec<_>>(),
        "findings": source.findings,
        "failure": source.failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(findings: &[&str], failure: Option<&str>) -> Source {
        Source {
            relationship: 1,
            institution: Some("North".into()),
            reads: vec![],
            findings: findings.iter().map(|f| (*f).to_owned()).collect(),
            failure: failure.map(str::to_owned),
        }
    }

    #[test]
    fn exit_code_tells_silence_from_falsehood() {
        assert_eq!(shown(vec![source(&[], None)]).exit, 0);
        let silent = shown(vec![source(&[], Some("no connection")), source(&[], None)]);
        assert_eq!(silent.exit, 1);
        assert!(silent.text.contains("Not everything could be read (North): no connection"));
        assert_eq!(shown(vec![source(&["changed"], None), source(&[], Some("x"))]).exit, 3);
    }
}

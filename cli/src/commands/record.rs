use serde_json::{Value, json};

use crate::args::Global;
use crate::copy::offline;
use crate::dates::Dates;
use crate::merged::{self, Merged};
use crate::reading::{self, Item};
use crate::session::Session;
use crate::show::{Shown, count};
use crate::source::{self, Source};
use crate::{Error, known, mine};

const EXAMPLES: &str = "\
What several hospitals hold of one event is one line, with each of them as a source. Marks of a source:
  unchanged             as it was filed first, and the chain vouches for the filing
  changed, explained    a later version; the hospital's own records tell of the change
  changed, UNEXPLAINED  a later version; they tell nothing: ask the hospital
  being secured         filed; the chain will vouch in a moment
  NOT AS FILED          the hospital shows something else than it filed
Beside it stands what you said of the record with `medrec acknowledge` or `medrec dispute`.

Examples:
  medrec record
  medrec record --type Observation,Condition --from 2024-01 --to 2024-06-30
  medrec record --relationship 3 --scope observations
  medrec record --offline                  from the copy that `medrec sync` keeps
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
    /// Only these FHIR types, separated by commas: Observation, Condition, MedicationRequest …
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    kinds: Vec<String>,
    #[command(flatten)]
    dates: Dates,
    /// From the copy that `medrec sync` keeps here, without a network
    #[arg(long)]
    offline: bool,
}

impl Args {
    fn want(&self, item: &Merged<'_>) -> bool {
        let kind =
            self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.eq_ignore_ascii_case(item.kind));
        kind && self.dates.hold(&item.date())
    }
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    if args.offline {
        let kept = offline::read(args.relationship, &args.scope, global)?;
        let Shown { text, mut json, exit } = shown(&kept.sources, &args);
        json["copy"] = json!({"at": kept.at});
        return Ok(Shown { text: format!("{text}\n\n{}", kept.age()), json, exit });
    }
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let readable = found.readable(args.relationship)?;
    let read = source::read_all(&session, &readable, &args.scope);
    let (sources, ()) = tokio::join!(read, known::remember(&session, &readable));
    Ok(shown(&sources, &args))
}

fn shown(sources: &[Source], args: &Args) -> Shown {
    let (mut notes, mut absent, mut exit) = (Vec::new(), Vec::new(), 0);
    for source in sources {
        let name = source.name();
        if let Some(failure) = &source.failure {
            exit = exit.max(1);
            if source.silent && source.reads.is_empty() {
                absent.push(failure.clone());
            }
            notes.push(format!("Not everything could be read ({name}): {failure}"));
        }
        for finding in &source.findings {
            notes.push(format!("{name}: {finding}"));
            exit = 3;
        }
    }
    let mut items = merged::merged(sources.iter().flat_map(Source::items));
    items.retain(|item| args.want(item));
    let records: Vec<&Item> = items.iter().flat_map(|item| item.sources.iter().copied()).collect();
    let mut text = match (items.is_empty(), absent.is_empty()) {
        (true, true) => "No records.".to_owned(),
        _ => format!("{}\n{}.", merged::table(&items, &absent), counted(items.len(), records.len())),
    };
    if !notes.is_empty() {
        text = format!("{text}\n\n{}", notes.join("\n"));
    }
    let json = json!({
        "items": items.iter().map(Merged::json).collect::<Vec<_>>(),
        "records": reading::items_json(records),
        "sources": sources.iter().map(source_json).collect::<Vec<_>>(),
    });
    Shown { text, json, exit }
}

/// `12 records`, or `10 items from 12 records`.
fn counted(items: usize, records: usize) -> String {
    match items == records {
        true => count(records, "record"),
        false => format!("{} from {}", count(items, "item"), count(records, "record")),
    }
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
        "silent": source.silent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(findings: &[&str], failure: Option<&str>) -> Source {
        Source {
            relationship: 1,
            institution: Some("North".into()),
            findings: findings.iter().map(|f| (*f).to_owned()).collect(),
            failure: failure.map(str::to_owned),
            silent: failure.is_some(),
            ..Source::default()
        }
    }

    fn all() -> Args {
        Args { relationship: None, scope: vec![], kinds: vec![], dates: Dates::default(), offline: false }
    }

    #[test]
    fn exit_code_tells_silence_from_falsehood() {
        assert_eq!(shown(&[source(&[], None)], &all()).exit, 0);
        let silent = shown(&[source(&[], Some("no connection")), source(&[], None)], &all());
        assert_eq!(silent.exit, 1);
        assert!(silent.text.contains("Not everything could be read (North): no connection"));
        assert!(silent.text.contains("HOSPITAL DID NOT ANSWER"), "{}", silent.text);
        assert_eq!(shown(&[source(&["changed"], None), source(&[], Some("x"))], &all()).exit, 3);
    }

    #[test]
    fn filters_take_items_and_their_records() {
        let resource = |kind: &str, date: &str| serde_json::json!({"resourceType": kind, "onsetDateTime": date, "code": {"text": "Anaemia"}});
        let items = [("Condition", "2024-01-01"), ("Condition", "2020-01-01"), ("Observation", "2024-01-01")];
        let read = |(id, (kind, date)): (u8, (&str, &str))| reading::tests::item(id, 1, resource(kind, date));
        let header = crate::audit::tests::header();
        let items = (1u8..).zip(items).map(read).collect();
        let read = reading::ScopeRead { header, items, findings: vec![] };
        let sources = [Source { reads: vec![read], ..source(&[], None) }];
        let count = |args: &Args| {
            let json = shown(&sources, args).json;
            let number = |key: &str| json[key].as_array().unwrap().len();
            assert_eq!(number("items"), number("records"));
            number("items")
        };
        assert_eq!(count(&all()), 3);
        assert_eq!(count(&Args { kinds: vec!["condition".into()], ..all() }), 2);
    }
}

//! What research may count: shown, chosen, ended; in plain words.

use std::time::Duration;

use clap::ArgGroup;
use medrec_api::Status;
use medrec_api::bounty::Category;
use medrec_api::relationship::{ExecuteMsg, Research};
use rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};

use crate::args::Global;
use crate::chain::status_text;
use crate::mine::{self, Mine};
use crate::progress::Progress;
use crate::session::Session;
use crate::show::{self, Shown, warn};
use crate::{Error, known};

const EXPLAINED: &str = "\
What is counted: researchers put questions such as \"the mean haemoglobin of women over 60\" to a hospital. What you allow \
lets your observations of these categories be counted there, together with those of everybody else who allowed it. No \
researcher sees your records. An answer is a number, or a few, made inexact on purpose (noise), and none is given unless it \
is over about eleven people at least; that number is inexact too.
What anybody can see: your choice stands on the chain as a number of eight bits, one for each category, beside the address \
of this relationship. Nobody can tell from it whose address that is or that two are one person's; a choice that few others \
make makes such guesses easier. The hospital knows whose it is.
From when: the next block, seconds later. `none` takes it back the same way, at any time and without a reason; closing a \
relationship does, too.
What cannot be taken back: answers that were given. The hospital may hand an answer it gave while you were counted to \
another researcher later; that is a new disclosure of an old answer, with you in it.

Categories: social-history, vital-signs, imaging, laboratory, procedure, survey, exam, therapy; or everything. What you \
name replaces what you allowed before.

Examples:
  medrec research show
  medrec research allow laboratory vital-signs --relationship 3
  medrec research allow everything --all
  medrec research none --all";

/// The words a person types, as FHIR writes observation categories.
const CATEGORIES: [(&str, Category); 8] = [
    ("social-history", Category::SocialHistory),
    ("vital-signs", Category::VitalSigns),
    ("imaging", Category::Imaging),
    ("laboratory", Category::Laboratory),
    ("procedure", Category::Procedure),
    ("survey", Category::Survey),
    ("exam", Category::Exam),
    ("therapy", Category::Therapy),
];
const EVERYTHING: &str = "everything";
/// Seconds between two relationships of `--all`: two that choose in one minute look like one person's (security L8).
const PAUSE: std::ops::Range<u64> = 60..180;

#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAINED)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What research may count in each relationship
    Show(ShowArgs),
    /// Let research count what you name, and nothing else
    Allow(AllowArgs),
    /// Let research count nothing; the default
    None(NoneArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAINED)]
struct ShowArgs {
    /// Only this relationship
    #[arg(long, value_name = "NUMBER")]
    relationship: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAINED)]
struct AllowArgs {
    /// What may be counted
    #[arg(required = true, value_name = "CATEGORY", value_delimiter = ',', value_parser = category)]
    categories: Vec<u8>,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAINED)]
struct NoneArgs {
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("of").required(true))]
struct Of {
    /// Number of a relationship; may be given several times
    #[arg(long, value_name = "NUMBER", group = "of")]
    relationship: Vec<u64>,
    /// All your active relationships, one after the other with pauses of one to three minutes: choices made at one time
    /// would show that they are one person's
    #[arg(long, group = "of")]
    all: bool,
    /// Without the pauses
    #[arg(long)]
    at_once: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    match args.command {
        Command::Show(args) => show(args.relationship, global).await,
        Command::Allow(AllowArgs { categories, of }) => {
            choose(categories.iter().fold(0, |mask, bit| mask | bit), &of, global).await
        }
        Command::None(NoneArgs { of }) => choose(0, &of, global).await,
    }
}

/// The bits of a word.
fn category(word: &str) -> Result<u8, String> {
    if word == EVERYTHING {
        return Ok(u8::MAX);
    }
    let found = CATEGORIES.iter().find(|(known, _)| *known == word);
    found.map(|(_, category)| category.bit()).ok_or_else(|| {
        let known: Vec<_> = CATEGORIES.iter().map(|(known, _)| *known).collect();
        format!("must be one of {}, or {EVERYTHING}", known.join(", "))
    })
}

fn words(mask: u8) -> Vec<&'static str> {
    CATEGORIES.iter().filter(|(_, category)| mask & category.bit() != 0).map(|(word, _)| *word).collect()
}

fn said(mask: u8) -> String {
    match mask {
        0 => "nothing".to_owned(),
        u8::MAX => EVERYTHING.to_owned(),
        _ => words(mask).join(", "),
    }
}

async fn show(only: Option<u64>, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let mine = match only {
        Some(id) => vec![mine::one(&session, id).await?.0],
        None => mine::discover(&session.chain, &session.wallet).await?.mine,
    };
    let (mut rows, mut list) = (Vec::new(), Vec::new());
    for one in &mine {
        let Research { categories, since_height } = one.state.research;
        let (id, status) = (one.state.id, one.state.status);
        let name = institution(&session, one).await?;
        let since = if since_height == 0 { "ever".to_owned() } else { format!("block {since_height}") };
        rows.push(vec![
            id.to_string(),
            name.clone().unwrap_or_default(),
            status_text(status).to_owned(),
            said(categories),
            since,
        ]);
        list.push(json!({
            "relationship": id, "institution": name, "status": status, "categories": words(categories),
            "mask": categories, "since_height": since_height,
        }));
    }
    let text = match rows.is_empty() {
        true => "No relationships yet, so research counts nothing of yours.".to_owned(),
        false => {
            let header = ["number", "institution", "status", "research may count", "since"];
            let table = show::table(&header, rows);
            format!("{table}\nWhat that means, and how to change it: `medrec research --help`.")
        }
    };
    Ok(Shown::ok(text, json!({"relationships": list})))
}

async fn institution(session: &Session, mine: &Mine) -> Result<Option<String>, Error> {
    // An opening that cannot be read names nobody.
    let Ok((offer, _)) = mine.secrets(&session.chain) else { return Ok(None) };
    Ok(Some(session.chain.registrar.institution(offer.institution).await?.name))
}

async fn choose(mask: u8, of: &Of, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    known::remember(&session, &found.mine.iter().collect::<Vec<_>>()).await;
    let wanted = chosen(&found.mine, of)?;
    let (same, change): (Vec<&Mine>, Vec<&Mine>) =
        wanted.into_iter().partition(|one| one.state.research.categories == mask);
    let mut text: Vec<String> =
        same.iter().map(|one| format!("Relationship {}: as it was.", one.state.id)).collect();
    let (mut changed, mut failed) = (Vec::new(), Vec::new());
    for (place, one) in change.iter().enumerate() {
        if place > 0 && !of.at_once {
            wait(pause(OsRng.next_u64())).await;
        }
        let id = one.state.id;
        match session.chain.send(one.signer()?, &ExecuteMsg::SetResearch { id, categories: mask }).await {
            Ok(outcome) => {
                let from = outcome.height.saturating_add(1);
                text.push(format!(
                    "Relationship {id}: research may count {} from block {from} on.",
                    said(mask)
                ));
                changed.push(json!({"relationship": id, "height": outcome.height, "counts_from": from}));
            }
            Err(error) => {
                text.push(format!("Relationship {id} was not changed: {error}"));
                failed.push(json!({"relationship": id, "error": error.to_string()}));
            }
        }
    }
    if text.is_empty() {
        text.push("No active relationship: there is nothing to choose.".to_owned());
    }
    if !changed.is_empty() {
        text.push(note(mask).to_owned());
    }
    let json = json!({
        "categories": words(mask), "mask": mask, "changed": changed,
        "unchanged": same.iter().map(|one| json!(one.state.id)).collect::<Vec<Value>>(), "failed": failed,
    });
    Ok(Shown { text: text.join("\n"), exit: u8::from(!failed.is_empty()), json })
}

async fn wait(seconds: u64) {
    let progress = Progress::new(seconds, "waiting, so that two choices do not look like one person's");
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        progress.step();
    }
}

/// What she should have read once.
fn note(mask: u8) -> &'static str {
    if mask == 0 {
        "Answers given before stay given, and one of them may be handed to another researcher later. New ones are made without you."
    } else {
        "Only inexact numbers over many people leave the hospital, never your records. `medrec research none` takes it back; \
         answers given by then stay given."
    }
}

/// The relationships meant; each is hers and active.
fn chosen<'a>(mine: &'a [Mine], of: &Of) -> Result<Vec<&'a Mine>, Error> {
    let active = |one: &&Mine| one.state.status == Status::Active;
    if of.all {
        let moved = mine.iter().filter(active).filter(|one| one.present.is_none());
        moved.for_each(|one| {
            warn(&format!("relationship {} was moved to another wallet and is left out", one.state.id));
        });
        return Ok(mine.iter().filter(active).filter(|one| one.present.is_some()).collect());
    }
    let mut wanted = of.relationship.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let one = |id: u64| {
        let one = mine.iter().find(|one| one.state.id == id).ok_or(Error::NotYours(id))?;
        if one.state.status == Status::Active {
            return Ok(one);
        }
        let status = status_text(one.state.status);
        Err(Error::Failed(format!("relationship {id} is {status}; research counts active ones only")))
    };
    wanted.into_iter().map(one).collect()
}

/// A pause of [`PAUSE`] by chance.
fn pause(chance: u64) -> u64 {
    let length = PAUSE.end.saturating_sub(PAUSE.start);
    PAUSE.start.saturating_add(chance.checked_rem(length).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_bits_of_the_contract_both_ways() {
        let mut all = 0;
        for (word, known) in CATEGORIES {
            assert_eq!(category(word), Ok(known.bit()));
            assert_eq!(words(known.bit()), [word]);
            // The contract's word for it, as FHIR writes it.
            assert_eq!(serde_json::to_value(known).unwrap(), word.replace('-', "_"));
            all |= known.bit();
        }
        assert_eq!(all, u8::MAX);
        assert_eq!(category(EVERYTHING), Ok(u8::MAX));
        assert_eq!(said(0), "nothing");
        assert_eq!(said(u8::MAX), EVERYTHING);
        assert_eq!(said(0b1010), "vital-signs, laboratory");
        let refused = category("labs").unwrap_err();
        assert!(CATEGORIES.iter().all(|(word, _)| refused.contains(word) && EXPLAINED.contains(word)));
    }

    #[test]
    fn two_choices_never_fall_into_one_minute() {
        for chance in [0, 1, 119, 120, 7_919, u64::MAX] {
            assert!(PAUSE.contains(&pause(chance)));
        }
        assert_eq!((pause(0), pause(119), pause(120)), (60, 179, 60));
    }
}

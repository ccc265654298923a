use medrec_gate::endpoint::MAX_NOTE;
use serde_json::json;

use crate::args::Global;
use crate::commands::marking::{self, About};
use crate::show::Shown;
use crate::{Error, moment};

const EXAMPLES: &str = "\
Says that a record is wrong, and why. Whoever reads it sees that you said so; it is in the hospital's log. The
hospital decides whether it corrects the record.

Examples:
  medrec record                            shows your records and their ids
  medrec dispute 3 --record 4f2a91c0 --note 'I never took this'";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    about: About,
    /// Why it is wrong, in at most 120 bytes
    #[arg(long, default_value = "")]
    note: String,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let note = args.note.trim();
    if note.len() > MAX_NOTE || note.chars().any(char::is_control) {
        return Err(Error::Usage(format!(
            "--note has {} bytes; at most {MAX_NOTE} in one line are kept with the record",
            note.len()
        )));
    }
    let marked = marking::mark(&args.about, global, Some(note)).await?;
    let marking::Marked { relationship, record, version, receipted } = marked;
    let id = hex::encode(record);
    let text = format!(
        "{} has noted that you dispute version {version} of record {id}, and promises to secure it on the chain by {}.",
        receipted.institution,
        moment::text(receipted.by)
    );
    let json = json!({
        "relationship": relationship, "record": id, "version": version, "note": note,
        "receipt": receipted.json(),
    });
    Ok(Shown::ok(text, json))
}

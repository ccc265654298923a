use serde_json::json;

use crate::args::Global;
use crate::commands::marking::{self, About};
use crate::show::Shown;
use crate::{Error, moment};

const EXAMPLES: &str = "\
Says that a record is right as it stands. Whoever reads it sees that you said so; it is in the hospital's log.

Examples:
  medrec record                            shows your records and their ids
  medrec acknowledge 3 --record 4f2a91c0";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    about: About,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let marked = marking::mark(&args.about, global, None).await?;
    let marking::Marked { relationship, record, version, receipted } = marked;
    let id = hex::encode(record);
    let text = format!(
        "{} has noted that version {version} of record {id} is right, and promises to secure it on the chain by {}.",
        receipted.institution,
        moment::text(receipted.by)
    );
    let json = json!({
        "relationship": relationship, "record": id, "version": version, "receipt": receipted.json(),
    });
    Ok(Shown::ok(text, json))
}

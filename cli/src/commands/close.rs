use medrec_api::relationship::ExecuteMsg;
use serde_json::json;

use crate::Error;
use crate::args::Global;
use crate::mine;
use crate::session::Session;
use crate::show::Shown;

const EXAMPLES: &str = "\
Examples:
  medrec close 3";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship
    relationship: u64,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let (mine, _) = mine::one(&session, args.relationship).await?;
    let id = mine.state.id;
    let outcome = session.chain.send(mine.signer()?, &ExecuteMsg::Close { id }).await?;
    let text = format!(
        "Relationship {id} is closed: grants and filing ended; you can still read what was filed (block {}).",
        outcome.height
    );
    Ok(Shown::ok(text, json!({"relationship": id, "height": outcome.height})))
}

use medrec_api::GrantKind;
use medrec_api::relationship::ExecuteMsg;
use medrec_wallet::Key;
use serde_json::json;

use crate::args::Global;
use crate::session::Session;
use crate::show::Shown;
use crate::{Error, mine, moment, viewing};

const EXAMPLES: &str = "\
Examples:
  medrec relationships                     shows your grants and their numbers
  medrec revoke 3 0                        ends grant 0 of relationship 3";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship
    relationship: u64,
    /// Number of the grant
    grant: u32,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let Args { relationship: id, grant } = args;
    let key = revoker(&session, id).await?;
    let outcome = session.chain.send(&key, &ExecuteMsg::Revoke { id, grant }).await?;
    let text = format!(
        "Grant {grant} of relationship {id} has ended (block {}). What was read before stays read.",
        outcome.height
    );
    Ok(Shown::ok(text, json!({"relationship": id, "grant": grant, "height": outcome.height})))
}

/// The patient's key, or a carer's.
async fn revoker(session: &Session, id: u64) -> Result<Key, Error> {
    match mine::one(session, id).await {
        Ok((mine, _)) => Ok(mine.signer()?.clone()),
        Err(Error::NotYours(_)) => {
            let now = moment::now();
            let grants = viewing::grants(session, id).await?;
            let carer = grants.into_iter().find(|v| v.holds(now) && v.grant.kind == GrantKind::Act);
            carer.map(|v| v.key).ok_or(Error::NotYours(id))
        }
        Err(e) => Err(e),
    }
}

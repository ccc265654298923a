use medrec_api::Status;
use medrec_api::relationship::ExecuteMsg;
use medrec_wallet::{Access, opening};
use rand_core::OsRng;
use serde_json::json;

use crate::args::Global;
use crate::commands::relationships::institution_json;
use crate::mine::{self, Found, Mine};
use crate::session::Session;
use crate::show::{Shown, warn};
use crate::{Error, chain::status_text, known, viewing};

const EXAMPLES: &str = "\
Examples:
  medrec relationships                     shows who asks
  medrec accept 3";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship
    relationship: u64,
    /// Accept although the same card was used for another relationship, so that the two can be linked
    #[arg(long)]
    again: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let (mine, others) = match mine::one(&session, args.relationship).await {
        Err(Error::NotYours(id)) => return as_carer(&session, id).await,
        found => found?,
    };
    let id = mine.state.id;
    if mine.state.status != Status::Offered {
        let status = status_text(mine.state.status);
        return Err(Error::Failed(format!(
            "relationship {id} is {status}; only an offered one can be accepted"
        )));
    }
    warn_of_reuse(&mine, &others, args.again)?;
    let chain = &session.chain;
    let (offer, _) = mine.secrets(chain)?;
    let institution = chain.active_institution(offer.institution).await?;
    let part = opening::patient_part(&chain.contract, &mine.state.first_steward, &mine.first)?;
    let sealed = opening::accept(&mut OsRng, &chain.contract, id, &offer, &part)?;
    let outcome = chain.send(mine.signer()?, &ExecuteMsg::Accept { id, sealed: sealed.into() }).await?;
    known::remember(&session, &[&mine]).await;
    let text = format!("Relationship {id} with {} is accepted (block {}).", institution.name, outcome.height);
    let json =
        json!({"relationship": id, "institution": institution_json(&institution), "height": outcome.height});
    Ok(Shown::ok(text, json))
}

/// With what the patient made ready and sealed in the carer's grant (ADR 011).
async fn as_carer(session: &Session, id: u64) -> Result<Shown, Error> {
    let chain = &session.chain;
    let carer = viewing::carer(session, id).await?.ok_or(Error::NotYours(id))?;
    let Access::Act { acceptance: Some(acceptance), .. } = carer.access else {
        return Err(Error::Failed(format!(
            "you were made a carer after relationship {id} was accepted, or by an older program: only the patient can \
             accept it"
        )));
    };
    let state = chain.relationships.relationship(id).await?;
    if state.status != Status::Offered {
        let status = status_text(state.status);
        return Err(Error::Failed(format!(
            "relationship {id} is {status}; only an offered one can be accepted"
        )));
    }
    let message = ExecuteMsg::Accept { id, sealed: acceptance.to_vec().into() };
    let height = chain.send(&carer.key, &message).await?.height;
    let text = format!("Relationship {id} is accepted in the patient's name (block {height}).");
    Ok(Shown::ok(text, json!({"relationship": id, "institution": null, "height": height})))
}

fn warn_of_reuse(mine: &Mine, others: &Found, again: bool) -> Result<(), Error> {
    let same = |other: &&Mine| other.state.first_patient == mine.state.first_patient;
    let Some(other) = others.mine.iter().find(same) else { return Ok(()) };
    let what = format!(
        "the card of relationship {} was used for relationship {} as well: everybody can see that both are one person's",
        mine.state.id, other.state.id
    );
    if again {
        warn(&what);
        return Ok(());
    }
    Err(Error::Failed(format!(
        "{what}. Reject it and hand over a fresh card (`medrec card`), or add --again"
    )))
}

use medrec_wallet::Card;
use serde_json::json;

use crate::args::Global;
use crate::home::State;
use crate::session::{Session, unlock};
use crate::show::{Shown, warn};
use crate::{Error, mine, viewing};

const EXAMPLES: &str = "\
A card is good for one relationship or one grant: with a fresh one each time, nobody can tell that two of them
are yours. It names nobody; clinicians have theirs signed by their institution (`medrec-relayer card`).

Examples:
  medrec card
  medrec card --json
  medrec card --index 2 --again            the card of an index handed out before";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The card of this index instead of the next unused one
    #[arg(long)]
    index: Option<u32>,
    /// Use an index again, though both uses can then be linked
    #[arg(long)]
    again: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    // Asking the chain keeps a restored wallet from using an index again.
    let (home, state, wallet) = match global.deployment {
        Some(_) => {
            let Session { home, state, wallet, chain } = Session::open(global).await?;
            let on_chain = mine::discover(&chain, &wallet).await?.next_index;
            let handed_out = state.next_index.max(on_chain);
            let next_index = viewing::unused_from(&chain, &wallet, handed_out).await?;
            (home, State { next_index, ..state }, wallet)
        }
        None => unlock(global)?,
    };
    let index = args.index.unwrap_or(state.next_index);
    if index < state.next_index {
        if !args.again {
            return Err(Error::Failed(format!(
                "index {index} was handed out before; whoever sees both cards knows they are the same person's. \
                 Leave --index away for a fresh card, or add --again"
            )));
        }
        warn(&format!("index {index} is used again: both uses can be linked"));
    }
    let key = wallet.key(index)?;
    let card = Card::of_patient(key.address(), key.encryption_key()?.public()?)?.to_text()?;
    // Remembered before it is shown: a card that was shown is never shown as fresh again.
    let next_index = state.next_index.max(index.saturating_add(1));
    home.store(&State { next_index, ..state })?;
    let json = json!({"card": card, "index": index, "address": key.address()});
    Ok(Shown::ok(card, json))
}

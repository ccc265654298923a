use medrec_api::registrar::InstitutionResponse;
use medrec_rules::Purpose;
use medrec_wallet::Card;
use serde_json::json;

use crate::anchor::Vouch;
use crate::args::Global;
use crate::chain::Chain;
use crate::commands::grant::card_text;
use crate::gatekeeper::Gatekeeper;
use crate::reading::{self, Wanted};
use crate::session::Session;
use crate::show::{Shown, count};
use crate::{Error, moment, viewing};

const EXAMPLES: &str = "\
The patient tells you the number of the relationship and who keeps the record. Your read is logged, with your
card, where she sees it.

Examples:
  medrec read --relationship 3 --scope observations --purpose treatment --institution 1 --card @my.card
  medrec read --relationship 3 --scope observations --purpose treatment --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship
    #[arg(long)]
    relationship: u64,
    /// What to read
    #[arg(long)]
    scope: String,
    /// Why: treatment, payment, operations, research, emergency or patient-request
    #[arg(long)]
    purpose: String,
    /// Who keeps the record: the institution's number or name; needed when there are several
    #[arg(long)]
    institution: Option<String>,
    /// Your signed card, or @FILE with it
    #[arg(long)]
    card: Option<String>,
    /// Ask as this index of the wallet, grant or not
    #[arg(long)]
    index: Option<u32>,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let purpose: Purpose = args.purpose.parse().map_err(|e| Error::Usage(format!("--purpose: {e}")))?;
    medrec_rules::check_scope(&args.scope).map_err(|e| Error::Usage(format!("--scope: {e}")))?;
    let card = args.card.as_deref().map(card_text).transpose()?.map(|text| Card::parse(&text)).transpose()?;
    let session = Session::open(global).await?;
    let (chain, relationship) = (&session.chain, args.relationship);
    let viewings = viewing::grants(&session, relationship).await?;
    let chosen = viewing::choose(viewings, &args.scope, purpose.as_str(), moment::now());
    // Without a grant the gatekeeper decides, and says so in its own words.
    let key = match (args.index, &chosen, &card) {
        (Some(index), ..) => session.wallet.key(index)?,
        (None, Some(viewing), _) => viewing.key.clone(),
        (None, None, Some(card)) => viewing::key_of(&session, &card.address)?,
        (None, None, None) => {
            return Err(Error::Failed(format!(
                "nobody granted this wallet anything in relationship {relationship}; give --card or --index to ask all the same"
            )));
        }
    };
    if let Some(card) = card.as_ref().filter(|card| card.address != key.address()) {
        return Err(Error::Usage(format!(
            "the card is of {}, the grant is to {}",
            card.address,
            key.address()
        )));
    }
    let institution = find(chain, args.institution.as_deref()).await?;
    let gatekeeper = Gatekeeper::new(&institution, &chain.contract)?;
    let card = card.map(|card| card.to_text()).transpose()?;
    let wanted = Wanted { relationship, scope: &args.scope, purpose, card, key: &key };
    let vouch = Vouch::of(chain, &gatekeeper.log).await?;
    let read = reading::read(chain, &session.home, &gatekeeper, &vouch, &wanted).await?;
    let mut text = format!(
        "{}\n{} of {}, {}.",
        reading::table(&read.items),
        count(read.items.len(), "record"),
        args.scope,
        if read.header.complete { "all there are" } else { "NOT all there are" }
    );
    if !read.findings.is_empty() {
        text = format!("{text}\n\nNot everything verified:\n{}", read.findings.join("\n"));
    }
    let json = json!({
        "records": reading::items_json(&read.items),
        "header": read.header,
        "findings": read.findings,
        "institution": gatekeeper.name,
    });
    Ok(Shown { text, json, exit: if read.findings.is_empty() { 0 } else { 3 } })
}

/// By number or name; the only one if none is named.
pub async fn find(chain: &Chain, wanted: Option<&str>) -> Result<InstitutionResponse, Error> {
    let all = chain.institutions().await?;
    let names = || all.iter().map(|i| format!("{} {}", i.id, i.name)).collect::<Vec<_>>().join(", ");
    let found = match wanted {
        Some(wanted) => {
            all.iter().find(|i| i.id.to_string() == wanted || i.name.eq_ignore_ascii_case(wanted))
        }
        None if all.len() == 1 => all.first(),
        None => None,
    };
    match found {
        Some(found) => chain.active_institution(found.id).await,
        None => {
            Err(Error::Usage(format!("who keeps the record? Give --institution; there are: {}", names())))
        }
    }
}

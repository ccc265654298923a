use clap::ValueEnum;
use medrec_accesslog::Root;
use medrec_api::relationship::ExecuteMsg;
use medrec_api::{GrantKind, Status};
use medrec_wallet::{Access, Card, Key, Terms};
use rand_core::OsRng;
use serde_json::json;

use crate::args::Global;
use crate::chain::Chain;
use crate::session::Session;
use crate::show::{Shown, warn};
use crate::{Error, mine, moment, viewing};

const EXAMPLES: &str = "\
Scopes are what a hospital keeps apart (`medrec record` shows their names); purposes are treatment, payment,
operations, research, emergency, patient-request. `*` stands for all.

Examples:
  medrec grant 3 --card medrec-card1… --scope observations --purpose treatment --until +30d
  medrec grant 3 --card @clinician.card --scope observations,conditions --purpose treatment --until 2027-06-30
  medrec grant 3 --card medrec-card1… --kind act --scope '*' --purpose '*' --until +365d    a carer";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Read
    Read,
    /// Accept, grant, revoke and read in your name
    Act,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Number of the relationship
    relationship: u64,
    /// The viewer's card, or @FILE with it
    #[arg(long)]
    card: String,
    /// Scopes, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    scope: Vec<String>,
    /// Purposes, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    purpose: Vec<String>,
    /// When it ends: +30d, +12h, 2027-01-31, or RFC 3339
    #[arg(long)]
    until: String,
    /// When it begins, written as --until [default: now]
    #[arg(long)]
    from: Option<String>,
    /// What it allows
    #[arg(long, value_enum, default_value = "read")]
    kind: Kind,
    /// Grant although the card was used before, so that both uses can be linked
    #[arg(long)]
    again: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    let now = moment::now();
    let until = moment::parse(&args.until, now)?;
    let from = args.from.as_deref().map(|text| moment::parse(text, now)).transpose()?;
    if until <= from.unwrap_or(now) {
        return Err(Error::Usage(format!("--until {} is not after the beginning", args.until)));
    }
    let terms = Terms::new(args.scope, args.purpose).map_err(|e| Error::Usage(e.to_string()))?;
    let card = Card::parse(&card_text(&args.card)?)?;

    let session = Session::open(global).await?;
    let chain = &session.chain;
    let who = check_card(chain, &card).await?;
    warn_of_reuse(chain, &card, args.again).await?;
    let id = args.relationship;
    let (key, root, origin) = granter(&session, id, args.kind).await?;
    let place = chain.contract.place(id, &origin);
    let tags = terms.tags(&mut OsRng, &root.tag_key(&place))?;
    let (kind, access) = match args.kind {
        Kind::Read => (GrantKind::Read, Access::Read),
        Kind::Act => (GrantKind::Act, Access::Act { root }),
    };
    let sealed = terms.seal(&mut OsRng, &chain.contract, id, &card.encryption_key, &access)?;
    let tags = tags.to_bytes().to_vec().into();
    let viewer = card.address.clone();
    let message = ExecuteMsg::Grant { id, viewer, kind, tags, from, until, sealed: sealed.into() };
    let outcome = chain.send(&key, &message).await?;
    let grant = outcome.value("wasm-granted", "grant").and_then(|n| n.parse::<u32>().ok());
    let grant = grant
        .ok_or_else(|| Error::Failed("the grant was made, but the chain did not say its number".into()))?;
    let (scopes, purposes) = (terms.scopes.join(", "), terms.purposes.join(", "));
    let text = format!(
        "Grant {grant} of relationship {id}: {who} may read {scopes} for {purposes} until {}.\n\
        Take it back with `medrec revoke {id} {grant}`.",
        moment::text(until)
    );
    let json = json!({
        "relationship": id, "grant": grant, "viewer": card.address, "until": until, "height": outcome.height,
        "scopes": terms.scopes, "purposes": terms.purposes,
    });
    Ok(Shown::ok(text, json))
}

/// `@FILE` or the card itself.
pub fn card_text(given: &str) -> Result<String, Error> {
    match given.strip_prefix('@') {
        None => Ok(given.to_owned()),
        Some(file) => {
            let path = std::path::Path::new(file);
            std::fs::read_to_string(path).map_err(Error::file("read the card", path))
        }
    }
}

/// Who the card names, once the institution's signature is checked.
async fn check_card(chain: &Chain, card: &Card) -> Result<String, Error> {
    let Some(staff) = &card.staff else {
        warn("this card names nobody: make sure that you had it from the right person");
        return Ok("whoever gave you this card".to_owned());
    };
    let institution = chain.active_institution(staff.institution).await?;
    card.verify(&chain.contract.chain_id, &institution.signing_key)
        .map_err(|e| Error::Wrong(e.to_string()))?;
    Ok(format!("{}, {} at {},", staff.name, staff.role, institution.name))
}

async fn warn_of_reuse(chain: &Chain, card: &Card, again: bool) -> Result<(), Error> {
    let Some(earlier) = viewing::was_used(chain, &card.address).await? else { return Ok(()) };
    let what = format!(
        "this card was used for a grant in relationship {earlier}: everybody can see that both are for one viewer"
    );
    if again {
        warn(&what);
        return Ok(());
    }
    Err(Error::Failed(format!("{what}. Ask for a fresh card, or add --again")))
}

/// The key that signs, the relationship's root and its log's origin: the patient's, or a carer's.
async fn granter(session: &Session, id: u64, kind: Kind) -> Result<(Key, Root, String), Error> {
    let chain = &session.chain;
    let found = mine::discover(chain, &session.wallet).await?;
    if let Some(mine) = found.mine.iter().find(|m| m.state.id == id) {
        if matches!(mine.state.status, Status::Rejected | Status::Closed) {
            return Err(Error::Failed(format!(
                "relationship {id} is {}; nothing can be granted in it",
                mine.state.status
            )));
        }
        let (offer, root) = mine.secrets(chain)?;
        let institution = chain.active_institution(offer.institution).await?;
        return Ok((mine.signer()?.clone(), root, institution.log_origin));
    }
    let now = moment::now();
    let carer = viewing::grants(session, id)
        .await?
        .into_iter()
        .find(|v| v.holds(now) && v.grant.kind == GrantKind::Act);
    match carer.map(|v| (v.key, v.access)) {
        Some((key, Access::Act { root })) if kind == Kind::Read => Ok((key, root, String::new())),
        Some(_) => Err(Error::Failed("a carer makes no carers: only --kind read".into())),
        None => Err(Error::NotYours(id)),
    }
}

use clap::ValueEnum;
use medrec_accesslog::Root;
use medrec_api::relationship::ExecuteMsg;
use medrec_api::{GrantKind, Status};
use medrec_wallet::{Access, Card, Key, Terms, opening};
use rand_core::OsRng;
use serde_json::{Value, json};

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
  medrec carer grant 3 --card medrec-card1… --until +365d
                                           somebody who acts for you (--kind act)";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Read
    Read,
    /// Act in your name: `medrec carer grant`
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
    let kind = match args.kind {
        Kind::Read => GrantKind::Read,
        Kind::Act => GrantKind::Act,
    };
    let wanted = Wanted { kind, ..Wanted::parse(args)? };
    let session = Session::open(global).await?;
    let made = wanted.make(&session).await?;
    let (id, grant) = (wanted.relationship, made.grant);
    let (scopes, purposes) = (wanted.terms.scopes.join(", "), wanted.terms.purposes.join(", "));
    let text = format!(
        "Grant {grant} of relationship {id}: {} may read {scopes} for {purposes} until {}.\n\
        Take it back with `medrec revoke {id} {grant}`.",
        made.who,
        moment::text(wanted.until)
    );
    Ok(Shown::ok(text, made.json(&wanted)))
}

/// A grant to be made.
pub struct Wanted {
    pub relationship: u64,
    pub card: Card,
    pub terms: Terms,
    /// Seconds since 1970.
    pub from: Option<u64>,
    pub until: u64,
    pub kind: GrantKind,
    pub again: bool,
}

/// A grant on the chain.
pub struct Made {
    /// Its number in the relationship.
    pub grant: u32,
    /// Whom it is for, as his card says.
    pub who: String,
    pub height: u64,
    /// A carer can accept under it.
    pub accepting: bool,
}

impl Wanted {
    /// Of what was typed, for reading.
    fn parse(args: Args) -> Result<Wanted, Error> {
        let (from, until) = window(args.from.as_deref(), &args.until)?;
        Ok(Wanted {
            relationship: args.relationship,
            card: Card::parse(&card_text(&args.card)?)?,
            terms: Terms::new(args.scope, args.purpose).map_err(|e| Error::Usage(e.to_string()))?,
            from,
            until,
            kind: GrantKind::Read,
            again: args.again,
        })
    }

    /// Checks the card and sends the grant.
    pub async fn make(&self, session: &Session) -> Result<Made, Error> {
        let (chain, id) = (&session.chain, self.relationship);
        let who = check_card(chain, &self.card).await?;
        warn_of_reuse(chain, &self.card, self.again).await?;
        let Granter { key, root, acceptance } = granter(session, id, self.kind).await?;
        // The log's origin plays no part in tags.
        let tags = self.terms.tags(&mut OsRng, &root.tag_key(&chain.contract.place(id, "")))?;
        let accepting = acceptance.is_some();
        let access = match self.kind {
            GrantKind::Read => Access::Read,
            GrantKind::Act => Access::Act { root, acceptance },
        };
        let sealed = self.terms.seal(&mut OsRng, &chain.contract, id, &self.card.encryption_key, &access)?;
        let message = ExecuteMsg::Grant {
            id,
            viewer: self.card.address.clone(),
            kind: self.kind,
            tags: tags.to_bytes().to_vec().into(),
            from: self.from,
            until: self.until,
            sealed: sealed.into(),
        };
        let outcome = chain.send(&key, &message).await?;
        let grant = outcome.value("wasm-granted", "grant").and_then(|n| n.parse::<u32>().ok());
        let grant = grant.ok_or_else(|| {
            Error::Failed("the grant was made, but the chain did not say its number".into())
        })?;
        Ok(Made { grant, who, height: outcome.height, accepting })
    }
}

impl Made {
    pub fn json(&self, wanted: &Wanted) -> Value {
        let Wanted { relationship, card, terms, until, .. } = wanted;
        json!({
            "relationship": relationship, "grant": self.grant, "viewer": card.address, "until": until,
            "height": self.height, "scopes": terms.scopes, "purposes": terms.purposes,
        })
    }
}

/// Beginning and end as they were typed, seconds since 1970.
pub fn window(from: Option<&str>, until: &str) -> Result<(Option<u64>, u64), Error> {
    let now = moment::now();
    let end = moment::parse(until, now)?;
    let from = from.map(|text| moment::parse(text, now)).transpose()?;
    if end <= from.unwrap_or(now) {
        return Err(Error::Usage(format!("--until {until} is not after the beginning")));
    }
    Ok((from, end))
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

/// Who grants: the patient, or a carer.
struct Granter {
    key: Key,
    root: Root,
    /// What a carer accepts an offered relationship with.
    acceptance: Option<[u8; 80]>,
}

async fn granter(session: &Session, id: u64, kind: GrantKind) -> Result<Granter, Error> {
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
        chain.active_institution(offer.institution).await?;
        let acceptance = match (kind, mine.state.status) {
            (GrantKind::Act, Status::Offered) => {
                let part = opening::patient_part(&chain.contract, &mine.state.first_steward, &mine.first)?;
                let sealed = opening::accept(&mut OsRng, &chain.contract, id, &offer, &part)?;
                let sealed = sealed.try_into();
                Some(sealed.map_err(|_| Error::Failed("the acceptance has another length".into()))?)
            }
            _ => None,
        };
        return Ok(Granter { key: mine.signer()?.clone(), root, acceptance });
    }
    let carer = viewing::carer(session, id).await?;
    match carer.map(|v| (v.key, v.access)) {
        Some((key, Access::Act { root, .. })) if kind == GrantKind::Read => {
            Ok(Granter { key, root, acceptance: None })
        }
        Some(_) => Err(Error::Failed("a carer makes no carers: he can only let others read".into())),
        None => Err(Error::NotYours(id)),
    }
}

use medrec_api::GrantKind;
use medrec_api::relationship::GrantResponse;
use medrec_wallet::{Access, Card, Terms};
use serde_json::{Value, json};

use crate::args::Global;
use crate::commands::grant::{self, Wanted};
use crate::commands::revoke;
use crate::grants::state;
use crate::session::Session;
use crate::show::{self, Shown, warn};
use crate::{Error, mine, moment, viewing};

const EXAMPLES: &str = "\
A carer is somebody who acts in your name in one relationship: a parent, a grown-up child. With a wallet of his own he
can read your records there, let others read and take that back; if you name him before you have accepted, he can
accept for you. He cannot make other carers, end another carer, close the relationship or move it.
Whatever he does is logged under his own address.
It ends on the day you chose, or when you end it. One thing does not end: he was given the key to your entries in that
hospital's log, later ones too. Records stay closed to him.

Examples:
  medrec carer grant 3 --card medrec-card1… --until +365d
  medrec carer grant 3 --card @daughter.card --until 2027-06-30 --scope observations --purpose treatment
  medrec carer list
  medrec carer end 3 0

As a carer, with your own wallet:
  medrec card                              your card, for the one you care for
  medrec carer list                        for whom you act, and the numbers
  medrec accept 3                          accept for her
  medrec read --relationship 3 --scope observations --purpose patient-request
  medrec grant 3 --card medrec-card1… --scope observations --purpose treatment --until +30d
  medrec revoke 3 1";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make somebody your carer in one relationship
    Grant(GrantArgs),
    /// List your carers, and for whom you are one
    List(ListArgs),
    /// End a carer's grant
    End(EndArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct GrantArgs {
    /// Number of the relationship
    relationship: u64,
    /// The carer's card, or @FILE with it
    #[arg(long)]
    card: String,
    /// When it ends: +365d, 2027-01-31, or RFC 3339
    #[arg(long)]
    until: String,
    /// When it begins, written as --until [default: now]
    #[arg(long)]
    from: Option<String>,
    /// Scopes he may read himself, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "*")]
    scope: Vec<String>,
    /// Purposes he may read for, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "*")]
    purpose: Vec<String>,
    /// Use the card although it was used before, so that both uses can be linked
    #[arg(long)]
    again: bool,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only this relationship
    relationship: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct EndArgs {
    /// Number of the relationship
    relationship: u64,
    /// Number of the carer's grant
    grant: u32,
    /// Tell the hospital itself, and keep its receipt
    #[arg(long)]
    direct: bool,
}

pub async fn run(args: Args, global: &Global) -> Result<Shown, Error> {
    match args.command {
        Command::Grant(args) => make(args, global).await,
        Command::List(args) => list(args.relationship, global).await,
        Command::End(EndArgs { relationship, grant, direct }) => {
            revoke::run(revoke::Args { relationship, grant, direct, institution: None }, global).await
        }
    }
}

async fn make(args: GrantArgs, global: &Global) -> Result<Shown, Error> {
    let (from, until) = grant::window(args.from.as_deref(), &args.until)?;
    let wanted = Wanted {
        relationship: args.relationship,
        card: Card::parse(&grant::card_text(&args.card)?)?,
        terms: Terms::new(args.scope, args.purpose).map_err(|e| Error::Usage(e.to_string()))?,
        from,
        until,
        kind: GrantKind::Act,
        again: args.again,
    };
    let session = Session::open(global).await?;
    let made = wanted.make(&session).await?;
    let (id, grant) = (wanted.relationship, made.grant);
    let accepts = if made.accepting { ", also accept it for you" } else { "" };
    let text = format!(
        "Grant {grant} of relationship {id}: {} is your carer until {}: he can read, let others read, take that back{accepts}.\n\
         He makes no carers. End it with `medrec carer end {id} {grant}`; the log of this relationship stays open to him.",
        made.who,
        moment::text(until)
    );
    let mut json = made.json(&wanted);
    json["accepting"] = json!(made.accepting);
    Ok(Shown::ok(text, json))
}

async fn list(only: Option<u64>, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let wanted = |id: u64| only.is_none_or(|only| only == id);
    let now = moment::now();
    let (mut carers, mut caring) = (Vec::new(), Vec::new());
    for mine in mine::discover(&session.chain, &session.wallet).await?.mine {
        if wanted(mine.state.id) {
            let grants = session.chain.grants_of(mine.state.id).await?;
            carers.extend(grants.into_iter().filter(|grant| grant.kind == GrantKind::Act));
        }
    }
    for viewing in viewing::all(&session).await? {
        if viewing.grant.kind != GrantKind::Act || !wanted(viewing.grant.id) {
            continue;
        }
        let status = session.chain.relationships.relationship(viewing.grant.id).await?.status;
        let can_accept = matches!(viewing.access, Access::Act { acceptance: Some(_), .. });
        let terms = (viewing.terms.scopes.clone(), viewing.terms.purposes.clone());
        caring.push((viewing.grant, status, can_accept, terms));
    }
    let mut text = Vec::new();
    let row = |grant: &GrantResponse, who: String| {
        let (id, number) = (grant.id.to_string(), grant.grant.to_string());
        vec![id, number, who, moment::text(grant.until), state(grant, now).to_owned()]
    };
    let header = ["relationship", "grant", "carer", "until", "state"];
    if !carers.is_empty() {
        let rows = carers.iter().map(|grant| row(grant, grant.viewer.clone()));
        text.push(format!("Your carers\n{}", show::table(&header, rows)));
    }
    if !caring.is_empty() {
        let rows = caring.iter().map(|(grant, status, can_accept, (scopes, purposes))| {
            let waits = *can_accept && *status == medrec_api::Status::Offered;
            let mut cells = row(grant, format!("{} for {}", scopes.join(", "), purposes.join(", ")));
            cells.push(if waits { "you can accept it".to_owned() } else { status.to_string() });
            cells
        });
        let header = ["relationship", "grant", "you read", "until", "state", "relationship is"];
        text.push(format!("You act for others\n{}", show::table(&header, rows)));
    }
    if text.is_empty() {
        text.push("No carers, and you are nobody's carer.".to_owned());
    }
    if caring.iter().any(|(grant, ..)| carers.iter().any(|own| own.viewer == grant.viewer)) {
        warn("one of your carers has a card of this very wallet");
    }
    let one = |grant: &GrantResponse| {
        json!({
            "relationship": grant.id, "grant": grant.grant, "viewer": grant.viewer, "from": grant.from,
            "until": grant.until, "revoked_at": grant.revoked_at, "state": state(grant, now),
        })
    };
    let caring = caring.iter().map(|(grant, status, can_accept, (scopes, purposes))| {
        let mut value = one(grant);
        value["status"] = json!(status);
        value["can_accept"] = json!(can_accept);
        value["scopes"] = json!(scopes);
        value["purposes"] = json!(purposes);
        value
    });
    let json = json!({
        "carers": carers.iter().map(one).collect::<Vec<_>>(), "caring": caring.collect::<Vec<Value>>(),
    });
    Ok(Shown::ok(text.join("\n\n"), json))
}

use medrec_api::registrar::InstitutionResponse;
use medrec_api::relationship::GrantResponse;
use serde_json::{Value, json};

use crate::args::Global;
use crate::chain::{Chain, status_text};
use crate::mine::{self, Mine};
use crate::session::Session;
use crate::show::{self, Shown};
use crate::{Error, grants, known, moment};

const EXAMPLES: &str = "\
Examples:
  medrec relationships
  medrec relationships --json";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

pub async fn run(_: Args, global: &Global) -> Result<Shown, Error> {
    let session = Session::open(global).await?;
    let found = mine::discover(&session.chain, &session.wallet).await?;
    let (mut rows, mut grant_rows, mut list) = (Vec::new(), Vec::new(), Vec::new());
    for one in &found.mine {
        let (row, grants, json) = describe(&session.chain, one).await?;
        rows.push(row);
        grant_rows.extend(grants);
        list.push(json);
    }
    known::remember(&session, &found.mine.iter().collect::<Vec<_>>()).await;
    let mut text = match rows.is_empty() {
        true => "No relationships yet. Hand a hospital your card: `medrec card`.".to_owned(),
        false => show::table(&["number", "institution", "status", "since"], rows),
    };
    if !grant_rows.is_empty() {
        let header = ["relationship", "grant", "viewer", "kind", "scopes", "purposes", "until", "state"];
        text = format!("{text}\n\nGrants\n{}", show::table(&header, grant_rows));
    }
    Ok(Shown::ok(text, json!({"relationships": list})))
}

async fn describe(chain: &Chain, mine: &Mine) -> Result<(Vec<String>, Vec<Vec<String>>, Value), Error> {
    let state = &mine.state;
    let given = chain.grants_of(state.id).await?;
    let secrets = mine.secrets(chain);
    let (institution, tag_key) = match &secrets {
        Ok((offer, root)) => {
            let institution = chain.registrar.institution(offer.institution).await?;
            let tag_key = root.tag_key(&chain.contract.place(state.id, &institution.log_origin));
            (Some(institution), Some(tag_key))
        }
        Err(_) => (None, None),
    };
    let name = institution.as_ref().map_or("(its opening cannot be read; reject it)", |i| i.name.as_str());
    let since = moment::text(state.opened_at);
    let row = vec![state.id.to_string(), name.to_owned(), status_text(state.status).to_owned(), since];
    let now = moment::now();
    let scopes =
        if given.is_empty() { Vec::new() } else { grants::known_scopes(chain, institution.as_ref()).await };
    let words = |grant: &GrantResponse| {
        tag_key.as_ref().and_then(|key| grants::meaning(key, &scopes, grant)).unwrap_or_default()
    };
    let grant_rows = given.iter().map(|g| {
        let (scopes, purposes) = words(g);
        let cells = [state.id.to_string(), g.grant.to_string(), g.viewer.clone(), g.kind.to_string()];
        let rest =
            [scopes.join(", "), purposes.join(", "), moment::text(g.until), grants::state(g, now).to_owned()];
        cells.into_iter().chain(rest).collect()
    });
    let grants_json = given.iter().map(|g| {
        let (scopes, purposes) = words(g);
        json!({
            "grant": g.grant, "viewer": g.viewer, "kind": g.kind, "from": g.from, "until": g.until,
            "revoked_at": g.revoked_at, "state": grants::state(g, now), "scopes": scopes, "purposes": purposes,
        })
    });
    let json = json!({
        "relationship": state.id,
        "status": state.status,
        "institution": institution.as_ref().map(institution_json),
        "index": mine.first.index(),
        "address": state.patient,
        "opened_at": state.opened_at,
        "grants": grants_json.collect::<Vec<_>>(),
    });
    Ok((row, grant_rows.collect(), json))
}

pub fn institution_json(institution: &InstitutionResponse) -> Value {
    json!({"id": institution.id, "name": institution.name, "url": institution.url, "status": institution.status})
}

//! Commands that talk to the running relayer's private listener.

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use comfy_table::{Table, presets};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::{
    app,
    config::Config,
    ops::staff::{Failure, Group, OpenRequest, Page, Relationship, State, Wanted},
};

#[derive(Subcommand)]
pub enum Staff {
    /// Ask a patient for a relationship, with the card she shows.
    #[command(after_help = "Examples:
  medrec-relayer --home /srv/medrec staff open --patient-id 4711 --card medrec-card1…
  scanner | medrec-relayer --home /srv/medrec staff open --patient-id 4711 --card -")]
    Open {
        /// The hospital's own id of the patient.
        #[arg(long)]
        patient_id: String,
        /// Her card, text form; `-` reads it from standard input, as a scanner types it.
        #[arg(long)]
        card: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List relationships, oldest first.
    List {
        /// Only those the patient has not answered, the active ones, …
        #[arg(long)]
        state: Option<Group>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a relationship: filing and grants end, the patient's own access stays.
    Close {
        /// Its id on chain.
        #[arg(long)]
        id: u64,
    },
}

impl Staff {
    pub async fn run(&self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Open { patient_id, card, json } => {
                let request = OpenRequest { patient_id: patient_id.clone(), card: given(card)? };
                let opened: Relationship =
                    call(config, "POST", "/staff/relationships", Some(&request)).await?.json().await?;
                if *json { print_json(&opened) } else { print(&[opened]) }
            }
            Self::List { state, json } => {
                let listed = list(config, *state).await?;
                if *json { print_json(&listed) } else { print(&listed) }
            }
            Self::Close { id } => {
                call(config, "POST", &format!("/staff/relationships/{id}/close"), None::<&()>).await?;
                println!("relationship {id}: closing is on its way to the chain");
                Ok(())
            }
        }
    }
}

/// The card itself, or the first line of standard input.
fn given(card: &str) -> anyhow::Result<String> {
    if card != "-" {
        return Ok(card.to_owned());
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("read the card from standard input")?;
    anyhow::ensure!(!line.trim().is_empty(), "standard input has no card");
    Ok(line.trim().to_owned())
}

/// Every page.
async fn list(config: &Config, state: Option<Group>) -> anyhow::Result<Vec<Relationship>> {
    let mut all = Vec::new();
    let mut wanted = Wanted { state, ..Wanted::default() };
    loop {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(state) = wanted.state.and_then(|state| state.to_possible_value()) {
            query.append_pair("state", state.get_name());
        }
        if let Some(after) = wanted.start_after {
            query.append_pair("start_after", &after.to_string());
        }
        let path = format!("/staff/relationships?{}", query.finish());
        let page: Page = call(config, "GET", &path, None::<&()>).await?.json().await?;
        all.extend(page.relationships);
        match page.next {
            Some(next) => wanted.start_after = Some(next),
            None => return Ok(all),
        }
    }
}

/// A call with the token that its path needs.
pub(super) async fn call(
    config: &Config,
    method: &str,
    path: &str,
    body: Option<&impl serde::Serialize>,
) -> anyhow::Result<Answer> {
    let url = format!("http://{}{path}", config.listen.private);
    let client = reqwest::Client::builder().no_proxy().build()?;
    // Researchers too.
    let is_research = path.starts_with("/staff/research");
    let token = app::token(if is_research { &config.research_token } else { &config.staff_token })?;
    let mut request = client.request(method.parse()?, &url).bearer_auth(token.expose_secret());
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.with_context(|| format!("reach {url}: does the relayer run?"))?;
    if answer.status().is_success() {
        return Ok(Answer(answer));
    }
    let status = answer.status();
    match answer.json::<Failure>().await {
        Ok(failure) => anyhow::bail!(failure.error),
        Err(_) => anyhow::bail!("{url} answered {status}"),
    }
}

pub(super) struct Answer(reqwest::Response);

impl Answer {
    pub(super) async fn json<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        self.0.json().await.context("the relayer's answer is not what this version knows")
    }
}

pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// What waits for somebody first, then the rest.
fn print(relationships: &[Relationship]) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["id", "status", "filed", "patient", ""]);
    let pending =
        |one: &&Relationship| matches!(one.status, State::Requested | State::Offered | State::Failed);
    let (first, rest): (Vec<_>, Vec<_>) = relationships.iter().partition(pending);
    for one in first.into_iter().chain(rest) {
        table.add_row([
            one.id.map_or("-".to_owned(), |id| id.to_string()),
            one.status.as_str().to_owned(),
            if one.filed { "filed" } else { "" }.to_owned(),
            one.patient_id.clone(),
            one.error.clone().unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

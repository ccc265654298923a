//! Commands that talk to the running relayer's private listener.

use anyhow::Context as _;
use clap::Subcommand;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::{
    app,
    config::Config,
    ops::staff::{Failure, OpenRequest, Relationship},
};

#[derive(Subcommand)]
pub enum Staff {
    /// Ask a patient for a relationship, with the card she shows.
    Open {
        /// The hospital's own id of the patient.
        #[arg(long)]
        patient_id: String,
        /// Her card, text form.
        #[arg(long)]
        card: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List relationships, oldest first.
    List {
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
                let request = OpenRequest { patient_id: patient_id.clone(), card: card.clone() };
                let opened: Relationship =
                    call(config, "POST", "/staff/relationships", Some(&request)).await?.json().await?;
                if *json { print_json(&opened) } else { print(&opened) }
            }
            Self::List { json } => {
                let listed: Vec<Relationship> =
                    call(config, "GET", "/staff/relationships", None).await?.json().await?;
                if *json { print_json(&listed) } else { listed.iter().try_for_each(print) }
            }
            Self::Close { id } => {
                call(config, "POST", &format!("/staff/relationships/{id}/close"), None).await?;
                println!("relationship {id}: closing is on its way to the chain");
                Ok(())
            }
        }
    }
}

/// Prints `/status`.
pub async fn status(config: &Config) -> anyhow::Result<()> {
    let status: serde_json::Value = call(config, "GET", "/status", None).await?.json().await?;
    print_json(&status)
}

async fn call(
    config: &Config,
    method: &str,
    path: &str,
    body: Option<&OpenRequest>,
) -> anyhow::Result<Answer> {
    let url = format!("http://{}{path}", config.listen.private);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let token = app::token(&config.staff_token)?;
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

struct Answer(reqwest::Response);

impl Answer {
    async fn json<T: DeserializeOwned>(self) -> anyhow::Result<T> {
        self.0.json().await.context("the relayer's answer is not what this version knows")
    }
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

fn print(relationship: &Relationship) -> anyhow::Result<()> {
    let id = relationship.id.map_or("-".to_owned(), |id| id.to_string());
    let filed = if relationship.filed { "filed" } else { "" };
    println!("{id:>6}  {:<10} {:<6} {}", relationship.status, filed, relationship.patient_id);
    if let Some(error) = &relationship.error {
        println!("        {error}");
    }
    Ok(())
}

//! Researchers of this institution, through the running relayer.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use comfy_table::{Table, presets};

use super::office::{call, print_json};
use crate::{
    config::Config,
    ops::staff::{Researcher, ResearcherFacts, ResearcherState, Researchers},
};

#[derive(Subcommand)]
pub enum ResearcherCommand {
    /// Vouch for a researcher, who may mine and cosign logs from then on. Prints his certificate.
    #[command(
        after_help = "You answer for who he is: the certificate is public and stays so. He cosigns no head of your own log.

Examples:
  medrec-relayer --home /srv/medrec researcher certify researcher.json
  ssh lab cat researcher.json | medrec-relayer --home /srv/medrec researcher certify -"
    )]
    Certify {
        /// The file that `medrec-miner init` prints; `-` reads it from standard input.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a researcher's say, for good: he comes back under a new account only.
    #[command(after_help = "Examples:
  medrec-relayer --home /srv/medrec researcher withdraw medrec1…")]
    Withdraw {
        /// His account.
        account: String,
    },
    /// List the researchers this institution certified, withdrawn ones too.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl ResearcherCommand {
    pub async fn run(&self, config: &Config) -> anyhow::Result<()> {
        match self {
            Self::Certify { file, json } => {
                let facts = read(file)?;
                let sent: Researcher = call(config, "POST", PATH, Some(&facts)).await?.json().await?;
                if *json {
                    return print_json(&sent);
                }
                println!("certificate of {:?}, {}:", sent.name, sent.account);
                println!("{}", sent.certificate);
                println!("it is on its way to the chain; `researcher list` shows when it is there");
                Ok(())
            }
            Self::Withdraw { account } => {
                anyhow::ensure!(
                    account.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                    "account {account:?} is no address"
                );
                call(config, "POST", &format!("{PATH}/{account}/withdraw"), None::<&()>).await?;
                println!("researcher {account}: the withdrawal is on its way to the chain");
                Ok(())
            }
            Self::List { json } => {
                let listed: Researchers = call(config, "GET", PATH, None::<&()>).await?.json().await?;
                if *json { print_json(&listed.researchers) } else { print(&listed.researchers) }
            }
        }
    }
}

const PATH: &str = "/staff/researchers";

fn read(file: &PathBuf) -> anyhow::Result<ResearcherFacts> {
    let shown = file.display();
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("read the researcher's file from standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("read the researcher's file {shown}"))?
    };
    serde_json::from_str(&text).with_context(|| {
        format!("{shown} is not what `medrec-miner init` prints: account, name, key, encryption_key")
    })
}

fn print(researchers: &[Researcher]) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["account", "status", "name"]);
    for one in researchers {
        let status = match one.status {
            ResearcherState::Requested => "requested",
            ResearcherState::Active => "active",
            ResearcherState::Withdrawn => "withdrawn",
        };
        table.add_row([one.account.as_str(), status, one.name.as_str()]);
    }
    println!("{table}");
    Ok(())
}

//! `medrec-miner bounties`: what institutions offer, and what to do about it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use medrec_api::bounty::{Measure, OfferKind, OfferResponse, OfferState, Question};

use super::Global;
use crate::{
    bounties::{Bounties as Contract, Shop},
    chain::Ask,
};

#[derive(Debug, Args)]
pub struct Bounties {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Offers, prices and misses of each institution (without a subcommand too).
    List,
    /// Take an offer that a seal of ours won; a fixed question is asked by this.
    Claim {
        /// First digits of its id.
        offer: String,
    },
    /// Put the question of an open offer that is ours.
    Ask {
        /// First digits of its id.
        offer: String,
        /// File with the question as JSON; `bounties --json` shows the form in fixed offers.
        #[arg(long)]
        question: PathBuf,
    },
}

impl Bounties {
    pub async fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.config()?;
        match &self.command {
            None | Some(Command::List) => {
                let (deployment, nodes) = global.reader(&config)?;
                let bounties = Contract(Ask { chain: &nodes, contracts: &deployment.contracts });
                let shops = bounties.shops().await?;
                global.print(&shops, shops.iter().map(lines).collect::<Vec<_>>().concat().join("\n"))?;
            }
            Some(Command::Claim { offer }) => {
                let identity = global.identity(&config)?;
                let (deployment, nodes) = global.sender(&config, &identity)?;
                let bounties = Contract(Ask { chain: &nodes, contracts: &deployment.contracts });
                let offer = bounties.find(offer).await?;
                let outcome = bounties.claim(&offer, &identity).await?;
                done(global, &offer, "claimed", outcome.height)?;
            }
            Some(Command::Ask { offer, question }) => {
                let text = std::fs::read(question).with_context(|| format!("read {}", question.display()))?;
                let question: Question =
                    serde_json::from_slice(&text).with_context(|| format!("{}", question.display()))?;
                let identity = global.identity(&config)?;
                let (deployment, nodes) = global.sender(&config, &identity)?;
                let bounties = Contract(Ask { chain: &nodes, contracts: &deployment.contracts });
                let offer = bounties.find(offer).await?;
                let outcome = bounties.ask(&offer, question).await?;
                done(global, &offer, "asked", outcome.height)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn done(global: &Global, offer: &OfferResponse, what: &str, height: u64) -> anyhow::Result<()> {
    let id = hex::encode(&offer.id);
    let answer = serde_json::json!({"offer": id, "done": what, "height": height});
    global.print(&answer, format!("{what} offer {id} in block {height}"))
}

fn lines(shop: &Shop) -> Vec<String> {
    let record = shop.record;
    let mut lines = vec![format!(
        "{} (institution {}): {} offered, {} delivered, {} MISSED, {} released; ε {} of {} spent, {} reserved",
        shop.name,
        shop.institution,
        record.offered,
        record.delivered,
        record.missed,
        record.released,
        epsilon(shop.budget.budget.spent),
        epsilon(shop.budget.budget.total),
        epsilon(shop.budget.budget.reserved),
    )];
    lines.extend(shop.offers.iter().map(|offer| format!("  {}", line(offer))));
    lines
}

pub(super) fn line(offer: &OfferResponse) -> String {
    let id: String = hex::encode(&offer.id).chars().take(12).collect();
    let what = match &offer.terms.kind {
        OfferKind::Fixed { question } => told(question),
        OfferKind::Open {} => "your question, within the catalogue".to_owned(),
    };
    let state = match offer.state {
        OfferState::Offered => format!("to the miner of seal {}", offer.seals.saturating_add(2)),
        state => state.to_string(),
    };
    format!("{id} · ε {} · {state} · {what}", epsilon(offer.terms.price))
}

fn told(question: &Question) -> String {
    let measure = match question.measure {
        Measure::Count {} => "count".to_owned(),
        Measure::Sum { .. } => "sum".to_owned(),
        Measure::Mean { .. } => "mean".to_owned(),
        Measure::Histogram { bins, .. } => format!("histogram of {bins} bins"),
        Measure::Quantile { permille, .. } => format!("quantile {permille} ‰"),
    };
    format!("{measure} of {} {} {}", question.system, question.code, question.unit)
}

/// Whole numbers of millionths, as a decimal.
fn epsilon(micro: u64) -> String {
    let (whole, part) = (micro / 1_000_000, micro % 1_000_000);
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

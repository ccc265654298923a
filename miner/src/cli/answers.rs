//! `medrec-miner answers`: what our seals won, and what became of it.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{
    Global,
    bounties::{address, line},
};
use crate::{bounties::Bounties, chain::Ask};

#[derive(Debug, Args)]
pub struct Answers {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Offers that are or were ours, and where their answers are (without a subcommand too).
    List,
}

impl Answers {
    pub async fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let (None | Some(Command::List)) = &self.command;
        let config = global.config()?;
        let account = global.identity(&config)?.account()?.address().to_owned();
        let (deployment, nodes) = global.reader(&config)?;
        let contract = address(&config)?;
        let ask = Ask { chain: &nodes, contracts: &deployment.contracts };
        let owned = Bounties::new(ask, &contract).owned(&account).await?;
        let lines: Vec<String> = owned
            .iter()
            .map(|offer| {
                let block =
                    offer.delivered.as_ref().map(|delivered| format!(" in block {}", delivered.height));
                format!("institution {} · {}{}", offer.institution, line(offer), block.unwrap_or_default())
            })
            .collect();
        global.print(&owned, lines.join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

//! `medrec-miner answers`: what our seals won, opened and checked.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::{Global, bounties::line};
use crate::{
    answers::{self, Owned, Told},
    bounties::Bounties,
    chain::Ask,
};

#[derive(Debug, Args)]
pub struct Answers {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Offers that are or were ours, and their answers (without a subcommand too).
    List,
    /// Write them as JSON into a new file.
    Export {
        /// The file to write; not overwritten.
        file: PathBuf,
    },
}

impl Answers {
    pub async fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.config()?;
        let identity = global.identity(&config)?;
        let account = identity.account()?.address().to_owned();
        let (deployment, nodes) = global.reader(&config)?;
        let ask = Ask { chain: &nodes, contracts: &deployment.contracts };
        let (mut all, mut opened) = (Vec::new(), Vec::new());
        for offer in Bounties(ask).owned(&account).await? {
            let found = answers::open(ask, &deployment.chain_id, &identity, &offer).await;
            let (answer, trouble) = match found {
                Ok(answer) => (answer, None),
                Err(answers::Error::Chain(error)) => return Err(error.into()),
                Err(error) => (None, Some(error.to_string())),
            };
            let told = answer.as_ref().map(answers::told).transpose()?;
            opened.extend(answer);
            all.push(Owned { offer, answer: told, trouble });
        }
        let together = answers::by_question(&opened);
        let answer = serde_json::json!({"answers": all, "together": together});
        match &self.command {
            Some(Command::Export { file }) => {
                super::write_new(file, 0o600, &format!("{}\n", serde_json::to_string_pretty(&answer)?))?;
                global.print(&serde_json::json!({"file": file, "answers": all.len()}), file.display())?;
            }
            None | Some(Command::List) => global.print(&answer, people(&all, &together))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn people(all: &[Owned], together: &[Told]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for Owned { offer, answer, trouble } in all {
        lines.push(format!("institution {} · {}", offer.institution, line(offer)));
        lines.extend(answer.as_ref().map(|answer| format!("  {}", answer.text())));
        lines.extend(trouble.as_ref().map(|trouble| format!("  ! {trouble}")));
    }
    lines.extend(together.iter().map(|told| {
        format!("together, {} institutions: {}", told.institutions.saturating_add(told.too_few), told.text())
    }));
    lines.join("\n")
}

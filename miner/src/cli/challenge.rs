//! `medrec-miner challenge`: shows the chain which log cannot be had.

use std::process::ExitCode;

use clap::Args;
use medrec_api::authlog::{Cosigner, ExecuteMsg};

use super::Global;
use crate::chain::{Ask, Call, Chain as _};

#[derive(Debug, Args)]
pub struct Challenge {
    /// Institution whose log it is.
    institution: u32,
    /// Entry that is asked for; without it the first one that is not in the mirror here.
    #[arg(long)]
    index: Option<u64>,
}

impl Challenge {
    pub async fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.config()?;
        let identity = global.identity(&config)?;
        let (deployment, nodes) = global.sender(&config, &identity)?;
        let ask = Ask { chain: &nodes, contracts: &deployment.contracts };
        let logs = ask.logs().await?;
        let log = logs.iter().find(|log| log.institution == self.institution);
        let log = log.ok_or_else(|| anyhow::anyhow!("institution {} has no log", self.institution))?;
        let index = match self.index {
            Some(index) => index,
            None => {
                let (key, _) = crate::logs::anchored(log)?;
                let folder = config.mirror.folder.join(self.institution.to_string());
                let (copy, _) = crate::logs::Log::open(&folder, &key)?;
                copy.view().len()
            }
        };
        let attested = ask.attested(log.slot).await?.size;
        anyhow::ensure!(
            index < attested,
            "all {attested} entries that count of this log are here, or entry {index} does not count yet"
        );
        let challenger = Cosigner::Researcher { account: identity.account()?.address().to_owned() };
        let msg = ExecuteMsg::Challenge { challenger, slot: log.slot, index };
        let contract = deployment.contracts.authlog.address.clone();
        let outcome = nodes.send(vec![Call { contract, msg: serde_json::to_value(&msg)? }]).await?;
        let answer = serde_json::json!({"slot": log.slot, "index": index, "height": outcome.height});
        let people = format!(
            "asked for entry {index} of the log of institution {} in block {}; see `status` for what came of it",
            self.institution, outcome.height
        );
        global.print(&answer, people)?;
        Ok(ExitCode::SUCCESS)
    }
}

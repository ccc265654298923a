//! `medrec-miner export FILE`: the chain of seals, from the chain.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::Global;
use crate::{chain::Ask, export::Exporter, logs::Log};

#[derive(Debug, Args)]
pub struct Export {
    /// The file to write; not overwritten.
    file: PathBuf,
    /// Also the eight entries of each seal with their proofs, from the mirrors here: 5 to 20 KiB a seal.
    #[arg(long)]
    recalls: bool,
}

impl Export {
    pub async fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        anyhow::ensure!(!self.file.exists(), "{} exists already", self.file.display());
        let config = global.config()?;
        let (deployment, nodes) = global.reader(&config)?;
        nodes.check().await?;
        let ask = Ask { chain: &nodes, contracts: &deployment.contracts };
        let mut exporter = Exporter::new(ask, &deployment.chain_id);
        if self.recalls {
            for log in ask.logs().await? {
                let folder = config.mirror.folder.join(log.institution.to_string());
                if let Some((copy, _)) = Log::open_stored(&folder)? {
                    exporter.add(log.slot, copy.view());
                }
            }
        }
        let text = exporter.write().await?;
        let seals = exporter.seals();
        super::write_new(&self.file, 0o644, &text)?;
        let answer = serde_json::json!({"file": self.file, "seals": seals, "bytes": text.len()});
        global.print(&answer, format!("{seals} seals in {}", self.file.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

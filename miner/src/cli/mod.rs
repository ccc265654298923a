//! The commands of `medrec-miner`.

mod answers;
mod bench;
mod bounties;
mod challenge;
mod export;
mod init;
mod run;
mod status;
mod verify;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use medrec_clients::Deployment;

use crate::{chain::Nodes, config::Config, identity::Identity};

const EXAMPLES: &str = "Examples:
  medrec-miner --home ~/mine init --name 'Ada Lovelace'     keys, miner.toml, researcher.json
  medrec-relayer researcher certify researcher.json         an institution does this
  medrec-miner --home ~/mine run                            mirror and mine until Ctrl-C
  medrec-miner --home ~/mine status                         how the running miner stands
  medrec-miner --home ~/mine export seals.jsonl --recalls   the chain of seals, with proofs
  medrec-miner verify seals.jsonl                           check it, offline
  medrec-miner --home ~/mine bounties                       offers, prices, misses
  medrec-miner --home ~/mine bounties claim 3fa9            take what a seal of ours won
  medrec-miner bench                                        how fast this machine mines

Exit codes: 0 done; 1 not done, the reason is on standard error; 2 the command line is wrong;
3 `status` found no running miner, or one that cannot mine now; `verify` found a file that does not hold.";

/// Exit code of a check that failed.
const NOT_SOUND: u8 = 3;

/// Mirrors the access logs, mines seals over them, collects what is paid for it.
#[derive(Debug, Parser)]
#[command(name = "medrec-miner", version, after_help = EXAMPLES, propagate_version = true)]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Folder of this miner: miner.toml, keystore, mirrors.
    #[arg(long, global = true, value_name = "DIR", default_value = ".", env = "MEDREC_MINER_HOME")]
    home: PathBuf,
    /// deployment.json, if it is not the one miner.toml names.
    #[arg(long, global = true, value_name = "FILE", env = "MEDREC_DEPLOYMENT")]
    deployment: Option<PathBuf>,
    /// File whose first line is the keystore's passphrase; asked on the terminal without it.
    #[arg(long, global = true, value_name = "FILE", env = "MEDREC_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    /// Answer as JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make keys and configuration; print researcher.json for an institution to certify.
    Init(init::Init),
    /// Mirror and mine until Ctrl-C or SIGTERM.
    Run(run::Run),
    /// Show how the running miner stands; exit code 3 if it cannot mine now.
    Status,
    /// Ask a log for one of its entries on chain: one that is not shown in time counts nothing.
    Challenge(challenge::Challenge),
    /// Write the whole chain of seals into a file that proves itself.
    Export(export::Export),
    /// Check a chain of seals, offline; exit code 3 if it does not hold.
    Verify(verify::Verify),
    /// What institutions offer for seals, at which price, and how they kept their word.
    Bounties(bounties::Bounties),
    /// What our seals won.
    Answers(answers::Answers),
    /// Measure how fast this machine mines.
    Bench(bench::Bench),
    /// Print a shell's completions.
    Completions { shell: clap_complete::Shell },
}

impl Arguments {
    /// Runs the command and says by the exit code how it went.
    pub fn run(self) -> ExitCode {
        match self.command() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("medrec-miner: {error:#}");
                ExitCode::FAILURE
            }
        }
    }

    fn command(&self) -> anyhow::Result<ExitCode> {
        let global = &self.global;
        match &self.command {
            Command::Init(init) => init.run(global).map(|()| ExitCode::SUCCESS),
            Command::Run(run) => block_on(run.run(global)),
            Command::Status => status::run(global),
            Command::Challenge(challenge) => block_on(challenge.run(global)),
            Command::Export(export) => block_on(export.run(global)),
            Command::Verify(verify) => verify.run(global),
            Command::Bounties(bounties) => block_on(bounties.run(global)),
            Command::Answers(answers) => block_on(answers.run(global)),
            Command::Bench(bench) => bench.run(global),
            Command::Completions { shell } => {
                let mut command = Self::command_of();
                clap_complete::generate(*shell, &mut command, "medrec-miner", &mut std::io::stdout());
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    fn command_of() -> clap::Command {
        <Self as clap::CommandFactory>::command()
    }
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("this computer cannot start the program")?.block_on(work)
}

impl Global {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(&self.home.join("miner.toml"))?;
        if let Some(deployment) = &self.deployment {
            config.deployment = deployment.clone();
        }
        Ok(config)
    }

    fn identity(&self, config: &Config) -> anyhow::Result<Identity> {
        let passphrase = medrec_keyfile::passphrase(self.passphrase_file.as_deref(), false)?;
        Ok(Identity::open(&config.keystore, passphrase)?)
    }

    /// Nodes that only answer.
    fn reader(&self, config: &Config) -> anyhow::Result<(Deployment, Nodes)> {
        let deployment = Deployment::load(&config.deployment)?;
        let nodes = Nodes::new(&deployment, &config.rpc, None, None)?;
        Ok((deployment, nodes))
    }

    /// Nodes that also send in the identity's name.
    fn sender(&self, config: &Config, identity: &Identity) -> anyhow::Result<(Deployment, Nodes)> {
        let deployment = Deployment::load(&config.deployment)?;
        let signer = identity.account()?;
        let nodes = Nodes::new(&deployment, &config.rpc, Some(signer), config.granter.as_deref())?;
        Ok((deployment, nodes))
    }

    /// The answer, for programs or for people.
    fn print(&self, answer: &impl serde::Serialize, people: impl std::fmt::Display) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(answer)?);
        } else {
            println!("{people}");
        }
        Ok(())
    }
}

/// Writes a new file; an existing one is left as it is.
fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    let opened = options.create_new(true).write(true).mode(mode).open(path);
    let mut file = opened.with_context(|| format!("write {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

/// Two columns.
fn table(rows: impl IntoIterator<Item = (String, String)>) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    for (name, value) in rows {
        table.add_row([name, value]);
    }
    table
}

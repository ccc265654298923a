//! The commands of the binary `localnet`.

use std::{fs, io::Read, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use medrec_api::registrar::NewInstitution;
use medrec_clients::{Chain, Deployment, Registrar, Rpc};
use medrec_localnet::{
    Action, Control, Home, Localnet, MAX_VALIDATORS, Plan, Progress, Status, Wasmd, control, load_sponsor,
    reset,
};
use tokio::signal::unix::{SignalKind, signal};

/// Fees of an institution's account at genesis, ufee: some million anchors.
const INSTITUTION_FEES: u128 = 1_000_000_000_000;
/// `status`, `down`, `validator`: nothing runs in that home.
const EXIT_NOT_UP: u8 = 3;

#[derive(Debug, Parser)]
#[command(
    name = "localnet",
    version,
    about = "A permissioned chain of real wasmd validators on this machine",
    after_help = "Examples:\n  \
        localnet up                                   chain and contracts, until Ctrl-C\n  \
        localnet up --institution a.json b.json       with institutions (printed by `medrec-relayer init`)\n  \
        localnet status --json\n  \
        localnet validator kill 3                     as a power failure would\n  \
        medrec-relayer delegates | localnet admit -   admit stewards' delegates\n  \
        localnet down && localnet reset\n\n\
        Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 no localnet runs in that home."
)]
pub(crate) struct Cli {
    /// Folder of the chain.
    #[arg(long, global = true, env = "MEDREC_LOCALNET_HOME", default_value = "target/localnet")]
    home: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the chain (made first if there is none), deploy the contracts, run until Ctrl-C or `localnet down`.
    Up(Up),
    /// Build wasmd into the cache folder, or find it there, and print its path.
    Build,
    /// Ask the running localnet to end, and wait until it has.
    Down,
    /// Show validators and addresses of the running localnet.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete the chain with its keys and its deployment.
    Reset,
    /// Have the sponsor admit stewards' delegates, shuffled, a hundred in a transaction.
    Admit {
        /// Addresses; `-` reads them from stdin, separated by white space.
        #[arg(required = true, value_name = "ADDRESS")]
        delegates: Vec<String>,
    },
    /// Start, stop, kill or restart one validator.
    Validator {
        action: ActionArg,
        /// Its number, from 0.
        #[arg(value_name = "N")]
        index: usize,
    },
}

#[derive(Debug, Args)]
struct Up {
    /// Number of validators, 1 to 10.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=MAX_VALIDATORS as i64))]
    validators: u8,
    /// Pause after a commit, milliseconds.
    #[arg(long, default_value_t = 500, value_name = "MS")]
    block_time: u64,
    #[arg(long, default_value = "medrec-local-1")]
    chain_id: String,
    /// Institutions from the start, as printed by `medrec-relayer init`.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    institution: Vec<PathBuf>,
    /// Folder with the contracts' wasm (`cargo xtask wasm`).
    #[arg(long, default_value = "artifacts", value_name = "DIR")]
    artifacts: PathBuf,
    /// Only the chain, no contracts.
    #[arg(long, conflicts_with = "institution")]
    no_deploy: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActionArg {
    Start,
    Stop,
    Kill,
    Restart,
}

impl Cli {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let home = Home::new(&self.home)?;
        let done = match self.command {
            Command::Up(args) => up(&home, args).await,
            Command::Build => build(),
            Command::Down => control::down(&home).await.map_err(Into::into),
            Command::Status { json } => status(&home, json).await,
            Command::Reset => reset(&home).map_err(Into::into),
            Command::Admit { delegates } => admit(&home, delegates).await,
            Command::Validator { action, index } => {
                control::validator(&home, index, action.into()).await.map_err(Into::into)
            }
        };
        match done {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) if is_not_up(&error) => {
                eprintln!("localnet: {error:#}");
                Ok(ExitCode::from(EXIT_NOT_UP))
            }
            Err(error) => Err(error),
        }
    }
}

fn is_not_up(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(medrec_localnet::Error::NotUp { .. }))
}

fn build() -> anyhow::Result<()> {
    let progress = Progress::stderr();
    let wasmd = Wasmd::ensure(&progress)?;
    progress.done();
    println!("{}", wasmd.binary().display());
    Ok(())
}

async fn up(home: &Home, args: Up) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let progress = Progress::stderr();
    let serving = async {
        let (net, deployment) = bring_up(home, args, progress.clone()).await?;
        let control = Control::open(home)?;
        progress.done();
        print_up(&net, deployment.as_ref());
        anyhow::Ok((net, control))
    };
    // A signal while it starts drops what has been started: the validators die with their handles.
    let (net, control) = tokio::select! {
        up = serving => up?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let failed = tokio::select! {
        error = control.serve(&net) => Some(error),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
    };
    eprintln!("stopping the validators");
    net.down().await;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

async fn bring_up(
    home: &Home,
    args: Up,
    progress: Progress,
) -> anyhow::Result<(Localnet, Option<Deployment>)> {
    let institutions = args.institution.iter().map(read_institution).collect::<anyhow::Result<Vec<_>>>()?;
    let plan = (!args.no_deploy).then(|| Plan::new(args.artifacts, institutions.clone()));
    plan.as_ref().map(Plan::check).transpose()?;
    let mut builder = Localnet::builder(home.path())?
        .chain_id(args.chain_id)
        .validators(args.validators.into())
        .block_time(Duration::from_millis(args.block_time))
        .progress(progress);
    for institution in &institutions {
        builder = builder.fund(&institution.account, INSTITUTION_FEES);
    }
    let net = builder.up().await?;
    let Some(plan) = plan else { return Ok((net, None)) };
    let deployment = net.deploy(&plan).await?;
    check_institutions(&net, &deployment, &institutions).await?;
    Ok((net, Some(deployment)))
}

fn read_institution(path: &PathBuf) -> anyhow::Result<NewInstitution> {
    let text = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| {
        format!("{} is no institution.json as `medrec-relayer init` prints it", path.display())
    })
}

/// A chain that was there keeps the institutions it was made with.
async fn check_institutions(
    net: &Localnet,
    deployment: &Deployment,
    asked: &[NewInstitution],
) -> anyhow::Result<()> {
    let rpc = net.rpc(0)?;
    let there =
        Registrar::new(&rpc, &deployment.contracts.registrar.address).institutions(None, Some(30)).await?;
    let missing =
        asked.iter().find(|one| there.institutions.iter().all(|other| other.account != one.account));
    match missing {
        None => Ok(()),
        Some(one) => bail!(
            "the chain in {} was made without the institution {:?}: run `localnet reset` first",
            net.home().path().display(),
            one.name
        ),
    }
}

fn print_up(net: &Localnet, deployment: Option<&Deployment>) {
    println!("chain        {}", net.chain_id());
    for (index, url) in net.rpc_urls().iter().enumerate() {
        println!("validator {index}  {url}");
    }
    if let Some(deployment) = deployment {
        println!("registrar    {}", deployment.contracts.registrar.address);
        println!("relationship {}", deployment.contracts.relationship.address);
        println!("authlog      {}", deployment.contracts.authlog.address);
        println!("bounty       {}", deployment.contracts.bounty.address);
        println!("deployment   {}", net.home().deployment().display());
    }
    println!("running until Ctrl-C or `localnet down`");
}

async fn status(home: &Home, json: bool) -> anyhow::Result<()> {
    let status = control::status(home).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print_status(&status);
    }
    Ok(())
}

fn print_status(status: &Status) {
    println!("chain {} in {} (pid {})", status.chain_id, status.home, status.owner);
    println!("policy  {}\nsponsor {}", status.policy, status.sponsor);
    for one in &status.validators {
        let state = match (one.pid, one.height) {
            (None, _) => "down".to_owned(),
            (Some(_), None) => "silent".to_owned(),
            (Some(_), Some(height)) if one.catching_up == Some(true) => format!("catching up at {height}"),
            (Some(_), Some(height)) => format!("height {height}"),
        };
        println!("validator {} {:<28} {state}", one.index, one.rpc);
    }
}

async fn admit(home: &Home, delegates: Vec<String>) -> anyhow::Result<()> {
    let delegates = match delegates.as_slice() {
        [only] if only == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("reading addresses from stdin")?;
            text.split_whitespace().map(str::to_owned).collect()
        }
        _ => delegates,
    };
    if home.owner()?.is_none() {
        return Err(medrec_localnet::Error::NotUp { home: home.path().to_owned() }.into());
    }
    let deployment = Deployment::load(&home.deployment())?;
    let chain = Chain { chain_id: deployment.chain_id.clone(), gas_price: deployment.gas_price()? };
    let url = deployment.rpc.first().context("deployment.json names no node")?;
    let (rpc, sponsor) = (Rpc::new(url)?, load_sponsor(home)?);
    let count = delegates.len();
    let contract = &deployment.contracts.relationship.address;
    let outcomes = medrec_localnet::admit(&rpc, &chain, &sponsor, contract, delegates).await?;
    println!("{count} delegates admitted in {} transactions", outcomes.len());
    Ok(())
}

impl From<ActionArg> for Action {
    fn from(action: ActionArg) -> Self {
        match action {
            ActionArg::Start => Self::Start,
            ActionArg::Stop => Self::Stop,
            ActionArg::Kill => Self::Kill,
            ActionArg::Restart => Self::Restart,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn impossible_arguments_are_refused() {
        for wrong in [
            &["localnet", "up", "--validators", "11"][..],
            &["localnet", "up", "--validators", "0"],
            &["localnet", "up", "--no-deploy", "--institution", "a.json"],
            &["localnet", "validator", "burn", "1"],
            &["localnet", "validator", "kill", "-1"],
            &["localnet", "admit"],
            &["localnet"],
        ] {
            assert_eq!(Cli::try_parse_from(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }
}

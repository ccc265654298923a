//! The commands of `medrec-relayer`.

mod copies;
mod init;
mod office;
mod rebuild;
mod research;
mod researcher;
mod scope;
mod status;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, CommandFactory, Parser, Subcommand};
use medrec_clients::Deployment;

use crate::{
    app,
    config::Config,
    keystore::{self, FIRST_DELEGATE, Keystore},
    ops::{backup, logging},
};

const EXAMPLES: &str = "Examples:
  medrec-relayer --home /srv/medrec init --name Berkshire --url https://records.example --log-origin log.records.example
  medrec-relayer --home /srv/medrec check
  medrec-relayer --home /srv/medrec run
  medrec-relayer --home /srv/medrec status
  medrec-relayer --home /srv/medrec backup /mnt/backup/medrec-2026-11-24

Exit codes: 0 done; 1 not done, the reason is on standard error; 2 the command line is wrong;
3 `status` found a relayer that cannot answer now.";

/// Runs beside a provider's database: files records in an access log, answers signed reads, opens relationships.
#[derive(Parser)]
#[command(name = "medrec-relayer", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Folder of this relayer: relayer.toml, keystore, store.
    #[arg(long, global = true, default_value = ".", env = "MEDREC_RELAYER_HOME")]
    home: PathBuf,
    /// Configuration file, if it is not HOME/relayer.toml.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// File whose first line is the keystore's passphrase; asked on the terminal without it.
    #[arg(long, global = true, env = "MEDREC_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make keys, configuration and tokens; print institution.json for the consortium.
    Init(init::Init),
    /// Run the relayer until SIGTERM.
    Run(Run),
    /// Try everything `run` needs, change nothing.
    Check,
    /// Show how the running relayer stands; exit code 3 if it cannot answer now.
    Status(status::Status),
    /// Copy store, keystore, configuration and mapping into a new folder, while the relayer runs or not.
    Backup(copies::Backup),
    /// Put a backup where nothing is, after checking all of it.
    Restore(copies::Restore),
    /// Make the projection anew from the contracts' state, or audit it.
    Rebuild(rebuild::Rebuild),
    /// Print addresses of delegates for the sponsor to admit.
    Delegates(Delegates),
    /// Sign staff and viewer cards.
    #[command(subcommand)]
    Card(CardCommand),
    /// Relationships with patients, through the running relayer.
    #[command(subcommand)]
    Staff(office::Staff),
    /// Researchers this institution vouches for, through the running relayer.
    #[command(subcommand)]
    Researcher(researcher::ResearcherCommand),
    /// Aggregate answers for research: offers and the budget, through the running relayer.
    #[command(subcommand)]
    Research(research::Research),
    /// Print a shell's completions.
    Completions { shell: clap_complete::Shell },
    /// The mapping tried on the hospital's own rows.
    #[command(subcommand)]
    Scope(scope::Scope),
}

#[derive(Args)]
struct Run {
    /// Go on with a store that came from a backup: the store it was copied from wrote nothing since.
    #[arg(long)]
    continue_restored: bool,
}

#[derive(Args)]
struct Delegates {
    /// How many.
    #[arg(long)]
    count: u32,
    /// Leave out the first ones.
    #[arg(long, default_value_t = 0)]
    skip: u32,
}

#[derive(Subcommand)]
enum CardCommand {
    /// Sign the card that `medrec card` printed for a member of staff or a viewer.
    Sign {
        /// The card to sign, text form.
        #[arg(long)]
        card: String,
        /// Shown to patients, at most 48 bytes.
        #[arg(long)]
        name: String,
        /// Shown to patients, at most 24 bytes.
        #[arg(long)]
        role: String,
        /// This institution's id in the registrar; asked of the chain without it.
        #[arg(long)]
        institution: Option<u32>,
    },
}

impl Arguments {
    /// Does what was asked; errors go to standard error, with exit code 1. See [`EXAMPLES`] for the others.
    pub fn run(self) -> ExitCode {
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&error.into()),
        };
        match runtime.block_on(self.dispatch()) {
            Ok(code) => code,
            Err(error) => failed(&error),
        }
    }

    async fn dispatch(self) -> anyhow::Result<ExitCode> {
        if let Command::Status(status) = &self.command {
            return status.run(&self.config()?).await;
        }
        if let Command::Scope(scope) = &self.command {
            let clean = scope.run(&self.config()?).await?;
            return Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        self.obey().await.map(|()| ExitCode::SUCCESS)
    }

    async fn obey(&self) -> anyhow::Result<()> {
        match &self.command {
            Command::Init(init) => init.run(&self.home, self.passphrase_file.as_deref()),
            Command::Run(run) => {
                logging::start();
                let config = self.config()?;
                let keystore = self.keystore(&config)?;
                backup::check_restored(&config.store, run.continue_restored)?;
                let app = app::prepare(&config, keystore).await?;
                backup::forget_restored(&config.store)?;
                app.run().await
            }
            Command::Check => self.check().await,
            // They have exit codes of their own.
            Command::Status(_) | Command::Scope(_) => Ok(()),
            Command::Backup(backup) => backup.run(&self.config()?, &self.config_path()).await,
            Command::Restore(restore) => restore.run(&self.home),
            Command::Rebuild(rebuild) => {
                let config = self.config()?;
                let keystore = self.keystore(&config)?;
                rebuild.run(&config, &keystore).await
            }
            Command::Delegates(wanted) => self.delegates(wanted),
            Command::Card(CardCommand::Sign { card, name, role, institution }) => {
                self.sign_card(card, name, role, *institution).await
            }
            Command::Staff(staff) => staff.run(&self.config()?).await,
            Command::Researcher(researcher) => researcher.run(&self.config()?).await,
            Command::Research(research) => research.run(&self.config()?).await,
            Command::Completions { shell } => {
                clap_complete::generate(
                    *shell,
                    &mut Self::command(),
                    "medrec-relayer",
                    &mut std::io::stdout(),
                );
                Ok(())
            }
        }
    }

    fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| self.home.join("relayer.toml"))
    }

    fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.config_path())?)
    }

    fn keystore(&self, config: &Config) -> anyhow::Result<Keystore> {
        open_keystore(&config.keystore, self.passphrase_file.as_deref())
    }

    async fn check(&self) -> anyhow::Result<()> {
        let config = self.config()?;
        println!("configuration  ok");
        let keystore = self.keystore(&config)?;
        println!("keystore       ok");
        let found = app::look_around(&config, &keystore).await?;
        println!("chain          ok  {}", found.deployment.chain_id);
        println!("registrar      ok  institution {} {:?}", found.institution.id, found.institution.name);
        println!("database       ok  {} scopes", found.adapter.scopes().len());
        match app::look_at_store(&config, &found).await? {
            Some((stored, anchored)) => println!("store          ok  {stored} entries, {anchored} anchored"),
            None => println!("store          ok  none yet, `run` makes it"),
        }
        Ok(())
    }

    fn delegates(&self, wanted: &Delegates) -> anyhow::Result<()> {
        let keystore = self.keystore(&self.config()?)?;
        let first = FIRST_DELEGATE.saturating_add(wanted.skip);
        for index in first..first.saturating_add(wanted.count) {
            println!("{}", keystore.account(index)?.address());
        }
        Ok(())
    }

    async fn sign_card(&self, card: &str, name: &str, role: &str, given: Option<u32>) -> anyhow::Result<()> {
        let config = self.config()?;
        let bare = medrec_wallet::Card::parse(card)?;
        let keystore = self.keystore(&config)?;
        let deployment = Deployment::load(&config.deployment)?;
        let institution = match given {
            Some(id) => id,
            None => {
                app::look_around(&config, &keystore)
                    .await
                    .context("learn the institution's id")?
                    .institution
                    .id
            }
        };
        let chain_id = &deployment.chain_id;
        let signed =
            medrec_wallet::Card::sign(&bare, name, role, institution, chain_id, &keystore.signing_key())?;
        println!("{}", signed.to_text()?);
        Ok(())
    }
}

fn open_keystore(path: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<Keystore> {
    let passphrase = keystore::passphrase(passphrase_file, false)?;
    Ok(Keystore::open(path, passphrase)?)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("medrec-relayer: {error:#}");
    ExitCode::FAILURE
}

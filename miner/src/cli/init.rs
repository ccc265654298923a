//! `medrec-miner init`: keys, configuration, researcher.json.

use std::{
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use super::{Global, write_new};
use crate::{config::Config, identity::Identity};

#[derive(Debug, Args)]
pub struct Init {
    /// Your name as institutions and patients see it, 1 to 64 bytes; asked without it.
    #[arg(long)]
    name: Option<String>,
    /// Nodes to ask instead of those in deployment.json, your own first.
    #[arg(long)]
    rpc: Vec<String>,
    /// Threads that search; 0: one for every core.
    #[arg(long, default_value_t = 0)]
    cores: u32,
    /// Percent of the time each of them searches.
    #[arg(long, default_value_t = 100)]
    share: u8,
    /// Where the mirrors are served.
    #[arg(long, default_value = "127.0.0.1:8470")]
    listen: SocketAddr,
    /// A test network: logs on this machine or in private networks are mirrored too.
    #[arg(long)]
    allow_private: bool,
    /// Seconds between two looks at the logs.
    #[arg(long, default_value_t = 10)]
    poll_seconds: u64,
    /// Seconds between two cosignatures.
    #[arg(long, default_value_t = 30)]
    cosign_seconds: u64,
}

impl Init {
    /// Refuses to overwrite anything.
    pub fn run(&self, global: &Global) -> anyhow::Result<()> {
        let home = &global.home;
        let name = self.name.clone().map_or_else(ask, Ok)?;
        anyhow::ensure!(
            (1..=64).contains(&name.len()),
            "the name has {} bytes, it takes 1 to 64",
            name.len()
        );
        let path = home.join("miner.toml");
        let text = self.config(global.deployment.as_deref());
        let config = Config::parse(&text, &path)?;
        anyhow::ensure!(!path.exists(), "{} exists already: this home was initialised", path.display());
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home);
        made.with_context(|| format!("make {}", home.display()))?;
        let passphrase = medrec_keyfile::passphrase(global.passphrase_file.as_deref(), true)?;
        let identity = Identity::generate()?;
        identity.create(&config.keystore, passphrase)?;
        let researcher = serde_json::to_string_pretty(&identity.researcher(&name)?)?;
        write_new(&home.join("researcher.json"), 0o644, &format!("{researcher}\n"))?;
        write_new(&path, 0o644, &text)?;
        println!("{researcher}");
        eprintln!(
            "Hand {} to an institution, which runs `medrec-relayer researcher certify researcher.json`; the account \
             needs fees too. Back up {} and its passphrase: without them your seals and answers are lost.",
            home.join("researcher.json").display(),
            config.keystore.display()
        );
        Ok(())
    }

    /// Paths given on the command line are taken from the present folder, those in the file from its own.
    fn config(&self, deployment: Option<&Path>) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let deployment = deployment.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let deployment = deployment.unwrap_or_else(|| PathBuf::from("deployment.json"));
        let rpc: Vec<String> = self.rpc.iter().map(|url| text(url)).collect();
        format!(
            "# Written by `medrec-miner init`; every field is explained in miner.example.toml.\n\
             deployment = {}\nrpc = [{}]\n\n\
             [mining]\ncores = {}\nshare = {}\n\n\
             [mirror]\nlisten = {}\npoll_seconds = {}\nallow_private = {}\n\n\
             [cosign]\nseconds = {}\n",
            text(&deployment.display().to_string()),
            rpc.join(", "),
            self.cores,
            self.share,
            text(&self.listen.to_string()),
            self.poll_seconds,
            self.allow_private,
            self.cosign_seconds,
        )
    }
}

fn ask() -> anyhow::Result<String> {
    anyhow::ensure!(std::io::stdin().is_terminal(), "no terminal to ask at: give --name");
    eprint!("Your name as institutions and patients see it: ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

//! `medrec-relayer init`: keys, configuration, tokens, institution.json.

use std::{
    io::Write,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use clap::Args;
use rand_core::{OsRng, RngCore};
use serde::Serialize;

use crate::{
    config::Config,
    keystore::{self, INSTITUTION_ACCOUNT, Keystore},
};

/// The mapping written when none is named: a start to adapt.
const SYNTHEA: &str = include_str!("../../mappings/synthea.toml");

#[derive(Args)]
pub struct Init {
    /// The institution's name as people see it.
    #[arg(long)]
    name: String,
    /// Public URL of the gatekeeper.
    #[arg(long)]
    url: String,
    /// Name of the access log for ever, like log.hospital.example.
    #[arg(long)]
    log_origin: String,
    /// deployment.json of the consortium.
    #[arg(long, default_value = "deployment.json")]
    deployment: PathBuf,
    /// The hospital's SQLite database.
    #[arg(long, default_value = "hospital.sqlite")]
    database: PathBuf,
    /// Mapping of its rows; without it the Synthea mapping is written to HOME/mapping.toml.
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Address of the gatekeeper and the log.
    #[arg(long, default_value = "127.0.0.1:8440")]
    public: SocketAddr,
    /// Address of health and staff.
    #[arg(long, default_value = "127.0.0.1:8441")]
    private: SocketAddr,
    /// Nodes to ask instead of those in deployment.json, our own first.
    #[arg(long)]
    rpc: Vec<String>,
    /// Seconds between two anchors.
    #[arg(long, default_value_t = 10)]
    anchor_tick: u64,
    /// Seconds over which the first filing of a new relationship is spread; 0: filed at once, which shows.
    #[arg(long, default_value_t = 21_600)]
    first_filing: u64,
}

/// `institution.json` (wire.md section 12); keys base64.
#[derive(Serialize)]
struct Institution<'a> {
    name: &'a str,
    url: &'a str,
    account: String,
    signing_key: String,
    log_origin: &'a str,
    log_key: String,
    encryption_key: String,
}

impl Init {
    /// Refuses to overwrite anything.
    pub fn run(&self, home: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<()> {
        medrec_accesslog::LogKey::new(
            &self.log_origin,
            &Keystore::generate()?.log_key().verifying_key().to_bytes(),
        )
        .context("--log-origin")?;
        let text = self.config();
        let config_path = home.join("relayer.toml");
        let config = Config::parse(&text, &config_path)?;
        let private = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home);
        private.with_context(|| format!("make {}", home.display()))?;
        anyhow::ensure!(
            !config_path.exists(),
            "{} exists already: this home was initialised",
            config_path.display()
        );

        let keystore = Keystore::generate()?;
        keystore.create(&config.keystore, keystore::passphrase(passphrase_file, true)?)?;
        write_token(&config.staff_token)?;
        write_token(&config.research_token)?;
        if self.mapping.is_none() {
            write_new(&config.database.mapping, 0o644, SYNTHEA)?;
        }
        let institution = serde_json::to_string_pretty(&self.institution(&keystore)?)?;
        write_new(&home.join("institution.json"), 0o644, &format!("{institution}\n"))?;
        write_new(&config_path, 0o644, &text)?;
        println!("{institution}");
        eprintln!(
            "Hand institution.json to the consortium. Back up {} and its passphrase: without them this institution's relationships and log are lost.",
            config.keystore.display()
        );
        Ok(())
    }

    fn institution(&self, keystore: &Keystore) -> anyhow::Result<Institution<'_>> {
        Ok(Institution {
            name: &self.name,
            url: self.url.trim_end_matches('/'),
            account: keystore.account(INSTITUTION_ACCOUNT)?.address().to_owned(),
            signing_key: B64.encode(keystore.signing_key().verifying_key().as_bytes()),
            log_origin: &self.log_origin,
            log_key: B64.encode(keystore.log_key().verifying_key().as_bytes()),
            encryption_key: B64.encode(keystore.encryption_key().public()?.as_bytes()),
        })
    }

    /// Paths given on the command line are taken from the present folder, those in the file from its own.
    fn config(&self) -> String {
        let text = |text: &str| toml::Value::from(text).to_string();
        let absolute = |path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            text(&path.display().to_string())
        };
        let mapping = self.mapping.as_deref().map_or_else(|| text("mapping.toml"), absolute);
        let rpc: Vec<String> = self.rpc.iter().map(|url| text(url)).collect();
        format!(
            "# Written by `medrec-relayer init`; every field is explained in relayer.example.toml.\n\
             deployment = {}\nrpc = [{}]\npublic_url = {}\n\n\
             [listen]\npublic = {}\nprivate = {}\n\n\
             [database]\nsqlite = {}\nmapping = {}\n\n\
             [anchor]\ntick = {}\n\n\
             [pacing]\nfirst_filing = {}\n",
            absolute(&self.deployment),
            rpc.join(", "),
            text(&self.url),
            text(&self.public.to_string()),
            text(&self.private.to_string()),
            absolute(&self.database),
            mapping,
            self.anchor_tick,
            self.first_filing,
        ) + self.test_network()
    }

    /// Institutions whose own address is this machine's find the others there too.
    fn test_network(&self) -> &'static str {
        let url = url::Url::parse(&self.url).ok();
        let is_loopback = url.is_some_and(|url| match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        });
        if is_loopback { "\n[mirror]\nallow_private = true\n" } else { "" }
    }
}

/// A new bearer token of the private listener.
pub(super) fn write_token(path: &Path) -> anyhow::Result<()> {
    let mut token = [0; 32];
    OsRng.fill_bytes(&mut token);
    write_new(path, 0o600, &format!("{}\n", hex::encode(token)))
}

fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("write {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

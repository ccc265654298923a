//! `medrec-relayer backup` and `restore`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    ops::backup,
};

/// The keystore stays encrypted, and its passphrase is not copied: keep it apart, without it the backup is of no use.
#[derive(Args)]
#[command(after_help = "Example:\n  medrec-relayer --home /srv/medrec backup /mnt/backup/medrec-2026-11-24")]
pub struct Backup {
    /// A folder that is new or empty.
    folder: PathBuf,
}

/// Nothing is replaced: a store or another file that is there already ends it before anything is written.
#[derive(Args)]
#[command(after_help = "Example:\n  medrec-relayer --home /srv/medrec restore /mnt/backup/medrec-2026-11-24")]
pub struct Restore {
    /// The folder `backup` made.
    folder: PathBuf,
}

impl Backup {
    pub async fn run(&self, config: &Config, config_path: &Path) -> anyhow::Result<()> {
        let manifest = backup::backup(config, config_path, &self.folder, SystemClock.now()).await?;
        println!(
            "backed up to {}: {} files, a log of {} entries",
            self.folder.display(),
            manifest.files.len(),
            manifest.log_size
        );
        Ok(())
    }
}

impl Restore {
    pub fn run(&self, home: &Path) -> anyhow::Result<()> {
        let (manifest, config) = backup::restore(&self.folder, home)?;
        for token in [&config.staff_token, &config.research_token] {
            if !token.exists() {
                super::init::write_token(token)?;
            }
        }
        println!(
            "restored {} files into {}: a log of {} entries",
            manifest.files.len(),
            home.display(),
            manifest.log_size
        );
        println!(
            "This log has {} entries. Had the store more than these when it stopped, it can't go on from here: what would \
             be written now would share keys and places with them. So `run` refuses to start until you vouch for it with \
             `run --continue-restored`, and in any case if the chain has more entries anchored. docs/operating.md, \"The \
             store is lost or too old\", says what to do then.",
            manifest.log_size
        );
        Ok(())
    }
}

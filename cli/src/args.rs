//! What may be typed. Secrets never are: words and passphrases come from a prompt or a file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    accept, acknowledge, card, carer, close, completions, dispute, export, grant, log, notices, read, record,
    reject, relationships, report, research, revoke, sync, verify, wallet,
};

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 something did not verify.

Examples:
  medrec wallet new                        make a wallet; write its 24 words down
  medrec card                              a fresh card to hand to a hospital
  medrec relationships                     who asked to keep your records
  medrec accept 3                          accept relationship 3
  medrec record                            your records from everywhere, each checked
  medrec grant 3 --card medrec-card1… --scope labs --purpose treatment --until +30d
  medrec log 3                             who saw what";

/// Your health records, from every hospital, each one checked; who may see them, and who did.
#[derive(Debug, Parser)]
#[command(name = "medrec", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Where chain and contracts are: the deployment.json your hospital or consortium publishes
    #[arg(long, global = true, value_name = "FILE", env = "MEDREC_DEPLOYMENT")]
    pub deployment: Option<PathBuf>,
    /// Folder of this wallet [default: .medrec in your home folder]
    #[arg(long, global = true, value_name = "DIR", env = "MEDREC_HOME")]
    pub home: Option<PathBuf>,
    /// File whose first line is the wallet's passphrase; otherwise you are asked
    #[arg(long, global = true, value_name = "FILE", env = "MEDREC_PASSPHRASE_FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Answer as JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a wallet, or bring one back from its 24 words
    Wallet(wallet::Args),
    /// Make a fresh card: what you hand to a hospital or to whoever grants you access
    Card(card::Args),
    /// List your relationships and the grants in them
    Relationships(relationships::Args),
    /// Accept a relationship a hospital opened
    Accept(accept::Args),
    /// Reject a relationship a hospital opened
    Reject(reject::Args),
    /// Close a relationship: grants and filing end, your own access stays
    Close(close::Args),
    /// Let somebody read, or act for you
    Grant(grant::Args),
    /// Somebody who acts for you: make one, list them, end it
    Carer(carer::Args),
    /// End a grant
    Revoke(revoke::Args),
    /// Say that a record is right
    Acknowledge(acknowledge::Args),
    /// Say that a record is wrong, and why
    Dispute(dispute::Args),
    /// Keep a copy of your whole record here, with its proofs
    Sync(sync::Args),
    /// Write your record, or a part of it, into one file that proves itself
    Export(export::Args),
    /// Read your own records from every hospital, and check them
    Record(record::Args),
    /// Read under a grant, as a clinician or carer
    Read(read::Args),
    /// The log of a relationship: what was filed, who read, who was refused
    Log(log::Args),
    /// Write a page to print: who may see your records, who did, who was refused
    Report(report::Args),
    /// What research may count of your records: show it, allow it, end it
    Research(research::Args),
    /// Wait for news in your logs
    Notices(notices::Args),
    /// Check everything: records, logs, and that the chain vouches for both; or a file that somebody exported
    Verify(verify::Args),
    /// Print shell completions
    Completions(completions::Args),
}

//! `medrec`, the patient's and viewer's tool on a terminal: one file per command, everything else beside it.

mod anchor;
mod args;
mod audit;
mod bundles;
mod chain;
mod changes;
mod commands;
mod copy;
mod counter_maps;
mod dates;
mod deeds;
mod entries;
mod error;
mod evidence;
mod gatekeeper;
mod grants;
mod home;
mod http;
mod known;
mod logline;
mod logread;
mod logs;
mod merged;
mod mine;
mod moment;
mod page;
mod passphrase;
mod progress;
mod reading;
mod report;
mod sealed;
mod seals;
mod served;
mod session;
mod show;
mod source;
mod summary;
mod viewing;

use std::process::ExitCode;

use clap::Parser;

pub use args::Cli;
pub use error::Error;

/// Parses arguments, runs the command, prints, and says by the exit code how it went (see `--help`).
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(e) => Err(Error::Failed(format!("this computer cannot start the program: {e}"))),
    };
    show::print(done, json)
}

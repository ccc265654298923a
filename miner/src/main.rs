//! Arguments, then [`medrec_miner::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    medrec_miner::cli::Arguments::parse().run()
}

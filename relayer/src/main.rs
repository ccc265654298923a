//! Arguments, then [`medrec_relayer::cli`].

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    medrec_relayer::cli::Arguments::parse().run()
}

//! `localnet`: see `localnet --help`.

mod cli;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(tracing::Level::WARN)
        .init();
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("localnet: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli.run()).unwrap_or_else(|error| {
        eprintln!("localnet: {error:#}");
        ExitCode::FAILURE
    });
    // A build of wasmd that was interrupted is not waited for.
    runtime.shutdown_background();
    code
}

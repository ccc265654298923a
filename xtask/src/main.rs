//! `cargo xtask VERB`: every task of this repository, runnable on a bare clone.

mod bench;
mod check;
mod fuzz;
mod inputs;
mod manifest;
mod paths;
mod pilot;
mod proc;
mod sample;
mod schema;
mod soak;
mod synthea;
mod tables;
mod test;
mod tools;
mod wasm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Every task of this repository")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// From a bare clone to a running pilot: tools, wasm, binaries, then the scenario
    Pilot(pilot::Args),
    /// Every test, stage by stage; the last line is `N passed, N failed`
    Test(test::Args),
    /// The long sweeps: the tests that have more to try, all of it; the last line is `N passed, N failed`
    Soak(soak::Args),
    /// Search for input that breaks a parser, with libFuzzer
    Fuzz(fuzz::Args),
    /// Measure; JSON under target/bench, tables in docs/BENCHMARKS.md
    Bench(bench::Args),
    /// Format, lints, schema drift, data sample, licences
    Check,
    /// Build the contracts: artifacts/NAME.wasm and artifacts/checksums.txt
    Wasm(wasm::Args),
    /// Write schema/NAME.json from the contracts' messages
    Schema(schema::Args),
    /// Generate patients with Synthea 3.3.0 (needs Java 17 and Maven)
    Synthea(synthea::Args),
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_rustc() {
        return code;
    }
    let done = match Cli::parse().verb {
        Verb::Pilot(args) => pilot::run(&args),
        Verb::Test(args) => test::run(&args),
        Verb::Soak(args) => soak::run(&args),
        Verb::Fuzz(args) => fuzz::run(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Check => check::run(),
        Verb::Wasm(args) => wasm::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Synthea(args) => synthea::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `{:#}`: the causes on one line, no backtrace.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

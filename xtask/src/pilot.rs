//! `cargo xtask pilot`: from a bare clone to a running pilot.

use crate::{paths, proc, tools, wasm};
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// End after the scenario instead of keeping everything running
    #[arg(long)]
    once: bool,
    /// Write the figures as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

const BINARIES: [&str; 5] =
    ["medrec-localnet", "medrec-relayer", "medrec-miner", "medrec-cli", "medrec-pilot"];

pub fn run(args: &Args) -> Result<()> {
    tools::require(&[&tools::GO, &tools::NODE, &tools::NPM, &tools::CC])?;
    wasm::build_all()?;
    build_binaries()?;
    build_node()?;

    // It looks for artifacts/ and data/ where it stands.
    let mut pilot = Command::new(paths::binary("medrec-pilot"));
    pilot.current_dir(paths::root());
    if args.once {
        pilot.arg("--once");
    }
    if let Some(report) = &args.report {
        let report =
            std::path::absolute(report).with_context(|| format!("no such place: {}", report.display()))?;
        pilot.arg("--report").arg(report);
    }
    proc::run(&mut pilot)
}

/// Builds the programs that pilot and benches drive.
pub fn build_binaries() -> Result<()> {
    println!("building the binaries");
    let mut build = proc::cargo();
    build.arg("build");
    for name in BINARIES {
        build.args(["--package", name]);
    }
    proc::run(&mut build)
}

/// Builds wasmd into the cache folder, or finds it there.
pub fn build_node() -> Result<()> {
    proc::run(Command::new(paths::binary("localnet")).arg("build"))
}

//! `cargo xtask check`: what needs no test to be seen wrong.

use crate::{proc, sample, schema, tools};
use anyhow::{Context, Result, bail};

/// One check; `Err` says what to do.
pub struct Step {
    pub name: &'static str,
    pub run: fn() -> Result<()>,
}

/// The checks in order, the quick ones first. Schema drift is checked on binaries that are built already.
pub const STEPS: [Step; 5] = [
    Step { name: "format", run: format },
    Step { name: "data sample", run: sample::verify },
    Step { name: "licences, bans, sources", run: dependencies },
    Step { name: "schema", run: schema::check },
    Step { name: "lints", run: lints },
];

pub fn run() -> Result<()> {
    schema::build()?;
    let mut failed = 0_u32;
    for step in &STEPS {
        match (step.run)() {
            Ok(()) => println!("check {}: ok", step.name),
            Err(error) => {
                failed = failed.saturating_add(1);
                eprintln!("check {}: {error:#}", step.name);
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed", STEPS.len());
    }
    Ok(())
}

fn format() -> Result<()> {
    proc::run(proc::cargo().args(["fmt", "--all", "--check"])).context("run `cargo fmt --all`")
}

fn lints() -> Result<()> {
    let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    proc::run(proc::cargo().args(clippy))
}

/// Advisories are left out: their database is a git repository, and this must also pass without one.
fn dependencies() -> Result<()> {
    let args = ["--workspace", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    proc::run(proc::cargo_tool(&tools::deny()?).args(args))
        .context("see deny.toml for what may be used, and why")
}

//! `cargo xtask test`: every test, stage by stage. The last line is `N passed, N failed`.

use crate::{check, paths, pilot, proc, tools, wasm};
use anyhow::{Context, Result, bail};
use std::fs;
use std::time::{Duration, Instant};

/// The whole run may take this long.
const BUDGET: Duration = Duration::from_secs(3_180);

#[derive(clap::Args)]
pub struct Args {
    /// Only these stages
    #[arg(value_parser = STAGES.map(|stage| stage.name))]
    stages: Vec<String>,
}

struct Stage {
    name: &'static str,
    /// Without it the later stages can't run.
    needed: bool,
    run: fn() -> Result<Tally>,
}

const STAGES: [Stage; 7] = [
    Stage { name: "tools", needed: true, run: || once(install()) },
    Stage { name: "build", needed: true, run: || once(build()) },
    Stage { name: "check", needed: false, run: checks },
    Stage { name: "wasm", needed: true, run: || once(wasm::build_all()) },
    Stage { name: "unit", needed: false, run: || nextest("default", &[]) },
    Stage { name: "node", needed: true, run: || once(pilot::build_node()) },
    Stage { name: "chain", needed: false, run: || nextest("chain", &[]) },
];

/// The profile in which tests try all they have.
pub const SOAK: &str = "soak";

/// What a stage counted.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

pub fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let mut total = Tally::default();
    let mut lines = Vec::new();
    for stage in
        STAGES.iter().filter(|stage| args.stages.is_empty() || args.stages.iter().any(|s| s == stage.name))
    {
        println!("=== {}", stage.name);
        let began = Instant::now();
        let tally = (stage.run)().unwrap_or_else(|error| {
            eprintln!("stage {}: {error:#}", stage.name);
            Tally { passed: 0, failed: 1 }
        });
        total = total.plus(tally);
        let seconds = began.elapsed().as_secs();
        lines.push(format!(
            "{:<6} {seconds:>5} s  {} passed, {} failed",
            stage.name, tally.passed, tally.failed
        ));
        let over = start.elapsed() > BUDGET;
        if over {
            total = total.plus(Tally { passed: 0, failed: 1 });
            lines.push(format!("over the budget of {} s", BUDGET.as_secs()));
        }
        if over || (stage.needed && tally.failed > 0) {
            lines.push("later stages were not run".to_owned());
            break;
        }
    }
    println!("=== {} s\n{}\n", start.elapsed().as_secs(), lines.join("\n"));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
        }
    }
}

fn once(result: Result<()>) -> Result<Tally> {
    result.map(|()| Tally { passed: 1, failed: 0 })
}

pub fn install() -> Result<()> {
    tools::require(&[&tools::GO, &tools::NODE, &tools::NPM, &tools::CC])?;
    tools::rust_src()?;
    tools::nextest()?;
    tools::deny()?;
    tools::wasm_opt()?;
    Ok(())
}

/// Everything at once, so that features are resolved once for all later stages.
pub fn build() -> Result<()> {
    proc::run(proc::cargo().args(["build", "--locked", "--workspace", "--all-targets"]))
}

fn checks() -> Result<Tally> {
    let mut tally = Tally::default();
    for step in &check::STEPS {
        match (step.run)() {
            Ok(()) => {
                println!("check {}: ok", step.name);
                tally = tally.plus(Tally { passed: 1, failed: 0 });
            }
            Err(error) => {
                eprintln!("check {}: {error:#}", step.name);
                tally = tally.plus(Tally { passed: 0, failed: 1 });
            }
        }
    }
    Ok(tally)
}

/// Runs one profile of .config/nextest.toml, with more arguments if there are, and counts from its JUnit report.
pub fn nextest(profile: &str, args: &[&str]) -> Result<Tally> {
    let binary = tools::nextest()?;
    let report = paths::target().join("nextest").join(profile).join("junit.xml");
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("cannot clear {}", report.display()))?;
    }
    let mut cmd = proc::cargo_tool(&binary);
    if profile == SOAK {
        cmd.env("MEDREC_SOAK", "1");
    }
    let ended =
        proc::run(cmd.args(["nextest", "run", "--locked", "--workspace", "--profile", profile]).args(args));
    let tally = fs::read_to_string(&report).ok().and_then(|xml| tally(&xml));
    match (ended, tally) {
        (Ok(()), Some(tally)) if tally.passed > 0 && tally.failed == 0 => Ok(tally),
        (Ok(()), tally) => bail!("nextest ended well, its report says {tally:?}: no test ran?"),
        (Err(_), Some(tally)) if tally.failed > 0 => Ok(tally),
        (Err(error), _) => Err(error),
    }
}

/// Counts from the first element: `<testsuites name="…" tests="3" failures="1" errors="0" …>`.
fn tally(junit: &str) -> Option<Tally> {
    let head = junit.split_once("<testsuites ")?.1.split_once('>')?.0;
    let number = |name: &str| -> Option<u64> {
        let value = head.split_once(&format!("{name}=\""))?.1;
        value.split_once('"')?.0.parse().ok()
    };
    let failed = number("failures")?.saturating_add(number("errors")?);
    Some(Tally { passed: number("tests")?.saturating_sub(failed), failed })
}

#[cfg(test)]
mod tests {
    use super::{Tally, tally};

    #[test]
    fn counts_come_from_the_report() {
        let xml = r#"<?xml version="1.0"?><testsuites name="n" tests="5" failures="1" errors="1" uuid="u" time="1.0"><testsuite tests="9">"#;
        assert_eq!(tally(xml), Some(Tally { passed: 3, failed: 2 }));
        assert_eq!(tally("<other>"), None);
    }
}

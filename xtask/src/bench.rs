//! `cargo xtask bench`: runs the `[[bench]]` targets of the workspace and writes their figures down.

use crate::{paths, proc, tables, tools, wasm};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// Its benches measure the node, a Go program: our own code need not be built anew for release.
const NODE_BENCHES: &str = "medrec-e2e";

/// Of those, what measures our programs: they and it are built for release.
const OF_PROGRAMS: [&str; 2] = ["merged", "rebuild"];

#[derive(clap::Args)]
pub struct Args {
    /// Only these, e.g. gas, chain, log
    names: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// What a bench writes to the file named by `MEDREC_BENCH_OUT`.
#[derive(Deserialize, Serialize)]
struct Figures {
    /// What ran, with sizes.
    setup: String,
    /// What is inside the timer.
    timer: String,
    rows: Vec<Row>,
}

#[derive(Deserialize, Serialize)]
struct Row {
    name: String,
    value: f64,
    unit: String,
    /// Above it the bench fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bound: Option<f64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
}

/// A result file under target/bench.
#[derive(Serialize)]
struct Report {
    machine: String,
    commit: String,
    #[serde(flatten)]
    figures: Figures,
}

pub fn run(args: &Args) -> Result<()> {
    tools::require(&[&tools::GO, &tools::NODE, &tools::NPM, &tools::CC])?;
    let benches = benches()?;
    let known = benches.keys().cloned().collect::<Vec<_>>().join(", ");
    if let Some(name) = args.names.iter().find(|name| !benches.contains_key(*name)) {
        bail!("no bench {name}; there is: {known}");
    }
    wasm::build_all()?;
    let mut over = Vec::new();
    for (name, package) in
        benches.iter().filter(|(name, _)| args.names.is_empty() || args.names.contains(name))
    {
        let report = Report { machine: machine(), commit: commit()?, figures: measure(name, package)? };
        let file = paths::target().join("bench").join(format!("{name}.json"));
        let json = serde_json::to_string_pretty(&report).context("cannot encode the figures")?;
        fs::write(&file, json).with_context(|| format!("cannot write {}", file.display()))?;
        tables::replace_block(&paths::root().join("docs/BENCHMARKS.md"), name, &table(&report))?;
        over.extend(
            report
                .figures
                .rows
                .iter()
                .filter(|row| row.is_over())
                .map(|row| format!("{name}: {}", row.line())),
        );
    }
    if !over.is_empty() {
        bail!("above the bound:\n  {}", over.join("\n  "));
    }
    Ok(())
}

/// Bench target → its crate. Benches without their own `main` (libtest's) are none of ours.
fn benches() -> Result<BTreeMap<String, String>> {
    let text =
        proc::output(proc::cargo().args(["metadata", "--no-deps", "--format-version", "1", "--quiet"]))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("`cargo metadata` printed something else")?;
    let mut benches = BTreeMap::new();
    for package in metadata.packages {
        for target in package.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "bench")) {
            benches.insert(target.name.clone(), package.name.clone());
        }
    }
    Ok(benches)
}

fn measure(name: &str, package: &str) -> Result<Figures> {
    let dir = paths::target().join("bench");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let out = dir.join(format!("{name}.raw.json"));
    if out.exists() {
        fs::remove_file(&out).with_context(|| format!("cannot clear {}", out.display()))?;
    }
    let chosen: &[&str] = match package {
        // With the tests' features, so that nothing is compiled twice.
        NODE_BENCHES if OF_PROGRAMS.contains(&name) => &["--workspace", "--profile", "release"],
        NODE_BENCHES => &["--workspace", "--profile", "dev"],
        _ => &["--package", package],
    };
    if package == NODE_BENCHES {
        // The programs it runs, beside it.
        proc::run(proc::cargo().args(["build", "--locked", "--bins", "--benches"]).args(chosen))?;
    }
    let mut bench = proc::cargo();
    bench.env("MEDREC_BENCH_OUT", &out).args(["bench", "--bench", name]).args(chosen);
    proc::run(&mut bench)?;
    let text = fs::read(&out).with_context(|| format!("bench {name} wrote no {}", out.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} does not hold figures", out.display()))
}

impl Row {
    fn is_over(&self) -> bool {
        self.bound.is_some_and(|bound| self.value > bound)
    }

    fn line(&self) -> String {
        let bound = self.bound.map_or_else(String::new, |bound| format!("{bound}"));
        format!("{} | {} | {} | {bound} | {}", self.name, self.value, self.unit, self.note)
    }
}

fn table(report: &Report) -> String {
    let Report { machine, commit, figures } = report;
    let mut text = format!("{}\nTimer: {}.\n{machine}, commit {commit}.\n\n", figures.setup, figures.timer);
    text.push_str("| what | value | unit | bound | note |\n|---|---:|---|---:|---|\n");
    for row in &figures.rows {
        text.push_str(&format!("| {} |\n", row.line()));
    }
    text
}

/// Processor, cores and memory as Linux tells them; elsewhere the architecture.
fn machine() -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "memory unknown".to_owned());
    format!("{model}, {cores} cores, {memory}")
}

fn commit() -> Result<String> {
    let git = |args: &[&str]| proc::output(Command::new("git").current_dir(paths::root()).args(args));
    // The tables of benches before this one in the same run are no change of what is measured.
    let changed = ["status", "--porcelain", "--untracked-files=no", "--", ":/", ":!docs/BENCHMARKS.md"];
    let dirty = !git(&changed)?.trim().is_empty();
    let hash = git(&["rev-parse", "--short", "HEAD"])?;
    Ok(format!("{}{}", hash.trim(), if dirty { " with changes" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn a_row_above_its_bound_is_seen() {
        let text = r#"{"setup":"s","timer":"t","rows":[
            {"name":"grant","value":60001,"unit":"gas","bound":60000},
            {"name":"open","value":1,"unit":"gas","bound":1},
            {"name":"free","value":9e9,"unit":"gas"}]}"#;
        let figures: Figures = serde_json::from_str(text).unwrap();
        let over: Vec<bool> = figures.rows.iter().map(super::Row::is_over).collect();
        assert_eq!(over, [true, false, false]);
    }
}

//! `cargo xtask schema`: schema/NAME.json from each contract's messages; `--check` fails on drift.

use crate::{paths, proc, wasm::CONTRACTS};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Compare with the committed files instead of writing them
    #[arg(long)]
    check: bool,
}

pub fn run(args: &Args) -> Result<()> {
    build()?;
    if args.check { check() } else { write() }
}

/// Builds the `schema-NAME` binaries.
pub fn build() -> Result<()> {
    let mut build = proc::cargo();
    build.args(["build", "--quiet"]);
    for name in CONTRACTS {
        build.args(["--package", &format!("medrec-{name}"), "--bin", &format!("schema-{name}")]);
    }
    proc::run(&mut build)
}

fn write() -> Result<()> {
    let dir = paths::root().join("schema");
    fs::create_dir_all(&dir).context("cannot make schema/")?;
    for name in CONTRACTS {
        let file = dir.join(format!("{name}.json"));
        fs::write(&file, generate(name)?).with_context(|| format!("cannot write {}", file.display()))?;
        println!("schema/{name}.json");
    }
    Ok(())
}

/// Compares with what the built `schema-NAME` binaries write.
pub fn check() -> Result<()> {
    let mut drifted = Vec::new();
    for name in CONTRACTS {
        let committed = fs::read_to_string(paths::root().join("schema").join(format!("{name}.json"))).ok();
        if committed.as_deref() != Some(generate(name)?.as_str()) {
            drifted.push(format!("schema/{name}.json"));
        }
    }
    if !drifted.is_empty() {
        bail!("{} differ from the messages: run `cargo xtask schema` and commit", drifted.join(", "));
    }
    Ok(())
}

/// Runs the binary in an empty folder, since it writes `schema/NAME.json` below where it stands.
fn generate(name: &str) -> Result<String> {
    let dir = paths::target().join("schema").join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    proc::output(Command::new(paths::binary(&format!("schema-{name}"))).current_dir(&dir))?;
    let file = dir.join("schema").join(format!("{name}.json"));
    let mut text =
        fs::read_to_string(&file).with_context(|| format!("schema-{name} wrote no {}", file.display()))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

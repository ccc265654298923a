//! `cargo xtask fuzz NAME --seconds N`: one target of `fuzz/` under libFuzzer.
//!
//! The same toolchain and the same build of all dependencies as everywhere else: only our own crates are compiled anew,
//! with the compiler's coverage pass, by this program standing between cargo and rustc.

use crate::{paths, proc};
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Set where this program is called in rustc's place.
const AS_RUSTC: &str = "MEDREC_XTASK_AS_RUSTC";
/// What libFuzzer reads: counters of edges, their places, operands of comparisons.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Bytes of one input.
const MAX_LEN: u32 = 16_384;

#[derive(clap::Args)]
pub struct Args {
    /// The target: a folder of fuzz/corpus
    name: String,
    /// How long to search
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Afterwards, add to fuzz/corpus/NAME the few inputs that reach what no committed one does
    #[arg(long)]
    keep: bool,
}

/// Instead of parsing a command: `xtask RUSTC ARGS…` of cargo's workspace wrapper.
pub fn as_rustc() -> Option<ExitCode> {
    std::env::var_os(AS_RUSTC)?;
    let mut args = std::env::args_os().skip(1);
    let error = Command::new(args.next()?).args(args).args(COVERAGE).exec();
    eprintln!("error: cannot start rustc: {error}");
    Some(ExitCode::FAILURE)
}

pub fn run(args: &Args) -> Result<()> {
    let committed = paths::root().join("fuzz/corpus").join(&args.name);
    if !committed.is_dir() {
        bail!("no fuzz target {}; there is: {}", args.name, names()?.join(", "));
    }
    let program = build()?;
    let found = paths::target().join("fuzz").join(&args.name);
    let crashes = paths::target().join("fuzz/crashes").join(&args.name);
    for folder in [&found, &crashes] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let searched = proc::run(
        fuzzer(&program, &args.name)
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-max_len={MAX_LEN}"))
            .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .args([&found, &committed]),
    );
    searched.with_context(|| {
        format!(
            "the input that did it is in {}: move it to {}, where `cargo xtask test` runs it for ever, and mend the parser",
            crashes.display(),
            committed.display()
        )
    })?;
    if args.keep {
        keep(&program, &args.name, &committed, &found)?;
    }
    Ok(())
}

/// The inputs that were found and that together reach what the committed ones don't.
fn keep(program: &Path, name: &str, committed: &Path, found: &Path) -> Result<()> {
    proc::run(fuzzer(program, name).args(["-set_cover_merge=1"]).args([committed, found]))
}

fn fuzzer(program: &Path, name: &str) -> Command {
    let mut fuzzer = Command::new(program);
    fuzzer.current_dir(paths::root()).env("MEDREC_FUZZ", name);
    fuzzer
}

fn build() -> Result<std::path::PathBuf> {
    let us = std::env::current_exe().context("where is this program?")?;
    // `--workspace` resolves features as every other build does; `--bin` builds the one program.
    proc::run(proc::cargo().env("RUSTC_WORKSPACE_WRAPPER", us).env(AS_RUSTC, "1").args([
        "build",
        "--locked",
        "--workspace",
        "--bin",
        "fuzz",
        "--features",
        "medrec-fuzz/libfuzzer",
    ]))
    .context("libFuzzer is C++: a compiler for it (g++ or clang++) must be installed")?;
    Ok(paths::binary("fuzz"))
}

fn names() -> Result<Vec<String>> {
    let corpus = paths::root().join("fuzz/corpus");
    let read = fs::read_dir(&corpus).with_context(|| format!("cannot read {}", corpus.display()))?;
    let mut names: Vec<String> =
        read.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

//! `medrec-pilot`: the scenario of the README, on real validators. Usually run by `cargo xtask pilot`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use medrec_pilot::{Options, run, text};

/// Runs the pilot: four validators, three hospitals, ten patients, every step checked.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  medrec-pilot --once --report target/pilot.json\n  medrec-pilot"
)]
struct Arguments {
    /// End after the scenario instead of keeping everything running.
    #[arg(long)]
    once: bool,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the pilot keeps its files; emptied at the start.
    #[arg(long, value_name = "DIR", default_value = "target/pilot")]
    home: PathBuf,
    /// The built contracts.
    #[arg(long, value_name = "DIR", default_value = "artifacts")]
    artifacts: PathBuf,
    /// The Synthea sample.
    #[arg(long, value_name = "DIR", default_value = "data/synthea-sample")]
    sample: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match pilot(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("pilot: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn pilot(arguments: &Arguments) -> Result<bool> {
    let binaries = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    let options = Options {
        home: arguments.home.clone(),
        artifacts: arguments.artifacts.clone(),
        sample: arguments.sample.clone(),
        binaries,
        progress: true,
    };
    let (report, outcome) = run(&options).await;
    println!("{}", report.table());
    if let Some(file) = &arguments.report {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
        println!("figures: {}", file.display());
    }
    let running = outcome?;
    if !arguments.once {
        println!("{}", text(&running.suggestions()?));
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended?,
            failed = running.serve() => failed?,
        }
    }
    running.stop().await;
    Ok(report.ok())
}

//! `cargo xtask soak`: the tests with `MEDREC_SOAK=1`, which makes those that sample (properties, tampers, kill -9) try
//! all they have. Hours, not minutes; nothing but the amount differs from `cargo xtask test`.

use crate::{test, wasm};
use anyhow::Result;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Only tests whose name contains one of these
    names: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    test::install()?;
    test::build()?;
    wasm::build_all()?;
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    let tally = test::nextest(test::SOAK, &names)?;
    println!("=== {} s\n{} passed, {} failed", start.elapsed().as_secs(), tally.passed, tally.failed);
    if tally.failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

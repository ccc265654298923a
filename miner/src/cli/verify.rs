//! `medrec-miner verify FILE`: a chain of seals, offline.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use anyhow::Context as _;
use clap::Args;

use super::{Global, NOT_SOUND};
use crate::{
    chainfile::{Checked, Source, verify},
    logs::{Log, View},
};

#[derive(Debug, Args)]
pub struct Verify {
    /// What `export` wrote.
    file: PathBuf,
    /// Check the entries that the file lacks against the mirrors of this home.
    #[arg(long)]
    mirrors: bool,
    /// Threads; 0: one for every core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

impl Verify {
    pub fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let file = std::fs::read(&self.file).with_context(|| format!("read {}", self.file.display()))?;
        let views = if self.mirrors { views(global)? } else { BTreeMap::new() };
        let source = if self.mirrors { Source::Mirrors(&views) } else { Source::None };
        let all = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if self.threads == 0 { all } else { self.threads };
        let began = Instant::now();
        let checked = match verify(&file, threads, source) {
            Ok(checked) => checked,
            Err(error) => {
                let reason = error.to_string();
                let answer = serde_json::json!({"holds": false, "reason": reason});
                global.print(&answer, format!("DOES NOT HOLD: {reason}"))?;
                return Ok(ExitCode::from(NOT_SOUND));
            }
        };
        let seconds = began.elapsed().as_secs_f64();
        global.print(&answer(&checked, seconds), people(&checked, seconds))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The mirrors of this home by slot, read and checked.
fn views(global: &Global) -> anyhow::Result<BTreeMap<u32, View>> {
    let config = global.config()?;
    let status = crate::status::Status::read(&global.home).context("no miner ran in this home yet")?;
    let mut views = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for mirror in status.mirrors.iter().filter(|mirror| seen.insert(mirror.institution)) {
        let folder = config.mirror.folder.join(mirror.institution.to_string());
        let opened = Log::open_stored(&folder)?;
        if let Some((log, damaged)) = opened {
            anyhow::ensure!(
                damaged == 0,
                "{damaged} entries in {} are damaged: run the miner",
                folder.display()
            );
            views.insert(mirror.slot, log.view());
        }
    }
    Ok(views)
}

fn answer(checked: &Checked, seconds: f64) -> serde_json::Value {
    let institutions: BTreeMap<String, String> =
        checked.institutions.iter().map(|(id, key)| (id.to_string(), hex::encode(key))).collect();
    serde_json::json!({
        "holds": true, "chain_id": checked.chain_id, "authlog": checked.authlog, "seals": checked.seals,
        "work": checked.work.to_string(), "tip": hex::encode(checked.tip), "recalled": checked.recalled,
        "by": checked.by, "institutions": institutions, "rules": checked.rules, "seconds": seconds,
    })
}

fn people(checked: &Checked, seconds: f64) -> String {
    let mut text = format!(
        "HOLDS: {} seals of {} (authlog {}), {} tries on average, checked in {seconds:.2} s\n\
         the last seal is {}\n{} seals had their entries checked",
        checked.seals,
        checked.chain_id,
        checked.authlog,
        checked.work,
        hex::encode(checked.tip),
        checked.recalled,
    );
    for (account, seals) in &checked.by {
        text.push_str(&format!("\n  {seals} by {account}"));
    }
    text.push_str("\nCompare with what the consortium publishes, the rules:");
    for rules in &checked.rules {
        text.push_str(&format!(
            "\n  from seal {} on one every {} s, half-life {} s, first target {}, easiest {}, hardest {}",
            rules.from, rules.interval, rules.half_life, rules.anchor, rules.easiest, rules.hardest
        ));
    }
    text.push_str("\nkeys of the institutions:");
    for (id, key) in &checked.institutions {
        text.push_str(&format!("\n  institution {id}: {}", hex::encode(key)));
    }
    text
}

//! The search over 2 million entries: against its limit, over cores, with part of the entries, and the energy of a seal;
//! the offline check of 100,000 seals.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use medrec_miner::{
    chainfile::{Source, verify},
    logs::Region,
    measure::{entry, job, limit, rate},
};
use serde_json::{Value, json};

#[path = "../tests/all/sample.rs"]
mod sample;

const ENTRIES: u64 = 2_097_152;
const SEALS: u64 = 100_000;
/// Of each measurement, limit and search in turn; of each the best of `ROUNDS` counts.
const TIME: Duration = Duration::from_millis(500);
const ROUNDS: usize = 12;
/// Of the file; the best counts.
const CHECKS: usize = 4;
/// Of the package while two of its cores work: an assumption, no measurement.
const WATTS: f64 = 30.0;
/// Seconds between two seals in production (docs/spec/pow.md).
const INTERVAL: f64 = 600.0;

fn main() -> Result<()> {
    let region: Region = (0..ENTRIES).map(entry).collect();
    let whole = job(ENTRIES, &region, ENTRIES);
    let (mut bare, mut one, mut two) = (0f64, 0f64, 0f64);
    for _ in 0..ROUNDS {
        bare = bare.max(limit(TIME));
        one = one.max(rate(&whole, 1, TIME));
        two = two.max(rate(&whole, 2, TIME));
    }
    let mut rows = vec![
        row("tries a second, one core", one.round(), "1/s", None, "8 entries of 512 bytes each, at random"),
        row(
            "limit: the same 73 compressions alone",
            bare.round(),
            "1/s",
            None,
            "sha2 0.11, blocks in the cache",
        ),
        row("limit over search, one core", round(bare / one), "×", Some(1.0 / 0.9), ""),
        row("tries a second, two cores", two.round(), "1/s", None, ""),
        row("two tries' time on one core over two", round(2.0 * one / two), "×", Some(2.0 / 1.9), ""),
    ];
    for (held, share, bound) in [(3, "3/4", 0.35), (2, "1/2", 0.05), (1, "1/4", 0.01)] {
        let part = job(ENTRIES, &region, (ENTRIES / 4).saturating_mul(held));
        let of = rate(&part, 1, TIME) / one;
        let name = format!("rate of a miner with {share} of the entries, of the whole rate");
        rows.push(row(&name, round(of), "×", Some(bound), "the others are skipped"));
    }
    let joules = WATTS * INTERVAL;
    rows.push(row(
        "energy of a try",
        (WATTS / two * 1e9).round() / 1e3,
        "µJ",
        None,
        "measured rate, package of 30 W (assumed)",
    ));
    rows.push(row(
        "energy of a seal, if one such machine finds one in 10 min",
        (joules / 36.0).round() / 100.0,
        "Wh",
        None,
        "30 W (assumed) × 600 s; the difficulty cap `hardest` bounds it",
    ));
    drop((whole, region));

    let file = sample::export(SEALS, 3)?;
    let mut seconds = f64::MAX;
    for _ in 0..CHECKS {
        let began = std::time::Instant::now();
        let checked = verify(file.as_bytes(), 2, Source::None)?;
        anyhow::ensure!(checked.seals == SEALS, "{} seals", checked.seals);
        seconds = seconds.min(began.elapsed().as_secs_f64());
    }
    let note = format!("{} MB; signatures, work, schedule, heads; two threads", file.len() >> 20);
    rows.push(row("offline check of 100,000 seals", round(seconds), "s", Some(2.0), &note));
    hand_over(&rows)
}

fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn row(name: &str, value: f64, unit: &str, bound: Option<f64>, note: &str) -> Value {
    match bound {
        Some(bound) => json!({"name": name, "value": value, "unit": unit, "note": note,
                              "bound": (bound * 1e4).round() / 1e4}),
        None => json!({"name": name, "value": value, "unit": unit, "note": note}),
    }
}

fn hand_over(rows: &[Value]) -> Result<()> {
    let figures = json!({
        "setup": format!("A log of {ENTRIES} entries (1 GiB) in memory, generated; {SEALS} generated seals in a file."),
        "timer": "half a second of search by the processor time of its threads, the best of twelve; the whole check of the file by the clock, the best of four",
        "rows": rows,
    });
    let text = serde_json::to_string_pretty(&figures)?;
    match std::env::var_os("MEDREC_BENCH_OUT") {
        Some(path) => std::fs::write(&path, text)
            .with_context(|| format!("cannot write {}", Path::new(&path).display())),
        None => {
            println!("{text}");
            Ok(())
        }
    }
}

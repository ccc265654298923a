//! The published vectors of aserti3-2d (runs 1 to 11, by the algorithm's authors; run 12 is as run 11, ten times as
//! long), and what a schedule of seals must do.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "test code"
)]

use std::fmt::Write as _;
use std::path::PathBuf;

use medrec_pow::{Schedule, Target, U256, asert};
use proptest::prelude::*;

/// Bitcoin's floating form of a target: three digits in base 256 and how many digits there are.
fn expand(compact: u32) -> U256 {
    let mantissa = U256::from(u64::from(compact & 0x007f_ffff));
    match (compact >> 24).checked_sub(3) {
        Some(digits) => mantissa.shl(digits * 8),
        None => mantissa.shr((3 - (compact >> 24)) * 8),
    }
}

fn compact(target: U256) -> u32 {
    let mut digits = target.bits().div_ceil(8);
    let lead = if digits <= 3 { target.shl(8 * (3 - digits)) } else { target.shr(8 * (digits - 3)) };
    let bytes = lead.to_be_bytes();
    let mut mantissa = u32::from_be_bytes([bytes[28], bytes[29], bytes[30], bytes[31]]);
    // The highest bit is a sign.
    if mantissa & 0x0080_0000 != 0 {
        (mantissa, digits) = (mantissa >> 8, digits + 1);
    }
    mantissa | digits << 24
}

struct Run {
    name: String,
    anchor_height: u64,
    anchor_parent_time: i64,
    anchor: u32,
    /// Height, time, target.
    blocks: Vec<(u64, i64, u32)>,
}

fn number(text: &str) -> u32 {
    u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap()
}

fn runs() -> Vec<Run> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| run(&std::fs::read_to_string(file).unwrap())).collect()
}

fn run(text: &str) -> Run {
    let told = |key: &str| {
        let line =
            text.lines().find(|line| line.trim_start_matches('#').trim_start().starts_with(key)).unwrap();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    let blocks = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let block = |line: &str| {
        let parts: Vec<&str> = line.split_whitespace().collect();
        (parts[1].parse().unwrap(), parts[2].parse().unwrap(), number(parts[3]))
    };
    Run {
        name: told("description"),
        anchor_height: told("anchor height").parse().unwrap(),
        anchor_parent_time: told("anchor parent time").parse().unwrap(),
        anchor: number(&told("anchor nBits")),
        blocks: blocks.map(block).collect(),
    }
}

#[test]
fn published_vectors() {
    let (mut checked, mut wrong) = (0, String::new());
    for run in runs() {
        // Bitcoin Cash's parameters: ten minutes, two days.
        let schedule = Schedule {
            anchor: Target::new(expand(run.anchor)).unwrap(),
            interval: 600,
            half_life: 172_800,
            easiest: Target::new(expand(0x1d00_ffff)).unwrap(),
        };
        for (height, time, expected) in &run.blocks {
            let found = asert(&schedule, time - run.anchor_parent_time, height - run.anchor_height);
            let found = compact(found.value());
            if found != *expected {
                writeln!(wrong, "{}: at {height} {found:08x}, expected {expected:08x}", run.name).unwrap();
            }
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(checked, 4_000, "blocks in the vectors");
}

fn minute() -> Schedule {
    Schedule {
        anchor: Target::new(U256::ONE.shl(236)).unwrap(),
        interval: 60,
        half_life: 600,
        easiest: Target::new(U256::ONE.shl(250)).unwrap(),
    }
}

#[test]
fn on_schedule_the_target_stays() {
    let schedule = minute();
    for seals in [0, 1, 2, 1_000, u64::from(u32::MAX)] {
        assert_eq!(schedule.target(seals, seals * 60), schedule.anchor, "after {seals}");
    }
}

#[test]
fn a_half_life_late_halves_the_work_and_ahead_doubles_it() {
    let schedule = minute();
    let twice = Target::new(U256::ONE.shl(237)).unwrap();
    let half = Target::new(U256::ONE.shl(235)).unwrap();
    assert_eq!(schedule.target(100, 100 * 60 + 600), twice);
    assert_eq!(schedule.target(100, 100 * 60 - 600), half);
}

#[test]
fn never_easier_than_the_easiest_nor_harder_than_possible() {
    let schedule = minute();
    assert_eq!(schedule.target(1, u64::MAX), schedule.easiest);
    assert_eq!(schedule.target(u64::MAX, 0), Target::HARDEST);
    let open = Schedule { anchor: Target::EASIEST, easiest: Target::EASIEST, ..schedule };
    assert_eq!(open.target(1, u64::MAX), Target::EASIEST);
    assert_eq!(open.target(10, 600), Target::EASIEST);
    let odd = Schedule { half_life: 0, ..schedule };
    assert_eq!(odd.target(10, 5), schedule.anchor, "a half life of nothing changes nothing");
}

proptest! {
    #[test]
    fn later_is_never_harder(seals in 1u64..10_000, elapsed in 0u64..1_000_000, more in 0u64..100_000) {
        let schedule = minute();
        prop_assert!(schedule.target(seals, elapsed) <= schedule.target(seals, elapsed + more));
        prop_assert!(schedule.target(seals + 1, elapsed) <= schedule.target(seals, elapsed));
    }

    #[test]
    fn within_a_promille_of_the_exponential(seals in 1u64..1_000, late in -20_000i64..20_000) {
        let schedule = minute();
        let elapsed = u64::try_from((i64::try_from(seals).unwrap() * 60 + late).max(0)).unwrap();
        let late = i64::try_from(elapsed).unwrap() - i64::try_from(seals).unwrap() * 60;
        let found = schedule.target(seals, elapsed);
        prop_assume!(found < schedule.easiest);
        let bits = |target: Target| {
            let bytes = target.to_be_bytes();
            bytes.iter().fold(0.0f64, |sum, byte| sum * 256.0 + f64::from(*byte)).log2()
        };
        let expected = 236.0 + late as f64 / 600.0;
        prop_assert!((bits(found) - expected).abs() < 0.0015, "{} for {expected}", bits(found));
    }
}

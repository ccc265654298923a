//! The interval between seals when the work grows or falls eightfold: simulated by the contract's own retarget, and
//! drawn to docs/plots/retarget.svg.

use std::{fmt::Write as _, path::Path};

use anyhow::{Context as _, Result};
use medrec_pow::{Target, U256};
use medrec_seals::{Retarget, Rules};
use serde_json::{Value, json};

/// Of production: ten minutes, two days.
const INTERVAL: u64 = 600;
const HALF_LIFE: u64 = 172_800;
/// Tries of a seal before the change.
const WORK: u64 = 1 << 30;
/// The work becomes so many times as much, or that part.
const CHANGE: f64 = 8.0;
/// Half-lives that are simulated behind the change, and before it.
const AFTER: f64 = 8.0;
const BEFORE: f64 = 1.0;
const RUNS: u64 = 400;
/// Points a half-life.
const POINTS: f64 = 8.0;

/// Mean interval over the runs, relative to the schedule's, at points of time in half-lives since the change.
struct Curve {
    name: &'static str,
    colour: &'static str,
    points: Vec<(f64, f64)>,
}

fn main() -> Result<()> {
    let up = curve("work × 8", "#b3261e", CHANGE);
    let down = curve("work ÷ 8", "#1a5fb4", 1.0 / CHANGE);
    let rows = [
        row("off the target 2.5 half-lives after the work grew 8 ×", &up, 2.5),
        row("off the target 5.5 half-lives after the work fell to an 8th", &down, 5.5),
    ];
    let plot = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/plots/retarget.svg");
    std::fs::create_dir_all(plot.parent().context("the plot's folder")?)?;
    std::fs::write(&plot, draw(&[&up, &down])?).with_context(|| format!("write {}", plot.display()))?;
    hand_over(&rows)
}

fn rules() -> Rules {
    let anchor = Target::of_work(&U256::from(WORK));
    Rules {
        interval: INTERVAL,
        half_life: HALF_LIFE,
        anchor,
        easiest: Target::EASIEST,
        hardest: Target::HARDEST,
    }
}

fn curve(name: &'static str, colour: &'static str, change: f64) -> Curve {
    let half_life = HALF_LIFE as f64;
    let bins = place((BEFORE + AFTER) * POINTS);
    let (mut sums, mut counts) = (vec![0.0; bins], vec![0.0; bins]);
    let mut random = Random(0x5ea1);
    for _ in 0..RUNS {
        let (rules, mut retarget) = (rules(), Retarget::start(&rules()));
        let (mut now, mut whole) = (-BEFORE * half_life, 0.0);
        while now < AFTER * half_life {
            let rate = WORK as f64 / INTERVAL as f64 * if now < 0.0 { 1.0 } else { change };
            let expected = float(&retarget.target.work()) / rate;
            let seconds = expected * random.exponential();
            // The interval at this difficulty, over the time it lasted: no draw of luck in what is shown.
            let bin = place((now / half_life + BEFORE) * POINTS);
            if let (Some(sum), Some(count)) = (sums.get_mut(bin), counts.get_mut(bin)) {
                *sum += expected / INTERVAL as f64;
                *count += 1.0;
            }
            now += seconds;
            // Block times are whole seconds.
            whole += seconds;
            let counted = place(whole) as u64;
            whole -= counted as f64;
            retarget = retarget.next(&rules, counted);
        }
    }
    let at = |bin: usize| (bin as f64 + 0.5) / POINTS - BEFORE;
    let means = sums.iter().zip(&counts).enumerate();
    let points =
        means.filter(|(_, (_, count))| **count > 0.0).map(|(bin, (sum, count))| (at(bin), sum / count));
    Curve { name, colour, points: points.collect() }
}

fn float(work: &U256) -> f64 {
    work.to_be_bytes().iter().fold(0.0, |value, byte| value * 256.0 + f64::from(*byte))
}

/// Rounded down.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the ends of the type")]
fn place(value: f64) -> usize {
    value as usize
}

/// xorshift64*.
struct Random(u64);

impl Random {
    /// Mean 1.
    fn exponential(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        -((bits as f64 + 0.5) / 9_007_199_254_740_992.0).ln()
    }
}

/// How far the interval is off the schedule's at that time; off in either direction by the larger ratio.
fn row(name: &str, curve: &Curve, at: f64) -> Value {
    let near = |point: &&(f64, f64)| point.0 >= at;
    let interval = curve.points.iter().find(near).map_or(f64::MAX, |point| point.1);
    let off = interval.max(1.0 / interval) - 1.0;
    json!({"name": name, "value": (off * 1_000.0).round() / 1_000.0, "unit": "of it", "bound": 0.2,
           "note": format!("the interval is {:.2} of the schedule's", interval)})
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 40.0;
const MARGIN: f64 = 16.0;

fn draw(curves: &[&Curve]) -> Result<String> {
    let x = |at: f64| LEFT + (at + BEFORE) / (BEFORE + AFTER) * (WIDTH - LEFT - MARGIN);
    // Three doublings either way.
    let y = |interval: f64| {
        let part = (interval.log2().clamp(-3.3, 3.3) + 3.3) / 6.6;
        HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - MARGIN)
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#e8f3e8\"/>\n",
        y(1.2),
        WIDTH - LEFT - MARGIN,
        y(1.0 / 1.2) - y(1.2),
    );
    for interval in [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0] {
        let (high, right, edge, base) = (y(interval), WIDTH - MARGIN, LEFT - 6.0, y(interval) + 4.0);
        writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{right:.1}\" y1=\"{high:.1}\" y2=\"{high:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{edge:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{interval} ×</text>",
        )?;
    }
    for at in [-1.0, 0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 5.5, 6.0, 7.0, 8.0] {
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{at}</text>",
            x(at),
            HEIGHT - BOTTOM + 16.0
        )?;
    }
    for curve in curves {
        let points: Vec<String> =
            curve.points.iter().map(|(at, interval)| format!("{:.1},{:.1}", x(*at), y(*interval))).collect();
        writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>",
            curve.colour,
            points.join(" ")
        )?;
    }
    for (at, curve) in [5.2, 5.2].iter().zip(curves) {
        let high = if curve.name.contains('8') && curve.name.contains('×') { 0.35 } else { 3.2 };
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\">{}</text>",
            x(*at),
            y(high),
            curve.colour,
            curve.name
        )?;
    }
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">half-lives since the work changed; interval between seals \
         relative to the schedule, green: within 20 %</text>\n</svg>",
        f64::midpoint(LEFT, WIDTH),
        HEIGHT - 6.0,
    )?;
    Ok(svg)
}

fn hand_over(rows: &[Value]) -> Result<()> {
    let figures = json!({
        "setup": format!(
            "Seals every {INTERVAL} s, half-life {HALF_LIFE} s; mean of {RUNS} simulated runs; plot: docs/plots/retarget.svg."
        ),
        "timer": "none: simulated time",
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

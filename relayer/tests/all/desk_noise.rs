//! What noise hides: ε measured on neighbouring data sets, and the attacks on aggregates with what they learn.
//!
//! Bounds are one-sided Hoeffding bounds at 10^-9, so a test fails by chance once in a hundred million runs.

use medrec_aggregate::{Contribution, Outcome, Part, Quantity, Tally, conclude, newest, plan};
use medrec_api::bounty::{Bounds, Category, Cohort, Measure, Question, WEEK};
use medrec_relayer::desk::{quote, release};

const MICRO: f64 = 1e6;

/// Small here, 10^5 draws and more in `cargo xtask soak`.
fn draws() -> usize {
    if std::env::var_os("MEDREC_SOAK").is_some() { 100_000 } else { 20_000 }
}

fn part(sensitivity: u64, share: u64) -> Part {
    Part { quantity: Quantity::Sum, sensitivity, share }
}

fn drawn(part: &Part, exact: i64, draws: usize) -> Vec<i64> {
    // One call draws as many independent numbers as it is given.
    let mut numbers = release(part, vec![exact; draws]).unwrap().numbers;
    numbers.sort_unstable();
    numbers
}

/// How far a share of `draws` may be off, but for a chance of 10^-9.
fn slack(draws: usize) -> f64 {
    ((1e9f64).ln() / (2.0 * draws as f64)).sqrt()
}

/// Share of numbers at or above a threshold.
fn above(sorted: &[i64], threshold: i64) -> f64 {
    let below = sorted.partition_point(|number| *number < threshold);
    (sorted.len() - below) as f64 / sorted.len() as f64
}

/// The least ε that explains what was seen over all thresholds, both ways and both tails, with confidence.
fn least_epsilon(one: &[i64], other: &[i64]) -> f64 {
    let off = slack(one.len());
    let mut least = 0.0f64;
    let thresholds: Vec<i64> =
        (1..100).filter_map(|percent| one.get(one.len() * percent / 100).copied()).collect();
    for threshold in thresholds {
        let (p, q) = (above(one, threshold), above(other, threshold));
        for (p, q) in [(p, q), (q, p), (1.0 - p, 1.0 - q), (1.0 - q, 1.0 - p)] {
            if p - off > 0.0 {
                least = least.max(((p - off) / (q + off)).ln());
            }
        }
    }
    least
}

#[test]
fn measured_epsilon_on_neighbours_is_at_most_what_is_claimed() {
    for (sensitivity, share) in [(1, 1_000_000), (1, 250_000), (16, 500_000), (2400, 2_000_000)] {
        let part = part(sensitivity, share);
        let noise = quote(&part).unwrap();
        let exact = 1000;
        let moved = exact + i64::try_from(sensitivity).unwrap();
        let (one, other) = (drawn(&part, exact, draws()), drawn(&part, moved, draws()));
        let measured = least_epsilon(&one, &other);
        let claimed = noise.epsilon as f64 / MICRO;
        assert!(measured <= claimed, "{measured} > {claimed} for {part:?}");
        assert!(measured > claimed / 4.0, "{measured}: the test would see noise that is far too small");
    }
}

/// The test above must be able to fail: half of the noise is found out.
#[test]
fn noise_of_half_the_scale_is_found_out() {
    let claimed = part(1, 500_000);
    let cheat = part(1, 1_000_000);
    let (one, other) = (drawn(&cheat, 0, draws()), drawn(&cheat, 1, draws()));
    assert!(least_epsilon(&one, &other) > quote(&claimed).unwrap().epsilon as f64 / MICRO);
}

#[test]
fn noise_has_the_spread_its_scale_says_and_no_bias() {
    let part = part(1, 250_000);
    let noise = quote(&part).unwrap();
    let numbers = drawn(&part, 0, draws());
    let n = numbers.len() as f64;
    let mean = numbers.iter().map(|x| *x as f64).sum::<f64>() / n;
    let size = numbers.iter().map(|x| x.abs() as f64).sum::<f64>() / n;
    let scale = noise.scale_1024 as f64 / 1024.0;
    // Of discrete Laplace: E|X| = 2p / (1 - p²), p = e^{-1/b}.
    let p = (-1.0 / scale).exp();
    let expected = 2.0 * p / (1.0 - p * p);
    assert!(mean.abs() < 7.0 * scale * 1.5 / n.sqrt(), "bias {mean}");
    assert!((size / expected - 1.0).abs() < 0.06, "{size} against {expected}");
}

fn question(measure: Measure) -> Question {
    Question {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: "g/dL".into(),
        category: Category::Laboratory,
        cohort: Cohort { sex: None, age: None, from: 0, until: 2600 * WEEK },
        measure,
        contributions: 2,
    }
}

const BOUNDS: Bounds = Bounds { lower: 50, upper: 200, scale: 1 };

/// A hospital of `patients`, each with two values; the last one far out.
fn tally(question: &Question, patients: u64, target: bool) -> Tally {
    let mut tally = Tally::new(&question.measure);
    let values = |value: i64| {
        let all = (0..2).map(|at| Contribution { at, key: String::new(), value }).collect();
        newest(all, question.contributions, Some(&BOUNDS))
    };
    for patient in 0..patients {
        tally.add(&values(130 + i64::try_from(patient % 20).unwrap()));
    }
    if target {
        tally.add(&values(100_000));
    }
    tally
}

/// All numbers of an answer, as it is released.
fn answer(question: &Question, tally: &Tally, epsilon: u64) -> Vec<Vec<i64>> {
    let parts = plan(question, epsilon).unwrap();
    parts.iter().map(|part| release(part, tally.exact(part.quantity)).unwrap().numbers).collect()
}

/// How often the best guess from one statistic is right, over both worlds.
fn best_guess(without: &mut [i64], with: &mut [i64]) -> f64 {
    without.sort_unstable();
    with.sort_unstable();
    let all: Vec<i64> = without.iter().chain(with.iter()).copied().collect();
    let right = |threshold: i64| 0.5 * (above(with, threshold) + 1.0 - above(without, threshold));
    all.into_iter().map(right).fold(0.5, f64::max)
}

/// Of all guesses an attacker who knows everything but one patient can make, e^ε / (1 + e^ε) are right at most.
fn most_right(epsilon: f64) -> f64 {
    epsilon.exp() / (1.0 + epsilon.exp())
}

/// Two cohorts that differ by one person, each asked once: the difference of two answers is an ε of 2ε, no more.
#[test]
fn differencing_two_cohorts_learns_what_two_epsilon_allow() {
    let question = question(Measure::Sum { bounds: BOUNDS });
    let (everybody, but_one) = (tally(&question, 60, true), tally(&question, 60, false));
    let epsilon = 500_000;
    let rounds = draws() / 20;
    let difference = |all: &Tally| {
        let sum = |tally: &Tally| answer(&question, tally, epsilon)[1][0];
        sum(all) - sum(&but_one)
    };
    let mut with: Vec<i64> = (0..rounds).map(|_| difference(&everybody)).collect();
    let mut without: Vec<i64> = (0..rounds).map(|_| difference(&but_one)).collect();
    let right = best_guess(&mut without, &mut with);
    let bound = most_right(2.0 * epsilon as f64 / MICRO);
    assert!(right <= bound + 2.0 * slack(rounds), "{right} > {bound}");
    assert!(right > 0.5 + slack(rounds) / 8.0, "an attack that learns nothing tests nothing: {right}");
}

/// A tracker asks about a cohort and its complement and everybody: three answers, 3ε.
#[test]
fn a_tracker_learns_what_its_answers_cost() {
    let question = question(Measure::Count {});
    let question = Question { contributions: 1, unit: String::new(), ..question };
    let count = |patients: u64| {
        let mut tally = Tally::new(&question.measure);
        (0..patients).for_each(|_| tally.add(&[0]));
        tally
    };
    let (epsilon, rounds) = (300_000, draws() / 20);
    let number = |tally: &Tally| answer(&question, tally, epsilon)[0][0];
    // Everybody, women, men: the target is a woman or is not there.
    let track = |there: u64| {
        let (all, women, men) = (count(80 + there), count(40 + there), count(40));
        number(&all) + number(&women) - number(&men)
    };
    let mut with: Vec<i64> = (0..rounds).map(|_| track(1)).collect();
    let mut without: Vec<i64> = (0..rounds).map(|_| track(0)).collect();
    let right = best_guess(&mut without, &mut with);
    let bound = most_right(3.0 * epsilon as f64 / MICRO);
    assert!(right <= bound + 2.0 * slack(rounds), "{right} > {bound}");
}

/// Many questions that mean the same, each at its price: averaging is bounded by what the budget pays for.
#[test]
fn averaging_over_a_whole_budget_learns_what_the_budget_allows() {
    let question = question(Measure::Mean { bounds: BOUNDS });
    let (with, without) = (tally(&question, 60, true), tally(&question, 60, false));
    let (budget, each, rounds) = (1_000_000, 100_000, draws() / 100);
    let average =
        |tally: &Tally| (0..budget / each).map(|_| answer(&question, tally, each)[2][0]).sum::<i64>();
    let mut seen_with: Vec<i64> = (0..rounds).map(|_| average(&with)).collect();
    let mut seen_without: Vec<i64> = (0..rounds).map(|_| average(&without)).collect();
    let right = best_guess(&mut seen_without, &mut seen_with);
    let bound = most_right(budget as f64 / MICRO);
    assert!(right <= bound + 2.0 * slack(rounds), "{right} > {bound}");
}

/// The floor is held against a noisy count: one patient more or less changes how often it refuses by e^ε at most, so
/// refusals that cost nothing elsewhere cost here, and tell no more.
#[test]
fn the_floor_tells_no_more_than_its_share() {
    let question = question(Measure::Mean { bounds: BOUNDS });
    let epsilon = 1_000_000;
    let rounds = draws() / 10;
    let refused = |patients: u64| {
        let tally = tally(&question, patients, false);
        let part = plan(&question, epsilon).unwrap()[0];
        let exact = tally.exact(part.quantity)[0];
        let numbers = drawn(&part, exact, rounds);
        (1.0 - above(&numbers, 11), part.share as f64 / MICRO)
    };
    let ((ten, share), (eleven, _)) = (refused(10), refused(11));
    let off = slack(rounds);
    assert!(ten - off <= share.exp() * (eleven + off) && ten > 0.3 && eleven < 0.7, "{ten} {eleven}");
}

#[test]
fn far_below_the_floor_is_refused_and_far_above_answered() {
    let question = question(Measure::Mean { bounds: BOUNDS });
    let outcome = |patients| {
        let numbers = answer(&question, &tally(&question, patients, false), 4_000_000);
        conclude(&question, &numbers, 11).unwrap()
    };
    assert_eq!(outcome(0), Outcome::TooFew, "noise of scale 1 does not reach 11");
    let Outcome::Mean { patients, mean, .. } = outcome(2000) else { panic!("refused") };
    assert!((1900..2100).contains(&patients) && (13_000..15_000).contains(&mean), "{patients} {mean}");
}

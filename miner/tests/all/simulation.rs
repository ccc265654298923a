//! Many seals at low difficulty: who does more of the work wins more of them.

use medrec_miner::{
    measure,
    mine::{Holding, Job, Nonces, Search},
};
use medrec_pow::{Target, U256};

/// 1 % point of chi-square with three degrees of freedom.
const BOUND: f64 = 11.345;
const SEALS: u64 = 2_000;

/// Four researchers with a tenth to four tenths of the work each, by real tries over real entries.
#[test]
fn wins_follow_work() {
    let mut holding = Holding::default();
    holding.add(0, 500, (0..500).map(measure::entry).collect());
    let (mut wins, mut work) = ([0u64; 4], [0u64; 4]);
    for number in 0..SEALS {
        let target = Target::of_work(&U256::from(200u64));
        // Each has his own header, as his address is in it.
        let jobs: Vec<Job> = (0..4u8)
            .map(|miner| {
                let header = medrec_merkle::tagged_hash("test", &[&number.to_be_bytes(), &[miner]]);
                Job { number, header, target, holding: holding.clone() }
            })
            .collect();
        let mut searches: Vec<Search> =
            jobs.iter().map(|job| Search::new(job, Nonces::new(0, 1, 0))).collect();
        // Whoever is first in a turn is another each time.
        'seal: for turn in number.. {
            for at in 0..4 {
                let miner = ((turn + at) % 4) as usize;
                for _ in 0..=miner {
                    let found = searches[miner].run(1);
                    work[miner] += searches[miner].take_tally().tries;
                    if found.is_some() {
                        wins[miner] += 1;
                        break 'seal;
                    }
                }
            }
        }
    }
    let all: u64 = work.iter().sum();
    let expected = work.map(|work| work as f64 / all as f64 * SEALS as f64);
    let chi: f64 = wins.iter().zip(expected).map(|(won, due)| (*won as f64 - due).powi(2) / due).sum();
    assert!(chi < BOUND, "chi-square {chi}: {wins:?} of {expected:?}");
    assert_eq!(wins.iter().sum::<u64>(), SEALS);
}

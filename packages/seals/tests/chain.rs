//! A chain of seals is checked offline; targets follow the rules.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::type_complexity,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

use medrec_pow::{Header, Target, U256, seal_id};
use medrec_seals::{Chain, Error, Link, Retarget, Rules};
use proptest::prelude::*;

fn target(bits: u32) -> Target {
    Target::new(U256::MAX.shr(bits)).unwrap()
}

fn rules() -> Rules {
    Rules { interval: 60, half_life: 600, anchor: target(16), easiest: target(4), hardest: target(64) }
}

const CHAIN: &str = "medrec-local-1";
const CONTRACT: &str = "medrec1authlog";

/// Seals found after these many seconds each, with mixes made up: nobody checks entries here.
fn links(rules: &Rules, gaps: &[u64]) -> Vec<Link<'static>> {
    let (mut previous, mut frozen_at) = ([0; 32], 1_800_000_000);
    let mut retarget = Retarget::start(rules);
    let mut links = Vec::new();
    for (number, gap) in (1..).zip(gaps) {
        if number > 1 {
            frozen_at += gap;
            retarget = retarget.next(rules, *gap);
        }
        let header = Header {
            chain_id: CHAIN,
            contract: CONTRACT,
            number,
            previous,
            sealed: [number as u8; 32],
            entries: number,
            target: retarget.target,
            frozen_at,
            miner: "medrec1researcher",
        };
        let mix = [0; 32];
        let id = seal_id(&header.hash(), number, &mix);
        links.push(Link {
            number,
            previous,
            sealed: header.sealed,
            entries: number,
            target: retarget.target,
            frozen_at,
            miner: header.miner,
            nonce: number,
            mix,
            id,
        });
        previous = id;
    }
    links
}

fn check(links: &[Link]) -> Result<Chain, Error> {
    let mut chain = Chain::new(CHAIN, CONTRACT, rules()).unwrap();
    links.iter().try_for_each(|link| chain.push(link).map(drop))?;
    Ok(chain)
}

#[test]
fn a_chain_holds_and_adds_up() {
    let links = links(&rules(), &[60; 50]);
    let chain = check(&links).unwrap();
    assert_eq!((chain.seals(), chain.tip()), (50, links[49].id));
    let work = links.iter().fold(U256::ZERO, |sum, link| sum.checked_add(&link.target.work()).unwrap());
    assert_eq!(chain.work(), work);
}

#[test]
fn any_change_breaks_it() {
    let good = links(&rules(), &[60, 10, 300, 60, 60]);
    let changes: [(&str, fn(&mut Link)); 10] = [
        ("number", |link| link.number += 1),
        ("previous", |link| link.previous[31] ^= 1),
        ("sealed", |link| link.sealed[0] ^= 0x80),
        ("entries", |link| link.entries ^= 1),
        ("target", |link| link.target = Target::new(link.target.value().shr(1)).unwrap()),
        ("frozen_at", |link| link.frozen_at += 1),
        ("miner", |link| link.miner = "medrec1thief"),
        ("nonce", |link| link.nonce ^= 1),
        ("mix", |link| link.mix[31] ^= 1),
        ("id", |link| link.id[0] ^= 1),
    ];
    for at in 0..good.len() {
        for (what, change) in changes {
            let mut bad = good.clone();
            change(&mut bad[at]);
            assert!(check(&bad).is_err(), "{what} of seal {}", at + 1);
        }
        let mut missing = good.clone();
        missing.remove(at);
        assert!(at + 1 == good.len() || check(&missing).is_err());
    }
    assert!(check(&good[1..]).is_err());
    let mut other = Chain::new("medrec-local-2", CONTRACT, rules()).unwrap();
    assert!(matches!(other.push(&good[0]), Err(Error::Id { number: 1, .. })));
}

#[test]
fn a_mix_above_its_target_is_seen_even_with_a_matching_id() {
    let mut link = links(&rules(), &[60])[0];
    link.mix = [0xff; 32];
    let chain = Chain::new(CHAIN, CONTRACT, rules()).unwrap();
    link.id = seal_id(&chain.header(&link).hash(), link.nonce, &link.mix);
    assert!(matches!(check(&[link]), Err(Error::Mix { number: 1, .. })));
}

#[test]
fn new_rules_start_at_their_anchor() {
    let first = links(&rules(), &[60; 3]);
    let mut chain = check(&first).unwrap();
    let other = Rules { anchor: target(20), ..rules() };
    chain.set_rules(other).unwrap();
    let mut next = Link { number: 4, previous: first[2].id, target: target(20), ..first[2] };
    next.id = seal_id(&chain.header(&next).hash(), next.nonce, &next.mix);
    chain.push(&next).unwrap();
}

#[test]
fn rules_that_give_no_target_are_refused() {
    let wrong = [
        Rules { interval: 0, ..rules() },
        Rules { half_life: 0, ..rules() },
        Rules { anchor: target(3), ..rules() },
        Rules { anchor: target(65), ..rules() },
    ];
    for rules in wrong {
        assert!(matches!(Chain::new(CHAIN, CONTRACT, rules), Err(Error::Rules { .. })));
    }
}

#[test]
fn on_schedule_the_target_stays() {
    let mut retarget = Retarget::start(&rules());
    for _ in 0..500 {
        retarget = retarget.next(&rules(), 60);
        assert_eq!(retarget.target, rules().anchor);
    }
}

#[test]
fn idle_hours_do_not_pile_up() {
    let mut retarget = Retarget::start(&rules());
    for _ in 0..64 {
        retarget = retarget.next(&rules(), 60);
    }
    let idle = retarget.next(&rules(), 8 * 3_600);
    assert_eq!((idle.elapsed, idle.waiting), (retarget.elapsed + 240, 200));
    // A day, or for ever, is worth no more.
    assert_eq!(idle, retarget.next(&rules(), 86_400));
    assert_eq!(idle, retarget.next(&rules(), u64::MAX));
    // What waits counts with the next seal, even one found at once, and then it is used up.
    let soon = idle.next(&rules(), 0);
    assert_eq!((soon.elapsed, soon.waiting), (idle.elapsed + 200, 0));
    assert_eq!(soon.next(&rules(), 0).elapsed, soon.elapsed);
}

/// Security H22: whoever is back first after a night takes no run of cheap seals. Seals here are found the moment the one
/// before is.
#[test]
fn a_night_gives_no_run_of_cheap_seals() {
    // Test rules, the pilot's, production's: interval and half-life. Four intervals and a third of a half-life are all
    // that a night gives; production's half-life is so long that the whole night is less.
    for (interval, half_life) in [(60, 600), (5, 50), (600, 172_800)] {
        let anchor = target(40);
        let rules = Rules { interval, half_life, anchor, easiest: target(1), hardest: target(64) };
        let mut retarget = Retarget::start(&rules);
        for _ in 0..64 {
            retarget = retarget.next(&rules, interval);
        }
        let mut late = 8 * 3_600 - interval;
        late = late.min(3 * interval + half_life / 3);
        retarget = retarget.next(&rules, 8 * 3_600);
        let (mut least, mut cheaper) = (1.0f64, 0);
        while work(&retarget) < work_of(&anchor) {
            least = least.min(work(&retarget) / work_of(&anchor));
            cheaper += 1;
            retarget = retarget.next(&rules, 0);
        }
        let bound = (-(late as f64) / half_life as f64).exp2();
        assert!(
            least >= bound * 0.999,
            "{interval} s, {half_life} s: {least} of the work, {bound} is allowed"
        );
        assert!(cheaper <= late.div_ceil(interval), "{interval} s, {half_life} s: {cheaper} seals");
    }
}

fn work(retarget: &Retarget) -> f64 {
    work_of(&retarget.target)
}

fn work_of(target: &Target) -> f64 {
    target.work().to_be_bytes().iter().fold(0.0, |value, byte| value * 256.0 + f64::from(*byte))
}

#[test]
fn work_keeps_a_quarter_of_its_mean() {
    let mut retarget = Retarget::start(&rules());
    let mut least = U256::MAX;
    for _ in 0..40 {
        let before = retarget;
        retarget = retarget.next(&rules(), u64::MAX);
        let quarter = before.mean.checked_div(&U256::from(4)).unwrap();
        // Whole numbers: off by one at most.
        assert!(retarget.target.work().checked_add(&U256::ONE).unwrap() >= quarter);
        least = least.min(retarget.target.work());
    }
    assert!(least < rules().anchor.work().checked_div(&U256::from(3)).unwrap(), "the floor never held");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn targets_stay_within_their_bounds(gaps in prop::collection::vec(0u64..2_000, 1..80)) {
        let rules = rules();
        let mut retarget = Retarget::start(&rules);
        for gap in gaps {
            let next = retarget.next(&rules, gap);
            prop_assert!(next.target <= rules.easiest && next.target >= rules.hardest);
            let (counted, passed) = (next.elapsed - retarget.elapsed, retarget.waiting + gap);
            prop_assert!(counted <= 4 * rules.interval && next.waiting <= rules.half_life / 3);
            // What counts has passed, once; nothing waits while there is room.
            prop_assert!(counted + next.waiting <= passed);
            prop_assert!(next.waiting == 0 || counted == 4 * rules.interval);
            let (low, high) = if retarget.mean < next.target.work() { (retarget.mean, next.target.work()) } else { (next.target.work(), retarget.mean) };
            prop_assert!(next.mean >= low && next.mean <= high);
            retarget = next;
        }
    }
}

#[test]
fn a_hundred_thousand_seals_are_checked_in_seconds() {
    let links = links(&rules(), &vec![60; 100_000]);
    assert_eq!(check(&links).unwrap().seals(), 100_000);
}

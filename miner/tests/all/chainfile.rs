//! Exports: what holds, and that nothing that was changed does.

use medrec_miner::chainfile::{Checked, Error, Source, verify};
use medrec_pow::{Target, U256};
use medrec_seals::Rules;
use proptest::prelude::*;

use crate::sample;

fn check(text: &str) -> Result<Checked, Error> {
    verify(text.as_bytes(), 2, Source::None)
}

#[test]
fn a_chain_holds_and_says_what_it_is() {
    let text = sample::export(1_100, 3).unwrap();
    let checked = check(&text).unwrap();
    assert_eq!((checked.seals, checked.recalled, checked.work), (1_100, 0, U256::from(1_100u64)));
    assert_eq!(checked.by.values().copied().collect::<Vec<_>>(), [367, 367, 366]);
    assert_eq!(checked.institutions.len(), 1);
    // However many threads look.
    for threads in [1, 3, 64] {
        assert_eq!(verify(text.as_bytes(), threads, Source::None).unwrap(), checked);
    }
    assert_eq!(check(&sample::export(0, 1).unwrap()).unwrap().seals, 0);
}

/// Twice in the middle; once with a seal that has not been found yet.
#[test]
fn rules_that_changed_are_followed() {
    let harder = |bits| {
        let anchor = Target::new(U256::MAX.shr(bits)).unwrap();
        Rules { interval: 30, anchor, ..sample::rules() }
    };
    let history = [(1, sample::rules()), (40, harder(4)), (41, harder(2)), (101, harder(3))];
    let text = sample::export_under(&history, 100, 2).unwrap();
    let checked = check(&text).unwrap();
    let from: Vec<u64> = checked.rules.iter().map(|rules| rules.from).collect();
    assert_eq!((checked.seals, from), (100, vec![1, 40, 41, 101]));

    let end = text.trim_end().rfind('\n').unwrap() + 1;
    let with = |from: &str, to: &str| {
        let mut changed = text[..end].replacen(from, to, 1);
        assert_ne!(changed, text[..end]);
        sample::close(&mut changed, 100, &checked.work).unwrap();
        check(&changed).unwrap_err().to_string()
    };
    assert!(with("\"from\":40", "\"from\":39").contains("seal 39 has another target"));
    assert!(with("\"from\":41", "\"from\":42").contains("seal 41 has another target"));
    assert!(with("\"from\":1,", "\"from\":2,").contains("no rules for its first seal"));
    assert!(with("\"from\":41", "\"from\":40").contains("not in order"));
    // As exports were: the rules of today only.
    let rules = text.find("[{\"from\":1,").unwrap()..text.find(",\"institutions\"").unwrap();
    assert!(with(&text[rules], "[]").contains("no rules for its first seal"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_changed_bit_is_caught(at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = sample::export(3, 2).unwrap().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(verify(&bytes, 1, Source::None).is_err(), "byte {} bit {}", at, bit);
    }

    /// Who changes the file may change its digest too: then it is signatures and links that hold.
    #[test]
    fn every_changed_bit_is_caught_under_a_digest_that_fits(at: prop::sample::Index, bit in 0u8..8) {
        let text = sample::export(3, 2).unwrap();
        let end = text.trim_end().rfind('\n').unwrap() + 1;
        let mut bytes = text.as_bytes()[..end].to_vec();
        // The rules are nobody's word: whoever checks compares them with those the consortium publishes.
        let rules = text.find("\"rules\"").unwrap()..text.find("\"institutions\"").unwrap();
        let at = at.index(bytes.len());
        prop_assume!(!rules.contains(&at));
        bytes[at] ^= 1 << bit;
        let Ok(mut changed) = String::from_utf8(bytes) else { return Ok(()) };
        sample::close(&mut changed, 3, &U256::from(3u64)).unwrap();
        prop_assert!(check(&changed).is_err(), "byte {} bit {}", at, bit);
    }
}

#[test]
fn lines_that_are_swapped_cut_or_repeated_are_caught() {
    let text = sample::export(5, 2).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let with = |lines: &[&str], seals: u64| {
        let mut changed: String = lines.iter().map(|line| format!("{line}\n")).collect();
        sample::close(&mut changed, seals, &U256::from(seals)).unwrap();
        check(&changed)
    };
    assert!(with(&lines[..6], 5).is_ok());
    // The end may be cut: a shorter chain is one too, of less work.
    assert_eq!(with(&lines[..4], 3).unwrap().seals, 3);
    assert!(matches!(with(&lines[..6], 4), Err(Error::End { .. })));
    let mut swapped = lines[..6].to_vec();
    swapped.swap(2, 3);
    assert!(with(&swapped, 5).is_err());
    let mut cut = lines[..6].to_vec();
    cut.remove(3);
    assert!(with(&cut, 4).is_err());
    let mut twice = lines[..6].to_vec();
    twice.insert(3, twice[3]);
    assert!(with(&twice, 6).is_err());
    for text in ["", "\n", "{}", "{}\n{}\n", &text[..text.len() - 1], &text[..text.len() / 2]] {
        assert!(check(text).is_err());
    }
}

#[test]
fn only_certified_researchers_seals_hold() {
    let text = sample::export(4, 2).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let changed = |from: &str, to: &str| {
        let mut first = lines[0].replace(from, to);
        assert_ne!(first, lines[0]);
        first.push('\n');
        let mut text: String =
            std::iter::once(first).chain(lines[1..5].iter().map(|l| format!("{l}\n"))).collect();
        sample::close(&mut text, 4, &U256::from(4u64)).unwrap();
        check(&text).unwrap_err().to_string()
    };
    assert!(changed("Researcher 1", "Researcher 9").contains("certificate"));
    assert!(changed("\"certified_by\":1", "\"certified_by\":2").contains("not listed"));
    assert!(changed("medrec-sample-1", "medrec-sample-2").contains("certificate"));
    assert!(changed("medrec1researcher1", "medrec1researcher9").contains("certificate"));
    assert!(changed("medrec1authlog", "medrec1authlag").contains("signature"));
    assert!(changed("medrec-seals/2", "medrec-seals/1").contains("format"));
}

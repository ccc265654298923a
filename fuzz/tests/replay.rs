//! Every target over its corpus. `MEDREC_BLESS=1` writes the inputs that are known to be accepted into it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

mod seeds;

use std::{collections::BTreeSet, fs, path::PathBuf};

use medrec_fuzz::{TARGETS, target};

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// A target that accepts nothing would search in the dark.
#[test]
fn what_is_right_is_accepted() {
    for (name, title, input) in seeds::all() {
        let folder = corpus().join(name);
        if std::env::var_os("MEDREC_BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("right-{title}")), &input).unwrap();
        }
        let accepted = target(name).expect(name)(&input);
        assert!(accepted, "{name}: {title}: {}", String::from_utf8_lossy(&input));
    }
    let seeded: BTreeSet<&str> = seeds::all().iter().map(|(name, ..)| *name).collect();
    assert_eq!(seeded, TARGETS.iter().map(|(name, _)| *name).collect());
}

/// What broke a parser once, and what the fuzzer found worth keeping. Also with its end missing, and with a byte changed.
#[test]
fn nothing_in_the_corpus_breaks_a_parser() {
    for (name, target) in TARGETS {
        let files: Vec<PathBuf> =
            fs::read_dir(corpus().join(name)).expect(name).map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let input = fs::read(&file).unwrap();
            target(&input);
            let step = input.len() / 16 + 1;
            for at in (0..input.len()).step_by(step) {
                target(&input[..at]);
                let mut changed = input.clone();
                changed[at] ^= 0x41;
                target(&changed);
            }
        }
    }
}

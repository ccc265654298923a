//! The fuzzer: `MEDREC_FUZZ` names the target. libFuzzer brings `main`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use medrec_fuzz::{Target, target};

static CHOSEN: LazyLock<Option<Target>> =
    LazyLock::new(|| std::env::var("MEDREC_FUZZ").ok().and_then(|name| target(&name)));

fuzz_target!(|input: &[u8]| -> Corpus {
    match &*CHOSEN {
        Some(target) => {
            target(input);
            Corpus::Keep
        }
        None => {
            eprintln!("MEDREC_FUZZ names no target");
            std::process::exit(2)
        }
    }
});

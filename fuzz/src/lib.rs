//! One function for each parser that reads what others send. Given any bytes it must end, without a panic and without
//! using more memory than its input explains; where something is written back, it must be what was read.
//!
//! `cargo xtask fuzz NAME --seconds N` runs one under libFuzzer; `tests/replay.rs` runs each over its corpus
//! (`corpus/<name>/`), in which every input that ever broke one stays.

mod chain;
mod gate;
mod log;
mod research;

use std::path::Path;

use medrec_relayer::adapter::Mapping;
use medrec_wallet::Card;

/// Reads `input`; true if it was accepted. Panics if what was accepted is not what it should be.
pub type Target = fn(input: &[u8]) -> bool;

/// Every target by its name.
pub const TARGETS: [(&str, Target); 14] = [
    ("request", gate::request),
    ("answer", gate::answer),
    ("exported", gate::exported),
    ("problem", gate::problem),
    ("card", card),
    ("tile-path", log::tile_path),
    ("bundle", log::bundle),
    ("checkpoint", log::checkpoint),
    ("body", log::body),
    ("events", chain::events),
    ("rpc", chain::rpc),
    ("mapping", mapping),
    ("recalls", research::recalls),
    ("research-answer", research::research_answer),
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// A card as pasted at the desk.
fn card(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else { return false };
    let Ok(card) = Card::parse(text) else { return false };
    let cbor = card.to_cbor().unwrap_or_default();
    assert!(Card::from_cbor(&cbor).is_ok_and(|again| again == card), "a card reads back as it was");
    let _ = card.verify("medrec-test-1", &[3; 32]);
    true
}

/// An operator's mapping file.
fn mapping(input: &[u8]) -> bool {
    str::from_utf8(input).is_ok_and(|text| Mapping::parse(text, Path::new("mapping.toml")).is_ok())
}

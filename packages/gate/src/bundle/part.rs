//! One relationship: entries → checkpoint → anchor, and that none is missing.

use std::collections::BTreeMap;

use medrec_accesslog::{Anchor, Body, EntryError, LogKey, Opened, Ratchet, SignedCheckpoint, check_anchor};
use medrec_merkle::{Hash, verify_multi};
use medrec_pow::U256;
use medrec_record::relationship_ref;
use medrec_wallet::ContractRef;

use super::records::{self, ShownRecord};
use super::{Counted, Fault, Part};
use crate::seals::Run;

/// One relationship after the check.
#[derive(Debug)]
pub struct CheckedPart {
    pub relationship: u64,
    /// Entries of the log that the quoted anchor vouches for, and that its checkpoint has.
    pub anchored: u64,
    pub size: u64,
    /// Seals that cover the log, the one with the fewest entries first.
    pub covers: Vec<Cover>,
    /// What each entry shown says, in the order of the bundle.
    pub entries: Vec<Result<Opened, EntryError>>,
    /// Those whose contents or filing are shown.
    pub records: Vec<ShownRecord>,
    /// Records of the answers that the exporter left out.
    pub hidden: usize,
    pub faults: Vec<Fault>,
}

/// A seal over a log's first entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    pub seal: u64,
    /// When what it covers was there at the latest, seconds since 1970.
    pub at: u64,
    pub entries: u64,
    /// Tries that it and the seals on top of it took on average.
    pub work: U256,
}

/// What the checks of answers look up.
pub(super) struct Log<'a> {
    pub part: &'a Part,
    pub contract: &'a ContractRef,
    pub reference: Hash,
    pub opened: &'a [Result<Opened, EntryError>],
    /// Counter → place in the part's entries.
    pub places: BTreeMap<u64, usize>,
    /// The entries are in the checkpoint.
    pub sound: bool,
    pub anchored: u64,
}

/// `run`: the seals of the bundle, if they hold.
pub(super) fn check(part: &Part, contract: &ContractRef, run: Option<&Run>) -> CheckedPart {
    let mut faults = Vec::new();
    let key = part.institution.log_key().map_err(|e| faults.push(Fault::LogKey(e.to_string()))).ok();
    let checkpoint = key.as_ref().and_then(|key| {
        key.verify_note(&part.checkpoint).map_err(|e| faults.push(Fault::Checkpoint(e.to_string()))).ok()
    });
    let (anchored, sound) = match &checkpoint {
        None => (0, false),
        Some(signed) => (held_against_anchor(part, signed, &mut faults), logged(part, signed, &mut faults)),
    };
    let covers = match (&checkpoint, run) {
        (Some(signed), Some(run)) => covers(part, signed, run, &mut faults),
        _ => Vec::new(),
    };
    let opened: Vec<_> =
        part.entries.iter().map(|shown| shown.entry().open_with(shown.counter, &shown.key())).collect();
    let unreadable = part.entries.iter().zip(&opened).filter_map(|(shown, opened)| {
        let reason = opened.as_ref().err()?.to_string();
        Some(Fault::Unreadable { index: shown.index, reason })
    });
    faults.extend(unreadable);
    let places = numbered(part, &mut faults);
    let reference = relationship_ref(&contract.chain_id, &contract.address, part.relationship);
    let size = checkpoint.as_ref().map_or(0, |signed| signed.checkpoint.size);
    if part.whole {
        check_whole(part, &opened, &places, &mut faults);
    }
    if let (Some(counted), Some(key)) = (&part.counter, &key) {
        check_counter(part, counted, key, &reference, size, &mut faults);
    }
    let log = Log { part, contract, reference, opened: &opened, places, sound, anchored };
    let (records, hidden) = records::check(&log, &mut faults);
    CheckedPart {
        relationship: part.relationship,
        anchored,
        size,
        covers,
        entries: opened,
        records,
        hidden,
        faults,
    }
}

/// Each head under its seal and of one history with the checkpoint.
fn covers(part: &Part, signed: &SignedCheckpoint, run: &Run, faults: &mut Vec<Fault>) -> Vec<Cover> {
    let mut covers = Vec::new();
    for head in &part.sealed {
        let seal = match head.check(run, &part.institution.log_origin) {
            Ok(seal) => seal,
            Err(e) => {
                faults.push(Fault::Seals(e));
                continue;
            }
        };
        let anchor = Anchor { size: head.size, root: head.root };
        if let Err(e) = check_anchor(signed, &anchor, &head.consistency) {
            faults.push(Fault::SealedHistory { seal: head.seal, reason: e.to_string() });
            continue;
        }
        let work = run.work_from(seal.number).unwrap_or_default();
        covers.push(Cover { seal: seal.number, at: seal.frozen_at, entries: head.size, work });
    }
    covers.sort_by_key(|cover| cover.entries);
    covers
}

impl CheckedPart {
    /// The first seal that covers an entry of the log.
    pub fn covering(&self, index: u64) -> Option<&Cover> {
        self.covers.iter().find(|cover| cover.entries > index)
    }
}

/// Gives how many entries the anchor vouches for.
fn held_against_anchor(part: &Part, signed: &SignedCheckpoint, faults: &mut Vec<Fault>) -> u64 {
    let anchor = Anchor { size: part.anchor.size, root: part.anchor.root };
    let size = signed.checkpoint.size;
    if (anchor.size == 0 || size == 0) && !part.consistency.is_empty() {
        faults.push(Fault::Anchor("a proof where nothing is to be proven".to_owned()));
    }
    match check_anchor(signed, &anchor, &part.consistency) {
        Ok(()) => anchor.size.min(size),
        Err(e) => {
            faults.push(Fault::Anchor(e.to_string()));
            0
        }
    }
}

fn logged(part: &Part, signed: &SignedCheckpoint, faults: &mut Vec<Fault>) -> bool {
    let leaves: Vec<(u64, Hash)> =
        part.entries.iter().map(|shown| (shown.index, shown.entry().leaf_hash())).collect();
    let (size, root) = (signed.checkpoint.size, &signed.checkpoint.root);
    let checked = verify_multi(&leaves, size, &part.proof, root);
    checked.map_err(|e| faults.push(Fault::NotLogged(e.to_string()))).is_ok()
}

/// Counter → place, and that they ascend as the log does.
fn numbered(part: &Part, faults: &mut Vec<Fault>) -> BTreeMap<u64, usize> {
    let counters = part.entries.iter().map(|shown| shown.counter);
    for (before, after) in counters.clone().zip(counters.clone().skip(1)) {
        if after <= before {
            let what = format!("number {after} stands behind number {before}");
            faults.push(Fault::NotWhole { what });
        }
    }
    counters.zip(0..).collect()
}

fn check_whole(
    part: &Part,
    opened: &[Result<Opened, EntryError>],
    places: &BTreeMap<u64, usize>,
    faults: &mut Vec<Fault>,
) {
    let mut not_whole = |what: String| faults.push(Fault::NotWhole { what });
    let count = part.entries.len() as u64;
    let missing = (0..count).filter(|counter| !places.contains_key(counter)).take(3);
    let missing: Vec<String> = missing.map(|counter| counter.to_string()).collect();
    if !missing.is_empty() {
        not_whole(format!("number {} is missing", missing.join(", ")));
    }
    let begins =
        |opened: &Result<Opened, EntryError>| matches!(opened, Ok(Opened { body: Body::Opened { .. }, .. }));
    if let Some(first) = opened.first()
        && !begins(first)
    {
        not_whole("the first does not begin a relationship".to_owned());
    }
    // Another relationship's entries begin with their own.
    if opened.iter().filter(|one| begins(one)).count() > 1 {
        not_whole("more than one begins a relationship".to_owned());
    }
}

fn check_counter(
    part: &Part,
    Counted(counted): &Counted,
    key: &LogKey,
    reference: &Hash,
    size: u64,
    faults: &mut Vec<Fault>,
) {
    if let Err(e) = counted.verify(key, reference) {
        faults.push(Fault::Counter(e.to_string()));
        return;
    }
    if counted.size > size {
        faults.push(Fault::Counter(format!("it is of {} entries, the checkpoint has {size}", counted.size)));
    }
    let among = part.entries.iter().filter(|shown| shown.index < counted.size).count() as u64;
    if part.whole && among != counted.counter {
        let (says, of) = (counted.counter, counted.size);
        let what = format!("{says} are signed for among the first {of} of the log, {among} are shown");
        faults.push(Fault::NotWhole { what });
    }
}

/// For whoever holds the ratchet: each entry is the one its number must be, and is opened by its own key.
pub fn check_labels(part: &Part, mut ratchet: Ratchet) -> Vec<Fault> {
    let mut ours = BTreeMap::new();
    // A number far above that of the entries shown is wrong without walking to it.
    let farthest = (part.entries.len() as u64).saturating_add(MAX_MISSING);
    let last = part.entries.iter().map(|shown| shown.counter).max();
    let end = last.map_or(0, |last| last.saturating_add(1).min(farthest));
    while ratchet.counter() < end {
        let step = ratchet.step();
        ours.insert(step.counter(), (step.label(), step.entry_key()));
    }
    let wrong = part.entries.iter().filter(|shown| {
        ours.get(&shown.counter)
            .is_none_or(|(label, key)| *label != shown.entry().label() || *key != shown.key())
    });
    wrong.map(|shown| Fault::Label { counter: shown.counter, index: shown.index }).collect()
}

/// So many may be missing before what stands behind them is not looked at.
const MAX_MISSING: u64 = 4_096;

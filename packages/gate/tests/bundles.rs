//! A bundle proves itself: what is right passes, and nothing that was changed does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{House, ORIGIN, RELATIONSHIP, contract, key};
use medrec_accesslog::{Body, Entry, Root};
use medrec_gate::bundle::{
    AnchorFacts, Answered, ChainFacts, Content, Contents, Counted, Fault, InstitutionFacts, Part,
    RecordListed, Selection, Shown, Standing, check_labels,
};
use medrec_gate::seals::Run;
use medrec_gate::{Answer, Bundle};
use medrec_merkle::{Tree, consistency_proof, multi_proof};
use serde_json::Value;

/// Others' entries before each of hers.
const OTHERS: u64 = 3;
const ANCHORED: u64 = 20;

fn root() -> Root {
    Root::from_bytes([23; 32])
}

fn ratchet() -> medrec_accesslog::Ratchet {
    root().ratchet(&contract().place(RELATIONSHIP, ORIGIN))
}

/// The house's log as it would be among others' entries.
struct Made {
    house: House,
    content: Content,
}

fn made() -> Made {
    made_of(House::new())
}

fn made_of(house: House) -> Made {
    let (mut tree, mut anchored) = (Tree::new(), Tree::new());
    let mut push = |leaf| {
        if tree.size() < ANCHORED {
            anchored.push(leaf).unwrap();
        }
        tree.push(leaf).unwrap();
        tree.size() - 1
    };
    let mut steps = ratchet();
    let mut entries = Vec::new();
    for (counter, entry) in (0u64..).zip(&house.entries) {
        for n in 0..OTHERS {
            push(Entry::from_bytes([(counter * OTHERS + n) as u8; 512]).leaf_hash());
        }
        let index = push(entry.leaf_hash());
        let key = *steps.step().entry_key().as_bytes();
        entries.push(Shown { counter, index, entry: *entry.as_bytes(), key });
    }
    let (size, head) = (tree.size(), tree.root());
    let indices: Vec<u64> = entries.iter().map(|shown| shown.index).collect();
    let reference = medrec_record::relationship_ref(&contract().chain_id, &contract().address, RELATIONSHIP);
    let part = Part {
        relationship: RELATIONSHIP,
        patient: key().address().to_owned(),
        institution: InstitutionFacts {
            id: 1,
            name: "North".into(),
            url: common::URL.into(),
            signing_key: house.signing_key.verifying_key().to_bytes(),
            log_origin: ORIGIN.into(),
            log_key: *house.log.public().public_key(),
        },
        checkpoint: house.log.sign(size, head).note(),
        anchor: AnchorFacts { size: ANCHORED, root: anchored.root(), height: 90, at: common::NOW },
        consistency: consistency_proof(&tree, ANCHORED, size).unwrap(),
        proof: multi_proof(&tree, &indices, size).unwrap(),
        sealed: Vec::new(),
        whole: true,
        counter: Some(Counted(house.log.sign_counter(&reference, entries.len() as u64, size, common::NOW))),
        answers: vec![answered(&house.answer)],
        entries,
    };
    let chain = ChainFacts {
        chain_id: contract().chain_id,
        registrar: "medrec1registrar".into(),
        relationship: contract().address,
        authlog: "medrec1authlog".into(),
    };
    Made { house, content: Content { made_at: common::NOW, chain, parts: vec![part], seals: Run::default() } }
}

fn answered(answer: &Answer) -> Answered {
    let records = answer.records.iter().map(|record| RecordListed {
        id: record.id,
        version: record.version,
        commitment: record.filed.entry().commitment(),
        mark: record.mark,
        // In the house's own log an entry's index is its counter.
        filed: Some(record.filed.index),
        content: Some(Contents { resource: record.resource.clone(), version_key: record.version_key }),
    });
    Answered { header: answer.header.clone(), signature: answer.signature, records: records.collect() }
}

fn signed(content: Content) -> Bundle {
    let key = key();
    let keys = vec![&key; content.parts.len()];
    content.sign(&keys).unwrap()
}

fn faults(content: &Content) -> Vec<Fault> {
    content.verify().faults().map(|(_, fault)| fault.clone()).collect()
}

#[test]
fn what_is_right_passes_and_reads_back() {
    let bundle = signed(made().content);
    let again = Bundle::parse(&serde_json::to_vec(&bundle).unwrap()).unwrap();
    assert_eq!(again, bundle);
    let verified = again.verify();
    assert_eq!(verified.faults().collect::<Vec<_>>(), []);
    let part = &verified.parts[0];
    assert_eq!((part.size, part.anchored, part.entries.len(), part.hidden), (24, ANCHORED, 6, 0));
    assert!(part.records.iter().all(|record| record.standing == Standing::Anchored), "{:?}", part.records);
    assert_eq!(check_labels(&bundle.content.parts[0], ratchet()), []);
    let disputed = &bundle.content.parts[0].answers[0].records[1];
    assert_eq!(verified.note_of(&bundle.content.parts[0], disputed).as_deref(), Some("of somebody else"));
}

#[test]
fn another_relationships_entries_have_other_labels() {
    let part = &made().content.parts[0];
    let other = Root::from_bytes([24; 32]).ratchet(&contract().place(RELATIONSHIP, ORIGIN));
    assert_eq!(check_labels(part, other).len(), part.entries.len());
    let mut far = part.clone();
    far.entries[5].counter = u64::MAX;
    assert_eq!(check_labels(&far, ratchet()), [Fault::Label { counter: u64::MAX, index: 23 }]);
}

#[test]
fn entries_and_records_left_out_are_missed() {
    let content = made().content;
    let mut rolled = content.clone();
    rolled.parts[0].answers[0].records.pop();
    let found = faults(&rolled);
    assert!(found.contains(&Fault::Manifest { scope: "labs".into() }), "{found:?}");
    assert!(found.iter().any(|f| matches!(f, Fault::Omitted { .. })), "{found:?}");

    // With a proof of what is left: only the counters can tell.
    let part = &content.parts[0];
    let (size, leaves) =
        (24, part.entries.iter().map(|s| (s.index, s.entry().leaf_hash())).collect::<Vec<_>>());
    for gone in 0..part.entries.len() {
        let mut fewer = content.clone();
        fewer.parts[0].entries.remove(gone);
        let kept: Vec<u64> = fewer.parts[0].entries.iter().map(|shown| shown.index).collect();
        fewer.parts[0].proof = medrec_merkle::narrow(&leaves, size, &part.proof, &kept).unwrap().1;
        let found = faults(&fewer);
        assert!(found.iter().any(|f| matches!(f, Fault::NotWhole { .. })), "{gone}: {found:?}");
        assert!(!found.iter().any(|f| matches!(f, Fault::NotLogged(_))), "{gone}: {found:?}");
    }
}

/// The institution signs for what it does not show: a record that was filed, and a version that is not the last.
#[test]
fn an_answer_that_hides_what_was_filed_is_found() {
    let mut house = House::new();
    house.answer.records.pop();
    house.answer.header.count = 2;
    let listed = house.answer.records.iter().map(|record| medrec_gate::Listed {
        id: &record.id,
        version: record.version,
        commitment: &[0; 32],
        mark: record.mark,
    });
    let commitments: Vec<_> = house.answer.records.iter().map(|r| r.filed.entry().commitment()).collect();
    let listed = listed.zip(&commitments).map(|(one, commitment)| medrec_gate::Listed { commitment, ..one });
    house.answer.header.manifest = medrec_gate::answer::manifest(listed);
    house.resign();
    let found = faults(&made_of(house).content);
    assert!(found.iter().any(|f| matches!(f, Fault::Omitted { .. })), "{found:?}");
}

#[test]
fn a_selection_shows_no_more_than_was_asked_for() {
    let Made { content, .. } = made();
    let only = |selection: Selection| {
        let bundle = signed(selection.of(&content).unwrap());
        assert_eq!(bundle.verify().faults().collect::<Vec<_>>(), [], "{selection:?}");
        bundle
    };
    let all = only(Selection::default());
    assert_eq!(all.content, content);

    let log = only(Selection { without_contents: true, ..Selection::default() });
    let text = serde_json::to_string(&log).unwrap();
    assert!(!text.contains("Anaemia") && !text.contains("version_key"), "{text}");
    assert_eq!((log.content.parts[0].entries.len(), log.content.parts[0].whole), (6, true));

    let conditions = only(Selection { types: ["Condition".to_owned()].into(), ..Selection::default() });
    let text = serde_json::to_string(&conditions).unwrap();
    assert!(text.contains("Anaemia") && !text.contains("g/dL"), "{text}");
    let part = &conditions.content.parts[0];
    assert_eq!((part.whole, part.entries.len()), (false, 2), "its filing and the read");
    assert_eq!(conditions.verify().parts[0].hidden, 2);

    let none = only(Selection { scopes: ["notes".to_owned()].into(), ..Selection::default() });
    assert!(none.content.parts[0].answers.is_empty() && none.content.parts[0].entries.is_empty());
    let nobody = only(Selection { relationships: [9].into(), ..Selection::default() });
    assert!(nobody.content.parts.is_empty());
}

#[test]
fn a_stranger_cannot_sign_for_the_patient() {
    let content = made().content;
    let stranger = medrec_wallet::Key::from_secret(&[77; 32]).unwrap();
    let bundle = content.clone().sign(&[&stranger]).unwrap();
    assert!(matches!(bundle.verify().faults[0], Fault::Signature { .. }));
    let mut unsigned = signed(content.clone());
    unsigned.signatures.clear();
    assert_eq!(unsigned.verify().faults.len(), 2);
    let mut twice = content;
    twice.parts.push(twice.parts[0].clone());
    assert!(faults(&twice).contains(&Fault::PartTwice { relationship: RELATIONSHIP }));
}

/// Small and the same at each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }
}

#[test]
fn a_thousand_changed_bytes_are_caught_or_refused() {
    let bundle = signed(made().content);
    let bytes = serde_json::to_vec(&bundle).unwrap();
    let (mut dice, mut refused, mut caught) = (Dice(1), 0, 0);
    for round in 0..1_000 {
        let mut changed = bytes.clone();
        let at = dice.roll(changed.len());
        match round % 3 {
            0 => changed[at] ^= 1 << dice.roll(8),
            1 => drop(changed.remove(at)),
            _ => changed.insert(at, b"0aA,\"{}[]:"[dice.roll(10)]),
        }
        match Bundle::parse(&changed) {
            Err(_) => refused += 1,
            Ok(read) if read == bundle => {}
            Ok(read) => {
                assert!(read.verify().faults().next().is_some(), "round {round}, byte {at}");
                caught += 1;
            }
        }
    }
    assert!(refused > 100 && caught > 100, "{refused} refused, {caught} caught");
}

/// Where the values of a JSON document are.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), found));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, item)| places(item, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

fn bend(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Null => *value = Value::from(0),
        Value::Bool(flag) => *flag = !*flag,
        Value::Number(number) => {
            let n = number.as_u64().unwrap_or(7);
            *value = Value::from([n.wrapping_add(1), n.saturating_sub(1), 0][dice.roll(3)]);
        }
        Value::String(text) => {
            let mut chars: Vec<char> = text.chars().collect();
            match chars.len() {
                0 => chars.push('a'),
                len => {
                    let at = dice.roll(len);
                    chars[at] = if chars[at] == 'a' { 'b' } else { 'a' };
                }
            }
            *text = chars.into_iter().collect();
        }
        Value::Array(items) if !items.is_empty() => {
            let (a, b) = (dice.roll(items.len()), dice.roll(items.len()));
            match dice.roll(3) {
                0 => drop(items.remove(a)),
                1 => items.swap(a, b),
                _ => items.push(items[a].clone()),
            }
        }
        _ => *value = Value::Null,
    }
}

/// What rests on the exporter's word alone: a patient who lies, and signs, may change these and nothing else.
fn is_exporters_word(place: &str, changed: &Content, content: &Content) -> bool {
    let quoted = [
        "/made_at",
        "/chain/registrar",
        "/chain/authlog",
        "/patient",
        "/institution/id",
        "/institution/name",
        "/institution/url",
        "/anchor/height",
        "/anchor/at",
        "/whole",
        "/counter",
        "/content",
    ];
    let hidden = |part: &Part| Part { whole: false, counter: None, answers: Vec::new(), ..part.clone() };
    let only_fewer = changed.parts.len() < content.parts.len()
        || changed
            .parts
            .iter()
            .zip(&content.parts)
            .all(|(a, b)| hidden(a) == hidden(b) && a.answers.len() < b.answers.len() && !a.whole);
    quoted.iter().any(|end| place.ends_with(end)) || only_fewer
}

#[test]
fn a_thousand_edited_fields_are_caught_even_if_the_exporter_signs_them() {
    let content = made().content;
    let document = serde_json::to_value(&content).unwrap();
    let mut all = Vec::new();
    places(&document, "", &mut all);
    let (mut dice, mut caught) = (Dice(2), 0);
    for round in 0..1_000 {
        let place = &all[dice.roll(all.len())];
        let mut changed = document.clone();
        bend(changed.pointer_mut(place).unwrap(), &mut dice);
        let Ok(read) = serde_json::from_value::<Content>(changed) else { continue };
        if read == content || is_exporters_word(place, &read, &content) {
            continue;
        }
        // Fewer answers of a whole log show nothing false: they are simply not there.
        if read.parts.len() == 1 && read.parts[0].answers.len() < content.parts[0].answers.len() {
            continue;
        }
        let found = faults(&read);
        assert!(!found.is_empty(), "round {round}: {place}");
        assert!(signed_is_false_too(&content, &read), "round {round}: {place}");
        caught += 1;
    }
    assert!(caught > 300, "{caught} caught");
}

/// Whoever is not the patient cannot even change what is her word.
fn signed_is_false_too(content: &Content, read: &Content) -> bool {
    let bundle = Bundle { content: read.clone(), ..signed(content.clone()) };
    bundle.verify().faults.iter().any(|fault| matches!(fault, Fault::Signature { .. }))
}

#[test]
fn a_key_that_opens_one_entry_opens_no_other() {
    let Made { house, mut content } = made();
    let entries = &mut content.parts[0].entries;
    (entries[1].key, entries[2].key) = (entries[2].key, entries[1].key);
    let found = faults(&content);
    assert_eq!(found.iter().filter(|f| matches!(f, Fault::Unreadable { .. })).count(), 2, "{found:?}");
    let key = ratchet().step().entry_key();
    assert!(matches!(house.entries[0].open_with(0, &key).unwrap().body, Body::Opened { .. }));
    assert!(house.entries[1].open_with(1, &key).is_err());
}

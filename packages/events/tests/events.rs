//! Kinds, keys and texts of every event, pinned in testdata/golden.json; the way there and back; refusals.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use std::path::Path;

use cosmwasm_std::Binary;
use medrec_api::bounty::{
    AgeBand, Bounds, CatalogueEntry, Category, Cohort, Measure, MeasureKind, Question, Sex, WEEK,
};
use medrec_api::registrar::RegistrationPolicy;
use medrec_api::{GrantKind, Party};
use medrec_events::{CONTRACT_ATTRIBUTE, DecodeError, authlog, bounty, registrar, relationship};
use medrec_rules::{GRANT_TAGS_LEN, GrantTags, Tag, new_tags};
use proptest::prelude::*;
use serde_json::{Value, json};

const CONTRACT: &str = "medrec1contract";

fn bytes(number: u8) -> Binary {
    Binary::new(vec![number; 32])
}

fn tags() -> GrantTags {
    let filler: [u8; GRANT_TAGS_LEN] = std::array::from_fn(|place| place as u8);
    new_tags(&[Tag([0xaa; 8])], &[Tag([0xbb; 8])], &filler).unwrap()
}

fn relationship_samples() -> Vec<relationship::Event> {
    use relationship::Event::*;
    let text = |name: &str| format!("medrec1{name}");
    vec![
        DelegatesAdmitted { count: 100 },
        SponsorChanged { sponsor: text("sponsor") },
        Opened { id: 1, patient: text("patient"), steward: text("steward"), sealed: bytes(1) },
        Accepted { id: 1, by: text("patient"), sealed: bytes(2) },
        Rejected { id: 2 },
        Closed { id: 1, by: text("steward") },
        Rotated { id: 1, party: Party::Patient, address: text("fresh"), sealed: None },
        Rotated { id: 1, party: Party::Steward, address: text("fresh"), sealed: Some(bytes(3)) },
        Granted {
            id: 1,
            grant: 0,
            by: text("patient"),
            viewer: text("viewer"),
            kind: GrantKind::Read,
            tags: tags(),
            from: 1_790_000_000,
            until: 1_800_000_000,
            sealed: bytes(4),
        },
        Revoked { id: 1, grant: 0, by: text("carer") },
        ResearchChosen { id: 1, categories: 0b1010 },
    ]
}

fn registrar_samples() -> Vec<registrar::Event> {
    use registrar::Event::*;
    vec![
        InstitutionAdmitted {
            id: 1,
            name: "Hospital".to_owned(),
            url: "https://hospital.example".to_owned(),
            account: "medrec1account".to_owned(),
            signing_key: bytes(1),
            log_origin: "hospital.example/log".to_owned(),
            log_key: bytes(2),
            encryption_key: bytes(3),
        },
        InstitutionExpelled { id: 1 },
        InstitutionRekeyed {
            id: 1,
            url: "https://hospital.example".to_owned(),
            account: "medrec1account".to_owned(),
            signing_key: bytes(4),
            encryption_key: bytes(5),
        },
        PersonRegistered {
            handle: bytes(6),
            address: "medrec1person".to_owned(),
            encryption_key: bytes(7),
            certified_by: Some(1),
        },
        PersonRegistered {
            handle: bytes(6),
            address: "medrec1person".to_owned(),
            encryption_key: bytes(7),
            certified_by: None,
        },
        PersonRotated { handle: bytes(6), address: "medrec1fresh".to_owned(), encryption_key: bytes(8) },
        PolicyChanged { registration: RegistrationPolicy::Consortium },
        ResearcherCertified {
            account: "medrec1researcher".to_owned(),
            certified_by: 1,
            name: "Ada".to_owned(),
            key: bytes(9),
            encryption_key: bytes(10),
            certificate: Binary::new(vec![11; 64]),
        },
        ResearcherWithdrawn { account: "medrec1researcher".to_owned() },
    ]
}

fn authlog_samples() -> Vec<authlog::Event> {
    use authlog::Event::*;
    vec![
        LogAdmitted { slot: 0, institution: 1, origin: "hospital.example/log".to_owned(), key: bytes(1) },
        Anchored { slot: 0, size: 1_000_000, root: bytes(2) },
        GrowthCapChanged { burst: 1_000, per_second: 10 },
        LogAttested { slot: 0, size: 900_000, root: bytes(3) },
        Challenged {
            slot: 0,
            challenger: 2,
            index: 7,
            deadline: 1_800_000_600,
            by: "medrec1researcher".to_owned(),
        },
        Answered { slot: 0, challenger: 2, index: 7 },
        Withheld { slot: 0, challenger: 2, index: 7 },
        SealingSet {
            from: 1,
            interval: 60,
            half_life: 600,
            anchor: bytes(4),
            easiest: bytes(5),
            hardest: bytes(6),
            challenge_seconds: 600,
        },
        Sealed { number: 1, id: bytes(7), miner: "medrec1researcher".to_owned(), entries: 900_000 },
        Forked { slot: 0, kind: "roots".to_owned(), evidence: bytes(8) },
    ]
}

fn question(measure: Measure) -> Question {
    Question {
        system: "http://loinc.org".to_owned(),
        code: "718-7".to_owned(),
        unit: "g/dL".to_owned(),
        category: Category::Laboratory,
        cohort: Cohort {
            sex: Some(Sex::Female),
            age: Some(AgeBand { from: 18, to: 64 }),
            from: 2_500 * WEEK,
            until: 2_800 * WEEK,
        },
        measure,
        contributions: 3,
    }
}

fn bounty_samples() -> Vec<bounty::Event> {
    use bounty::Event::*;
    let bounds = Bounds { lower: -5, upper: 250, scale: 1 };
    let entry = CatalogueEntry {
        system: "http://loinc.org".to_owned(),
        code: "718-7".to_owned(),
        unit: "g/dL".to_owned(),
        category: Category::Laboratory,
        measures: vec![MeasureKind::Count, MeasureKind::Mean],
        bounds: Some(bounds),
    };
    let offered = |question, catalogue, reuses| Offered {
        offer: bytes(1),
        number: 1,
        institution: 1,
        question,
        catalogue,
        price: 1_000_000,
        commitment: bytes(2),
        claim_seals: 5,
        ask_seals: 4,
        answer_seconds: 3_600,
        reuses,
        seals: 7,
    };
    let fixed = question(Measure::Histogram { bounds, bins: 10 });
    vec![
        BudgetSet { institution: 1, total: 5_000_000 },
        CatalogueSet { institution: 1, version: 2, entries: bounty::Catalogue(vec![entry]) },
        offered(Some(fixed), None, Some(bytes(9))),
        offered(None, Some(2), None),
        Owned {
            offer: bytes(1),
            institution: 1,
            owner: "medrec1researcher".to_owned(),
            encryption_key: bytes(3),
            seal: 9,
            seals: 10,
        },
        Asked {
            offer: bytes(1),
            institution: 1,
            question: question(Measure::Quantile { bounds, permille: 500 }),
            spent: 1_000_000,
            answer_by: 1_790_003_600,
        },
        Delivered { offer: bytes(1), institution: 1, hash: bytes(4), answer: bytes(5) },
        Missed { offer: bytes(1), institution: 1 },
        Released { offer: bytes(1), institution: 1, released: 1_000_000 },
    ]
}

/// As `block_results` shows it.
fn seen(event: impl Into<cosmwasm_std::Event>) -> (String, Vec<(String, String)>) {
    let event = event.into();
    let mut attributes = vec![(CONTRACT_ATTRIBUTE.to_owned(), CONTRACT.to_owned())];
    attributes.extend(event.attributes.into_iter().map(|attribute| (attribute.key, attribute.value)));
    attributes.push(("msg_index".to_owned(), "0".to_owned()));
    (format!("wasm-{}", event.ty), attributes)
}

fn refs(attributes: &[(String, String)]) -> Vec<(&str, &str)> {
    attributes.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect()
}

macro_rules! there_and_back {
    ($module:ident, $samples:expr) => {
        for event in $samples {
            let (kind, attributes) = seen(event.clone());
            let decoded = $module::Event::decode(CONTRACT, &kind, &refs(&attributes));
            assert_eq!(decoded, Ok(Some(event.clone())));
            // Another contract's event of the very same shape is not ours, nor one without a speaker, nor with two.
            assert_eq!($module::Event::decode("medrec1other", &kind, &refs(&attributes)), Ok(None));
            assert_eq!($module::Event::decode(CONTRACT, &kind, &refs(&attributes[1..])), Ok(None));
            let mut two = attributes.clone();
            two.push((CONTRACT_ATTRIBUTE.to_owned(), "medrec1other".to_owned()));
            assert_eq!($module::Event::decode(CONTRACT, &kind, &refs(&two)), Ok(None));
            // Without wasmd's prefix it is no contract's.
            assert_eq!($module::Event::decode(CONTRACT, event.kind(), &refs(&attributes)), Ok(None));
            // Every attribute is needed once, but for the optional ones.
            for (place, (key, _)) in attributes.iter().enumerate().skip(1) {
                if key == "msg_index" {
                    continue;
                }
                let mut without = attributes.clone();
                without.remove(place);
                match $module::Event::decode(CONTRACT, &kind, &refs(&without)) {
                    Err(DecodeError::Schema { attribute, .. }) => assert_eq!(attribute, key),
                    Ok(Some(_)) => assert!(["sealed", "certified_by", "question", "catalogue", "reuses"].contains(&key.as_str()), "{key}"),
                    other => panic!("{kind} without {key}: {other:?}"),
                }
                let mut twice = attributes.clone();
                twice.push(attributes[place].clone());
                assert!(matches!(
                    $module::Event::decode(CONTRACT, &kind, &refs(&twice)),
                    Err(DecodeError::Schema { .. })
                ));
            }
        }
        let kinds: std::collections::BTreeSet<_> = $samples.iter().map(|event| event.kind()).collect();
        assert_eq!(kinds.len(), $module::Event::KINDS.len(), "a sample of every kind");
    };
}

#[test]
fn every_event_survives_the_chain_and_nobody_elses_is_taken() {
    there_and_back!(relationship, relationship_samples());
    there_and_back!(registrar, registrar_samples());
    there_and_back!(authlog, authlog_samples());
    there_and_back!(bounty, bounty_samples());
}

#[test]
fn unknown_kinds_are_ignored() {
    let attributes = [(CONTRACT_ATTRIBUTE, CONTRACT)];
    for kind in ["wasm-sealed", "wasm", "transfer", "message", ""] {
        assert_eq!(relationship::Event::decode(CONTRACT, kind, &attributes), Ok(None));
    }
}

fn changed(
    event: relationship::Event,
    key: &str,
    text: &str,
) -> Result<Option<relationship::Event>, DecodeError> {
    let (kind, mut attributes) = seen(event);
    attributes.iter_mut().find(|(found, _)| found == key).unwrap().1 = text.to_owned();
    relationship::Event::decode(CONTRACT, &kind, &refs(&attributes))
}

#[test]
fn a_broken_schema_is_told_from_a_bad_payload() {
    let opened = relationship_samples().remove(2);
    for (key, text) in [("id", "-1"), ("id", "01"), ("id", ""), ("id", "18446744073709551616"), ("id", "+1")]
    {
        assert!(matches!(
            changed(opened.clone(), key, text),
            Err(DecodeError::Schema { attribute: "id", .. })
        ));
    }
    assert!(matches!(
        changed(opened, "sealed", "not base64!"),
        Err(DecodeError::Payload { kind: "opened", attribute: "sealed", .. })
    ));
    let granted = relationship_samples().remove(8);
    assert!(matches!(
        changed(granted.clone(), "tags", "AAAA"),
        Err(DecodeError::Payload { attribute: "tags", .. })
    ));
    assert!(matches!(changed(granted, "kind", "write"), Err(DecodeError::Schema { attribute: "kind", .. })));
    let rotated = relationship_samples().remove(6);
    assert!(matches!(changed(rotated, "party", "carer"), Err(DecodeError::Schema { .. })));
}

#[test]
fn kinds_and_keys_are_those_pinned() {
    fn shown<E: Into<cosmwasm_std::Event>>(samples: Vec<E>) -> Value {
        let one = |event: E| {
            let event = event.into();
            let attributes: Vec<_> =
                event.attributes.iter().map(|found| json!([found.key, found.value])).collect();
            json!({"kind": event.ty, "attributes": attributes})
        };
        samples.into_iter().map(one).collect()
    }
    let computed = json!({
        "relationship": shown(relationship_samples()),
        "registrar": shown(registrar_samples()),
        "authlog": shown(authlog_samples()),
        "bounty": shown(bounty_samples()),
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden.json");
    if std::env::var_os("MEDREC_BLESS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&computed).unwrap() + "\n").unwrap();
    }
    let pinned: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(pinned, computed, "relayers in the field read the pinned form");
}

proptest! {
    #[test]
    fn any_grant_survives_the_chain(
        id: u64, grant: u32, from: u64, until: u64,
        viewer in "[a-z0-9]{1,60}",
        sealed in prop::collection::vec(any::<u8>(), 0..400),
        act: bool,
        filler in prop::collection::vec(any::<u8>(), GRANT_TAGS_LEN),
    ) {
        let filler: [u8; GRANT_TAGS_LEN] = filler.try_into().unwrap();
        let Ok(tags) = new_tags(&[Tag([1; 8])], &[Tag([2; 8])], &filler) else { return Ok(()) };
        let kind = if act { GrantKind::Act } else { GrantKind::Read };
        let sealed = Binary::new(sealed);
        let by = viewer.clone();
        let event = relationship::Event::Granted { id, grant, by, viewer, kind, tags, from, until, sealed };
        let (kind, attributes) = seen(event.clone());
        prop_assert_eq!(relationship::Event::decode(CONTRACT, &kind, &refs(&attributes)), Ok(Some(event)));
    }

    #[test]
    fn any_text_is_read_without_a_panic(
        kind in prop::sample::select(relationship::Event::KINDS),
        texts in prop::collection::vec(".{0,40}", 9),
    ) {
        let keys = ["id", "grant", "by", "viewer", "kind", "tags", "from", "until", "sealed"];
        let mut attributes = vec![(CONTRACT_ATTRIBUTE, CONTRACT)];
        attributes.extend(keys.into_iter().zip(texts.iter().map(String::as_str)));
        let _ = relationship::Event::decode(CONTRACT, &format!("wasm-{kind}"), &attributes);
    }
}

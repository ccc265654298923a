//! Seals: from the first template on, through rules, codes, logs and researchers that change.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, addr, checksum, own_log, watched};
use cosmwasm_std::Binary;
use medrec_api::Base85;
use medrec_api::authlog::{
    Error, ExecuteMsg, HeadsResponse, QueryMsg, SEAL_COUNT_KEY, SealResponse, SealedHeadsResponse, Sealing,
    SealingResponse, SealingsResponse, SealsResponse, TemplateResponse, sealed_by_key,
};
use medrec_events::{CONTRACT_ATTRIBUTE, authlog::Event};
use medrec_merkle::{Hash, Tree, leaf_hash};
use medrec_pow::{Target, U256};
use medrec_seals::{Chain, Head, HeadsTree, Link, Rules, Watched, sealed_root};

fn hash(bytes: &Binary) -> Hash {
    bytes.as_slice().try_into().unwrap()
}

fn chain() -> Authlog {
    Authlog::with(medrec_api::authlog::GrowthCap { burst: 1 << 40, per_second: 1 })
}

fn rules(sealing: &Sealing) -> Rules {
    let target = |bytes| Target::from_be_bytes(&hash(bytes)).unwrap();
    Rules {
        interval: sealing.interval,
        half_life: sealing.half_life,
        anchor: target(&sealing.anchor),
        easiest: target(&sealing.easiest),
        hardest: target(&sealing.hardest),
    }
}

fn link(told: &SealResponse) -> Link<'_> {
    Link {
        number: told.number,
        previous: hash(&told.previous),
        sealed: hash(&told.sealed),
        entries: told.heads.total,
        target: Target::from_be_bytes(&hash(&told.target)).unwrap(),
        frozen_at: told.frozen_at,
        miner: &told.miner,
        nonce: told.nonce,
        mix: hash(&told.mix),
        id: hash(&told.id),
    }
}

/// What a template says is what it says it seals.
fn adds_up(template: &TemplateResponse) {
    let heads: Vec<Head> = template
        .heads
        .iter()
        .map(|head| Head {
            slot: head.slot,
            origin: head.origin.clone(),
            size: head.size,
            root: hash(&head.root),
        })
        .collect();
    let root = HeadsTree::new(&heads).unwrap().root();
    assert_eq!(root.sum, template.entries);
    let watched = template.watched.iter().map(|one| Watched {
        contract: &one.contract,
        size: one.size,
        root: hash(&one.root),
        checksum: hash(&one.checksum),
    });
    assert_eq!(hash(&template.sealed), sealed_root(&root, watched));
}

#[test]
fn the_first_rules_freeze_the_first_template() {
    let mut chain = chain();
    let log = chain.keeps(1, 3_000);
    let none: SealingResponse = chain.query(QueryMsg::Sealing {});
    assert_eq!((none.sealing, none.seals), (None, 0));
    let sealing = chain.start();
    let template = chain.template();
    adds_up(&template);
    assert_eq!((template.number, template.entries), (1, 3_000));
    assert_eq!((hash(&template.previous), &template.target), ([0; 32], &sealing.anchor));
    assert_eq!(template.frozen_at, chain.now());
    assert_eq!(hash(&template.heads[0].root), log.root(3_000));
    let known: Vec<_> =
        template.watched.iter().map(|one| (one.contract.clone(), one.size, hash(&one.checksum))).collect();
    let expected: Vec<_> = watched()
        .iter()
        .zip([(1, 1), (2, 2), (3, 3), (0, 4)])
        .map(|(contract, (size, code))| (contract.to_string(), size, checksum(code)))
        .collect();
    assert_eq!(known, expected);
    let told: SealingResponse = chain.query(QueryMsg::Sealing {});
    assert_eq!((told.sealing, told.seals, hash(&told.work)), (Some(sealing), 0, [0; 32]));
}

#[test]
fn seals_follow_each_other_and_verify_offline() {
    let mut chain = chain();
    let logs = [chain.keeps(1, 3_000), chain.keeps(2, 70_000), chain.keeps(3, 16_777_216)];
    let logs = logs.each_ref();
    let sealing = chain.start();
    let researchers = [chain.researcher("r-one", 11), chain.researcher("r-two", 12)];
    let mut offline =
        Chain::new(&chain.env.block.chain_id, chain.env.contract.address.as_str(), rules(&sealing)).unwrap();
    for number in 1..=12u64 {
        chain.pass([60, 5, 200, 900][number as usize % 4]);
        let template = chain.template();
        adds_up(&template);
        let by = &researchers[number as usize % 2];
        let done = chain.seals(by, &logs);
        let told: SealResponse = chain.query(QueryMsg::Seal { number });
        let event = cosmwasm_std::Event::from(Event::Sealed {
            number,
            id: told.id.clone(),
            miner: by.account.to_string(),
            entries: template.entries,
        });
        assert_eq!(done.events, [event]);
        assert_eq!(
            (told.previous.clone(), told.sealed.clone(), told.target.clone(), told.frozen_at),
            (template.previous, template.sealed, template.target, template.frozen_at)
        );
        assert_eq!((told.at, told.height), (chain.now(), chain.env.block.height));
        assert_eq!((&told.watched, told.heads.total), (&template.watched, template.entries));
        let id = offline.push(&link(&told)).unwrap();
        let signature = ed25519_dalek::Signature::from_slice(&told.signature).unwrap();
        by.key.verifying_key().verify_strict(&id, &signature).unwrap();
        assert_eq!(offline.work().to_be_bytes(), hash(&told.work));
        assert_eq!(chain.template().previous, told.id);
        // What the bounty reads.
        let raw = |key: &[u8]| cosmwasm_std::Storage::get(&chain.deps.storage, key).unwrap();
        assert_eq!(raw(&sealed_by_key(number)), by.account.as_bytes());
        assert_eq!(raw(SEAL_COUNT_KEY), number.to_be_bytes());
    }
    let page: SealsResponse = chain.query(QueryMsg::Seals { start_after: Some(3), limit: Some(4) });
    assert_eq!(page.seals.iter().map(|seal| seal.number).collect::<Vec<_>>(), [4, 5, 6, 7]);
    let all: SealsResponse = chain.query(QueryMsg::Seals { start_after: None, limit: Some(u32::MAX) });
    assert_eq!(all.seals.len(), 12);
    let past: SealsResponse = chain.query(QueryMsg::Seals { start_after: Some(12), limit: None });
    assert!(past.seals.is_empty());
    for number in [0, 13, u64::MAX] {
        let refused = chain.try_query(QueryMsg::Seal { number }).unwrap_err();
        assert!(matches!(refused, Error::NoSeal { seals: 12, .. }), "{refused}");
    }
}

#[test]
fn without_entries_seals_are_found_too() {
    let mut chain = chain();
    chain.start();
    let by = chain.researcher("r-one", 11);
    let msg = chain.mined(&by, &[]);
    let ExecuteMsg::Seal { recalls, .. } = &msg else { panic!() };
    assert!(recalls.is_empty());
    chain.send(&by.account, msg).unwrap();
    assert_eq!(chain.template().number, 2);
}

#[test]
fn a_log_that_joins_counts_from_the_next_template() {
    let mut chain = chain();
    let first = chain.keeps(1, 3_000);
    chain.start();
    let by = chain.researcher("r-one", 11);
    let second = chain.keeps(2, 500);
    assert_eq!(chain.query::<HeadsResponse>(QueryMsg::Heads {}).total, 3_500);
    let template = chain.template();
    adds_up(&template);
    assert_eq!(template.entries, 3_000);
    chain.seals(&by, &[&first]);
    let template = chain.template();
    adds_up(&template);
    assert_eq!(template.entries, 3_500);
    chain.seals(&by, &[&first, &second]);
    let heads = |number, start_after, limit| {
        let page: SealedHeadsResponse = chain.query(QueryMsg::SealedHeads { number, start_after, limit });
        page.heads.iter().map(|head| (head.slot, head.size)).collect::<Vec<_>>()
    };
    assert_eq!(heads(1, None, None), [(0, 3_000)]);
    assert_eq!(heads(2, None, None), [(0, 3_000), (1, 500)]);
    assert_eq!(heads(3, Some(0), Some(5)), [(1, 500)]);
    assert_eq!(heads(2, None, Some(1)), [(0, 3_000)]);
    let refused = |number| {
        chain.try_query(QueryMsg::SealedHeads { number, start_after: None, limit: None }).unwrap_err()
    };
    assert!(matches!(refused(4), Error::NoTemplate { newest: 3, .. }));
    assert!(matches!(refused(0), Error::NoTemplate { .. }));
}

#[test]
fn codes_and_logs_of_contracts_are_read_when_a_template_is_frozen() {
    let mut chain = chain();
    chain.start();
    let by = chain.researcher("r-one", 11);
    let first = chain.template();
    let grown: Tree = (0..9u64).map(|event| leaf_hash(&event.to_be_bytes())).collect();
    chain.registrar.put_contract(&addr("relationship"), 40, Some(own_log(&grown)));
    assert_eq!(chain.template(), first);
    chain.seals(&by, &[]);
    let second = chain.template();
    adds_up(&second);
    assert_eq!((second.watched[1].size, hash(&second.watched[1].root)), (9, grown.root()));
    assert_eq!(hash(&second.watched[1].checksum), checksum(40));
    assert_eq!(second.watched[0], first.watched[0]);
    let told: SealResponse = chain.query(QueryMsg::Seal { number: 1 });
    assert_eq!(told.watched, first.watched, "what was sealed stays as it was");
}

#[test]
fn a_watched_contract_that_breaks_its_word_is_named() {
    let mut chain = chain();
    chain.start();
    let by = chain.researcher("r-one", 11);
    let msg = chain.mined(&by, &[]);
    for row in [vec![1; 7], vec![0; 8 + 32], [&3u64.to_be_bytes()[..], &[0; 32]].concat()] {
        chain.registrar.put_contract(&addr("bounty"), 3, Some(row));
        let before = chain.state();
        let refused = chain.send(&by.account, msg.clone()).unwrap_err();
        assert!(matches!(refused, Error::Watched { .. }), "{refused}");
        assert!(refused.to_string().contains(addr("bounty").as_str()));
        assert_eq!(chain.state(), before);
    }
}

#[test]
fn later_rules_wait_for_the_next_template() {
    let mut chain = chain();
    let sealing = chain.start();
    let by = chain.researcher("r-one", 11);
    chain.seals(&by, &[]);
    let now = chain.template();
    let anchor = Binary::new(U256::MAX.shr(5).to_be_bytes().to_vec());
    let first = sealing.clone();
    let other = Sealing { anchor: anchor.clone(), interval: 30, watched: vec![], ..sealing };
    let told = chain.send(&addr("consortium"), ExecuteMsg::SetSealing { sealing: other.clone() }).unwrap();
    let from = told.events[0].attributes.iter().find(|one| one.key == "from").unwrap();
    assert_eq!(from.value, "3");
    assert_eq!(chain.template(), now);
    chain.pass(5);
    chain.seals(&by, &[]);
    let next = chain.template();
    adds_up(&next);
    assert_eq!((next.number, &next.target, next.watched.len()), (3, &anchor, 0));
    chain.pass(30);
    chain.seals(&by, &[]);
    assert_eq!(chain.template().target, anchor, "on schedule");
    assert_eq!(chain.query::<SealingResponse>(QueryMsg::Sealing {}).sealing, Some(other.clone()));

    // Rules that are replaced before they hold are no part of the history.
    let third = Sealing { interval: 20, ..other.clone() };
    for sealing in [Sealing { interval: 10, ..other.clone() }, third.clone()] {
        chain.send(&addr("consortium"), ExecuteMsg::SetSealing { sealing }).unwrap();
    }
    let page = |start_after, limit| {
        let page: SealingsResponse = chain.query(QueryMsg::Sealings { start_after, limit });
        page.sealings.into_iter().map(|one| (one.from, one.sealing)).collect::<Vec<_>>()
    };
    let all = [(1, first), (3, other), (5, third)];
    assert_eq!(page(None, None), all);
    assert_eq!((page(Some(1), Some(1)), page(Some(5), None)), (all[1..2].to_vec(), vec![]));
}

/// As `medrec-miner verify` does it: the first seal under other rules has their anchor target.
#[test]
fn a_chain_verifies_beyond_a_change_of_its_rules() {
    let mut chain = chain();
    let sealing = chain.start();
    let by = chain.researcher("r-one", 11);
    for seal in 0..9 {
        if seal % 3 == 2 {
            let anchor = Binary::new(U256::MAX.shr(2 + seal / 3).to_be_bytes().to_vec());
            let sealing = Sealing { anchor, interval: 30 + u64::from(seal), ..sealing.clone() };
            chain.send(&addr("consortium"), ExecuteMsg::SetSealing { sealing }).unwrap();
        }
        chain.pass(40);
        chain.seals(&by, &[]);
    }
    let all = QueryMsg::Sealings { start_after: None, limit: None };
    let history = chain.query::<SealingsResponse>(all).sealings;
    assert_eq!(history.iter().map(|one| one.from).collect::<Vec<_>>(), [1, 4, 7, 10]);
    let mut offline = Chain::new(
        &chain.env.block.chain_id,
        chain.env.contract.address.as_str(),
        rules(&history[0].sealing),
    )
    .unwrap();
    let told: SealsResponse = chain.query(QueryMsg::Seals { start_after: None, limit: None });
    for seal in &told.seals {
        if let Some(other) = history.iter().find(|one| one.from == seal.number) {
            offline.set_rules(rules(&other.sealing)).unwrap();
        }
        offline.push(&link(seal)).unwrap();
    }
    assert_eq!(offline.seals(), 9);
}

#[test]
fn rules_that_make_no_sense() {
    let mut chain = chain();
    let sealing = chain.start();
    let consortium = addr("consortium");
    let bytes = |bytes: &[u8]| Binary::new(bytes.to_vec());
    let wrong = [
        Sealing { interval: 0, ..sealing.clone() },
        Sealing { half_life: 0, ..sealing.clone() },
        Sealing { anchor: bytes(&[0; 32]), ..sealing.clone() },
        Sealing { anchor: bytes(&[1; 31]), ..sealing.clone() },
        Sealing { easiest: sealing.hardest.clone(), ..sealing.clone() },
        Sealing { hardest: sealing.easiest.clone(), ..sealing.clone() },
        Sealing { challenge_seconds: 0, ..sealing.clone() },
        Sealing { challenge_seconds: u64::MAX, ..sealing.clone() },
        Sealing { watched: vec!["nobody".into()], ..sealing.clone() },
        Sealing { watched: vec![addr("no contract").into()], ..sealing.clone() },
        Sealing { watched: vec![addr("x").into(), addr("x").into()], ..sealing.clone() },
        Sealing { watched: (0..9).map(|n| addr(&format!("w{n}")).into()).collect(), ..sealing },
    ];
    for sealing in wrong {
        let before = chain.state();
        let said = format!("{sealing:?}");
        assert!(chain.send(&consortium, ExecuteMsg::SetSealing { sealing }).is_err(), "{said}");
        assert_eq!(chain.state(), before);
    }
}

#[test]
fn before_the_rules_there_is_no_template() {
    let mut chain = chain();
    let by = chain.researcher("r-one", 11);
    let msg = ExecuteMsg::Seal { nonce: 0, signature: vec![0; 64].into(), recalls: Base85::default() };
    chain.refuses(&by.account, msg, &Error::NoSealing { operation: "seal" });
    let refused = chain.try_query(QueryMsg::Template {}).unwrap_err();
    assert!(matches!(refused, Error::NoSealing { operation: "template" }));
}

/// The schema of events that block explorers see has the contract's address from the chain alone.
#[test]
fn events_name_no_contract_themselves() {
    let mut chain = chain();
    chain.start();
    let by = chain.researcher("r-one", 11);
    let done = chain.seals(&by, &[]);
    assert!(done.events.iter().all(|event| event.attributes.iter().all(|one| one.key != CONTRACT_ATTRIBUTE)));
}

//! What each message does, and which events tell it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{
    BUDGET, Chain, PRICE, addr, answer, ask, claim, count, deliver, entry, expire, fixed, hospital, id, key,
    offering, open, question,
};
use cosmwasm_std::{Event, Storage};
use medrec_api::{
    bounty::{Budget, Deadline, Error, ExecuteMsg, OfferKind, OfferState, Record, Terms},
    registrar::{LOG_KEY, ResearcherStatus},
};
use medrec_events::bounty::{self, Catalogue};
use sha2::{Digest, Sha256};

fn told(events: &[bounty::Event]) -> Vec<Event> {
    events.iter().cloned().map(Event::from).collect()
}

#[test]
fn a_budget_is_set_and_changed() {
    let mut chain = Chain::new();
    let consortium = addr("consortium");
    let set = |total| ExecuteMsg::SetBudget { institution: 1, total };
    assert_eq!(chain.budget(1), Budget { total: BUDGET, reserved: 0, spent: 0 });
    let done = chain.send(&consortium, set(7)).unwrap();
    assert_eq!(done.events, told(&[bounty::Event::BudgetSet { institution: 1, total: 7 }]));
    chain.refuses(&consortium, set(7), &Error::BudgetSame { institution: 1, total: 7 });
    let unknown = ExecuteMsg::SetBudget { institution: 9, total: 7 };
    let refused = Error::NoInstitution { operation: "set_budget", institution: 9 };
    chain.refuses(&consortium, unknown, &refused);
}

#[test]
fn a_catalogue_is_replaced_and_open_offers_keep_theirs() {
    let mut chain = Chain::new();
    let set = |entries| ExecuteMsg::SetCatalogue { institution: 1, entries };
    chain.refuses(&hospital(1), set(vec![entry()]), &Error::CatalogueSame { institution: 1 });
    chain.claimed(1, open());
    let done = chain.send(&hospital(1), set(vec![])).unwrap();
    let event = bounty::Event::CatalogueSet { institution: 1, version: 2, entries: Catalogue(vec![]) };
    assert_eq!(done.events, told(&[event]));
    chain.refuses(&hospital(1), offering(2, open()), &Error::OfferNoCatalogue { institution: 1 });
    chain.send(&addr("ada"), ask(1, question())).unwrap();
}

#[test]
fn a_fixed_offer_from_first_to_last() {
    let mut chain = Chain::new();
    chain.seal("cyd");
    let done = chain.send(&hospital(1), offering(1, fixed())).unwrap();
    let Terms { price, commitment, claim_seals, ask_seals, answer_seconds, .. } = fixed();
    let offered = bounty::Event::Offered {
        offer: id(1),
        number: 1,
        institution: 1,
        question: Some(question()),
        catalogue: None,
        price,
        commitment,
        claim_seals,
        ask_seals,
        answer_seconds,
        reuses: None,
        seals: 1,
    };
    assert_eq!(done.events, told(&[offered]));
    assert_eq!(chain.ledger(), (PRICE, 0));
    assert_eq!((chain.stands(1), chain.get(1).deadline), (OfferState::Offered, Some(Deadline::Seals(8))));
    chain.repeats(&hospital(1), offering(1, fixed()));

    chain.seals(&["cyd", "ada"]);
    let done = chain.send(&addr("ada"), claim(1)).unwrap();
    let answer_by = chain.now() + 3_600;
    let owned = bounty::Event::Owned {
        offer: id(1),
        institution: 1,
        owner: addr("ada").into(),
        encryption_key: key(1),
        seal: 3,
        seals: 3,
    };
    let asked =
        bounty::Event::Asked { offer: id(1), institution: 1, question: question(), spent: PRICE, answer_by };
    assert_eq!(done.events, told(&[owned, asked]));
    assert_eq!(chain.ledger(), (0, PRICE));
    assert_eq!(chain.get(1).deadline, Some(Deadline::Time(answer_by)));
    chain.repeats(&addr("ada"), claim(1));

    chain.pass(3_600);
    let done = chain.send(&hospital(1), deliver(1)).unwrap();
    let hash: cosmwasm_std::Binary = Sha256::digest(answer(1)).as_slice().into();
    let delivered =
        bounty::Event::Delivered { offer: id(1), institution: 1, hash: hash.clone(), answer: answer(1) };
    assert_eq!(done.events, told(&[delivered]));
    let offer = chain.get(1);
    assert_eq!((offer.state, offer.deadline), (OfferState::Delivered, None));
    assert_eq!(offer.delivered.unwrap().hash, hash);
    chain.pass(1_000_000);
    chain.repeats(&hospital(1), deliver(1));
    assert_eq!(chain.ledger(), (0, PRICE));
    assert_eq!(chain.record(1), Record { offered: 1, delivered: 1, missed: 0, released: 0 });
}

#[test]
fn an_open_offer_is_asked_by_its_owner() {
    let mut chain = Chain::new();
    chain.claimed(1, open());
    assert_eq!((chain.stands(1), chain.ledger()), (OfferState::Owned, (PRICE, 0)));
    assert_eq!(chain.get(1).deadline, Some(Deadline::Seals(6)));
    chain.seals(&["cyd", "cyd", "cyd", "cyd"]);
    let done = chain.send(&addr("ada"), ask(1, count())).unwrap();
    let answer_by = chain.now() + 3_600;
    let asked =
        bounty::Event::Asked { offer: id(1), institution: 1, question: count(), spent: PRICE, answer_by };
    assert_eq!(done.events, told(&[asked]));
    assert_eq!((chain.stands(1), chain.ledger()), (OfferState::Asked, (0, PRICE)));
    chain.repeats(&addr("ada"), ask(1, count()));
    chain.send(&hospital(1), deliver(1)).unwrap();
    assert_eq!(chain.get(1).asked.unwrap().question, count());
}

#[test]
fn what_was_never_asked_is_released() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    chain.claimed(2, open());
    for _ in 0..5 {
        chain.seal("ben");
    }
    // Seven seals: the last that lets offer 1 be claimed, the first after the time of offer 2 to be asked.
    let early = Error::Early {
        offer: id(1).to_hex(),
        state: OfferState::Offered,
        deadline: Deadline::Seals(7),
        now: Deadline::Seals(7),
    };
    chain.refuses(&addr("anybody"), expire(1), &early);
    let done = chain.send(&addr("anybody"), expire(2)).unwrap();
    let released = |number| bounty::Event::Released { offer: id(number), institution: 1, released: PRICE };
    assert_eq!(done.events, told(&[released(2)]));
    chain.seal("ben");
    assert_eq!(chain.send(&addr("anybody"), expire(1)).unwrap().events, told(&[released(1)]));
    assert_eq!(chain.ledger(), (0, 0));
    assert_eq!(chain.record(1), Record { offered: 2, delivered: 0, missed: 0, released: 2 });
}

#[test]
fn a_miss_is_public_and_gives_nothing_back() {
    let mut chain = Chain::new();
    chain.claimed(1, fixed());
    chain.pass(3_600);
    assert!(chain.refusal(&addr("anybody"), expire(1)).contains("wait"));
    chain.pass(1);
    let late = Error::Late {
        operation: "deliver",
        offer: id(1).to_hex(),
        state: OfferState::Asked,
        deadline: Deadline::Time(chain.now() - 1),
        now: Deadline::Time(chain.now()),
    };
    chain.refuses(&hospital(1), deliver(1), &late);
    let done = chain.send(&addr("anybody"), expire(1)).unwrap();
    assert_eq!(done.events, told(&[bounty::Event::Missed { offer: id(1), institution: 1 }]));
    assert_eq!(chain.ledger(), (0, PRICE));
    assert_eq!(chain.record(1), Record { offered: 1, delivered: 0, missed: 1, released: 0 });
}

#[test]
fn a_repeated_question_reuses_its_answer_at_no_cost() {
    let mut chain = Chain::new();
    chain.delivered(1);
    let again = Terms { price: 0, reuses: Some(id(1)), ..fixed() };
    chain.offer(2, again);
    chain.seals(&["ada", "ben"]);
    chain.send(&addr("ben"), claim(2)).unwrap();
    chain.send(&hospital(1), deliver(2)).unwrap();
    assert_eq!((chain.stands(2), chain.ledger()), (OfferState::Delivered, (0, PRICE)));
    assert_eq!(chain.record(1).delivered, 2);
}

#[test]
fn an_open_offers_answer_can_be_reused_too() {
    let mut chain = Chain::new();
    chain.claimed(1, open());
    chain.send(&addr("ada"), ask(1, count())).unwrap();
    let kind = OfferKind::Fixed { question: count() };
    let again = Terms { kind, price: 0, reuses: Some(id(1)), ..fixed() };
    assert!(chain.refusal(&hospital(1), offering(2, again.clone())).contains("not delivered"));
    chain.send(&hospital(1), deliver(1)).unwrap();
    chain.offer(2, again);
}

#[test]
fn an_owner_who_counts_no_more_passes_it_on() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    chain.seals(&["ben", "ada", "ada"]);
    chain.world.researcher("ada", ResearcherStatus::Withdrawn, 1);
    let early = Error::ClaimEarly { offer: id(1).to_hex(), seal: 4, seals: 3 };
    chain.refuses(&addr("ada"), claim(1), &early);
    chain.seal("cyd");
    assert!(chain.refusal(&addr("ada"), claim(1)).contains("is not the owner"));
    chain.send(&addr("cyd"), claim(1)).unwrap();
    assert_eq!(chain.get(1).owner.unwrap().seal, 4);
}

#[test]
fn eight_seals_are_looked_at_and_no_more() {
    let mut chain = Chain::new();
    chain.offer(1, Terms { claim_seals: 30, ..fixed() });
    chain.seals(&["ben"; 9]);
    chain.world.researcher("ben", ResearcherStatus::Withdrawn, 2);
    chain.seal("ada");
    let nobody = Error::ClaimNobody { offer: id(1).to_hex(), from: 2, to: 9 };
    chain.refuses(&addr("ada"), claim(1), &nobody);
}

#[test]
fn every_event_is_a_leaf_of_its_own_log() {
    let mut chain = Chain::new();
    let size = |chain: &Chain| {
        let row = chain.deps.storage.get(LOG_KEY).unwrap();
        u64::from_be_bytes(row[..8].try_into().unwrap())
    };
    let before = size(&chain);
    chain.delivered(1);
    // offered, owned, asked, delivered.
    assert_eq!(size(&chain), before + 4);
}

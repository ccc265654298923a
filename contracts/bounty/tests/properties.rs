//! Random messages by random senders in random order, with seals and time between, against a model a page long that knows
//! nothing of the contract: state and model never differ, the ledger always adds up, every offer ends once.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::cell::Cell;

use common::{Chain, addr, answer, id, key, question};
use medrec_api::{
    bounty::{Error, ExecuteMsg, OfferKind, OfferState, Record, Terms},
    registrar::{InstitutionStatus, ResearcherStatus},
};
use proptest::{prelude::*, test_runner::TestRunner};

const CASES: u32 = 100;
const STEPS: usize = 100;
const PEOPLE: [&str; 5] = ["hospital-1", "hospital-2", "ada", "ben", "consortium"];
/// Few, so that offers meet.
const IDS: u8 = 8;
const CLAIM_SEALS: u32 = 4;
const ASK_SEALS: u32 = 3;
const ANSWER_SECONDS: u64 = 50;

#[derive(Clone, Debug)]
enum Try {
    Budget { institution: u32, total: u64 },
    Offer { institution: u32, id: u8, price: u64, open: bool, reuses: Option<u8> },
    Claim { id: u8, key: u8 },
    Ask { id: u8 },
    Deliver { id: u8, answer: u8 },
    Expire { id: u8 },
}

#[derive(Clone, Debug)]
enum Between {
    Nothing,
    Seal(usize),
    Pass(u64),
    /// ada or ben stops counting, or counts again.
    Certify(usize, bool),
    /// Hospital 1 or 2 is expelled or back.
    Admit(u32, bool),
}

/// Messages are often sent by who may: else almost nothing would go through.
fn steps() -> impl Strategy<Value = Vec<(Between, Option<usize>, Try)>> {
    let id = 0..IDS;
    let between = prop_oneof![
        5 => Just(Between::Nothing),
        5 => (2..4_usize).prop_map(Between::Seal),
        3 => (1..30_u64).prop_map(Between::Pass),
        1 => (2..4_usize, prop::bool::weighted(0.8)).prop_map(|(who, counts)| Between::Certify(who, counts)),
        1 => (1..3_u32, prop::bool::weighted(0.9)).prop_map(|(who, active)| Between::Admit(who, active)),
    ];
    let reuses = prop::option::weighted(0.2, id.clone());
    let tried = prop_oneof![
        1 => (1..3_u32, 0..40_u64).prop_map(|(institution, total)| Try::Budget { institution, total }),
        6 => (1..3_u32, id.clone(), 1..9_u64, any::<bool>(), reuses).prop_map(
            |(institution, id, price, open, reuses)| {
                let (price, open) = if reuses.is_some() { (0, false) } else { (price, open) };
                Try::Offer { institution, id, price, open, reuses }
            }
        ),
        6 => (id.clone(), 1..3_u8).prop_map(|(id, key)| Try::Claim { id, key }),
        4 => id.clone().prop_map(|id| Try::Ask { id }),
        5 => (id.clone(), 1..3_u8).prop_map(|(id, answer)| Try::Deliver { id, answer }),
        4 => id.prop_map(|id| Try::Expire { id }),
    ];
    let sender = prop::option::weighted(0.15, 0..PEOPLE.len());
    prop::collection::vec((between, sender, tried), STEPS)
}

#[derive(Clone, Debug)]
struct Known {
    institution: u32,
    price: u64,
    open: bool,
    reuses: Option<u8>,
    seals: u64,
    state: OfferState,
    owner: Option<(usize, u8)>,
    claimed_seals: u64,
    answer_by: u64,
    answer: Option<u8>,
}

/// What should be, in the simplest words.
#[derive(Default)]
struct Model {
    offers: Vec<Option<Known>>,
    totals: [u64; 3],
    miners: Vec<usize>,
    withdrawn: [bool; 5],
    expelled: [bool; 3],
}

impl Model {
    fn sum(&self, institution: u32, states: &[OfferState]) -> u64 {
        let of = |offer: &&Known| offer.institution == institution && states.contains(&offer.state);
        self.offers.iter().flatten().filter(of).map(|offer| offer.price).sum()
    }

    /// By definition of the states, not by keeping books.
    fn reserved(&self, institution: u32) -> u64 {
        self.sum(institution, &[OfferState::Offered, OfferState::Owned])
    }

    fn spent(&self, institution: u32) -> u64 {
        self.sum(institution, &[OfferState::Asked, OfferState::Delivered, OfferState::Missed])
    }

    fn counts(&self, who: usize) -> bool {
        (2..4).contains(&who) && !self.withdrawn[who] && !self.expelled[who - 1]
    }

    fn owner(&self, seals: u64) -> Option<usize> {
        let first = seals as usize + 1;
        (first..first + 8).map_while(|place| self.miners.get(place)).copied().find(|who| self.counts(*who))
    }

    /// Who would send it, if the model were asked.
    fn right_sender(&self, tried: &Try) -> usize {
        let offer = |id: u8| self.offers[usize::from(id)].as_ref();
        match *tried {
            Try::Budget { .. } => 4,
            Try::Offer { institution, .. } => institution as usize - 1,
            Try::Deliver { id, .. } => offer(id).map_or(0, |known| known.institution as usize - 1),
            Try::Claim { id, .. } | Try::Ask { id } => offer(id)
                .and_then(|known| known.owner.map(|owner| owner.0).or_else(|| self.owner(known.seals)))
                .unwrap_or(2),
            Try::Expire { .. } => 3,
        }
    }

    /// Does what the message does if it may; answers whether it may.
    fn apply(&mut self, sender: usize, tried: &Try, now: u64) -> bool {
        let seals = self.miners.len() as u64;
        match *tried {
            Try::Budget { institution, total } => {
                let held = self.reserved(institution) + self.spent(institution);
                let may = sender == 4 && total >= held && total != self.totals[institution as usize];
                if may {
                    self.totals[institution as usize] = total;
                }
                may
            }
            Try::Offer { institution, id, price, open, reuses } => {
                if sender + 1 != institution as usize || self.expelled[institution as usize] {
                    return false;
                }
                if let Some(known) = &self.offers[usize::from(id)] {
                    return (known.institution, known.price, known.open, known.reuses)
                        == (institution, price, open, reuses);
                }
                let held = self.reserved(institution) + self.spent(institution);
                let earlier = reuses.map(|earlier| self.offers[usize::from(earlier)].as_ref());
                let reusable = earlier.is_none_or(|earlier| {
                    earlier.is_some_and(|known| {
                        known.institution == institution
                            && known.state == OfferState::Delivered
                            && known.reuses.is_none()
                    })
                });
                if !reusable || held + price > self.totals[institution as usize] {
                    return false;
                }
                let state = OfferState::Offered;
                let (owner, claimed_seals, answer_by, answer) = (None, 0, 0, None);
                self.offers[usize::from(id)] = Some(Known {
                    institution,
                    price,
                    open,
                    reuses,
                    seals,
                    state,
                    owner,
                    claimed_seals,
                    answer_by,
                    answer,
                });
                true
            }
            Try::Claim { id, key } => {
                let Some(known) = self.offers[usize::from(id)].clone() else { return false };
                if let Some(owner) = known.owner {
                    return owner == (sender, key) && self.counts(sender);
                }
                let on_time = seals <= known.seals + 2 + u64::from(CLAIM_SEALS);
                let may =
                    known.state == OfferState::Offered && on_time && self.owner(known.seals) == Some(sender);
                if may {
                    let state = if known.open { OfferState::Owned } else { OfferState::Asked };
                    let answer_by = now + ANSWER_SECONDS;
                    let owner = Some((sender, key));
                    self.offers[usize::from(id)] =
                        Some(Known { state, owner, claimed_seals: seals, answer_by, ..known });
                }
                may
            }
            Try::Ask { id } => {
                let Some(known) = self.offers[usize::from(id)].as_mut() else { return false };
                let owner = known.owner.is_some_and(|owner| owner.0 == sender);
                let on_time = seals <= known.claimed_seals + u64::from(ASK_SEALS);
                let state = known.state;
                let asked = matches!(state, OfferState::Asked | OfferState::Delivered | OfferState::Missed);
                let open = known.open;
                let may = owner && open && (asked || state == OfferState::Owned && on_time);
                if !may || !self.counts(sender) {
                    return false;
                }
                if let Some(known) = self.offers[usize::from(id)].as_mut().filter(|_| !asked) {
                    (known.state, known.answer_by) = (OfferState::Asked, now + ANSWER_SECONDS);
                }
                true
            }
            Try::Deliver { id, answer } => {
                let Some(known) = self.offers[usize::from(id)].as_mut() else { return false };
                if sender + 1 != known.institution as usize || self.expelled[known.institution as usize] {
                    return false;
                }
                if known.answer.is_some() {
                    return known.answer == Some(answer);
                }
                let may = known.state == OfferState::Asked && now <= known.answer_by;
                if may {
                    (known.state, known.answer) = (OfferState::Delivered, Some(answer));
                }
                may
            }
            Try::Expire { id } => {
                let Some(known) = self.offers[usize::from(id)].as_mut() else { return false };
                let (to, over) = match known.state {
                    OfferState::Offered => {
                        (OfferState::Released, seals > known.seals + 2 + u64::from(CLAIM_SEALS))
                    }
                    OfferState::Owned => {
                        (OfferState::Released, seals > known.claimed_seals + u64::from(ASK_SEALS))
                    }
                    OfferState::Asked => (OfferState::Missed, now > known.answer_by),
                    _ => return false,
                };
                if over {
                    known.state = to;
                }
                over
            }
        }
    }
}

fn message(tried: &Try) -> ExecuteMsg {
    match *tried {
        Try::Budget { institution, total } => ExecuteMsg::SetBudget { institution, total },
        Try::Offer { institution, id: number, price, open, reuses } => {
            let kind = if open { OfferKind::Open {} } else { OfferKind::Fixed { question: question() } };
            let terms = Terms {
                kind,
                price,
                commitment: id(0xcc),
                claim_seals: CLAIM_SEALS,
                ask_seals: ASK_SEALS,
                answer_seconds: ANSWER_SECONDS,
                reuses: reuses.map(id),
            };
            ExecuteMsg::Offer { institution, id: id(number), terms }
        }
        Try::Claim { id: number, key: with } => {
            ExecuteMsg::Claim { offer: id(number), encryption_key: key(with) }
        }
        Try::Ask { id: number } => ExecuteMsg::Ask { offer: id(number), question: question() },
        Try::Deliver { id: number, answer: with } => {
            ExecuteMsg::Deliver { offer: id(number), answer: answer(with) }
        }
        Try::Expire { id: number } => ExecuteMsg::Expire { offer: id(number) },
    }
}

/// Chain and model are the same, and the ledger adds up.
fn compare(chain: &Chain, model: &Model) {
    for institution in [1, 2] {
        let budget = chain.budget(institution);
        let total = model.totals[institution as usize];
        let expected = (total, model.reserved(institution), model.spent(institution));
        assert_eq!((budget.total, budget.reserved, budget.spent), expected);
        assert!(budget.reserved + budget.spent <= budget.total, "overspent: {budget:?}");
        let of = |state| {
            let of = |offer: &&Known| offer.institution == institution && offer.state == state;
            model.offers.iter().flatten().filter(of).count() as u64
        };
        let record = Record {
            offered: OfferState::ALL.into_iter().map(of).sum(),
            delivered: of(OfferState::Delivered),
            missed: of(OfferState::Missed),
            released: of(OfferState::Released),
        };
        assert_eq!(chain.record(institution), record);
    }
    for (number, known) in model.offers.iter().enumerate() {
        let Some(known) = known else { continue };
        let offer = chain.get(number as u8);
        assert_eq!(offer.state, known.state);
        assert_eq!(offer.state.is_final(), offer.deadline.is_none());
        let owner = offer.owner.map(|owner| (owner.researcher, owner.encryption_key));
        let expected = known.owner.map(|(who, with)| (addr(PEOPLE[who]).into_string(), key(with)));
        assert_eq!(owner, expected);
        assert_eq!(offer.delivered.is_some(), known.answer.is_some());
    }
}

/// What the ledger never takes back: spent never falls, ends are for good.
fn only_forward(before: &Model, after: &[Option<Known>]) {
    for (before, after) in before.offers.iter().zip(after) {
        if let (Some(before), Some(after)) = (before, after) {
            assert!(!before.state.is_final() || before.state == after.state);
        }
    }
}

#[test]
fn ten_thousand_messages_in_any_order() {
    let (sent, through, ended) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new([0_u32; 3]));
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let run = TestRunner::new(config).run(&steps(), |steps| {
        let mut chain = Chain::new();
        let mut model = Model { offers: vec![None; usize::from(IDS)], ..Model::default() };
        for institution in [1, 2] {
            chain.send(&addr("consortium"), ExecuteMsg::SetBudget { institution, total: 30 }).unwrap();
            model.totals[institution as usize] = 30;
        }
        for (between, sender, tried) in steps {
            match between {
                Between::Nothing => {}
                Between::Seal(who) => {
                    chain.seal(PEOPLE[who]);
                    model.miners.push(who);
                }
                Between::Pass(seconds) => chain.pass(seconds),
                Between::Certify(who, counts) => {
                    let status = if counts { ResearcherStatus::Active } else { ResearcherStatus::Withdrawn };
                    chain.world.researcher(PEOPLE[who], status, who as u32 - 1);
                    model.withdrawn[who] = !counts;
                }
                Between::Admit(who, active) => {
                    let status = if active { InstitutionStatus::Active } else { InstitutionStatus::Expelled };
                    chain.world.institution(who, status);
                    model.expelled[who as usize] = !active;
                }
            }
            let sender = sender.unwrap_or_else(|| model.right_sender(&tried));
            let spent = [1, 2].map(|institution| model.spent(institution));
            let before = Model { offers: model.offers.clone(), ..Model::default() };
            let may = model.apply(sender, &tried, chain.now());
            let state = chain.state();
            let done: Result<_, Error> = chain.send(&addr(PEOPLE[sender]), message(&tried));
            let said = done.as_ref().err().map(ToString::to_string);
            assert_eq!(done.is_ok(), may, "{tried:?} by {}: {said:?}", PEOPLE[sender]);
            if !may || done.unwrap().events.is_empty() {
                assert_eq!(chain.state(), state, "{tried:?} left a trace");
            }
            compare(&chain, &model);
            only_forward(&before, &model.offers);
            for institution in [1, 2] {
                assert!(model.spent(institution) >= spent[institution as usize - 1], "ε came back");
            }
            sent.set(sent.get() + 1);
            through.set(through.get() + u32::from(may));
        }
        let mut ends = ended.get();
        for known in model.offers.iter().flatten() {
            match known.state {
                OfferState::Delivered => ends[0] += 1,
                OfferState::Missed => ends[1] += 1,
                OfferState::Released => ends[2] += 1,
                _ => {}
            }
        }
        ended.set(ends);
        Ok(())
    });
    run.unwrap();
    println!("{} messages, {} went through, ends {:?}", sent.get(), through.get(), ended.get());
    assert!(sent.get() >= 10_000 && through.get() > sent.get() / 10, "the messages test nothing");
    assert!(ended.get().iter().all(|ends| *ends > 10), "an end is hardly ever reached: {:?}", ended.get());
}

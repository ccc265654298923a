//! Somebody lies, hurries, comes late, comes twice, or asks for what is not there. Nothing of it leaves a trace.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{
    BUDGET, Chain, PRICE, addr, answer, ask, bounds, claim, count, deliver, entry, expire, fixed, hospital,
    id, key, offering, open, question,
};
use cosmwasm_std::Binary;
use medrec_api::{
    authlog::{SEAL_COUNT_KEY, sealed_by_key},
    bounty::{
        AgeBand, Bounds, BudgetError, CatalogueEntry, Category, Cohort, Deadline, Error, ExecuteMsg,
        MAX_ANSWER, MAX_BOUND, MAX_TIME, Measure, MeasureKind, OfferKind, OfferState, Question, Role, Terms,
        WEEK,
    },
    registrar::{ResearcherStatus, researcher_key},
};

fn wrong_state(operation: &'static str, number: u8, state: OfferState) -> Error {
    Error::WrongState { operation, offer: id(number).to_hex(), state }
}

fn not_owner(operation: &'static str, name: &str) -> Error {
    Error::Sender { operation, sender: addr(name).into(), needed: Role::Owner }
}

#[test]
fn nobody_claims_before_the_seal_and_nobody_but_its_miner() {
    let mut chain = Chain::new();
    chain.seals(&["ada", "ada"]);
    chain.offer(1, fixed());
    for seals in [2, 3] {
        let early = Error::ClaimEarly { offer: id(1).to_hex(), seal: 4, seals };
        for name in ["ada", "ben", "hospital-1", "stranger"] {
            chain.refuses(&addr(name), claim(1), &early);
        }
        chain.seal(if seals == 2 { "ada" } else { "ben" });
    }
    for name in ["ada", "cyd", "hospital-1", "stranger"] {
        chain.refuses(&addr(name), claim(1), &not_owner("claim", name));
    }
    chain.send(&addr("ben"), claim(1)).unwrap();
    // Two claimers, or one with another key.
    chain.refuses(&addr("ada"), claim(1), &not_owner("claim", "ada"));
    let other = ExecuteMsg::Claim { offer: id(1), encryption_key: key(9) };
    chain.refuses(&addr("ben"), other, &Error::ClaimKey { offer: id(1).to_hex() });
}

#[test]
fn a_claim_after_its_last_seal_is_late() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    chain.seals(&["ada"; 8]);
    let late = Error::Late {
        operation: "claim",
        offer: id(1).to_hex(),
        state: OfferState::Offered,
        deadline: Deadline::Seals(7),
        now: Deadline::Seals(8),
    };
    chain.refuses(&addr("ada"), claim(1), &late);
    chain.send(&addr("anybody"), expire(1)).unwrap();
    chain.refuses(&addr("ada"), claim(1), &not_owner("claim", "ada"));
    assert_eq!(chain.ledger(), (0, 0));
}

#[test]
fn a_question_after_its_last_seal_is_late_and_costs_nothing() {
    let mut chain = Chain::new();
    chain.claimed(1, open());
    chain.seals(&["ben"; 5]);
    let late = Error::Late {
        operation: "ask",
        offer: id(1).to_hex(),
        state: OfferState::Owned,
        deadline: Deadline::Seals(6),
        now: Deadline::Seals(7),
    };
    chain.refuses(&addr("ada"), ask(1, question()), &late);
    chain.send(&addr("anybody"), expire(1)).unwrap();
    chain.refuses(&addr("ada"), ask(1, question()), &wrong_state("ask", 1, OfferState::Released));
    chain.refuses(
        &addr("ada"),
        ExecuteMsg::Claim { offer: id(1), encryption_key: key(7) },
        &Error::ClaimKey { offer: id(1).to_hex() },
    );
}

#[test]
fn only_the_owner_asks_and_only_once() {
    let mut chain = Chain::new();
    chain.claimed(1, open());
    for name in ["ben", "cyd", "hospital-1", "stranger"] {
        chain.refuses(&addr(name), ask(1, question()), &not_owner("ask", name));
    }
    chain.send(&addr("ada"), ask(1, question())).unwrap();
    chain.refuses(&addr("ada"), ask(1, count()), &Error::AskOther { offer: id(1).to_hex() });
    // A fixed offer is not asked: its question stands.
    chain.claimed(2, fixed());
    chain.refuses(&addr("ada"), ask(2, count()), &wrong_state("ask", 2, OfferState::Asked));
}

#[test]
fn questions_stay_within_the_catalogue() {
    let mut chain = Chain::new();
    chain.claimed(1, open());
    let with = |measure| Question { measure, ..question() };
    let wide = Bounds { upper: 301, ..bounds() };
    let low = Bounds { lower: -1, ..bounds() };
    let finer = Bounds { scale: 2, ..bounds() };
    let outside = Error::AskOutside { institution: 1, version: 1 };
    for asked in [
        Question { code: "4548-4".into(), ..question() },
        Question { system: "urn:other".into(), ..question() },
        Question { unit: "g/L".into(), ..question() },
        Question { category: Category::VitalSigns, ..question() },
        with(Measure::Mean { bounds: wide }),
        with(Measure::Mean { bounds: low }),
        with(Measure::Mean { bounds: finer }),
        with(Measure::Sum { bounds: bounds() }),
        with(Measure::Quantile { bounds: bounds(), permille: 500 }),
    ] {
        chain.refuses(&addr("ada"), ask(1, asked), &outside);
    }
    chain.send(&addr("ada"), ask(1, with(Measure::Histogram { bounds: bounds(), bins: 10 }))).unwrap();
}

#[test]
fn absurd_questions() {
    let mut chain = Chain::new();
    let with = |change: &dyn Fn(&mut Question)| {
        let mut asked = question();
        change(&mut asked);
        asked
    };
    let cohort = |from, until| with(&|asked| asked.cohort = Cohort { from, until, ..asked.cohort.clone() });
    let age = |from, to| with(&|asked| asked.cohort.age = Some(AgeBand { from, to }));
    let within = |lower, upper, scale| {
        with(&|asked| asked.measure = Measure::Mean { bounds: Bounds { lower, upper, scale } })
    };
    let histogram = |bins| with(&|asked| asked.measure = Measure::Histogram { bounds: bounds(), bins });
    let quantile = |permille| with(&|asked| asked.measure = Measure::Quantile { bounds: bounds(), permille });
    let bad = [
        (cohort(WEEK, WEEK), "until"),
        (cohort(2 * WEEK, WEEK), "until"),
        (cohort(WEEK + 1, 9 * WEEK), "from"),
        (cohort(WEEK, 9 * WEEK + 1), "until"),
        (cohort(0, MAX_TIME + WEEK), "until"),
        (cohort(0, u64::MAX), "until"),
        (age(30, 29), "age.from"),
        (age(0, 121), "age.to"),
        (within(5, 5, 0), "upper - lower"),
        (within(6, 5, 0), "upper - lower"),
        (within(i64::MIN, i64::MAX, 0), "lower"),
        (within(0, MAX_BOUND + 1, 0), "upper"),
        (within(0, 5, 7), "scale"),
        (histogram(1), "bins"),
        (histogram(33), "bins"),
        (quantile(0), "permille"),
        (quantile(1_000), "permille"),
        (with(&|asked| asked.contributions = 0), "contributions"),
        (with(&|asked| asked.contributions = 17), "contributions"),
        (with(&|asked| asked.code.clear()), "code"),
        (with(&|asked| asked.code = "x".repeat(65)), "code"),
        (with(&|asked| asked.system = "a\nb".into()), "system"),
        (with(&|asked| asked.code = " 718-7".into()), "code"),
        (with(&|asked| asked.unit.clear()), "unit"),
        (Question { unit: "g/dL".into(), ..count() }, "unit"),
        (Question { contributions: 2, ..count() }, "contributions"),
    ];
    chain.claimed(1, open());
    for (number, (asked, field)) in bad.into_iter().enumerate() {
        let kind = OfferKind::Fixed { question: asked.clone() };
        for (sender, msg) in [
            (hospital(1), offering(100 + number as u8, Terms { kind, ..fixed() })),
            (addr("ada"), ask(1, asked)),
        ] {
            let refusal = chain.refusal(&sender, msg);
            assert!(refusal.starts_with(&format!("{field}:")), "{field}: {refusal}");
        }
    }
}

#[test]
fn numbers_below_zero_do_not_parse() {
    let good = serde_json::to_value(offering(1, fixed())).unwrap();
    assert!(serde_json::from_value::<ExecuteMsg>(good.clone()).is_ok());
    for (field, value) in [("price", "-1"), ("price", "1.5"), ("claim_seals", "-3")] {
        let mut bad = good.clone();
        bad["offer"]["terms"][field] = serde_json::from_str(value).unwrap();
        assert!(serde_json::from_value::<ExecuteMsg>(bad).is_err(), "{field} {value}");
    }
}

#[test]
fn absurd_terms() {
    let mut chain = Chain::new();
    let bad: [(Terms, &str); 11] = [
        (Terms { price: 0, ..fixed() }, "price"),
        (Terms { price: 10_000_001, ..fixed() }, "price"),
        (Terms { price: u64::MAX, ..fixed() }, "price"),
        (Terms { commitment: Binary::new(vec![0; 31]), ..fixed() }, "commitment"),
        (Terms { claim_seals: 2, ..fixed() }, "claim_seals"),
        (Terms { claim_seals: 10_001, ..fixed() }, "claim_seals"),
        (Terms { ask_seals: 0, ..fixed() }, "ask_seals"),
        (Terms { answer_seconds: 0, ..fixed() }, "answer_seconds"),
        (Terms { answer_seconds: 2_592_001, ..fixed() }, "answer_seconds"),
        (Terms { reuses: Some(id(1)), ..fixed() }, "price"),
        (Terms { reuses: Some(Binary::default()), price: 0, ..fixed() }, "reuses"),
    ];
    for (terms, field) in bad {
        let refusal = chain.refusal(&hospital(1), offering(1, terms));
        assert!(refusal.starts_with(&format!("{field}:")), "{field}: {refusal}");
    }
    for id in [vec![], vec![1; 31], vec![1; 33]] {
        let msg = ExecuteMsg::Offer { institution: 1, id: id.into(), terms: fixed() };
        assert!(chain.refusal(&hospital(1), msg).starts_with("id:"));
    }
}

#[test]
fn absurd_catalogues() {
    let mut chain = Chain::new();
    let count_only =
        CatalogueEntry { measures: vec![MeasureKind::Count], bounds: None, unit: String::new(), ..entry() };
    let coded = |number: usize| CatalogueEntry { code: number.to_string(), ..entry() };
    let bad: [(Vec<CatalogueEntry>, &str); 8] = [
        ((0..31).map(coded).collect(), "entries"),
        (vec![entry(), entry()], "entries of one"),
        (vec![CatalogueEntry { measures: vec![], ..entry() }], "measures"),
        (vec![CatalogueEntry { measures: vec![MeasureKind::Mean; 2], ..entry() }], "measures of one"),
        (vec![CatalogueEntry { bounds: None, ..entry() }], "bounds"),
        (vec![CatalogueEntry { bounds: Some(bounds()), ..count_only.clone() }], "bounds"),
        (vec![CatalogueEntry { unit: String::new(), ..entry() }], "unit"),
        (vec![CatalogueEntry { bounds: Some(Bounds { scale: 9, ..bounds() }), ..entry() }], "scale"),
    ];
    for (entries, field) in bad {
        let msg = ExecuteMsg::SetCatalogue { institution: 1, entries };
        let refusal = chain.refusal(&hospital(1), msg);
        assert!(refusal.starts_with(field), "{field}: {refusal}");
    }
    let entries = (0..29).map(coded).chain([count_only]).collect();
    chain.send(&hospital(1), ExecuteMsg::SetCatalogue { institution: 1, entries }).unwrap();
}

#[test]
fn an_id_is_one_offer_for_good() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    let taken = Error::OfferTaken { offer: id(1).to_hex() };
    for terms in [open(), Terms { price: 5, ..fixed() }, Terms { commitment: id(1), ..fixed() }] {
        chain.refuses(&hospital(1), offering(1, terms), &taken);
    }
    let others = ExecuteMsg::Offer { institution: 2, id: id(1), terms: fixed() };
    chain.refuses(&hospital(2), others, &taken);
    chain.seals(&["ada", "ada"]);
    chain.send(&addr("ada"), claim(1)).unwrap();
    // The same again: known, whatever became of it, and nothing is reserved twice.
    chain.repeats(&hospital(1), offering(1, fixed()));
    assert_eq!(chain.ledger(), (0, PRICE));
}

#[test]
fn the_budget_is_never_overspent() {
    let mut chain = Chain::new();
    for number in 1..=4 {
        chain.offer(number, fixed());
    }
    chain.offer(5, Terms { price: PRICE - 1, ..fixed() });
    let short = |asked, free| Error::OfferBudget {
        institution: 1,
        reason: BudgetError::Short { asked, free, total: BUDGET },
    };
    chain.refuses(&hospital(1), offering(6, Terms { price: 2, ..fixed() }), &short(2, 1));
    chain.offer(6, Terms { price: 1, ..fixed() });
    chain.refuses(&hospital(1), offering(7, Terms { price: 1, ..fixed() }), &short(1, 0));
    chain.seals(&["ada", "ada"]);
    chain.send(&addr("ada"), claim(1)).unwrap();
    assert_eq!(chain.ledger(), (BUDGET - PRICE, PRICE));
    let below = Error::BudgetBelow {
        institution: 1,
        reason: BudgetError::Below { asked: BUDGET - 1, spent: PRICE, reserved: BUDGET - PRICE },
    };
    let set = ExecuteMsg::SetBudget { institution: 1, total: BUDGET - 1 };
    chain.refuses(&addr("consortium"), set, &below);
    // Another institution's budget is its own.
    assert_eq!(chain.budget(2).free(), BUDGET);
}

#[test]
fn deliveries_by_others_twice_early_and_late() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    chain.refuses(&hospital(1), deliver(1), &wrong_state("deliver", 1, OfferState::Offered));
    chain.claimed(2, open());
    chain.refuses(&hospital(1), deliver(2), &wrong_state("deliver", 2, OfferState::Owned));
    chain.send(&addr("ada"), claim(1)).unwrap();
    for name in ["hospital-2", "ada", "stranger"] {
        let refusal = chain.refusal(&addr(name), deliver(1));
        assert!(refusal.contains("is not the account of the institution"), "{refusal}");
    }
    chain.send(&hospital(1), deliver(1)).unwrap();
    let other = ExecuteMsg::Deliver { offer: id(1), answer: answer(9) };
    let refusal = chain.refusal(&hospital(1), other);
    assert!(refusal.contains("nothing was changed"), "{refusal}");
    chain.repeats(&hospital(1), deliver(1));
    // An answer of one offer says nothing about another.
    chain.refuses(&hospital(1), deliver(2), &wrong_state("deliver", 2, OfferState::Owned));
    assert_eq!(chain.record(1).delivered, 1);
}

#[test]
fn answers_of_a_wrong_size() {
    let mut chain = Chain::new();
    chain.claimed(1, fixed());
    for len in [0, 1, 48, MAX_ANSWER + 1, 100_000] {
        let msg = ExecuteMsg::Deliver { offer: id(1), answer: vec![7; len].into() };
        assert!(chain.refusal(&hospital(1), msg).starts_with("answer:"));
    }
    let msg = ExecuteMsg::Deliver { offer: id(1), answer: vec![7; MAX_ANSWER].into() };
    chain.send(&hospital(1), msg).unwrap();
}

#[test]
fn keys_of_small_order_and_wrong_length() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    chain.seals(&["ada", "ada"]);
    for encryption_key in [vec![0; 32], vec![], vec![9; 31], vec![9; 33]] {
        let msg = ExecuteMsg::Claim { offer: id(1), encryption_key: encryption_key.into() };
        assert!(chain.refusal(&addr("ada"), msg).starts_with("encryption_key:"));
    }
}

#[test]
fn unknown_offers() {
    let mut chain = Chain::new();
    for (msg, operation) in
        [(claim(1), "claim"), (ask(1, question()), "ask"), (deliver(1), "deliver"), (expire(1), "expire")]
    {
        let unknown = Error::NoOffer { operation, offer: id(1).to_hex() };
        chain.refuses(&addr("ada"), msg, &unknown);
    }
    assert!(chain.refusal(&addr("ada"), ExecuteMsg::Expire { offer: vec![1; 31].into() }).starts_with("id:"));
}

#[test]
fn what_ended_does_not_move() {
    let mut chain = Chain::new();
    chain.delivered(1);
    chain.claimed(2, fixed());
    chain.pass(3_601);
    chain.send(&addr("anybody"), expire(2)).unwrap();
    chain.offer(3, fixed());
    chain.seals(&["ben"; 8]);
    chain.send(&addr("anybody"), expire(3)).unwrap();
    chain.pass(10_000_000);
    let ends = [OfferState::Delivered, OfferState::Missed, OfferState::Released];
    for (number, state) in (1..=3).zip(ends) {
        chain.refuses(&addr("anybody"), expire(number), &wrong_state("expire", number, state));
        assert_eq!(chain.stands(number), state);
    }
    for (number, state) in [(2, OfferState::Missed), (3, OfferState::Released)] {
        chain.refuses(&hospital(1), deliver(number), &wrong_state("deliver", number, state));
    }
    assert_eq!(chain.ledger(), (0, 2 * PRICE));
}

#[test]
fn an_answer_is_reused_for_the_very_same_question_only() {
    let mut chain = Chain::new();
    chain.delivered(1);
    chain.claimed(2, fixed());
    let again = Terms { price: 0, reuses: Some(id(1)), ..fixed() };
    let other = OfferKind::Fixed { question: count() };
    for (terms, reason) in [
        (Terms { kind: OfferKind::Open {}, ..again.clone() }, "only a fixed offer"),
        (Terms { kind: other, ..again.clone() }, "another question"),
        (Terms { commitment: id(0xcd), ..again.clone() }, "another commitment"),
        (Terms { reuses: Some(id(2)), ..again.clone() }, "not delivered"),
        (Terms { reuses: Some(id(9)), ..again.clone() }, "there is no offer"),
    ] {
        let refusal = chain.refusal(&hospital(1), offering(3, terms));
        assert!(refusal.contains(reason), "{reason}: {refusal}");
    }
    let others = ExecuteMsg::Offer { institution: 2, id: id(3), terms: again.clone() };
    assert!(chain.refusal(&hospital(2), others).contains("another institution's"));
    chain.offer(3, again.clone());
    chain.seals(&["ada", "ada"]);
    chain.send(&addr("ada"), claim(3)).unwrap();
    chain.send(&hospital(1), deliver(3)).unwrap();
    let twice = Terms { reuses: Some(id(3)), ..again };
    assert!(chain.refusal(&hospital(1), offering(4, twice)).contains("reuses one itself"));
}

#[test]
fn a_registrar_or_authlog_that_says_nonsense_lets_nobody_through() {
    let mut chain = Chain::new();
    chain.offer(1, fixed());
    chain.seals(&["ada", "ada"]);
    let account = addr("ada");
    for row in [vec![], vec![1], vec![1, 0, 0, 0], vec![2, 0, 0, 0, 1], vec![1, 0, 0, 0, 9]] {
        chain.world.put("registrar", researcher_key(account.as_str()), row);
        let refusal = chain.refusal(&account, claim(1));
        assert!(refusal.contains("wait"), "{refusal}");
    }
    chain.world.researcher("ada", ResearcherStatus::Active, 1);
    chain.world.put("authlog", sealed_by_key(2), vec![0xff, 0xfe]);
    let unreadable = |operation, item| Error::Authlog { operation, item };
    chain.refuses(&account, claim(1), &unreadable("claim", "miner of a seal"));
    chain.world.remove("authlog", sealed_by_key(2));
    chain.refuses(&account, claim(1), &unreadable("claim", "miner of a seal"));
    chain.world.put("authlog", SEAL_COUNT_KEY.to_vec(), vec![0; 7]);
    chain.refuses(&account, claim(1), &unreadable("claim", "number of seals"));
    chain.refuses(&hospital(1), offering(2, fixed()), &unreadable("offer", "number of seals"));
    chain.refuses(&account, expire(1), &unreadable("expire", "number of seals"));
}

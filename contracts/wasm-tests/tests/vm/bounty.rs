use cosmwasm_std::{Binary, ContractResult, QuerierResult, SystemError, SystemResult, WasmQuery, coins};
use medrec_api::{
    authlog::{SEAL_COUNT_KEY, sealed_by_key},
    bounty::{
        Bounds, BudgetResponse, CatalogueEntry, Category, Cohort, ExecuteMsg, InstantiateMsg, MAX_ANSWER,
        Measure, MeasureKind, MigrateMsg, OfferKind, OfferResponse, OfferState, OffersResponse, QueryMsg,
        Question, RecordResponse, Terms, WEEK,
    },
    registrar::{InstitutionStatus, LOG_KEY, ResearcherStatus, account_key, researcher_key, status_key},
};

use crate::contract::{Contract, addr};

const INSTITUTION: u32 = 3;

/// One active institution, one researcher it certified, who won all the seals.
fn neighbours(seals: u64) -> impl Fn(&WasmQuery) -> QuerierResult {
    move |query| {
        let WasmQuery::Raw { contract_addr, key } = query else {
            return SystemResult::Err(SystemError::NoSuchContract { addr: "only raw keys".into() });
        };
        let active = [&[ResearcherStatus::Active.byte()][..], &INSTITUTION.to_be_bytes(), &[9; 32]].concat();
        let rows = if *contract_addr == addr("registrar") {
            vec![
                (status_key(INSTITUTION), vec![InstitutionStatus::Active.byte()]),
                (account_key(INSTITUTION), addr("hospital").into_bytes()),
                (researcher_key(&addr("ada")), active),
            ]
        } else {
            let won = (1..=seals).map(|number| (sealed_by_key(number), addr("ada").into_bytes()));
            won.chain([(SEAL_COUNT_KEY.to_vec(), seals.to_be_bytes().to_vec())]).collect()
        };
        let row = rows.into_iter().find(|(known, _)| **key == known[..]).map(|(_, row)| row);
        SystemResult::Ok(ContractResult::Ok(row.unwrap_or_default().into()))
    }
}

fn id(number: u8) -> Binary {
    vec![number; 32].into()
}

fn question() -> Question {
    Question {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: "g/dL".into(),
        category: Category::Laboratory,
        cohort: Cohort { sex: None, age: None, from: 2_500 * WEEK, until: 2_800 * WEEK },
        measure: Measure::Mean { bounds: Bounds { lower: -10, upper: 250, scale: 1 } },
        contributions: 2,
    }
}

fn terms(kind: OfferKind) -> Terms {
    Terms {
        kind,
        price: 1_000_000,
        commitment: id(0xcc),
        claim_seals: 5,
        ask_seals: 4,
        answer_seconds: 3_600,
        reuses: None,
    }
}

fn fixed() -> Terms {
    terms(OfferKind::Fixed { question: question() })
}

fn offer(number: u8, terms: Terms) -> ExecuteMsg {
    ExecuteMsg::Offer { institution: INSTITUTION, id: id(number), terms }
}

fn claim(number: u8) -> ExecuteMsg {
    ExecuteMsg::Claim { offer: id(number), encryption_key: vec![7; 32].into() }
}

fn deliver(number: u8, len: usize) -> ExecuteMsg {
    ExecuteMsg::Deliver { offer: id(number), answer: vec![number; len].into() }
}

fn instantiated() -> Contract {
    let mut contract = Contract::load("bounty");
    contract.answers(neighbours(0));
    contract.instantiate(&InstantiateMsg {
        consortium: addr("consortium"),
        registrar: addr("registrar"),
        authlog: addr("authlog"),
    });
    let budget = ExecuteMsg::SetBudget { institution: INSTITUTION, total: 5_000_000 };
    contract.execute("set_budget", &addr("consortium"), &budget);
    let entry = |number: u32| CatalogueEntry {
        system: "http://loinc.org".into(),
        code: if number == 29 { "718-7".into() } else { number.to_string() },
        unit: "g/dL".into(),
        category: Category::Laboratory,
        measures: vec![MeasureKind::Count, MeasureKind::Mean],
        bounds: Some(Bounds { lower: -10, upper: 300, scale: 1 }),
    };
    let entries = (0..30).map(entry).collect();
    let catalogue = ExecuteMsg::SetCatalogue { institution: INSTITUTION, entries };
    contract.execute("set_catalogue_of_30", &addr("hospital"), &catalogue);
    contract
}

#[test]
fn messages_in_the_vm() {
    let mut contract = instantiated();
    let (hospital, ada) = (addr("hospital"), addr("ada"));
    contract.execute("offer_fixed", &hospital, &offer(1, fixed()));
    contract.execute("offer_open", &hospital, &offer(2, terms(OfferKind::Open {})));
    contract.execute("offer_again", &hospital, &offer(1, fixed()));
    assert!(contract.refusal(&ada, &claim(1)).contains("seal 2"));
    contract.answers(neighbours(2));
    contract.execute("claim_fixed", &ada, &claim(1));
    contract.execute("claim_open", &ada, &claim(2));
    let ask = ExecuteMsg::Ask { offer: id(2), question: question() };
    contract.execute("ask", &ada, &ask);
    contract.execute("deliver", &hospital, &deliver(1, MAX_ANSWER));
    contract.env.block.time = contract.env.block.time.plus_seconds(3_601);
    assert!(contract.refusal(&hospital, &deliver(2, 100)).contains("only expire is left"));
    contract.execute("expire_missed", &addr("anybody"), &ExecuteMsg::Expire { offer: id(2) });
    contract.execute("offer_third", &hospital, &offer(3, fixed()));
    contract.answers(neighbours(10));
    contract.execute("expire_released", &addr("anybody"), &ExecuteMsg::Expire { offer: id(3) });
    contract.migrate(&MigrateMsg::Same {});

    let budget: BudgetResponse = contract.query(&QueryMsg::Budget { institution: INSTITUTION });
    assert_eq!((budget.budget.reserved, budget.budget.spent), (0, 2_000_000));
    let record: RecordResponse = contract.query(&QueryMsg::Record { institution: INSTITUTION });
    let record = record.record;
    assert_eq!((record.offered, record.delivered, record.missed, record.released), (3, 1, 1, 1));
    let offer: OfferResponse = contract.query(&QueryMsg::OfferById { id: id(1) });
    assert_eq!((offer.state, offer.owner.unwrap().seal), (OfferState::Delivered, 2));
    let all = QueryMsg::Offers { institution: None, state: None, start_after: None, limit: None };
    assert_eq!(contract.query::<OffersResponse>(&all).offers.len(), 3);
    // budget_set, catalogue_set, offered 3, owned 2, asked 2, delivered, missed, released.
    let log = contract.stored(LOG_KEY).unwrap();
    assert_eq!(u64::from_be_bytes(log[..8].try_into().unwrap()), 12);
}

#[test]
fn bad_input_in_the_vm() {
    let mut contract = instantiated();
    contract.refuses_nonsense();
    let (hospital, stranger) = (addr("hospital"), addr("stranger"));
    assert!(contract.refusal(&stranger, &offer(1, fixed())).contains(&stranger));
    assert!(contract.refusal_of_funds(&hospital, &offer(1, fixed()), &coins(1, "ufee")).contains("1ufee"));
    for (msg, says) in [
        (offer(1, Terms { price: u64::MAX, ..fixed() }), "price: 18446744073709551615"),
        (offer(1, Terms { price: 5_000_001, ..fixed() }), "5000000"),
        (offer(1, Terms { commitment: vec![1].into(), ..fixed() }), "commitment: 1 bytes"),
        (deliver(9, 100), "there is no offer"),
        (deliver(9, MAX_ANSWER + 1), "there is no offer"),
    ] {
        let refusal = contract.refusal(&hospital, &msg);
        assert!(refusal.contains(says), "{refusal}");
    }
    let negative = serde_json::to_string(&offer(1, fixed())).unwrap().replace("1000000", "-1000000");
    assert!(contract.refusal_of_bytes(&hospital, negative.as_bytes()).contains("rror"));
}

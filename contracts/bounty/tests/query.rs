//! Lists and single answers.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Chain, addr, claim, entry, expire, fixed, hospital, id, open};
use medrec_api::{
    bounty::{
        BudgetResponse, CatalogueResponse, ConfigResponse, ExecuteMsg, OfferState, OffersResponse, QueryMsg,
        RecordsResponse, Terms,
    },
    registrar::InstitutionStatus,
};

fn numbers(chain: &Chain, msg: QueryMsg) -> Vec<u64> {
    chain.query::<OffersResponse>(msg).offers.iter().map(|offer| offer.number).collect()
}

fn offers(
    institution: Option<u32>,
    state: Option<OfferState>,
    start_after: Option<u64>,
    limit: Option<u32>,
) -> QueryMsg {
    QueryMsg::Offers { institution, state, start_after, limit }
}

#[test]
fn what_was_instantiated() {
    let config: ConfigResponse = Chain::new().query(QueryMsg::Config {});
    let expected = ["consortium", "registrar", "authlog"].map(|name| addr(name).into_string());
    assert_eq!([config.consortium, config.registrar, config.authlog], expected);
}

#[test]
fn an_institution_nobody_knows_has_nothing() {
    let chain = Chain::new();
    let budget: BudgetResponse = chain.query(QueryMsg::Budget { institution: 9 });
    assert_eq!((budget.institution, budget.budget), (9, medrec_api::bounty::Budget::default()));
    let none = QueryMsg::Catalogue { institution: 9, version: None };
    let catalogue: CatalogueResponse = chain.query(none);
    assert_eq!(catalogue, CatalogueResponse { institution: 9, version: 0, entries: vec![] });
    assert_eq!(chain.record(9), medrec_api::bounty::Record::default());
    let refusal = chain.try_query(QueryMsg::OfferById { id: id(1) }).unwrap_err().to_string();
    assert!(refusal.contains("there is no offer"), "{refusal}");
}

#[test]
fn catalogues_by_version() {
    let mut chain = Chain::new();
    chain.send(&hospital(1), ExecuteMsg::SetCatalogue { institution: 1, entries: vec![] }).unwrap();
    let asked = |version| QueryMsg::Catalogue { institution: 1, version };
    let (newest, first): (CatalogueResponse, CatalogueResponse) =
        (chain.query(asked(None)), chain.query(asked(Some(1))));
    assert_eq!((newest.version, newest.entries), (2, vec![]));
    assert_eq!((first.version, first.entries), (1, vec![entry()]));
}

#[test]
fn offers_by_institution_state_and_owner() {
    let mut chain = Chain::new();
    // Hospital 1 offers 1, 3; hospital 2 offers 2, 4.
    for number in 1..=4_u8 {
        let institution = 2 - u32::from(number % 2);
        let terms = Terms { price: 10, ..if number < 3 { fixed() } else { open() } };
        let msg = ExecuteMsg::Offer { institution, id: id(number), terms };
        chain.send(&hospital(institution), msg).unwrap();
    }
    chain.seals(&["ada", "ada"]);
    for number in [1, 4] {
        chain.send(&addr("ada"), claim(number)).unwrap();
    }
    assert_eq!(numbers(&chain, offers(None, None, None, None)), [1, 2, 3, 4]);
    assert_eq!(numbers(&chain, offers(Some(2), None, None, None)), [2, 4]);
    assert_eq!(numbers(&chain, offers(None, Some(OfferState::Offered), None, None)), [2, 3]);
    assert_eq!(numbers(&chain, offers(Some(1), Some(OfferState::Offered), None, None)), [3]);
    assert_eq!(numbers(&chain, offers(Some(2), Some(OfferState::Owned), None, None)), [4]);
    let owned =
        |name: &str| QueryMsg::OwnedBy { researcher: addr(name).into(), start_after: None, limit: None };
    assert_eq!(numbers(&chain, owned("ada")), [1, 4]);
    assert_eq!(numbers(&chain, owned("ben")), [] as [u64; 0]);
    // An offer is in the list of one state at a time.
    chain.seals(&["ben"; 8]);
    chain.send(&addr("x"), expire(2)).unwrap();
    assert_eq!(numbers(&chain, offers(None, Some(OfferState::Released), None, None)), [2]);
    let all: usize = OfferState::ALL
        .iter()
        .map(|state| numbers(&chain, offers(None, Some(*state), None, None)).len())
        .sum();
    assert_eq!(all, 4);
}

#[test]
fn pages_of_thirty_at_most_that_join_without_a_gap() {
    let mut chain = Chain::new();
    for number in 0..70 {
        chain.offer(number, Terms { price: 1, ..fixed() });
    }
    let offered = Some(OfferState::Offered);
    for (institution, state) in [(None, None), (Some(1), None), (None, offered), (Some(1), offered)] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page: OffersResponse = chain.query(offers(institution, state, after, Some(1_000)));
            assert!(page.offers.len() <= 30);
            seen.extend(page.offers.iter().map(|offer| offer.number));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=70).collect::<Vec<u64>>());
    }
    let page: OffersResponse = chain.query(offers(None, None, None, None));
    assert_eq!((page.offers.len(), page.next), (10, Some(10)));
}

#[test]
fn a_page_that_filters_looks_at_a_bounded_number_and_says_where_to_go_on() {
    let mut chain = Chain::new();
    let raise = ExecuteMsg::SetBudget { institution: 1, total: 10_000_000 };
    chain.send(&addr("consortium"), raise).unwrap();
    for number in 0..350_u32 {
        let id = [&number.to_be_bytes()[..], &[0; 28]].concat().into();
        let terms = Terms { price: 1, ..fixed() };
        chain.send(&hospital(1), ExecuteMsg::Offer { institution: 1, id, terms }).unwrap();
    }
    let msg = ExecuteMsg::Offer { institution: 2, id: id(9), terms: fixed() };
    chain.send(&hospital(2), msg).unwrap();
    let first: OffersResponse = chain.query(offers(Some(2), Some(OfferState::Offered), None, None));
    assert_eq!((first.offers.len(), first.next), (0, Some(300)));
    let second: OffersResponse = chain.query(offers(Some(2), Some(OfferState::Offered), first.next, None));
    assert_eq!((second.offers.len(), second.next), (1, None));
}

#[test]
fn records_in_order() {
    let mut chain = Chain::new();
    for institution in [3, 1] {
        let msg = ExecuteMsg::Offer { institution, id: id(institution as u8), terms: fixed() };
        chain.send(&hospital(institution), msg).unwrap();
    }
    chain.world.institution(1, InstitutionStatus::Expelled);
    let page: RecordsResponse = chain.query(QueryMsg::Records { start_after: None, limit: None });
    let listed: Vec<_> = page.records.iter().map(|row| (row.institution, row.record.offered)).collect();
    assert_eq!(listed, [(1, 1), (3, 1)]);
    let rest: RecordsResponse = chain.query(QueryMsg::Records { start_after: Some(1), limit: Some(1) });
    assert_eq!(rest.records.len(), 1);
}

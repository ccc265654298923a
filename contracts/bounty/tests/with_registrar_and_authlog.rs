//! Bounties beside the real contracts on one simulated chain: who mines a seal owns an offer.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{BUDGET, PRICE, claim, deliver, fixed, id, offering};
use cosmwasm_std::Addr;
use medrec_api::{
    bounty::{
        Budget, BudgetResponse, Error, ExecuteMsg, OfferResponse, OfferState, QueryMsg, Role, owning_seals,
    },
    registrar,
};
use medrec_testing::{Suite, SuiteBuilder, fixtures, refusal, seals};

/// Institution 1 has a log, a budget and an offer at two seals; ada and cleo hold its log.
struct Ground {
    suite: Suite,
    log: seals::Log,
}

fn ground() -> Ground {
    let institutions = (1..=3).map(seals::institution).collect();
    let mut suite = SuiteBuilder::new().institutions(institutions).build();
    let log = suite.keep_log(1, 500).0;
    for (name, institution) in [("ada", 2), ("cleo", 3)] {
        let account = suite.certify(name, institution);
        suite.cosign(&account, &fixtures::researcher_key(name), &log, 0);
    }
    let watched = [&suite.registrar, &suite.authlog, &suite.bounty].map(Clone::clone);
    suite.start_seals(&watched.each_ref());
    let budget = ExecuteMsg::SetBudget { institution: 1, total: BUDGET };
    suite.to_bounty(&suite.consortium.clone(), &budget).unwrap();
    let mut ground = Ground { suite, log };
    ground.sealed(&["ada", "ada"]);
    ground.suite.to_bounty(&hospital(1), &offering(1, fixed())).unwrap();
    assert_eq!(owning_seals(2), 4..12);
    ground
}

fn hospital(institution: u32) -> Addr {
    fixtures::address(&format!("institution-{institution}"))
}

fn researcher(name: &str) -> Addr {
    fixtures::address(name)
}

impl Ground {
    fn sealed(&mut self, miners: &[&str]) {
        for name in miners {
            self.suite.wait(60);
            self.suite.seal(&researcher(name), &fixtures::researcher_key(name), &[&self.log]);
        }
    }

    #[track_caller]
    fn refuses(&mut self, sender: &Addr, msg: &ExecuteMsg, expected: &Error) {
        let before = self.suite.snapshot();
        let refused = self.suite.to_bounty(sender, msg);
        assert_eq!(refusal::<Error, _>(&refused).to_string(), expected.to_string());
        assert_eq!(self.suite.snapshot(), before);
    }

    fn offer(&self) -> OfferResponse {
        self.suite.ask_bounty(&QueryMsg::OfferById { id: id(1) }).unwrap()
    }

    fn budget(&self) -> Budget {
        self.suite.ask_bounty::<BudgetResponse>(&QueryMsg::Budget { institution: 1 }).unwrap().budget
    }
}

fn not_the_owner(sender: &Addr) -> Error {
    let sender = sender.to_string();
    Error::Sender { operation: "claim", sender, needed: Role::Owner }
}

#[test]
fn the_miner_of_the_second_seal_after_it_owns_an_offer_and_is_answered() {
    let mut ground = ground();
    let (ada, cleo) = (researcher("ada"), researcher("cleo"));
    ground.sealed(&["ada"]);
    let early = Error::ClaimEarly { offer: id(1).to_hex(), seal: 4, seals: 3 };
    ground.refuses(&ada, &claim(1), &early);
    ground.sealed(&["cleo"]);
    ground.refuses(&ada, &claim(1), &not_the_owner(&ada));
    ground.refuses(&hospital(1), &claim(1), &not_the_owner(&hospital(1)));
    assert_eq!(ground.budget(), Budget { total: BUDGET, reserved: PRICE, spent: 0 });
    ground.suite.to_bounty(&cleo, &claim(1)).unwrap();
    let owner = ground.offer().owner.unwrap();
    assert_eq!((owner.researcher, owner.seal), (cleo.to_string(), 4));
    assert_eq!(ground.budget(), Budget { total: BUDGET, reserved: 0, spent: PRICE });

    let stranger =
        Error::Sender { operation: "deliver", sender: hospital(2).to_string(), needed: Role::Institution };
    ground.refuses(&hospital(2), &deliver(1), &stranger);
    ground.suite.to_bounty(&hospital(1), &deliver(1)).unwrap();
    assert_eq!(ground.offer().state, OfferState::Delivered);
    assert_eq!(
        ground.suite.own_log(&ground.suite.bounty).size(),
        5,
        "budget, offer, claim, question, delivery"
    );
    // What the bounty did is under the next seals.
    ground.sealed(&["ada", "ada"]);
    assert_eq!(ground.suite.template().watched[2].size, 5);
}

#[test]
fn a_researcher_who_counts_no_more_owns_nothing_and_the_next_miner_does() {
    let mut ground = ground();
    let (ada, cleo) = (researcher("ada"), researcher("cleo"));
    ground.sealed(&["ada", "cleo", "ada"]);
    let consortium = ground.suite.consortium.clone();
    ground.suite.to_registrar(&consortium, &registrar::ExecuteMsg::ExpelInstitution { id: 3 }).unwrap();
    ground.refuses(&cleo, &claim(1), &not_the_owner(&cleo));
    ground.suite.to_bounty(&ada, &claim(1)).unwrap();
    assert_eq!(ground.offer().owner.unwrap().seal, 5);
}

#[test]
fn an_expelled_institution_offers_and_delivers_nothing() {
    let mut ground = ground();
    ground.sealed(&["ada", "ada"]);
    ground.suite.to_bounty(&researcher("ada"), &claim(1)).unwrap();
    let consortium = ground.suite.consortium.clone();
    ground.suite.to_registrar(&consortium, &registrar::ExecuteMsg::ExpelInstitution { id: 1 }).unwrap();
    for (operation, msg) in [("offer", offering(2, fixed())), ("deliver", deliver(1))] {
        let expelled = Error::InstitutionExpelled { operation, institution: 1 };
        ground.refuses(&hospital(1), &msg, &expelled);
    }
}

//! The contract's log of its own events (wire.md section 15): every message appends what it tells, a failed one nothing.
//! Random orders: `properties`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{accept, admit, grant, open, refused, rotate, who};
use medrec_api::relationship::{ExecuteMsg, GrantKind};
use medrec_merkle::root;
use medrec_testing::SuiteBuilder;

#[test]
fn every_message_appends_what_it_tells_and_a_failed_one_nothing() {
    let mut suite = SuiteBuilder::new().build();
    let (steward, patient) = (who("steward"), who("patient"));
    let (sponsor, consortium) = (suite.sponsor.clone(), suite.consortium.clone());
    let until = suite.now() + 1_000;
    let messages = [
        (&sponsor, admit(&[&steward, &who("steward 2")])),
        (&steward, open(&patient)),
        (&patient, accept(1)),
        (&patient, grant(1, &who("viewer"), GrantKind::Read, until, 1)),
        (&patient, ExecuteMsg::Revoke { id: 1, grant: 0 }),
        (&patient, ExecuteMsg::SetResearch { id: 1, categories: 8 }),
        (&patient, rotate(1, &who("fresh"))),
        (&steward, ExecuteMsg::Close { id: 1 }),
        (&who("steward 2"), open(&patient)),
        (&patient, ExecuteMsg::Reject { id: 2 }),
        (&consortium, ExecuteMsg::SetSponsor { sponsor: who("other").to_string() }),
    ];
    let mut leaves = Vec::new();
    for (sender, msg) in messages {
        refused(&mut suite, &who("stranger"), &msg, |_| true);
        let done = suite.to_relationship(sender, &msg).unwrap();
        let told = suite.leaves(&suite.relationship, &done);
        assert_eq!(told.len(), 1, "{msg:?}");
        leaves.extend(told);
        let log = suite.own_log(&suite.relationship);
        assert_eq!((log.size(), log.root()), (leaves.len() as u64, root(&leaves)), "{msg:?}");
        refused(&mut suite, sender, &msg, |_| true);
    }
}

//! Random messages by random senders in random order, against a model a page long: state and model never differ.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use common::{accept, admit, delegate, grant, grants, open, relationship, rotate, who};
use medrec_api::relationship::{DelegateStatus, EXTRA_ALLOWANCES, Error, ExecuteMsg, GrantKind, Status};
use medrec_testing::{Suite, SuiteBuilder, refusal};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const PEOPLE: [&str; 8] = ["d0", "d1", "d2", "p0", "p1", "v0", "v1", "sponsor"];

#[derive(Clone, Debug)]
enum Try {
    Admit(usize),
    Open { patient: usize },
    Accept(u64),
    Reject(u64),
    Close(u64),
    Rotate { id: u64, to: usize },
    Grant { id: u64, viewer: usize, kind: GrantKind, lasting: u64, number: u64 },
    Revoke { id: u64, grant: u32 },
    Research { id: u64, categories: u8 },
}

/// (sender, message, seconds before it). Senders are often such as may, and final messages rare: else almost nothing
/// would go through.
fn tries() -> impl Strategy<Value = Vec<(usize, Try, u64)>> {
    let person = 0..PEOPLE.len();
    let kind = prop::bool::ANY.prop_map(|act| if act { GrantKind::Act } else { GrantKind::Read });
    // Relationship 1 is p0's, 2 is p1's, 3 and 4 are whoever's.
    let id = || prop_oneof![4 => Just(1_u64), 3 => Just(2), 1 => Just(3), 1 => Just(4)];
    let within = prop_oneof![
        8 => id().prop_map(Try::Accept),
        1 => id().prop_map(Try::Reject),
        1 => id().prop_map(Try::Close),
        2 => (id(), person.clone()).prop_map(|(id, to)| Try::Rotate { id, to }),
        16 => (id(), person.clone(), kind, 1..40_u64, 0..30_u64).prop_map(
            |(id, viewer, kind, lasting, number)| Try::Grant { id, viewer, kind, lasting, number }
        ),
        8 => (id(), 0..4_u32).prop_map(|(id, grant)| Try::Revoke { id, grant }),
        3 => (id(), 0..3_u8).prop_map(|(id, categories)| Try::Research { id, categories }),
    ];
    let side = prop_oneof![4 => Just(3_usize), 3 => Just(4), 1 => Just(0), 1 => Just(5), 1 => person.clone()];
    let sponsor = prop_oneof![3 => Just(PEOPLE.len() - 1), 1 => person.clone()];
    let opener = prop_oneof![3 => 0..3_usize, 1 => person];
    let one = prop_oneof![
        1 => (sponsor, (0..5_usize).prop_map(Try::Admit)),
        1 => (opener, (3..5_usize).prop_map(|patient| Try::Open { patient })),
        16 => (side, within),
    ];
    prop::collection::vec((one, 0..6_u64).prop_map(|((sender, tried), wait)| (sender, tried, wait)), 1..80)
}

#[derive(Clone)]
struct Granted {
    viewer: usize,
    kind: GrantKind,
    until: u64,
    number: u64,
    revoked: bool,
}

struct Related {
    patient: usize,
    steward: usize,
    status: Status,
    grants: Vec<Granted>,
    research: u8,
}

/// What should be. Delegates: none unknown, 0 admitted, else the relationship that used them.
#[derive(Default)]
struct Model {
    delegates: BTreeMap<usize, u64>,
    related: Vec<Related>,
}

impl Model {
    fn find(&mut self, id: u64) -> Option<&mut Related> {
        self.related.get_mut(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    /// Does what the message does if it may; answers whether it may.
    fn apply(&mut self, sender: usize, tried: &Try, now: u64) -> bool {
        let delegates = self.delegates.clone();
        let unused = |who: &usize| delegates.get(who) == Some(&0);
        match tried {
            Try::Admit(delegate) => {
                let may = PEOPLE[sender] == "sponsor" && !self.delegates.contains_key(delegate);
                if may {
                    self.delegates.insert(*delegate, 0);
                }
                may
            }
            Try::Open { patient } => {
                let may = unused(&sender) && sender != *patient;
                if may {
                    let id = self.related.len() as u64 + 1;
                    self.delegates.insert(sender, id);
                    let status = Status::Offered;
                    self.related.push(Related {
                        patient: *patient,
                        steward: sender,
                        status,
                        grants: Vec::new(),
                        research: 0,
                    });
                }
                may
            }
            Try::Accept(id) => self.change(*id, |related| {
                let may = (related.patient == sender || related.is_carer(sender, now))
                    && related.status == Status::Offered;
                may.then_some(Status::Active)
            }),
            Try::Reject(id) => self.change(*id, |related| {
                (related.patient == sender && related.status == Status::Offered).then_some(Status::Rejected)
            }),
            Try::Close(id) => self.change(*id, |related| {
                (related.is_side(sender) && related.is_open()).then_some(Status::Closed)
            }),
            Try::Rotate { id, to } => {
                let free = unused(to);
                let Some(related) = self.find(*id) else { return false };
                if !related.is_side(sender) || related.is_side(*to) || related.status == Status::Rejected {
                    return false;
                }
                if related.patient == sender {
                    related.patient = *to;
                } else if free {
                    related.steward = *to;
                    self.delegates.insert(*to, *id);
                } else {
                    return false;
                }
                true
            }
            Try::Grant { id, viewer, kind, lasting, number } => {
                let Some(related) = self.find(*id) else { return false };
                let read = *kind == GrantKind::Read;
                let sender_may = related.patient == sender || (read && related.is_carer(sender, now));
                let status_may =
                    related.status == Status::Active || (!read && related.status == Status::Offered);
                let repeated = related.grants.iter().any(|grant| grant.number == *number);
                let carer_already = !read && related.is_carer_by_grant(*viewer, now);
                if !sender_may || !status_may || related.is_side(*viewer) || repeated || carer_already {
                    return false;
                }
                let until = now + lasting;
                related.grants.push(Granted {
                    viewer: *viewer,
                    kind: *kind,
                    until,
                    number: *number,
                    revoked: false,
                });
                true
            }
            Try::Revoke { id, grant } => {
                let Some(related) = self.find(*id) else { return false };
                let carer = related.is_carer(sender, now);
                let (patient, open) = (related.patient == sender, related.is_open());
                let Some(grant) = related.grants.get_mut(*grant as usize) else { return false };
                let may = (patient || (carer && grant.kind == GrantKind::Read)) && open && !grant.revoked;
                grant.revoked |= may;
                may
            }
            Try::Research { id, categories } => {
                let Some(related) = self.find(*id) else { return false };
                let may = related.patient == sender
                    && related.status == Status::Active
                    && related.research != *categories;
                if may {
                    related.research = *categories;
                }
                may
            }
        }
    }

    fn change(&mut self, id: u64, decide: impl Fn(&Related) -> Option<Status>) -> bool {
        let Some(related) = self.find(id) else { return false };
        match decide(related) {
            Some(status) => {
                related.status = status;
                if status == Status::Closed {
                    related.research = 0;
                }
                true
            }
            None => false,
        }
    }
}

impl Related {
    fn is_side(&self, who: usize) -> bool {
        who == self.patient || who == self.steward
    }

    fn is_open(&self) -> bool {
        matches!(self.status, Status::Offered | Status::Active)
    }

    fn is_carer_by_grant(&self, who: usize, now: u64) -> bool {
        self.grants.iter().any(|grant| {
            grant.viewer == who && grant.kind == GrantKind::Act && !grant.revoked && now < grant.until
        })
    }

    /// A side acts as that side only.
    fn is_carer(&self, who: usize, now: u64) -> bool {
        !self.is_side(who) && self.is_carer_by_grant(who, now)
    }
}

fn message(tried: &Try, now: u64) -> ExecuteMsg {
    match tried {
        Try::Admit(delegate) => admit(&[&who(PEOPLE[*delegate])]),
        Try::Open { patient } => open(&who(PEOPLE[*patient])),
        Try::Accept(id) => accept(*id),
        Try::Reject(id) => ExecuteMsg::Reject { id: *id },
        Try::Close(id) => ExecuteMsg::Close { id: *id },
        Try::Rotate { id, to } => rotate(*id, &who(PEOPLE[*to])),
        Try::Grant { id, viewer, kind, lasting, number } => {
            grant(*id, &who(PEOPLE[*viewer]), *kind, now + lasting, *number)
        }
        Try::Revoke { id, grant } => ExecuteMsg::Revoke { id: *id, grant: *grant },
        Try::Research { id, categories } => ExecuteMsg::SetResearch { id: *id, categories: *categories },
    }
}

fn assert_same(suite: &Suite, model: &Model) {
    for (place, related) in model.related.iter().enumerate() {
        let id = place as u64 + 1;
        let found = relationship(suite, id);
        assert_eq!(found.patient, who(PEOPLE[related.patient]).as_str());
        assert_eq!(found.steward, who(PEOPLE[related.steward]).as_str());
        assert_eq!(found.status, related.status);
        assert_eq!(found.research.categories, related.research);
        let found = grants(suite, id);
        assert_eq!(found.len(), related.grants.len());
        for (found, granted) in found.iter().zip(&related.grants) {
            assert_eq!((found.kind, found.until), (granted.kind, granted.until));
            assert_eq!(found.revoked_at.is_some(), granted.revoked);
        }
    }
    for (place, name) in PEOPLE.iter().enumerate() {
        let expected = match model.delegates.get(&place) {
            None => DelegateStatus::Unknown,
            Some(0) => DelegateStatus::Admitted,
            Some(id) => DelegateStatus::Used { id: *id },
        };
        assert_eq!(delegate(suite, &who(name)), expected);
    }
    // Fees: one allowance a delegate, and for each relationship the patient's and a few beside.
    let bound = model.delegates.len() + model.related.len() * (1 + usize::from(EXTRA_ALLOWANCES));
    let given = suite.allowances();
    assert!(given.len() <= bound);
    let grantees: BTreeSet<_> = given.iter().map(|allowance| &allowance.grantee).collect();
    assert_eq!(grantees.len(), given.len(), "nobody twice within a lifetime");
}

impl Try {
    fn name(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admit",
            Self::Open { .. } => "open",
            Self::Accept(_) => "accept",
            Self::Reject(_) => "reject",
            Self::Close(_) => "close",
            Self::Rotate { .. } => "rotate",
            Self::Grant { kind: GrantKind::Read, .. } => "grant (read)",
            Self::Grant { kind: GrantKind::Act, .. } => "grant (act)",
            Self::Revoke { .. } => "revoke",
            Self::Research { .. } => "set_research",
        }
    }
}

#[test]
fn contract_and_model_never_differ() {
    let tally: RefCell<BTreeMap<(&str, bool), u32>> = RefCell::default();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases(400)));
    let outcome = runner.run(&tries(), |tries| {
        let mut suite = SuiteBuilder::new().build();
        let mut model = Model::default();
        for (steward, patient) in [(0, 3), (1, 4)] {
            let id = suite.open(&who(PEOPLE[steward]), &who(PEOPLE[patient]));
            model.delegates.insert(steward, id);
            model.related.push(Related {
                patient,
                steward,
                status: Status::Offered,
                grants: Vec::new(),
                research: 0,
            });
        }
        let mut log = suite.own_log(&suite.relationship);
        for (sender, tried, wait) in tries {
            suite.wait(wait);
            let now = suite.now();
            let may = model.apply(sender, &tried, now);
            let before = suite.snapshot();
            let result = suite.to_relationship(&who(PEOPLE[sender]), &message(&tried, now));
            prop_assert_eq!(result.is_ok(), may, "{} {:?}: {:?}", PEOPLE[sender], tried, result);
            *tally.borrow_mut().entry((tried.name(), may)).or_default() += 1;
            for leaf in result.iter().flat_map(|done| suite.leaves(&suite.relationship, done)) {
                log.push(leaf).unwrap();
            }
            if !may {
                refusal::<Error, _>(&result);
                prop_assert_eq!(before, suite.snapshot());
            }
        }
        assert_same(&suite, &model);
        // Its own log (wire.md section 15) is the tree over what the blocks tell.
        prop_assert_eq!(suite.own_log(&suite.relationship), log);
        Ok(())
    });
    if let Err(found) = outcome {
        panic!("{found}");
    }
    // Chance has met every message both ways, often.
    let tally = tally.into_inner();
    for (name, _) in tally.keys() {
        for may in [true, false] {
            let times = tally.get(&(name, may)).copied().unwrap_or_default();
            assert!(times >= 20, "{name}, allowed {may}: only {times} times; {tally:?}");
        }
    }
    assert_eq!(tally.len(), 20);
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}

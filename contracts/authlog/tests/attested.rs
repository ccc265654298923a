//! Which heads count: cosignatures, challenges, what is withheld.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, Log, Researcher, addr};
use cosmwasm_std::{Addr, Binary, Response};
use medrec_api::authlog::{
    CosignedHead, Cosigner, Error, ExecuteMsg, HeadsResponse, MAX_COSIGNED, QueryMsg, Role, VouchedHead,
};

const SIZE: u64 = 5_000;

struct Ground {
    chain: Authlog,
    /// Institution 1's, in slot 0, anchored and not attested.
    log: Log,
    account: Addr,
    a: Researcher,
    b: Researcher,
}

fn ground() -> Ground {
    let mut chain = Authlog::with(medrec_api::authlog::GrowthCap { burst: 1 << 30, per_second: 1 });
    let hospital = chain.admitted(1);
    let log = Log::new(&hospital.origin, hospital.key.clone(), 1);
    chain.send(&hospital.account, log.anchor(0, 0, SIZE)).unwrap();
    let (a, b) = (chain.researcher("a", 2), chain.researcher("b", 3));
    Ground { chain, log, account: hospital.account, a, b }
}

impl Ground {
    fn head(&self, by: &Researcher, size: u64) -> CosignedHead {
        self.log.cosigned(0, size, self.chain.log(0).size, self.chain.now(), &by.key)
    }

    fn cosign(&mut self, by: &Researcher, size: u64) -> Response {
        let heads = vec![self.head(by, size)];
        self.chain.send(&by.account, ExecuteMsg::Cosign { cosigner: by.named(), heads }).unwrap()
    }

    #[track_caller]
    fn refuses(&mut self, by: &Researcher, head: CosignedHead, expected: &Error) {
        let msg = ExecuteMsg::Cosign { cosigner: by.named(), heads: vec![head] };
        self.chain.refuses(&by.account, msg, expected);
    }

    fn total(&self) -> u64 {
        self.chain.query::<HeadsResponse>(QueryMsg::Heads {}).total
    }

    /// Both hold everything; seals have started.
    fn attested() -> Self {
        let mut ground = ground();
        let (a, b) = (ground.a.clone(), ground.b.clone());
        ground.cosign(&a, SIZE);
        ground.cosign(&b, SIZE);
        ground.chain.start();
        ground
    }

    fn challenge(&self, by: &Researcher, index: u64) -> ExecuteMsg {
        assert!(by.account != self.account);
        ExecuteMsg::Challenge { challenger: by.named(), slot: 0, index }
    }
}

#[test]
fn two_institutions_make_a_head_count() {
    let mut ground = ground();
    let (a, b) = (ground.a.clone(), ground.b.clone());
    assert!(ground.cosign(&a, 4_000).events.is_empty());
    assert_eq!(ground.total(), 0);
    let newest = ground.chain.attested(0).newest.unwrap();
    assert_eq!((newest.cosigner, newest.size), (a.named(), 4_000));
    assert!(ground.cosign(&a, SIZE).events.is_empty(), "one institution twice is one");

    let told = ground.cosign(&b, 3_000);
    assert_eq!(told.events[0].ty, "log_attested");
    let attested = ground.chain.attested(0);
    assert_eq!((attested.size, attested.root), (3_000, ground.log.root(3_000).into()));
    assert_eq!(ground.total(), 3_000);
    ground.cosign(&b, 2_000);
    assert_eq!(ground.total(), 3_000, "never shrinks");
    ground.cosign(&b, SIZE);
    assert_eq!(ground.total(), SIZE);
}

#[test]
fn a_second_researcher_of_one_institution_adds_nothing() {
    let mut ground = ground();
    let (a, other) = (ground.a.clone(), ground.chain.researcher("a-two", 2));
    ground.cosign(&a, SIZE);
    ground.cosign(&other, SIZE);
    assert_eq!(ground.chain.attested(0).size, 0);
}

#[test]
fn an_institution_cosigns_with_its_logs_key() {
    let mut ground = ground();
    let mirror = ground.chain.admitted(7);
    let a = ground.a.clone();
    ground.cosign(&a, SIZE);
    let head = ground.log.cosigned(0, SIZE, SIZE, 5, &mirror.key);
    let msg = |heads| ExecuteMsg::Cosign { cosigner: Cosigner::Institution { id: 7 }, heads };
    let mut foreign = head.clone();
    foreign.signature = ground.head(&a, SIZE).signature;
    let refused = Error::CosignSignature { slot: 0, size: SIZE };
    ground.chain.refuses(&mirror.account, msg(vec![foreign]), &refused);
    ground.chain.send(&mirror.account, msg(vec![head.clone()])).unwrap();
    assert_eq!(ground.total(), SIZE);
    // Without a log it has no key to vouch with.
    let bare = ground.chain.hospital(8);
    let msg = ExecuteMsg::Cosign { cosigner: Cosigner::Institution { id: 8 }, heads: vec![head] };
    ground.chain.refuses(&bare.account, msg, &Error::NoLogOf { operation: "cosign", institution: 8 });
}

#[test]
fn nobody_vouches_for_his_own_log() {
    let mut ground = ground();
    let own = Error::CosignOwn { slot: 0, institution: 1 };
    let certified = ground.chain.researcher("of one", 1);
    let head = ground.head(&certified, SIZE);
    ground.refuses(&certified, head, &own);
    let hospital = common::Hospital::new(1);
    let head = ground.log.cosigned(0, SIZE, SIZE, 5, &hospital.key);
    let msg = ExecuteMsg::Cosign { cosigner: Cosigner::Institution { id: 1 }, heads: vec![head] };
    ground.chain.refuses(&hospital.account, msg, &own);
}

#[test]
fn only_heads_under_the_anchor() {
    let mut ground = ground();
    let a = ground.a.clone();
    let good = ground.head(&a, 4_000);
    let ahead =
        CosignedHead { proof: Binary::default(), ..ground.log.cosigned(0, SIZE + 1, SIZE + 1, 5, &a.key) };
    ground.refuses(&a, ahead, &Error::CosignAhead { slot: 0, anchored: SIZE, offered: SIZE + 1 });
    // Another history of the same size, honestly signed by the cosigner.
    let other = Log::new(&ground.log.origin, a.key.clone(), 99);
    let forged = other.cosigned(0, 4_000, SIZE, ground.chain.now(), &a.key);
    let before = ground.chain.state();
    let refused = |ground: &mut Ground, head| {
        let msg = ExecuteMsg::Cosign { cosigner: a.named(), heads: vec![head] };
        ground.chain.send(&a.account, msg).unwrap_err()
    };
    let mut wrong = vec![forged];
    wrong.push(CosignedHead { size: 3_999, ..good.clone() });
    wrong.push(CosignedHead { proof: Binary::default(), ..good.clone() });
    wrong.push(CosignedHead { proof: good.proof[32..].into(), ..good.clone() });
    wrong.push(CosignedHead { proof: [&good.proof[..], &[0; 32]].concat().into(), ..good.clone() });
    wrong.push(CosignedHead { proof: good.proof[1..].into(), ..good.clone() });
    wrong.push(CosignedHead { size: SIZE, ..good.clone() });
    for head in wrong {
        let refusal = refused(&mut ground, head);
        assert!(matches!(refusal, Error::CosignProof { slot: 0, anchored: SIZE, .. }), "{refusal}");
    }
    for changed in [
        CosignedHead { time: good.time + 1, ..good.clone() },
        CosignedHead { signature: vec![0; 64].into(), ..good.clone() },
        CosignedHead { signature: ground.head(&ground.b, 4_000).signature, ..good.clone() },
    ] {
        let refusal = refused(&mut ground, changed);
        assert!(matches!(refusal, Error::CosignSignature { slot: 0, size: 4_000 }), "{refusal}");
    }
    for changed in [
        CosignedHead { size: 0, ..good.clone() },
        CosignedHead { root: vec![0; 31].into(), ..good.clone() },
        CosignedHead { signature: vec![0; 63].into(), ..good.clone() },
        CosignedHead { proof: vec![0; 42 * 32].into(), ..good.clone() },
    ] {
        assert!(matches!(refused(&mut ground, changed), Error::Invalid(_)));
    }
    let nowhere = CosignedHead { slot: 1, ..good };
    assert!(matches!(refused(&mut ground, nowhere), Error::NoLog { operation: "cosign", slot: 1, .. }));
    assert_eq!(ground.chain.state(), before);
}

#[test]
fn an_anchor_does_not_overtake_a_cosignature() {
    let mut ground = ground();
    let (a, account) = (ground.a.clone(), ground.account.clone());
    let head = ground.head(&a, 4_000);
    ground.chain.send(&account, ground.log.anchor(0, SIZE, SIZE + 100)).unwrap();
    // A heartbeat is no new head.
    ground.chain.send(&account, ground.log.anchor(0, SIZE + 100, SIZE + 100)).unwrap();
    let msg = ExecuteMsg::Cosign { cosigner: a.named(), heads: vec![head.clone()] };
    ground.chain.send(&a.account, msg.clone()).unwrap();
    ground.chain.send(&account, ground.log.anchor(0, SIZE + 100, SIZE + 200)).unwrap();
    let refusal = ground.chain.send(&a.account, msg).unwrap_err();
    assert!(matches!(refusal, Error::CosignProof { .. }), "{refusal}");
}

#[test]
fn before_an_anchor_there_is_nothing_to_vouch_for() {
    let mut ground = ground();
    let a = ground.a.clone();
    let newcomer = ground.chain.admitted(4);
    let head = CosignedHead { slot: newcomer.slot, ..ground.head(&a, 10) };
    ground.refuses(&a, head, &Error::CosignAhead { slot: newcomer.slot, anchored: 0, offered: 10 });
}

#[test]
fn replays_change_nothing() {
    let mut ground = ground();
    let (a, b) = (ground.a.clone(), ground.b.clone());
    ground.cosign(&a, SIZE);
    ground.cosign(&b, SIZE);
    let before = ground.chain.state();
    ground.cosign(&a, SIZE);
    ground.cosign(&b, 3_000);
    assert_eq!(ground.chain.state(), before);
    // Another sender cannot send it again for him.
    let msg = ExecuteMsg::Cosign { cosigner: a.named(), heads: vec![ground.head(&a, SIZE)] };
    let sender = b.account.to_string();
    let refused = Error::Sender { operation: "cosign", sender, needed: Role::Cosigner };
    ground.chain.refuses(&b.account, msg, &refused);
}

#[test]
fn who_no_longer_counts_vouches_no_more() {
    let mut ground = ground();
    let (a, b) = (ground.a.clone(), ground.b.clone());
    let (head_a, head_b) = (ground.head(&a, SIZE), ground.head(&b, SIZE));
    ground.chain.withdraw(&a);
    let sender = a.account.to_string();
    ground.refuses(&a, head_a, &Error::Sender { operation: "cosign", sender, needed: Role::Cosigner });
    ground.chain.registrar.expel(3);
    ground.refuses(&b, head_b, &Error::InstitutionExpelled { operation: "cosign", institution: 3 });
}

#[test]
fn sixteen_heads_at_most() {
    let mut ground = ground();
    let a = ground.a.clone();
    for count in [0, MAX_COSIGNED + 1] {
        let heads = vec![ground.head(&a, SIZE); count];
        let refusal =
            ground.chain.send(&a.account, ExecuteMsg::Cosign { cosigner: a.named(), heads }).unwrap_err();
        assert!(matches!(refusal, Error::Invalid(_)), "{refusal}");
    }
    let heads = vec![ground.head(&a, SIZE); MAX_COSIGNED];
    ground.chain.send(&a.account, ExecuteMsg::Cosign { cosigner: a.named(), heads }).unwrap();
}

#[test]
fn a_challenge_is_answered_by_anybody() {
    let mut ground = Ground::attested();
    let a = ground.a.clone();
    let told = ground.chain.send(&a.account, ground.challenge(&a, 4_321)).unwrap();
    assert_eq!(told.events[0].ty, "challenged");
    let open = ground.chain.attested(0).challenges[0].clone();
    assert_eq!((open.challenger, open.index, open.size), (2, 4_321, SIZE));
    assert_eq!((open.deadline, open.withheld), (ground.chain.now() + 600, false));

    let ExecuteMsg::Answer { entry, proof, .. } = ground.log.answer(0, 2, 4_321, SIZE) else { panic!() };
    let anybody = addr("stranger");
    let with = |entry: &[u8], proof: &[u8]| ExecuteMsg::Answer {
        slot: 0,
        challenger: 2,
        entry: entry.into(),
        proof: proof.into(),
    };
    for (entry, proof) in [
        (&ground.log.entry(4_320)[..], &proof[..]),
        (&entry[..], &proof[32..]),
        (&entry[..], &[&proof[..], &[0; 32]].concat()[..]),
        (&entry[..], &proof[1..]),
    ] {
        let refusal = ground.chain.send(&anybody, with(entry, proof)).unwrap_err();
        assert!(matches!(refusal, Error::AnswerProof { slot: 0, index: 4_321, size: SIZE, .. }), "{refusal}");
    }
    let refusal = ground.chain.send(&anybody, with(&entry[1..], &proof)).unwrap_err();
    assert!(matches!(refusal, Error::Invalid(_)), "{refusal}");
    ground.chain.send(&anybody, with(&entry, &proof)).unwrap();
    assert!(ground.chain.attested(0).challenges.is_empty());
    let again = ground.chain.send(&anybody, with(&entry, &proof)).unwrap_err();
    assert!(matches!(again, Error::NoChallenge { operation: "answer", slot: 0, challenger: 2 }), "{again}");
}

#[test]
fn an_unanswered_log_counts_nothing_until_it_is_answered() {
    let mut ground = Ground::attested();
    let (a, anybody) = (ground.a.clone(), addr("stranger"));
    ground.chain.send(&a.account, ground.challenge(&a, 7)).unwrap();
    let deadline = ground.chain.attested(0).challenges[0].deadline;
    ground.chain.pass(600);
    let now = ground.chain.now();
    let early = Error::ChallengeRuns { slot: 0, deadline, now };
    ground.chain.refuses(&anybody, withhold(2), &early);
    ground.chain.pass(1);
    ground.chain.send(&anybody, withhold(2)).unwrap();
    assert_eq!((ground.total(), ground.chain.attested(0).withheld), (0, true));
    let again = Error::WithheldAlready { slot: 0, challenger: 2 };
    ground.chain.refuses(&anybody, withhold(2), &again);

    // The template that was frozen before stands still; the next one leaves the log out.
    assert_eq!(ground.chain.template().entries, SIZE);
    let log = ground.log.clone();
    ground.chain.seals(&a, &[&log]);
    let template = ground.chain.template();
    assert_eq!((template.entries, template.heads.len()), (0, 0));
    ground.chain.seals(&a, &[]);

    // Vouching does not bring it back, the answer does.
    let (b, account) = (ground.b.clone(), ground.account.clone());
    ground.chain.send(&account, ground.log.anchor(0, SIZE, SIZE + 50)).unwrap();
    ground.cosign(&a, SIZE + 50);
    ground.cosign(&b, SIZE + 50);
    assert_eq!((ground.total(), ground.chain.attested(0).size), (0, SIZE + 50));
    ground.chain.send(&anybody, ground.log.answer(0, 2, 7, SIZE)).unwrap();
    assert_eq!((ground.total(), ground.chain.attested(0).withheld), (SIZE + 50, false));
    assert_eq!(ground.chain.template().entries, 0);
    ground.chain.seals(&a, &[]);
    assert_eq!(ground.chain.template().entries, SIZE + 50);
}

/// Somebody asks again and again for entries that are there, so that nobody else can ask for the one that is not.
#[test]
fn a_challenger_stands_in_nobodys_way() {
    let mut ground = Ground::attested();
    let (a, b, anybody) = (ground.a.clone(), ground.b.clone(), addr("stranger"));
    ground.chain.send(&a.account, ground.challenge(&a, 0)).unwrap();
    ground.chain.send(&b.account, ground.challenge(&b, 7)).unwrap();
    for index in 0..20 {
        ground.chain.send(&anybody, ground.log.answer(0, 2, index, SIZE)).unwrap();
        ground.chain.send(&a.account, ground.challenge(&a, index + 1)).unwrap();
        ground.chain.pass(10);
    }
    let asked = |ground: &Ground| {
        let open = ground.chain.attested(0).challenges;
        open.iter().map(|one| (one.challenger, one.index, one.withheld)).collect::<Vec<_>>()
    };
    assert_eq!(asked(&ground), [(2, 20, false), (3, 7, false)]);
    ground.chain.pass(500);
    ground.chain.send(&anybody, withhold(3)).unwrap();
    assert_eq!((ground.total(), asked(&ground)), (0, vec![(2, 20, false), (3, 7, true)]));

    // An answer to him, or to the same entry under his name, does not bring the log back.
    ground.chain.send(&anybody, ground.log.answer(0, 2, 20, SIZE)).unwrap();
    ground.chain.send(&a.account, ground.challenge(&a, 7)).unwrap();
    ground.chain.send(&anybody, ground.log.answer(0, 2, 7, SIZE)).unwrap();
    assert_eq!(ground.total(), 0);
    ground.chain.send(&anybody, ground.log.answer(0, 3, 7, SIZE)).unwrap();
    assert_eq!((ground.total(), asked(&ground)), (SIZE, vec![]));
}

#[test]
fn a_log_counts_again_when_nothing_of_it_is_withheld() {
    let mut ground = Ground::attested();
    let (a, b, anybody) = (ground.a.clone(), ground.b.clone(), addr("stranger"));
    ground.chain.send(&a.account, ground.challenge(&a, 1)).unwrap();
    ground.chain.send(&b.account, ground.challenge(&b, 2)).unwrap();
    ground.chain.pass(601);
    for challenger in [2, 3] {
        ground.chain.send(&anybody, withhold(challenger)).unwrap();
        assert_eq!((ground.total(), ground.chain.attested(0).withheld), (0, true));
    }
    ground.chain.send(&anybody, ground.log.answer(0, 3, 2, SIZE)).unwrap();
    assert_eq!((ground.total(), ground.chain.attested(0).withheld), (0, true));
    ground.chain.send(&anybody, ground.log.answer(0, 2, 1, SIZE)).unwrap();
    assert_eq!((ground.total(), ground.chain.attested(0).withheld), (SIZE, false));
}

fn withhold(challenger: u32) -> ExecuteMsg {
    ExecuteMsg::Withhold { slot: 0, challenger }
}

#[test]
fn challenges_cannot_be_abused() {
    let mut ground = Ground::attested();
    let (a, b) = (ground.a.clone(), ground.b.clone());
    let outside = Error::ChallengeOutside { slot: 0, index: SIZE, attested: SIZE };
    ground.chain.refuses(&a.account, ground.challenge(&a, SIZE), &outside);
    let refused = Error::Sender {
        operation: "challenge",
        sender: addr("stranger").to_string(),
        needed: Role::Cosigner,
    };
    ground.chain.refuses(&addr("stranger"), ground.challenge(&a, 0), &refused);
    let nowhere = ExecuteMsg::Challenge { challenger: a.named(), slot: 9, index: 0 };
    ground.chain.refuses(&a.account, nowhere, &Error::NoLog { operation: "challenge", slot: 9, count: 1 });
    ground.chain.refuses(
        &addr("stranger"),
        withhold(2),
        &Error::NoChallenge { operation: "withhold", slot: 0, challenger: 2 },
    );
    ground.chain.send(&a.account, ground.challenge(&a, 3)).unwrap();
    let deadline = ground.chain.now() + 600;
    let open = Error::ChallengeOpen { slot: 0, challenger: 2, index: 3, deadline };
    let colleague = ground.chain.researcher("a-two", 2);
    for by in [&a, &colleague] {
        ground.chain.refuses(&by.account, ground.challenge(by, 4), &open);
    }
    ground.chain.withdraw(&b);
    let sender = b.account.to_string();
    let refused = Error::Sender { operation: "challenge", sender, needed: Role::Cosigner };
    ground.chain.refuses(&b.account, ground.challenge(&b, 4), &refused);
}

#[test]
fn without_rules_nobody_is_challenged() {
    let mut ground = ground();
    let a = ground.a.clone();
    let refused = Error::NoSealing { operation: "challenge" };
    ground.chain.refuses(&a.account, ground.challenge(&a, 0), &refused);
}

#[test]
fn who_vouched_is_told() {
    let mut ground = ground();
    let a = ground.a.clone();
    ground.cosign(&a, 4_000);
    let newest = VouchedHead { cosigner: a.named(), size: 4_000, root: ground.log.root(4_000).into() };
    assert_eq!(ground.chain.attested(0).newest, Some(newest));
}

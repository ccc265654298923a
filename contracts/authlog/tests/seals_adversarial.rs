//! Seals of somebody else, of another time, or of nothing: refused, and nothing is written.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, Log, Miner, Researcher};
use cosmwasm_std::Binary;
use ed25519_dalek::Signer;
use medrec_api::Base85;
use medrec_api::authlog::{Error, ExecuteMsg, GrowthCap, MAX_RECALLS, Role};

struct Ground {
    chain: Authlog,
    logs: [Log; 2],
    by: Researcher,
}

fn ground() -> Ground {
    let mut chain = Authlog::with(GrowthCap { burst: 1 << 40, per_second: 1 });
    let logs = [chain.keeps(1, 2_000), chain.keeps(2, 1 << 24)];
    chain.start();
    let by = chain.researcher("r-one", 11);
    Ground { chain, logs, by }
}

impl Ground {
    fn mined(&self) -> (u64, Binary, Base85) {
        let ExecuteMsg::Seal { nonce, signature, recalls } =
            self.chain.mined(&self.by, &self.logs.each_ref())
        else {
            panic!()
        };
        (nonce, signature, recalls)
    }

    #[track_caller]
    fn refused(&mut self, msg: ExecuteMsg) -> Error {
        let before = self.chain.state();
        let refusal = self.chain.send(&self.by.account.clone(), msg).unwrap_err();
        assert_eq!(self.chain.state(), before);
        refusal
    }
}

#[test]
fn a_copied_seal_is_the_copiers_loss() {
    let mut ground = ground();
    let thief = ground.chain.researcher("thief", 12);
    let (nonce, signature, recalls) = ground.mined();
    let before = ground.chain.state();
    let copied = ExecuteMsg::Seal { nonce, signature: signature.clone(), recalls: recalls.clone() };
    let refusal = ground.chain.send(&thief.account, copied.clone()).unwrap_err();
    assert!(matches!(refusal, Error::Seal { number: 1, .. }), "{refusal}");
    assert!(refusal.to_string().contains(thief.account.as_str()), "{refusal}");
    assert_eq!(ground.chain.state(), before);
    ground.chain.send(&ground.by.account.clone(), copied).unwrap();
}

#[test]
fn the_first_valid_one_wins_and_the_second_is_stale() {
    let mut ground = ground();
    let other = ground.chain.researcher("r-two", 12);
    let logs = ground.logs.clone();
    let (first, second) =
        (ground.chain.mined(&ground.by, &logs.each_ref()), ground.chain.mined(&other, &logs.each_ref()));
    ground.chain.send(&ground.by.account.clone(), first.clone()).unwrap();
    for (sender, msg) in [(&other.account, &second), (&ground.by.account.clone(), &first)] {
        let before = ground.chain.state();
        let refusal = ground.chain.send(sender, msg.clone()).unwrap_err();
        assert!(matches!(refusal, Error::Seal { number: 2, .. }), "{refusal}");
        assert!(refusal.to_string().contains("take the newest template"), "{refusal}");
        assert_eq!(ground.chain.state(), before);
    }
}

#[test]
fn a_seal_is_of_this_chain_and_contract() {
    let mut ground = ground();
    let (template, logs) = (ground.chain.template(), ground.logs.clone());
    let (chain_id, contract) =
        (ground.chain.env.block.chain_id.clone(), ground.chain.env.contract.address.clone());
    let miner = |chain_id, contract| Miner {
        chain_id,
        contract,
        account: ground.by.account.as_str(),
        key: &ground.by.key,
    };
    let foreign = [
        miner("another-chain", contract.as_str()).seal(&template, &logs.each_ref(), 0),
        miner(&chain_id, "another contract").seal(&template, &logs.each_ref(), 0),
    ];
    for msg in foreign {
        let refusal = ground.refused(msg);
        assert!(matches!(refusal, Error::Seal { number: 1, .. }), "{refusal}");
    }
}

#[test]
fn a_forged_template_is_no_template() {
    let mut ground = ground();
    let (template, logs) = (ground.chain.template(), ground.logs.clone());
    let easier = medrec_api::authlog::TemplateResponse { target: vec![0xff; 32].into(), ..template.clone() };
    let older =
        medrec_api::authlog::TemplateResponse { frozen_at: template.frozen_at - 1, ..template.clone() };
    let mut shorter = template.clone();
    shorter.heads[1].size -= 1;
    shorter.heads[1].root = logs[1].root(shorter.heads[1].size).into();
    shorter.entries -= 1;
    for forged in [easier, older, shorter] {
        let msg = ground.chain.mined_of(&ground.by, &forged, &logs.each_ref());
        let refusal = ground.refused(msg);
        assert!(matches!(refusal, Error::Seal { number: 1, .. }), "{refusal}");
    }
}

#[test]
fn a_mix_above_the_target() {
    let mut ground = ground();
    let logs = ground.logs.clone();
    let easy =
        medrec_api::authlog::TemplateResponse { target: vec![0xff; 32].into(), ..ground.chain.template() };
    // Of the first nonces most miss the target: their recalls are right for the contract's template only if the header
    // is its own, so a miss is said as a miss.
    let (nonce, ..) = ground.mined();
    assert!(nonce > 0, "the first nonce is a seal already: take another researcher");
    let msg = ground.chain.mined_of(&ground.by, &easy, &logs.each_ref());
    assert!(matches!(ground.refused(msg), Error::Seal { .. }));
}

#[test]
fn the_signature_is_the_researchers_over_this_id() {
    let mut ground = ground();
    let (nonce, signature, recalls) = ground.mined();
    let other = ground.chain.researcher("r-two", 12);
    let wrong = [
        vec![0; 64],
        other.key.sign(b"anything").to_bytes().to_vec(),
        ground.by.key.sign(&[0; 32]).to_bytes().to_vec(),
        [&signature[32..], &signature[..32]].concat(),
    ];
    for signature in wrong {
        let msg = ExecuteMsg::Seal { nonce, signature: signature.into(), recalls: recalls.clone() };
        let refusal = ground.refused(msg);
        assert!(matches!(refusal, Error::SealSignature { number: 1, .. }), "{refusal}");
    }
    for len in [0, 63, 65] {
        let msg = ExecuteMsg::Seal { nonce, signature: vec![1; len].into(), recalls: recalls.clone() };
        assert!(matches!(ground.refused(msg), Error::Invalid(_)));
    }
}

#[test]
fn recalls_that_are_cut_padded_or_altered() {
    let mut ground = ground();
    let (nonce, signature, recalls) = ground.mined();
    let with =
        |recalls: Vec<u8>| ExecuteMsg::Seal { nonce, signature: signature.clone(), recalls: recalls.into() };
    let mut wrong =
        vec![vec![], recalls[1..].to_vec(), [&recalls[..], &[0]].concat(), vec![0xff; MAX_RECALLS]];
    wrong.extend([1, 2, 3, 100, 1_000].map(|end| recalls[..recalls.len() - end].to_vec()));
    for at in (0..recalls.len()).step_by(97) {
        let mut flipped = recalls.to_vec();
        flipped[at] ^= 1;
        wrong.push(flipped);
    }
    for recalls in wrong {
        let refusal = ground.refused(with(recalls));
        assert!(matches!(refusal, Error::Seal { number: 1, .. }), "{refusal}");
    }
    let refusal = ground.refused(with(vec![0; MAX_RECALLS + 1]));
    assert!(matches!(refusal, Error::Invalid(_)), "{refusal}");
    ground.chain.send(&ground.by.account.clone(), with(recalls.to_vec())).unwrap();
}

#[test]
fn a_researcher_expelled_midway_wins_nothing() {
    let mut ground = ground();
    let (nonce, signature, recalls) = ground.mined();
    let msg = ExecuteMsg::Seal { nonce, signature, recalls };
    let sender = ground.by.account.to_string();
    ground.chain.withdraw(&ground.by);
    let refused = Error::Sender { operation: "seal", sender: sender.clone(), needed: Role::Researcher };
    ground.chain.refuses(&ground.by.account.clone(), msg.clone(), &refused);
    ground.by = ground.chain.researcher("r-one", 11);
    ground.chain.registrar.expel(11);
    let refused = Error::InstitutionExpelled { operation: "seal", institution: 11 };
    ground.chain.refuses(&ground.by.account.clone(), msg.clone(), &refused);
    let stranger = common::addr("stranger");
    let refused = Error::Sender { operation: "seal", sender: stranger.to_string(), needed: Role::Researcher };
    ground.chain.refuses(&stranger, msg, &refused);
}

#[test]
fn a_researcher_with_another_key_signs_with_that() {
    let mut ground = ground();
    let (nonce, signature, recalls) = ground.mined();
    let fresh = ground.chain.researcher("another key", 11);
    let status = medrec_api::registrar::ResearcherStatus::Active;
    ground.chain.registrar.put_researcher(&ground.by.account, status, 11, &fresh.key);
    let refusal = ground.refused(ExecuteMsg::Seal { nonce, signature, recalls });
    assert!(matches!(refusal, Error::SealSignature { .. }), "{refusal}");
}

#[test]
fn a_damaged_row_makes_nobody_a_researcher() {
    let mut ground = ground();
    ground.chain.registrar.put_researcher_row(&ground.by.account, vec![1, 0, 0]);
    let msg = ExecuteMsg::Seal { nonce: 0, signature: vec![0; 64].into(), recalls: Base85::default() };
    let refusal = ground.refused(msg);
    assert!(matches!(refusal, Error::Sender { operation: "seal", .. }), "{refusal}");
}

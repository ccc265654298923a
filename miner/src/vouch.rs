//! Vouching for heads that are here whole, and answering challenges.

use std::collections::BTreeMap;

use cosmwasm_std::Binary;
use medrec_api::authlog::{ChallengeState, CosignedHead, Cosigner, ExecuteMsg, LogResponse, MAX_COSIGNED};
use medrec_seals::cosignature_text;

use crate::{
    chain::{self, Ask},
    identity::Identity,
    logs::{Mirrors, View},
};

/// What is to be sent.
#[derive(Debug, Default)]
pub struct Due {
    /// Up to 16 heads each.
    pub cosign: Vec<ExecuteMsg>,
    /// Log and index, and the message.
    pub answers: Vec<(u32, u64, ExecuteMsg)>,
}

/// Sizes vouched for since the start, by slot.
#[derive(Debug, Default)]
pub struct Vouched(BTreeMap<u32, u64>);

impl Vouched {
    /// What there is to vouch for and to answer. `certified_by`: of that institution's log nothing is said.
    pub async fn due(
        &self,
        ask: Ask<'_>,
        mirrors: &Mirrors,
        identity: &Identity,
        account: &str,
        certified_by: u32,
        now: u64,
    ) -> Result<Due, chain::Error> {
        let (mut due, mut heads) = (Due::default(), Vec::new());
        for log in ask.logs().await? {
            let Some(copy) = mirrors.log(log.institution) else { continue };
            let view = copy.view();
            let attested = ask.attested(log.slot).await?;
            for open in &attested.challenges {
                if let Some(answer) = answer(&view, log.slot, open) {
                    due.answers.push((log.slot, open.index, answer));
                }
            }
            let known = self.0.get(&log.slot).copied().unwrap_or(0).max(attested.size);
            let size = view.progress.head.size;
            if log.institution == certified_by || size <= known || size > log.size {
                continue;
            }
            if let Some(head) = cosigned(&view, &log, identity, now) {
                heads.push(head);
            }
        }
        let cosigner = || Cosigner::Researcher { account: account.to_owned() };
        due.cosign = heads
            .chunks(MAX_COSIGNED)
            .map(|heads| ExecuteMsg::Cosign { cosigner: cosigner(), heads: heads.to_vec() })
            .collect();
        Ok(due)
    }

    /// The chain took them.
    pub fn done(&mut self, sizes: BTreeMap<u32, u64>) {
        self.0.extend(sizes);
    }
}

/// Signed only when the whole log up to the head is here.
fn cosigned(view: &View, log: &LogResponse, identity: &Identity, now: u64) -> Option<CosignedHead> {
    let head = view.progress.head;
    let proof = if head.size == log.size {
        // Of this size it is what the chain has, or nothing is said.
        Vec::new()
    } else {
        view.consistency(head.size, log.size).ok()?
    };
    if head.size == log.size && head.root.as_slice() != log.root.as_slice() {
        return None;
    }
    let text = cosignature_text(now, view.key.origin(), head.size, &head.root);
    Some(CosignedHead {
        slot: log.slot,
        size: head.size,
        root: Binary::from(head.root),
        time: now,
        signature: Binary::from(identity.sign(text.as_bytes())),
        proof: Binary::from(proof.concat()),
    })
}

/// The entry asked for, with its proof; none if it is not here.
pub fn answer(view: &View, slot: u32, open: &ChallengeState) -> Option<ExecuteMsg> {
    let entry = view.entries.get(open.index)?;
    let proof = view.inclusion(open.index, open.size).ok()?;
    let (entry, proof) = (Binary::from(entry), Binary::from(proof.concat()));
    Some(ExecuteMsg::Answer { slot, challenger: open.challenger, entry, proof })
}

//! The chain of seals as the contracts have it, into a file that proves itself.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use medrec_api::authlog::{SealResponse, SealedHead, SealingFrom};
use medrec_merkle::{Hash, heads::locate};
use medrec_pow::{ENTRY_BYTES, Header, RECALLS, Target, U256, advance, first_mix, recalled};
use medrec_seals::{Head, Recalls, siblings};
use sha2_blocks::{Digest as _, Sha256};

use crate::{
    chain::{self, Ask},
    chainfile::{Certified, End, FORMAT, HeadLine, Heads, Institution, Line, Rules, Start, WatchedLine},
    logs::View,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error("there are no seals yet: the consortium has not started them")]
    NotStarted,
    #[error("seal {number}: {what} is not what the contract gives")]
    Field { number: u64, what: &'static str },
    #[error(
        "seal {number}: entry {entry} is not in the mirrors here; export without --recalls, or mirror first"
    )]
    Lacking { number: u64, entry: u64 },
    #[error("seal {number}: {reason}")]
    Seals { number: u64, reason: medrec_seals::Error },
    #[error("encode: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Collects and writes.
pub struct Exporter<'a> {
    ask: Ask<'a>,
    chain_id: String,
    views: BTreeMap<u32, View>,
    seals: u64,
}

impl<'a> Exporter<'a> {
    pub fn new(ask: Ask<'a>, chain_id: &str) -> Self {
        Self { ask, chain_id: chain_id.to_owned(), views: BTreeMap::new(), seals: 0 }
    }

    /// A copy that entries are taken from: with one, recalls are exported.
    pub fn add(&mut self, slot: u32, view: View) {
        self.views.insert(slot, view);
    }

    /// Seals written.
    pub fn seals(&self) -> u64 {
        self.seals
    }

    /// The file.
    pub async fn write(&mut self) -> Result<String, Error> {
        let mut lines = String::new();
        let (mut heads, mut work, mut after) = (Heads::default(), U256::ZERO, None);
        loop {
            let page = self.ask.seals(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.number);
            for seal in &page {
                let now = self.ask.sealed_heads(seal.number).await?;
                lines.push_str(&self.line(seal, &now, &mut heads)?);
                lines.push('\n');
                let target = self.target(seal)?;
                work = work.checked_add(&target.work()).unwrap_or(U256::MAX);
                self.seals = self.seals.saturating_add(1);
            }
        }
        // After the seals: whoever certified or changed rules meanwhile is in it.
        let mut text = serde_json::to_string(&self.start().await?)?;
        text.push('\n');
        text.push_str(&lines);
        let work = B64.encode(work.to_be_bytes());
        let end = End { seals: self.seals, work, sha256: hex::encode(Sha256::digest(text.as_bytes())) };
        text.push_str(&serde_json::to_string(&end)?);
        text.push('\n');
        Ok(text)
    }

    async fn start(&self) -> Result<Start, Error> {
        let sealings = self.ask.sealings().await?;
        if sealings.is_empty() {
            return Err(Error::NotStarted);
        }
        let institutions = self.ask.institutions().await?;
        let researchers = self.ask.researchers().await?;
        Ok(Start {
            format: FORMAT.to_owned(),
            chain_id: self.chain_id.clone(),
            registrar: self.ask.contracts.registrar.address.clone(),
            authlog: self.ask.contracts.authlog.address.clone(),
            rules: sealings
                .into_iter()
                .map(|SealingFrom { from, sealing }| Rules {
                    from,
                    interval: sealing.interval,
                    half_life: sealing.half_life,
                    anchor: sealing.anchor.to_base64(),
                    easiest: sealing.easiest.to_base64(),
                    hardest: sealing.hardest.to_base64(),
                })
                .collect(),
            institutions: institutions
                .into_iter()
                .map(|one| Institution { id: one.id, signing_key: one.signing_key.to_base64() })
                .collect(),
            researchers: researchers
                .into_iter()
                .map(|one| Certified {
                    account: one.account,
                    name: one.name,
                    key: one.key.to_base64(),
                    encryption_key: one.encryption_key.to_base64(),
                    certified_by: one.certified_by,
                    certificate: one.certificate.to_base64(),
                })
                .collect(),
        })
    }

    fn target(&self, seal: &SealResponse) -> Result<Target, Error> {
        let field = Error::Field { number: seal.number, what: "target" };
        let bytes: Option<Hash> = seal.target.as_slice().try_into().ok();
        bytes.and_then(|bytes| Target::from_be_bytes(&bytes).ok()).ok_or(field)
    }

    fn line(&self, seal: &SealResponse, now: &[SealedHead], heads: &mut Heads) -> Result<String, Error> {
        let number = seal.number;
        let changed = changes(number, now, heads)?;
        let recalls = if self.views.is_empty() || seal.heads.total == 0 {
            None
        } else {
            Some(Cow::Owned(B64.encode(self.recalls(seal, heads)?)))
        };
        let text = |bytes: &cosmwasm_std::Binary| Cow::Owned(bytes.to_base64());
        Ok(serde_json::to_string(&Line {
            number,
            previous: text(&seal.previous),
            heads: text(&seal.heads.hash),
            entries: seal.heads.total,
            target: text(&seal.target),
            frozen_at: seal.frozen_at,
            miner: Cow::Borrowed(&seal.miner),
            nonce: seal.nonce,
            mix: text(&seal.mix),
            signature: text(&seal.signature),
            changed,
            watched: seal
                .watched
                .iter()
                .map(|one| WatchedLine {
                    contract: Cow::Borrowed(&one.contract),
                    size: one.size,
                    root: text(&one.root),
                    checksum: text(&one.checksum),
                })
                .collect(),
            recalls,
        })?)
    }

    /// The try's entries and proofs, from the copies here.
    fn recalls(&self, seal: &SealResponse, heads: &Heads) -> Result<Vec<u8>, Error> {
        let number = seal.number;
        let field = |what| Error::Field { number, what };
        let hash = |bytes: &cosmwasm_std::Binary, what| -> Result<Hash, Error> {
            bytes.as_slice().try_into().map_err(|_| field(what))
        };
        let header = Header {
            chain_id: &self.chain_id,
            contract: &self.ask.contracts.authlog.address,
            number,
            previous: hash(&seal.previous, "previous")?,
            sealed: hash(&seal.sealed, "sealed")?,
            entries: seal.heads.total,
            target: self.target(seal)?,
            frozen_at: seal.frozen_at,
            miner: &seal.miner,
        };
        let mut mix = first_mix(&header.hash(), seal.nonce);
        let mut reads: Vec<(Head, u64, [u8; ENTRY_BYTES], Vec<Hash>)> = Vec::new();
        for _ in 0..RECALLS {
            let entry = recalled(&mix, seal.heads.total).unwrap_or(0);
            let lacking = || Error::Lacking { number, entry };
            let (slot, index) = locate(heads, entry).map_err(|_| lacking())?;
            let (head, view) = heads.head(slot).zip(self.views.get(&slot)).ok_or_else(lacking)?;
            let bytes = *view.entries.get(index).ok_or_else(lacking)?;
            let proof = view.inclusion(index, head.size).map_err(|_| lacking())?;
            mix = advance(&mix, &bytes);
            reads.push((head.clone(), index, bytes, proof));
        }
        let reads: Vec<_> = reads
            .iter()
            .map(|(head, index, entry, proof)| (head.clone(), *index, entry, proof.as_slice()))
            .collect();
        let seals = |reason| Error::Seals { number, reason };
        let collected =
            Recalls::collect(&reads, |slots| siblings(heads, slots).map_err(medrec_seals::Error::from));
        collected.and_then(|collected| collected.to_bytes()).map_err(seals)
    }
}

/// What differs from the heads so far, which become these.
fn changes(number: u64, now: &[SealedHead], heads: &mut Heads) -> Result<Vec<HeadLine<'static>>, Error> {
    let field = |what| Error::Field { number, what };
    let before: Vec<Head> = heads.all().cloned().collect();
    let gone = before.iter().filter(|head| now.iter().all(|known| known.slot != head.slot));
    let mut changed: Vec<(u32, String, u64, Hash)> =
        gone.map(|head| (head.slot, head.origin.clone(), 0, [0; 32])).collect();
    for head in now {
        let root: Hash = head.root.as_slice().try_into().map_err(|_| field("root"))?;
        let known = heads.head(head.slot);
        if known.is_none_or(|known| (known.size, known.root) != (head.size, root)) {
            changed.push((head.slot, head.origin.clone(), head.size, root));
        }
    }
    let mut lines = Vec::with_capacity(changed.len());
    for (slot, origin, size, root) in changed {
        heads.set(slot, &origin, size, root).map_err(|_| field("slot"))?;
        let (origin, root) = (Cow::Owned(origin), Cow::Owned(B64.encode(root)));
        lines.push(HeadLine { slot, origin, size, root });
    }
    Ok(lines)
}

//! Logs of any size that cost nothing, cosignatures, and a miner for easy targets: what suites of authlog and bounty
//! need to have seals.

use cosmwasm_std::{Addr, Binary};
use cw_multi_test::AppResponse;
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::authlog::{
    AttestedResponse, CosignedHead, Cosigner, ExecuteMsg, Inclusion, LogResponse, QueryMsg, Sealing,
    SignedRoot, TemplateResponse,
};
use medrec_merkle::{
    Hash, HashReader, Tree, consistency_proof, heads::locate, inclusion_proof, leaf_hash, node_hash, root_at,
};
use medrec_pow::{ENTRY_BYTES, Header, RECALLS, Target, U256, advance, first_mix, recalled};
use medrec_seals::{Error, Head, HeadsTree, Recalls, checkpoint_text, cosignature_text, siblings, verify};

use crate::{Suite, fixtures};

/// Entries of a log repeat after so many: the complete subtrees over them are all the same.
const PERIOD: u64 = 1 << 10;
const LEVEL: usize = 10;

/// An access log of any size up to 2^40 entries of 512 bytes; one node a level stands for all above level 10.
#[derive(Clone)]
pub struct Log {
    pub origin: String,
    /// Signs its checkpoints.
    pub key: SigningKey,
    salt: u32,
    low: Tree,
    high: Vec<Hash>,
}

impl Log {
    /// Entries of logs with other salts differ.
    #[must_use]
    pub fn new(origin: &str, key: SigningKey, salt: u32) -> Self {
        let low: Tree = (0..PERIOD).map(|index| leaf_hash(&entry(salt, index))).collect();
        let mut high = vec![low.root()];
        for level in 0..64 - LEVEL {
            high.push(node_hash(&high[level], &high[level]));
        }
        Self { origin: origin.to_owned(), key, salt, low, high }
    }

    /// The log of the institution that `fixtures::institution(n)` makes, with the key of [`institution`].
    #[must_use]
    pub fn of_institution(n: u8) -> Self {
        Self::new(&fixtures::institution(n).log_origin, log_key(n), n.into())
    }

    #[must_use]
    pub fn entry(&self, index: u64) -> [u8; ENTRY_BYTES] {
        entry(self.salt, index)
    }

    #[must_use]
    pub fn root(&self, size: u64) -> Hash {
        root_at(self, size).unwrap()
    }

    /// RFC 6962 inclusion of entry `index` among the first `size`.
    #[must_use]
    pub fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        inclusion_proof(self, index, size).unwrap()
    }

    /// RFC 6962 consistency, concatenated; nothing from an empty log.
    #[must_use]
    pub fn consistency(&self, old: u64, new: u64) -> Vec<u8> {
        if old == 0 { Vec::new() } else { consistency_proof(self, old, new).unwrap().concat() }
    }

    /// The honest `anchor` of `new` entries after one of `old`.
    #[must_use]
    pub fn anchor(&self, slot: u32, old: u64, new: u64) -> ExecuteMsg {
        let SignedRoot { root, signature } = self.signed_root(new);
        ExecuteMsg::Anchor { slot, size: new, root, signature, proof: self.consistency(old, new).into() }
    }

    /// Its checkpoint.
    #[must_use]
    pub fn signed_root(&self, size: u64) -> SignedRoot {
        let root = self.root(size);
        let signature = self.key.sign(checkpoint_text(&self.origin, size, &root).as_bytes());
        SignedRoot { root: root.into(), signature: signature.to_bytes().into() }
    }

    /// Entry `index` under its checkpoint of `size`, as evidence has it.
    #[must_use]
    pub fn signed_inclusion(&self, index: u64, size: u64) -> Inclusion {
        let SignedRoot { root, signature } = self.signed_root(size);
        let leaf = leaf_hash(&self.entry(index)).into();
        Inclusion { size, root, signature, leaf, proof: self.inclusion(index, size).concat().into() }
    }

    /// The head of `size` entries vouched for with `by`, proved under the anchor of `anchored`.
    #[must_use]
    pub fn cosigned(&self, slot: u32, size: u64, anchored: u64, time: u64, by: &SigningKey) -> CosignedHead {
        let root = self.root(size);
        let signature = by.sign(cosignature_text(time, &self.origin, size, &root).as_bytes());
        let proof = self.consistency(size, anchored).into();
        CosignedHead { slot, size, root: root.into(), time, signature: signature.to_bytes().into(), proof }
    }

    /// The `answer` for entry `index` of the head of `size`, asked for by institution `challenger`.
    #[must_use]
    pub fn answer(&self, slot: u32, challenger: u32, index: u64, size: u64) -> ExecuteMsg {
        let proof = self.inclusion(index, size).concat().into();
        ExecuteMsg::Answer { slot, challenger, entry: self.entry(index).into(), proof }
    }
}

fn entry(salt: u32, index: u64) -> [u8; ENTRY_BYTES] {
    let mut bytes = [0x5a; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&(index % PERIOD).to_be_bytes());
    bytes[8..12].copy_from_slice(&salt.to_be_bytes());
    bytes
}

impl HashReader for Log {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        match usize::from(level).checked_sub(LEVEL) {
            Some(high) => Ok(self.high[high]),
            None => self.low.node(level, index % (PERIOD >> level)),
        }
    }
}

/// Key of institution `n`'s log.
#[must_use]
pub fn log_key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n ^ 0xa5; 32])
}

/// Institution `n` with a log key that signs: for `SuiteBuilder::institutions`.
#[must_use]
pub fn institution(n: u8) -> medrec_api::registrar::NewInstitution {
    let log_key = Binary::new(log_key(n).verifying_key().to_bytes().to_vec());
    medrec_api::registrar::NewInstitution { log_key, ..fixtures::institution(n) }
}

/// One seal a minute, targets that one try in 16 meets, at most one in two.
#[must_use]
pub fn easy(watched: &[&Addr]) -> Sealing {
    let target = |bits| Binary::new(U256::MAX.shr(bits).to_be_bytes().to_vec());
    Sealing {
        interval: 60,
        half_life: 600,
        anchor: target(4),
        easiest: target(1),
        hardest: target(12),
        challenge_seconds: 600,
        watched: watched.iter().map(|contract| contract.to_string()).collect(),
    }
}

/// Where and by whom a seal is looked for.
#[derive(Clone, Copy)]
pub struct Miner<'a> {
    pub chain_id: &'a str,
    /// Address of the authlog.
    pub contract: &'a str,
    pub account: &'a str,
    pub key: &'a SigningKey,
}

impl Miner<'_> {
    fn header<'a>(&'a self, template: &TemplateResponse) -> Header<'a> {
        let hash = |bytes: &Binary| -> Hash { bytes.as_slice().try_into().unwrap() };
        Header {
            chain_id: self.chain_id,
            contract: self.contract,
            number: template.number,
            previous: hash(&template.previous),
            sealed: hash(&template.sealed),
            entries: template.entries,
            target: Target::from_be_bytes(&hash(&template.target)).unwrap(),
            frozen_at: template.frozen_at,
            miner: self.account,
        }
    }

    /// The first nonce from `from` on that seals the template, as a message. Tries that need a log that is
    /// not among `logs` are given up.
    #[must_use]
    pub fn seal(&self, template: &TemplateResponse, logs: &[&Log], from: u64) -> ExecuteMsg {
        let never = |_: &[(u32, u64)]| true;
        self.seal_where(template, logs, from, never)
    }

    /// The same, of a try whose recalls (slot and index) are as `wanted`.
    #[must_use]
    pub fn seal_where(
        &self,
        template: &TemplateResponse,
        logs: &[&Log],
        from: u64,
        wanted: impl Fn(&[(u32, u64)]) -> bool,
    ) -> ExecuteMsg {
        let header = self.header(template);
        let heads: Vec<Head> = template
            .heads
            .iter()
            .map(|head| Head {
                slot: head.slot,
                origin: head.origin.clone(),
                size: head.size,
                root: head.root.as_slice().try_into().unwrap(),
            })
            .collect();
        let tree = HeadsTree::new(&heads).unwrap();
        let log = |slot: u32| {
            let head = heads.iter().find(|head| head.slot == slot).unwrap();
            logs.iter().find(|log| log.origin == head.origin).map(|log| (head, *log))
        };
        let hash = header.hash();
        let tried = |nonce: u64| {
            let (mut mix, mut reads) = (first_mix(&hash, nonce), Vec::with_capacity(RECALLS));
            for _ in 0..RECALLS {
                let Some(number) = recalled(&mix, header.entries) else {
                    mix = advance(&mix, &[0; ENTRY_BYTES]);
                    continue;
                };
                let (slot, index) = locate(&tree, number).unwrap();
                // As a miner who lacks that log.
                let (_, held) = log(slot)?;
                mix = advance(&mix, &held.entry(index));
                reads.push((slot, index));
            }
            (header.target.reached_by(&mix).is_ok() && wanted(&reads)).then_some((nonce, reads))
        };
        let (nonce, reads) = (from..).find_map(tried).unwrap();
        let parts: Vec<_> = reads
            .iter()
            .map(|(slot, index)| {
                let (head, log) = log(*slot).unwrap();
                (head.clone(), *index, log.entry(*index), log.inclusion(*index, head.size))
            })
            .collect();
        let parts: Vec<_> = parts
            .iter()
            .map(|(head, index, entry, proof)| (head.clone(), *index, entry, &proof[..]))
            .collect();
        let recalls = if parts.is_empty() {
            Vec::new()
        } else {
            let shared = |slots: &[u32]| siblings(&tree, slots);
            Recalls::collect::<Error>(&parts, shared).unwrap().to_bytes().unwrap()
        };
        let seal = verify(&header, &tree.root(), nonce, &recalls).unwrap();
        let signature = self.key.sign(&seal.id).to_bytes().into();
        ExecuteMsg::Seal { nonce, signature, recalls: recalls.into() }
    }
}

impl Suite {
    /// Seals from now on, at easy targets, over these contracts.
    pub fn start_seals(&mut self, watched: &[&Addr]) -> AppResponse {
        let msg = ExecuteMsg::SetSealing { sealing: easy(watched) };
        self.to_authlog(&self.consortium.clone(), &msg).unwrap()
    }

    /// Institution `n` admits its log and anchors `size` entries; answers log and slot.
    pub fn keep_log(&mut self, n: u8, size: u64) -> (Log, u32) {
        let (log, account) = (Log::of_institution(n), fixtures::address(&format!("institution-{n}")));
        self.to_authlog(&account, &ExecuteMsg::AdmitLog { institution: n.into() }).unwrap();
        let known: LogResponse = self.ask_authlog(&QueryMsg::LogOf { institution: n.into() }).unwrap();
        self.to_authlog(&account, &log.anchor(known.slot, 0, size)).unwrap();
        (log, known.slot)
    }

    /// A researcher vouches for all that is anchored of a log.
    pub fn cosign(&mut self, account: &Addr, key: &SigningKey, log: &Log, slot: u32) -> AppResponse {
        let anchored: LogResponse = self.ask_authlog(&QueryMsg::Log { slot }).unwrap();
        let heads = vec![log.cosigned(slot, anchored.size, anchored.size, self.now(), key)];
        let cosigner = Cosigner::Researcher { account: account.to_string() };
        self.to_authlog(account, &ExecuteMsg::Cosign { cosigner, heads }).unwrap()
    }

    #[must_use]
    pub fn template(&self) -> TemplateResponse {
        self.ask_authlog(&QueryMsg::Template {}).unwrap()
    }

    #[must_use]
    pub fn attested(&self, slot: u32) -> AttestedResponse {
        self.ask_authlog(&QueryMsg::Attested { slot }).unwrap()
    }

    /// The researcher's seal of the present template, not sent. `logs` holds every log that counts.
    #[must_use]
    pub fn mined(&self, account: &Addr, key: &SigningKey, logs: &[&Log]) -> ExecuteMsg {
        let (chain_id, contract) = (self.app.block_info().chain_id, self.authlog.to_string());
        let miner = Miner { chain_id: &chain_id, contract: &contract, account: account.as_str(), key };
        miner.seal(&self.template(), logs, 0)
    }

    /// The researcher finds the present template's seal.
    pub fn seal(&mut self, account: &Addr, key: &SigningKey, logs: &[&Log]) -> AppResponse {
        let msg = self.mined(account, key, logs);
        self.to_authlog(account, &msg).unwrap()
    }
}

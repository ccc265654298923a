//! From a template to work, and from a try that is a seal to the message that says so.

use cosmwasm_std::Binary;
use medrec_api::authlog::{ExecuteMsg, TemplateResponse};
use medrec_merkle::{Hash, heads::Node};
use medrec_pow::{ENTRY_BYTES, Header, RECALLS, Target, advance, first_mix, recalled};
use medrec_seals::{Head, HeadsTree, Recalls, Seal, Watched, sealed_root, siblings, verify};

use crate::{
    identity::Identity,
    logs::View,
    mine::{Found, Holding, Job},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "template {number}: {field} is not what a template has; the node does not speak our language, or lies"
    )]
    Field { number: u64, field: &'static str },
    #[error("template {number}: its heads and contracts do not give what it says is sealed; the node lies")]
    NotSealed { number: u64 },
    #[error("seal {number}: entry {entry} is not here any more")]
    Gone { number: u64, entry: u64 },
    #[error("seal {number}: our own check refuses it: {reason}; is the memory of this machine sound?")]
    Refused { number: u64, reason: medrec_seals::Error },
    #[error(transparent)]
    Seals(#[from] medrec_seals::Error),
    #[error(transparent)]
    Tree(#[from] medrec_merkle::Error),
}

/// The template of the next seal, checked, with what is here of its heads.
pub struct Work {
    template: TemplateResponse,
    chain_id: String,
    contract: String,
    miner: String,
    target: Target,
    previous: Hash,
    sealed: Hash,
    tree: HeadsTree,
    /// In order of slot.
    heads: Vec<(Head, Option<View>)>,
}

/// A seal as it is sent.
#[derive(Debug)]
pub struct Submission {
    pub seal: Seal,
    pub msg: ExecuteMsg,
}

impl Work {
    /// Checks that heads and contracts give what the template says is sealed. `view`: the copy of the log in a slot.
    pub fn new(
        template: TemplateResponse,
        chain_id: &str,
        contract: &str,
        miner: &str,
        view: impl Fn(u32) -> Option<View>,
    ) -> Result<Self, Error> {
        let number = template.number;
        let hash = |bytes: &Binary, field| -> Result<Hash, Error> {
            bytes.as_slice().try_into().map_err(|_| Error::Field { number, field })
        };
        let target = Target::from_be_bytes(&hash(&template.target, "target")?);
        let target = target.map_err(|_| Error::Field { number, field: "target" })?;
        let mut heads = Vec::new();
        for head in &template.heads {
            let root = hash(&head.root, "root")?;
            let head = Head { slot: head.slot, origin: head.origin.clone(), size: head.size, root };
            let view = view(head.slot).filter(|view| is_same(view, &head));
            heads.push((head, view));
        }
        let tree = HeadsTree::new(heads.iter().map(|(head, _)| head))?;
        let mut watched = Vec::new();
        for one in &template.watched {
            let (root, checksum) = (hash(&one.root, "root")?, hash(&one.checksum, "checksum")?);
            watched.push(Watched { contract: &one.contract, size: one.size, root, checksum });
        }
        let (previous, sealed) = (hash(&template.previous, "previous")?, hash(&template.sealed, "sealed")?);
        let root = tree.root();
        if sealed_root(&root, watched) != sealed || root.sum != template.entries {
            return Err(Error::NotSealed { number });
        }
        let (chain_id, contract, miner) = (chain_id.to_owned(), contract.to_owned(), miner.to_owned());
        Ok(Self { template, chain_id, contract, miner, target, previous, sealed, tree, heads })
    }

    pub fn number(&self) -> u64 {
        self.template.number
    }

    pub fn target(&self) -> Target {
        self.target
    }

    /// Entries that count, and those that are here.
    pub fn entries(&self) -> (u64, u64) {
        self.holding().sizes()
    }

    /// Logs that are not here as far as they count: slot, and entries that are.
    pub fn missing(&self) -> impl Iterator<Item = (u32, u64)> {
        let have = |view: &Option<View>| view.as_ref().map_or(0, View::len);
        self.heads
            .iter()
            .filter(move |(head, view)| have(view) < head.size)
            .map(move |(head, view)| (head.slot, have(view)))
    }

    pub fn header(&self) -> Header<'_> {
        Header {
            chain_id: &self.chain_id,
            contract: &self.contract,
            number: self.template.number,
            previous: self.previous,
            sealed: self.sealed,
            entries: self.template.entries,
            target: self.target,
            frozen_at: self.template.frozen_at,
            miner: &self.miner,
        }
    }

    /// Hash and total of the sum tree.
    pub fn root(&self) -> Node {
        self.tree.root()
    }

    fn holding(&self) -> Holding {
        let mut holding = Holding::default();
        for (head, view) in &self.heads {
            let entries = view.as_ref().map(|view| view.entries.clone());
            holding.add(head.slot, head.size, entries.unwrap_or_default());
        }
        holding
    }

    /// What the cores work on.
    pub fn job(&self) -> Job {
        let header = self.header().hash();
        Job { number: self.number(), header, target: self.target, holding: self.holding() }
    }

    /// The message for a try that is a seal; checked as the contract will.
    pub fn submission(&self, found: &Found, identity: &Identity) -> Result<Submission, Error> {
        let recalls = self.recalls(found.nonce)?;
        let number = self.number();
        let seal = verify(&self.header(), &self.root(), found.nonce, &recalls)
            .map_err(|reason| Error::Refused { number, reason })?;
        let msg = ExecuteMsg::Seal {
            nonce: found.nonce,
            signature: Binary::from(identity.sign(&seal.id)),
            recalls: recalls.into(),
        };
        Ok(Submission { seal, msg })
    }

    /// The bytes of the eight entries and their proofs.
    fn recalls(&self, nonce: u64) -> Result<Vec<u8>, Error> {
        if self.template.entries == 0 {
            return Ok(Vec::new());
        }
        let holding = self.holding();
        let mut mix = first_mix(&self.header().hash(), nonce);
        let mut reads: Vec<(Head, u64, [u8; ENTRY_BYTES], Vec<Hash>)> = Vec::new();
        for _ in 0..RECALLS {
            let entry = recalled(&mix, self.template.entries).unwrap_or(0);
            let gone = || Error::Gone { number: self.number(), entry };
            let (slot, index) = holding.place(entry).ok_or_else(gone)?;
            let bytes = holding.entry(entry).ok_or_else(gone)?;
            let known = self.heads.iter().find(|(head, _)| head.slot == slot);
            let (head, view) =
                known.and_then(|(head, view)| Some((head, view.as_ref()?))).ok_or_else(gone)?;
            let proof = view.inclusion(index, head.size)?;
            mix = advance(&mix, bytes);
            reads.push((head.clone(), index, *bytes, proof));
        }
        let reads: Vec<_> = reads
            .iter()
            .map(|(head, index, entry, proof)| (head.clone(), *index, entry, proof.as_slice()))
            .collect();
        let collected = Recalls::collect(&reads, |slots| siblings(&self.tree, slots))?;
        Ok(collected.to_bytes()?)
    }
}

/// The copy is of this very log. Behind the head its entries count as far as they go: they are on the way to a head that
/// is anchored, as this one is.
fn is_same(view: &View, head: &Head) -> bool {
    if view.key.origin() != head.origin {
        return false;
    }
    view.len() < head.size || view.root(head.size).is_ok_and(|root| root == head.root)
}

//! A whole chain of seals, checked without a chain of blocks.

use alloc::string::String;

use medrec_merkle::Hash;
use medrec_pow::{Header, Target, U256, seal_id};

use crate::{
    error::Error,
    retarget::{Retarget, Rules},
};

/// A seal as it is exported: its header without what all seals share, and what the researcher found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    pub number: u64,
    pub previous: Hash,
    pub sealed: Hash,
    pub entries: u64,
    pub target: Target,
    /// Block time in seconds.
    pub frozen_at: u64,
    pub miner: &'a str,
    pub nonce: u64,
    pub mix: Hash,
    pub id: Hash,
}

/// The seals so far. Signatures are the caller's to check, over the ids that [`Chain::push`] gives: one signature vouches
/// for every seal before it.
#[derive(Debug, Clone)]
pub struct Chain {
    chain_id: String,
    contract: String,
    rules: Rules,
    retarget: Option<Retarget>,
    seals: u64,
    tip: Hash,
    frozen_at: u64,
    work: U256,
}

impl Chain {
    /// No seals yet. `contract`: address of the authlog.
    pub fn new(chain_id: &str, contract: &str, rules: Rules) -> Result<Self, Error> {
        rules.check()?;
        Ok(Self {
            chain_id: chain_id.into(),
            contract: contract.into(),
            rules,
            retarget: None,
            seals: 0,
            tip: [0; 32],
            frozen_at: 0,
            work: U256::ZERO,
        })
    }

    /// Other rules from the next seal on: it has their anchor target.
    pub fn set_rules(&mut self, rules: Rules) -> Result<(), Error> {
        rules.check()?;
        (self.rules, self.retarget) = (rules, None);
        Ok(())
    }

    /// Takes the next seal if it follows: number, previous seal, time, target by the rules, mix, id. Gives its id.
    pub fn push(&mut self, link: &Link) -> Result<Hash, Error> {
        let number = self.seals.checked_add(1).ok_or(Error::Overflow)?;
        if link.number != number {
            return Err(Error::Number { expected: number, found: link.number });
        }
        if link.previous != self.tip {
            return Err(Error::Previous { number, expected: self.tip, found: link.previous });
        }
        let Some(seconds) = link.frozen_at.checked_sub(self.frozen_at) else {
            return Err(Error::Time { number, previous: self.frozen_at, found: link.frozen_at });
        };
        let retarget = match &self.retarget {
            None => Retarget::start(&self.rules),
            Some(before) => before.next(&self.rules, seconds),
        };
        if link.target != retarget.target {
            let (expected, found) = (retarget.target.to_be_bytes(), link.target.to_be_bytes());
            return Err(Error::Target { number, expected, found });
        }
        link.target.reached_by(&link.mix).map_err(|reason| Error::Mix { number, reason })?;
        let id = seal_id(&self.header(link).hash(), link.nonce, &link.mix);
        if link.id != id {
            return Err(Error::Id { number, expected: id, found: link.id });
        }
        self.work = self.work.checked_add(&link.target.work()).ok_or(Error::Overflow)?;
        (self.seals, self.tip, self.frozen_at, self.retarget) = (number, id, link.frozen_at, Some(retarget));
        Ok(id)
    }

    /// The header a seal of this chain has.
    pub fn header<'a>(&'a self, link: &Link<'a>) -> Header<'a> {
        Header {
            chain_id: &self.chain_id,
            contract: &self.contract,
            number: link.number,
            previous: link.previous,
            sealed: link.sealed,
            entries: link.entries,
            target: link.target,
            frozen_at: link.frozen_at,
            miner: link.miner,
        }
    }

    /// Seals so far.
    pub fn seals(&self) -> u64 {
        self.seals
    }

    /// Id of the last seal; zero bytes before the first.
    pub fn tip(&self) -> Hash {
        self.tip
    }

    /// Tries all seals together took on average.
    pub fn work(&self) -> U256 {
        self.work
    }
}

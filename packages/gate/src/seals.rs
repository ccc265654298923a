//! Seals as a bundle quotes them, and what they prove of a log without a chain (docs/spec/pow.md).
//!
//! A run begins somewhere in the chain of seals: links, mixes, what is sealed and signatures are checked. Its targets
//! rest on the seals before it, and the work behind a mix on the entries it recalled: `medrec-miner verify` checks both.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, VerifyingKey};
use medrec_merkle::{Hash, heads, heads::Node};
use medrec_pow::{Header, Target, U256, seal_id};
use medrec_seals::{Certified, Watched, certificate_hash, sealed_root};
use serde::{Deserialize, Serialize};

use crate::encoding::{b64, hex_fixed};

/// Seals of a run, at most: a month of one every ten minutes.
pub const MAX_RUN: usize = 4_320;

/// One seal, as the authlog has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealFacts {
    pub number: u64,
    #[serde(with = "hex_fixed")]
    pub previous: Hash,
    /// Root of the sum tree of heads, and the entries below it.
    #[serde(with = "hex_fixed")]
    pub heads: Hash,
    pub entries: u64,
    pub watched: Vec<WatchedFacts>,
    #[serde(with = "hex_fixed")]
    pub target: Hash,
    /// Block time, seconds since 1970: what is sealed was there then.
    pub frozen_at: u64,
    /// Address of the researcher.
    pub miner: String,
    pub nonce: u64,
    #[serde(with = "hex_fixed")]
    pub mix: Hash,
    /// By the researcher's key, over the seal's id.
    #[serde(with = "b64::fixed")]
    pub signature: [u8; 64],
}

/// A contract's own log and code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedFacts {
    pub contract: String,
    pub size: u64,
    #[serde(with = "hex_fixed")]
    pub root: Hash,
    #[serde(with = "hex_fixed")]
    pub checksum: Hash,
}

/// Who won seals, and who certified him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResearcherFacts {
    pub account: String,
    pub name: String,
    #[serde(with = "b64::fixed")]
    pub key: [u8; 32],
    #[serde(with = "b64::fixed")]
    pub encryption_key: [u8; 32],
    /// The institution that certified him, and the key it signs with.
    pub institution: u32,
    #[serde(with = "b64::fixed")]
    pub signing_key: [u8; 32],
    #[serde(with = "b64::fixed")]
    pub certificate: [u8; 64],
}

/// Consecutive seals up to the newest one, and their researchers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub seals: Vec<SealFacts>,
    pub researchers: Vec<ResearcherFacts>,
}

/// A log's head under a seal of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedHead {
    /// The seal's number.
    pub seal: u64,
    pub slot: u32,
    pub size: u64,
    #[serde(with = "hex_fixed")]
    pub root: Hash,
    /// Its siblings in the sum tree, from the slot up: hash [32] ‖ u64(sum) each.
    #[serde(with = "b64")]
    pub path: Vec<u8>,
    /// RFC 6962 proof from this head to the part's checkpoint.
    #[serde(with = "b64::hashes")]
    pub consistency: Vec<Hash>,
}

/// Where the seals are from.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub chain_id: &'a str,
    pub registrar: &'a str,
    pub authlog: &'a str,
}

/// What is wrong with seals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("there are {found} seals, {MAX_RUN} are the most that is read")]
    TooMany { found: usize },
    #[error("seal {found} stands where seal {expected} follows")]
    Number { expected: u64, found: u64 },
    #[error("seal {number} does not follow the one before it: one was changed or exchanged")]
    Link { number: u64 },
    #[error("seal {number} is no work: {reason}")]
    Work { number: u64, reason: String },
    #[error("seal {number} is by {miner}, of whom the bundle has no certificate")]
    NoResearcher { number: u64, miner: String },
    #[error("seal {number} is not signed by the researcher {miner}")]
    Signature { number: u64, miner: String },
    #[error("the certificate of researcher {account} is not signed by institution {institution}")]
    Certificate { account: String, institution: u32 },
    #[error("a head is quoted under seal {number}, which is not among the seals shown")]
    NoSeal { number: u64 },
    #[error("the head of {size} entries is not under seal {number}: {reason}")]
    NotSealed { number: u64, size: u64, reason: String },
}

impl SealFacts {
    fn target(&self) -> Result<Target, SealError> {
        Target::from_be_bytes(&self.target).map_err(|reason| self.no_work(reason))
    }

    fn no_work(&self, reason: impl ToString) -> SealError {
        SealError::Work { number: self.number, reason: reason.to_string() }
    }

    /// Heads hash and entries.
    pub fn root(&self) -> Node {
        Node { hash: self.heads, sum: self.entries }
    }

    /// Tries it took on average.
    pub fn work(&self) -> Result<U256, SealError> {
        Ok(self.target()?.work())
    }

    /// What the header seals.
    pub fn sealed(&self) -> Hash {
        let watched = self.watched.iter().map(|one| Watched {
            contract: &one.contract,
            size: one.size,
            root: one.root,
            checksum: one.checksum,
        });
        sealed_root(&self.root(), watched)
    }

    /// The id that the researcher signs and the next seal names.
    pub fn id(&self, place: Place) -> Result<Hash, SealError> {
        let header = Header {
            chain_id: place.chain_id,
            contract: place.authlog,
            number: self.number,
            previous: self.previous,
            sealed: self.sealed(),
            entries: self.entries,
            target: self.target()?,
            frozen_at: self.frozen_at,
            miner: &self.miner,
        };
        Ok(seal_id(&header.hash(), self.nonce, &self.mix))
    }
}

impl ResearcherFacts {
    /// What the institution signs (wire.md section 11).
    pub fn certificate_hash(&self, place: Place) -> Hash {
        certificate_hash(&Certified {
            chain_id: place.chain_id,
            registrar: place.registrar,
            institution: self.institution,
            account: &self.account,
            name: &self.name,
            key: &self.key,
            encryption_key: &self.encryption_key,
        })
    }
}

impl Run {
    /// Everything a run proves by itself, in order; stops at the first fault.
    pub fn check(&self, place: Place) -> Result<(), SealError> {
        if self.seals.len() > MAX_RUN {
            return Err(SealError::TooMany { found: self.seals.len() });
        }
        let mut researchers = BTreeMap::new();
        for one in &self.researchers {
            if !is_signed(&one.signing_key, &one.certificate_hash(place), &one.certificate) {
                let (account, institution) = (one.account.clone(), one.institution);
                return Err(SealError::Certificate { account, institution });
            }
            researchers.insert(one.account.as_str(), &one.key);
        }
        let mut before: Option<(u64, Hash)> = None;
        for seal in &self.seals {
            let number = seal.number;
            if let Some((last, id)) = before {
                let expected = last.saturating_add(1);
                if number != expected {
                    return Err(SealError::Number { expected, found: number });
                }
                if seal.previous != id {
                    return Err(SealError::Link { number });
                }
            }
            seal.target()?.reached_by(&seal.mix).map_err(|reason| seal.no_work(reason))?;
            let id = seal.id(place)?;
            let miner = || seal.miner.clone();
            let key = researchers.get(seal.miner.as_str());
            let key = key.ok_or_else(|| SealError::NoResearcher { number, miner: miner() })?;
            if !is_signed(key, &id, &seal.signature) {
                return Err(SealError::Signature { number, miner: miner() });
            }
            before = Some((number, id));
        }
        Ok(())
    }

    pub fn seal(&self, number: u64) -> Option<&SealFacts> {
        self.seals.iter().find(|seal| seal.number == number)
    }

    /// Work of a seal and all after it: tries on average. None if the run does not have it.
    pub fn work_from(&self, number: u64) -> Option<U256> {
        self.seal(number)?;
        let later = self.seals.iter().filter(|seal| seal.number >= number);
        let works = later.filter_map(|seal| Some(seal.target().ok()?.work()));
        Some(works.fold(U256::ZERO, |sum, work| sum.checked_add(&work).unwrap_or(U256::MAX)))
    }
}

impl SealedHead {
    /// Whether the head stands under its seal; gives that seal.
    pub fn check<'a>(&self, run: &'a Run, origin: &str) -> Result<&'a SealFacts, SealError> {
        let number = self.seal;
        let seal = run.seal(number).ok_or(SealError::NoSeal { number })?;
        let not_sealed = |reason: String| SealError::NotSealed { number, size: self.size, reason };
        let path = read_path(&self.path).ok_or_else(|| not_sealed("its path has another length".into()))?;
        let leaf = heads::leaf(self.slot, origin, self.size, &self.root);
        heads::verify_path(self.slot, leaf, &path, &seal.root())
            .map_err(|reason| not_sealed(reason.to_string()))?;
        Ok(seal)
    }
}

/// As [`SealedHead::path`] has it.
pub fn path_bytes(path: &heads::Path) -> Vec<u8> {
    path.iter().flat_map(|node| node.hash.into_iter().chain(node.sum.to_be_bytes())).collect()
}

fn read_path(bytes: &[u8]) -> Option<heads::Path> {
    let (rows, []) = bytes.as_chunks::<40>() else { return None };
    let nodes = rows.iter().filter_map(|row| {
        let (hash, sum) = row.split_first_chunk()?;
        Some(Node { hash: *hash, sum: u64::from_be_bytes(sum.try_into().ok()?) })
    });
    nodes.collect::<Vec<_>>().try_into().ok()
}

fn is_signed(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = VerifyingKey::from_bytes(key);
    key.is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "test code")]
pub(crate) mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    pub const PLACE: Place = Place { chain_id: "medrec-1", registrar: "medrec1r", authlog: "medrec1a" };

    fn researcher() -> (SigningKey, ResearcherFacts) {
        let (key, institution) = (SigningKey::from_bytes(&[5; 32]), SigningKey::from_bytes(&[6; 32]));
        let mut facts = ResearcherFacts {
            account: "medrec1m".into(),
            name: "University".into(),
            key: key.verifying_key().to_bytes(),
            encryption_key: [9; 32],
            institution: 2,
            signing_key: institution.verifying_key().to_bytes(),
            certificate: [0; 64],
        };
        facts.certificate = institution.sign(&facts.certificate_hash(PLACE)).to_bytes();
        (key, facts)
    }

    /// Three seals at the easiest target over one log of `size` entries, the first of them number 7.
    pub fn run(origin: &str, size: u64, root: Hash) -> (Run, heads::Path) {
        let (key, facts) = researcher();
        let empty = heads::empty_nodes();
        let path: heads::Path = std::array::from_fn(|level| empty[level]);
        let way = heads::climb(0, heads::leaf(0, origin, size, &root), &path).unwrap();
        let watched = WatchedFacts { contract: "medrec1r".into(), size: 3, root: [3; 32], checksum: [4; 32] };
        let mut previous = [8; 32];
        let seals = (7..10).map(|number| {
            let mut seal = SealFacts {
                number,
                previous,
                heads: way[heads::LEVELS].hash,
                entries: size,
                watched: vec![watched.clone()],
                target: [255; 32],
                frozen_at: 1_800_000_000 + number,
                miner: facts.account.clone(),
                nonce: number,
                mix: [17; 32],
                signature: [0; 64],
            };
            previous = seal.id(PLACE).unwrap();
            seal.signature = key.sign(&previous).to_bytes();
            seal
        });
        (Run { seals: seals.collect(), researchers: vec![facts] }, path)
    }

    #[test]
    fn a_run_proves_a_head_and_the_work_on_top() {
        let (run, path) = run("log.north", 9, [1; 32]);
        run.check(PLACE).unwrap();
        let head = SealedHead {
            seal: 8,
            slot: 0,
            size: 9,
            root: [1; 32],
            path: path_bytes(&path),
            consistency: vec![],
        };
        assert_eq!(head.check(&run, "log.north").unwrap().number, 8);
        // One try each at the easiest target.
        assert_eq!(run.work_from(8), Some(U256::from(2)));
        assert_eq!(run.work_from(11), None);
        for wrong in [
            SealedHead { size: 10, ..head.clone() },
            SealedHead { slot: 1, ..head.clone() },
            SealedHead { root: [2; 32], ..head.clone() },
            SealedHead { path: head.path[1..].to_vec(), ..head.clone() },
            SealedHead { path: vec![0; 400], ..head.clone() },
        ] {
            assert!(matches!(wrong.check(&run, "log.north"), Err(SealError::NotSealed { .. })));
        }
        assert!(head.check(&run, "log.south").is_err());
        let none = SealedHead { seal: 10, ..head };
        assert_eq!(none.check(&run, "log.north"), Err(SealError::NoSeal { number: 10 }));
    }

    #[test]
    fn every_field_of_a_seal_counts() {
        let (run, _) = run("log.north", 9, [1; 32]);
        let changes: [fn(&mut SealFacts); 11] = [
            |seal| seal.number += 1,
            |seal| seal.previous[0] ^= 1,
            |seal| seal.heads[0] ^= 1,
            |seal| seal.entries += 1,
            |seal| seal.watched[0].checksum[0] ^= 1,
            |seal| seal.target[0] ^= 1,
            |seal| seal.frozen_at += 1,
            |seal| seal.miner.push('x'),
            |seal| seal.nonce += 1,
            |seal| seal.mix[0] ^= 1,
            |seal| seal.signature[0] ^= 1,
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = run.clone();
            change(&mut changed.seals[1]);
            assert!(changed.check(PLACE).is_err(), "change {at} went unnoticed");
        }
        let mut changed = run.clone();
        changed.researchers[0].name.push('x');
        assert!(matches!(changed.check(PLACE), Err(SealError::Certificate { institution: 2, .. })));
        let elsewhere = Place { chain_id: "medrec-2", ..PLACE };
        assert!(run.check(elsewhere).is_err());
        let mut above = run;
        above.seals[0].target = [1; 32];
        assert!(matches!(above.check(PLACE), Err(SealError::Work { number: 7, .. })));
    }
}

//! The bytes of a submission: eight entries with their proofs; `docs/spec/pow.md` section 8.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use medrec_merkle::{Hash, heads::Node};
use medrec_pow::{ENTRY_BYTES, RECALLS};

use crate::error::Error;

/// Heads a submission names at most: one a recall.
pub const MAX_HEADS: usize = RECALLS;
/// Bytes of a log's origin, at most (wire.md section 7).
pub const MAX_ORIGIN: usize = 128;
/// Bytes of a submission, at most.
pub const MAX_BYTES: usize = 20_480;

/// A log's head as it stands in its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub slot: u32,
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// An entry and its RFC 6962 inclusion in the log of head `head` of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall<'a> {
    pub head: u8,
    pub index: u64,
    pub entry: &'a [u8; ENTRY_BYTES],
    pub proof: &'a [Hash],
}

/// What is submitted with a nonce, while the logs have entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalls<'a> {
    /// In order of slot, each once and each named by a recall.
    pub heads: Vec<Head>,
    /// What [`crate::climb`] needs for their slots.
    pub siblings: Vec<Node>,
    /// Exactly eight, in the order in which the try reads them.
    pub recalls: Vec<Recall<'a>>,
}

impl<'a> Recalls<'a> {
    /// From what a try read, step by step: the head, the index in its log, entry and proof. `siblings`: of the slots it
    /// is asked for.
    pub fn collect<E: From<Error>>(
        reads: &[(Head, u64, &'a [u8; ENTRY_BYTES], &'a [Hash])],
        siblings: impl FnOnce(&[u32]) -> Result<Vec<Node>, E>,
    ) -> Result<Self, E> {
        let mut heads: Vec<Head> = Vec::new();
        for (head, ..) in reads {
            match heads.binary_search_by_key(&head.slot, |known| known.slot) {
                Ok(at) if heads.get(at) == Some(head) => {}
                Ok(_) => return Err(Error::TwoHeads { slot: head.slot }.into()),
                Err(at) => heads.insert(at, head.clone()),
            }
        }
        let slots: Vec<u32> = heads.iter().map(|head| head.slot).collect();
        let siblings = siblings(&slots)?;
        let place =
            |slot: u32| slots.iter().position(|known| *known == slot).and_then(|at| u8::try_from(at).ok());
        let recalls = reads.iter().map(|(head, index, entry, proof)| Recall {
            head: place(head.slot).unwrap_or(u8::MAX),
            index: *index,
            entry,
            proof,
        });
        let recalls = recalls.collect();
        let collected = Self { heads, siblings, recalls };
        collected.well_formed()?;
        Ok(collected)
    }

    /// Accepts exactly what [`Self::to_bytes`] writes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLong { found: bytes.len(), max: MAX_BYTES });
        }
        let mut rest = Reader(bytes);
        let count = usize::from(rest.byte("the number of heads")?);
        within(count)?;
        let heads = (0..count).map(|_| rest.head()).collect::<Result<_, _>>()?;
        let count = rest.byte("the number of siblings")?;
        let siblings = (0..count).map(|_| rest.node()).collect::<Result<_, _>>()?;
        let recalls = (0..RECALLS).map(|_| rest.recall()).collect::<Result<_, _>>()?;
        if !rest.0.is_empty() {
            return Err(Error::Trailing { found: rest.0.len() });
        }
        let parsed = Self { heads, siblings, recalls };
        parsed.well_formed()?;
        Ok(parsed)
    }

    /// The bytes of `recalls` in the message.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        self.well_formed()?;
        let mut bytes = Vec::new();
        bytes.push(count(self.heads.len())?);
        for head in &self.heads {
            let slot = u16::try_from(head.slot)
                .map_err(|_| medrec_merkle::Error::SlotOutside { slot: head.slot })?;
            bytes.extend(slot.to_be_bytes());
            bytes.push(count(head.origin.len())?);
            bytes.extend(head.origin.as_bytes());
            bytes.extend(head.size.to_be_bytes());
            bytes.extend(head.root);
        }
        bytes.push(count(self.siblings.len())?);
        for node in &self.siblings {
            bytes.extend(node.hash);
            bytes.extend(node.sum.to_be_bytes());
        }
        for recall in &self.recalls {
            bytes.push(recall.head);
            bytes.extend(recall.index.to_be_bytes());
            bytes.extend(recall.entry);
            bytes.push(count(recall.proof.len())?);
            bytes.extend(recall.proof.as_flattened());
        }
        if bytes.len() > MAX_BYTES {
            return Err(Error::TooLong { found: bytes.len(), max: MAX_BYTES });
        }
        Ok(bytes)
    }

    /// Order of the heads, and that heads and recalls name each other.
    fn well_formed(&self) -> Result<(), Error> {
        within(self.heads.len())?;
        if self.recalls.len() != RECALLS {
            return Err(Error::Recalls { found: self.recalls.len(), expected: RECALLS });
        }
        for (before, after) in self.heads.iter().zip(self.heads.iter().skip(1)) {
            if before.slot >= after.slot {
                return Err(Error::Order { slot: after.slot });
            }
        }
        for (step, recall) in self.recalls.iter().enumerate() {
            if usize::from(recall.head) >= self.heads.len() {
                return Err(Error::NoHead { step, head: recall.head, heads: self.heads.len() });
            }
        }
        for (at, head) in self.heads.iter().enumerate() {
            if head.origin.is_empty() || head.origin.len() > MAX_ORIGIN {
                return Err(Error::Origin { slot: head.slot, max: MAX_ORIGIN });
            }
            if !self.recalls.iter().any(|recall| usize::from(recall.head) == at) {
                return Err(Error::Unnamed { slot: head.slot });
            }
        }
        Ok(())
    }
}

fn within(heads: usize) -> Result<(), Error> {
    if (1..=MAX_HEADS).contains(&heads) { Ok(()) } else { Err(Error::Heads { found: heads, max: MAX_HEADS }) }
}

/// Counts travel as one byte.
fn count(found: usize) -> Result<u8, Error> {
    u8::try_from(found).map_err(|_| Error::TooLong { found, max: usize::from(u8::MAX) })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self, part: &'static str) -> Result<&'a [u8; N], Error> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(Error::Truncated { part })?;
        self.0 = rest;
        Ok(chunk)
    }

    fn bytes(&mut self, len: usize, part: &'static str) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Error::Truncated { part })?;
        self.0 = rest;
        Ok(bytes)
    }

    fn byte(&mut self, part: &'static str) -> Result<u8, Error> {
        let [byte] = *self.chunk(part)?;
        Ok(byte)
    }

    fn number(&mut self, part: &'static str) -> Result<u64, Error> {
        Ok(u64::from_be_bytes(*self.chunk(part)?))
    }

    fn head(&mut self) -> Result<Head, Error> {
        let part = "a head";
        let slot = u32::from(u16::from_be_bytes(*self.chunk(part)?));
        let len = usize::from(self.byte(part)?);
        let origin = core::str::from_utf8(self.bytes(len, part)?);
        let origin = origin.map_err(|_| Error::Origin { slot, max: MAX_ORIGIN })?.to_owned();
        Ok(Head { slot, origin, size: self.number(part)?, root: *self.chunk(part)? })
    }

    fn node(&mut self) -> Result<Node, Error> {
        let part = "a sibling";
        Ok(Node { hash: *self.chunk(part)?, sum: self.number(part)? })
    }

    fn recall(&mut self) -> Result<Recall<'a>, Error> {
        let part = "a recall";
        let (head, index) = (self.byte(part)?, self.number(part)?);
        let entry = self.chunk(part)?;
        let len = usize::from(self.byte(part)?).saturating_mul(size_of::<Hash>());
        let proof = medrec_merkle::split_hashes(self.bytes(len, part)?)?;
        Ok(Recall { head, index, entry, proof })
    }
}

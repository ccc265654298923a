//! Two truths by one log's key (security H18, H19): what is checked besides the signatures.

use alloc::{vec, vec::Vec};

use medrec_merkle::{Hash, tagged_hash, verify_inclusion};

use crate::{
    error::Error,
    texts::{checkpoint_text, promise_hash},
};

/// A leaf hash under a checkpoint that the log signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inclusion<'a> {
    pub size: u64,
    pub root: Hash,
    pub leaf: Hash,
    pub proof: &'a [Hash],
}

/// What contradicts what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict<'a> {
    /// The same size with another root.
    Roots { size: u64, a: Hash, b: Hash },
    /// The same index with another leaf.
    Leaves { index: u64, a: Inclusion<'a>, b: Inclusion<'a> },
    /// A promise, and another leaf at its index.
    Promise { index: u64, leaf: Hash, at: u64, by: u64, other: Inclusion<'a> },
    /// A promise whose time is over while the anchor does not reach its index.
    Overdue { index: u64, leaf: Hash, at: u64, by: u64 },
}

impl Conflict<'_> {
    /// As events and answers name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Roots { .. } => "roots",
            Self::Leaves { .. } => "leaves",
            Self::Promise { .. } => "promise",
            Self::Overdue { .. } => "overdue",
        }
    }

    /// Whether the two sides contradict each other. `now`: block time; `anchored`: entries of the log on chain.
    pub fn check(&self, now: u64, anchored: u64) -> Result<(), Error> {
        let kind = self.kind();
        match self {
            Self::Roots { a, b, .. } => differ(kind, a, b),
            Self::Leaves { index, a, b } => {
                differ(kind, &a.leaf, &b.leaf)?;
                a.holds(kind, "a", *index)?;
                b.holds(kind, "b", *index)
            }
            Self::Promise { index, leaf, other, .. } => {
                differ(kind, leaf, &other.leaf)?;
                other.holds(kind, "other", *index)
            }
            Self::Overdue { by, .. } if now <= *by => Err(Error::NotOver { by: *by, now }),
            Self::Overdue { index, .. } if *index < anchored => Err(Error::Kept { index: *index, anchored }),
            Self::Overdue { .. } => Ok(()),
        }
    }

    /// What the log's key must have signed, in the order in which the evidence has the signatures.
    pub fn statements(&self, origin: &str) -> Vec<Vec<u8>> {
        let checkpoint = |size, root: &Hash| checkpoint_text(origin, size, root).into_bytes();
        match self {
            Self::Roots { size, a, b } => vec![checkpoint(*size, a), checkpoint(*size, b)],
            Self::Leaves { a, b, .. } => vec![checkpoint(a.size, &a.root), checkpoint(b.size, &b.root)],
            Self::Promise { index, leaf, at, by, other } => vec![
                promise_hash(origin, *index, leaf, *at, *by).to_vec(),
                checkpoint(other.size, &other.root),
            ],
            Self::Overdue { index, leaf, at, by } => {
                vec![promise_hash(origin, *index, leaf, *at, *by).to_vec()]
            }
        }
    }

    /// `H("medrec/conflict/v1"; kind, statement 1, signature 1, …)`: names the evidence.
    pub fn evidence(&self, origin: &str, signatures: &[&[u8]]) -> Hash {
        let statements = self.statements(origin);
        let mut fields: Vec<&[u8]> = vec![self.kind().as_bytes()];
        for (statement, signature) in statements.iter().zip(signatures) {
            fields.extend([statement.as_slice(), signature]);
        }
        tagged_hash("medrec/conflict/v1", &fields)
    }
}

impl Inclusion<'_> {
    fn holds(&self, kind: &'static str, side: &'static str, index: u64) -> Result<(), Error> {
        verify_inclusion(&self.leaf, index, self.size, self.proof, &self.root).map_err(|reason| Error::Side {
            kind,
            side,
            reason,
        })
    }
}

fn differ(kind: &'static str, a: &Hash, b: &Hash) -> Result<(), Error> {
    if a == b { Err(Error::Same { kind }) } else { Ok(()) }
}

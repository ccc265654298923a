use crate::hash::Hash;

/// Why a proof, a tree or a path was refused. Each names both sides of the comparison that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("entry {index} is not in a log of {size} entries")]
    IndexOutside { index: u64, size: u64 },
    #[error(
        "the entries of a proof are told in ascending order, each once: {index} is not behind the one before"
    )]
    NotAscending { index: u64 },
    #[error("a log of {old} entries cannot become one of {new}: a log only grows")]
    Shrunk { old: u64, new: u64 },
    #[error("an empty log proves nothing: take a checkpoint of at least one entry")]
    EmptyLog,
    #[error("proof of {actual} hashes where these sizes need exactly {expected}")]
    ProofLength { expected: usize, actual: usize },
    #[error("proof bytes must be a multiple of 32, not {actual}")]
    ProofBytes { actual: usize },
    #[error("proof gives root {}, the checkpoint says {}", Hex(.computed), Hex(.claimed))]
    RootMismatch { computed: Hash, claimed: Hash },
    #[error("proof gives old root {}, the earlier checkpoint says {}", Hex(.computed), Hex(.claimed))]
    OldRootMismatch { computed: Hash, claimed: Hash },
    #[error("node {index} of level {level} is not stored")]
    MissingNode { level: u8, index: u64 },
    #[error("a frontier of {size} entries has {expected} hashes, not {actual}")]
    FrontierLength { size: u64, expected: usize, actual: usize },
    #[error("a log holds at most 2^64 - 1 entries")]
    LogFull,
    #[error("slot {slot} is not one of the {} slots of the sum tree", crate::heads::SLOTS)]
    SlotOutside { slot: u32 },
    #[error("entries of all logs together exceed 2^64 - 1: {left} + {right}")]
    SumOverflow { left: u64, right: u64 },
    #[error("entry {entry} is not among the {total} entries of all logs")]
    EntryOutside { entry: u64, total: u64 },
    #[error("path gives a heads total of {computed}, the root says {claimed}")]
    TotalMismatch { computed: u64, claimed: u64 },
}

struct Hex<'a>(&'a Hash);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

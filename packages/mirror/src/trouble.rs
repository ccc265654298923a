//! Why a copy does not grow.

use serde::{Deserialize, Serialize};

/// The name is all that health and metrics say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Its URL is none we may ask ([`crate::Guard`]).
    Address,
    /// No connection.
    Unreachable,
    /// Answers take longer than they may.
    Slow,
    /// It does not give what the chain has anchored.
    Withholds,
    /// It sends us elsewhere.
    Redirects,
    /// Answers are longer than they can be.
    Endless,
    /// What it serves is not what the chain has anchored.
    Lies,
    /// It signed a checkpoint that contradicts the chain: the evidence is kept.
    Forked,
    /// It shows a checkpoint behind its own anchor: the evidence is kept.
    Shrunk,
    /// The chain has another origin, key or history than the copy.
    OtherLog,
    /// It has more entries than `mirror.max_entries`.
    TooLarge,
    /// Files of the copy were damaged and could not be fetched again yet.
    Damaged,
    /// Our disk.
    Disk,
}

impl Trouble {
    /// The log broke its word, and not merely the line to it.
    pub fn is_lie(self) -> bool {
        matches!(self, Self::Endless | Self::Lies | Self::Forked | Self::Shrunk | Self::Redirects)
    }
}

/// As an operator reads it: behind the name of the institution.
impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "has a URL that is not asked",
            Self::Unreachable => "is out of reach",
            Self::Slow => "answers too slowly",
            Self::Withholds => "does not give what is anchored",
            Self::Redirects => "redirects",
            Self::Endless => "sends answers without end",
            Self::Lies => "serves other entries than are anchored",
            Self::Forked => "signed a checkpoint that contradicts its anchor",
            Self::Shrunk => "shows fewer entries than are anchored",
            Self::OtherLog => "has another log on chain than was copied",
            Self::TooLarge => "has more entries than mirror.max_entries",
            Self::Damaged => "has a damaged copy here",
            Self::Disk => "has no room here",
        })
    }
}

/// How a copy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Entries the chain has anchored, and entries that are here and served.
    pub anchored: u64,
    pub size: u64,
    pub trouble: Option<Trouble>,
}

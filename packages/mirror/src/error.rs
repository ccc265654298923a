use medrec_accesslog::{CheckpointError, VerifyError};

use crate::{remote, trouble::Trouble};

/// Why a log was not copied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Remote(#[from] remote::Error),
    #[error("the head on chain: {0}")]
    Head(#[from] CheckpointError),
    #[error("the tree of the mirror: {0}")]
    Tree(#[from] medrec_merkle::Error),
    #[error(
        "the copy is of log {stored:?}, the chain has {given:?}, or another key of it: a log has one name for ever"
    )]
    OtherLog { stored: String, given: String },
    #[error(
        "the copy has {stored} entries, the chain {anchored}, or another root: is it the chain the copy was made on?"
    )]
    OtherHistory { stored: u64, anchored: u64 },
    #[error("the log has {size} entries anchored, mirror.max_entries is {max}")]
    TooLarge { size: u64, max: u64 },
    #[error("the counter map of day {day}: {reason}")]
    Counters { day: u32, reason: &'static str },
}

impl Error {
    /// What this says of the log; none if it is no matter of one log.
    pub fn trouble(&self) -> Option<Trouble> {
        Some(match self {
            Self::Remote(remote::Error::Refused(_)) => Trouble::Address,
            Self::Remote(remote::Error::Unreachable { .. } | remote::Error::Client(_)) => {
                Trouble::Unreachable
            }
            Self::Remote(remote::Error::Slow { .. }) => Trouble::Slow,
            Self::Remote(remote::Error::Status { .. }) => Trouble::Withholds,
            Self::Remote(remote::Error::Redirected { .. }) => Trouble::Redirects,
            Self::Remote(remote::Error::Endless { .. }) => Trouble::Endless,
            Self::Remote(remote::Error::Verify(error)) => match error {
                VerifyError::Fork { .. } | VerifyError::NotAnchored { .. } => Trouble::Forked,
                VerifyError::Shrunk { .. } => Trouble::Shrunk,
                _ => Trouble::Lies,
            },
            Self::Head(_) | Self::OtherLog { .. } | Self::OtherHistory { .. } => Trouble::OtherLog,
            Self::TooLarge { .. } => Trouble::TooLarge,
            Self::Counters { .. } => Trouble::Lies,
            Self::Tree(_) => return None,
        })
    }
}

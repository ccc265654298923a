//! Refusals of the authlog.

use cosmwasm_std::StdError;

use super::Role;
use crate::validate::Invalid;

#[derive(thiserror::Error, Debug)]
pub enum Error {
    #[error("authlog: chain: {0}")]
    Chain(StdError),
    #[error("authlog: stored {item} cannot be read; the contract's state is damaged")]
    Damaged { item: &'static str },
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("{operation}: funds attached ({found}), send the message without any")]
    Funds { operation: &'static str, found: String },
    #[error("{operation}: sender {sender} is not {needed}")]
    Sender { operation: &'static str, sender: String, needed: Role },

    #[error("{operation}: the registrar knows no institution {institution}")]
    NoInstitution { operation: &'static str, institution: u32 },
    #[error("{operation}: institution {institution} is expelled")]
    InstitutionExpelled { operation: &'static str, institution: u32 },
    #[error("{operation}: there is no log in slot {slot}; {count} logs are admitted, from slot 0")]
    NoLog { operation: &'static str, slot: u32, count: u32 },
    #[error("{operation}: institution {institution} has no log; admit_log first")]
    NoLogOf { operation: &'static str, institution: u32 },
    #[error("admit_log: institution {institution}'s log is admitted already, in slot {slot}")]
    AdmittedAlready { institution: u32, slot: u32 },
    #[error("admit_log: all {max} slots are taken")]
    SlotsFull { max: u32 },

    #[error("anchor: log {slot} would shrink, anchored {anchored} entries, offered {offered}")]
    AnchorShrinks { slot: u32, anchored: u64, offered: u64 },
    #[error("anchor: log {slot} forks at {size} entries, anchored root {anchored}, offered {offered} (hex)")]
    AnchorForks { slot: u32, size: u64, anchored: String, offered: String },
    #[error(
        "anchor: log {slot} grew by {grown} entries since the last anchor, at most {allowed} are allowed by now; wait"
    )]
    AnchorGrowth { slot: u32, grown: u64, allowed: u64 },
    #[error("anchor: log {slot} claims {offered} entries, a log has at most {max}; start a successor log")]
    AnchorTooLarge { slot: u32, offered: u64, max: u64 },
    #[error("anchor: the signature is not by log {slot}'s key over its checkpoint at {size} entries")]
    AnchorSignature { slot: u32, size: u64 },
    #[error(
        "anchor: the consistency proof of log {slot} from {from} to {to} entries does not hold: {reason}"
    )]
    AnchorProof { slot: u32, from: u64, to: u64, reason: String },
    #[error("anchor: the sum tree of heads: {reason}")]
    AnchorHeads { reason: String },

    #[error("{operation}: not built yet")]
    Unbuilt { operation: &'static str },
    #[error("set_growth_cap: this cap is in force already")]
    GrowthSame,
    #[error("migrate: this is {expected}, the state was written by {found}")]
    MigrateFrom { expected: String, found: String },
}

impl From<StdError> for Error {
    fn from(error: StdError) -> Self {
        Self::Chain(error)
    }
}

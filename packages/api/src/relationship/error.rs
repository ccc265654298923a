//! Refusals of the relationship contract.

use cosmwasm_std::StdError;
use medrec_rules::{Action, Status, TagsError};

use super::Role;
use crate::own_log::OwnLogError;
use crate::validate::Invalid;

#[derive(thiserror::Error, Debug)]
pub enum Error {
    #[error("relationship: chain: {0}")]
    Chain(StdError),
    #[error("relationship: stored {item} cannot be read; the contract's state is damaged")]
    Damaged { item: &'static str },
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("relationship: {0}")]
    OwnLog(#[from] OwnLogError),
    #[error("grant: {0}")]
    Tags(#[from] TagsError),
    #[error("{operation}: funds attached ({found}), send the message without any")]
    Funds { operation: &'static str, found: String },
    #[error("{operation}: sender {sender} is not {needed}")]
    Sender { operation: &'static str, sender: String, needed: Role },
    #[error("{action}: relationship {id} is {status}, which allows no {action}; nothing was changed")]
    WrongStatus { action: Action, id: u64, status: Status },
    #[error("{operation}: there is no relationship {id}; the newest is {newest}")]
    NoRelationship { operation: &'static str, id: u64, newest: u64 },
    #[error("{operation}: ids are used up")]
    IdsUsedUp { operation: &'static str },

    #[error("admit: {address} is twice in this batch; name each delegate once")]
    AdmitTwice { address: String },
    #[error("admit: {address} is admitted already; send the batch without it")]
    AdmitAdmitted { address: String },
    #[error("admit: {address} opened relationship {id} already; use a fresh address")]
    AdmitUsed { address: String, id: u64 },

    #[error("open: delegate {delegate} opened relationship {id} already; use a fresh delegate")]
    OpenUsed { delegate: String, id: u64 },
    #[error("open: {address} cannot be both patient and steward")]
    OpenSelf { address: String },

    #[error("rotate: {address} is on one side of relationship {id} already; rotate to a fresh address")]
    RotateSame { address: String, id: u64 },
    #[error("rotate: {address} is no admitted delegate; a steward rotates to one")]
    RotateNotAdmitted { address: String },
    #[error("rotate: delegate {address} opened relationship {used} already; rotate to an unused one")]
    RotateUsed { address: String, used: u64 },

    #[error("grant: from {from} is not before until {until}; the window is [from, until) in seconds")]
    GrantWindow { from: u64, until: u64 },
    #[error("grant: until {until} is past, the block's time is {now}; choose a later end")]
    GrantPast { until: u64, now: u64 },
    #[error("grant: viewer {viewer} is a side of relationship {id}, which needs no grant")]
    GrantParty { viewer: String, id: u64 },
    #[error(
        "grant: this very message made grant {grant} of relationship {id} already; seal anew to make another"
    )]
    GrantRepeated { id: u64, grant: u32 },
    #[error(
        "grant: {viewer} is a carer of relationship {id} already by grant {grant} until {until}; revoke that first"
    )]
    GrantCarer { viewer: String, id: u64, grant: u32, until: u64 },

    #[error("revoke: relationship {id} has no grant {grant}; it has {count}, numbered from 0")]
    RevokeUnknown { id: u64, grant: u32, count: u32 },
    #[error("revoke: grant {grant} of relationship {id} was revoked at {at} already")]
    RevokeAgain { id: u64, grant: u32, at: u64 },

    #[error(
        "set_research: relationship {id} has this choice already (mask {categories}); nothing was changed"
    )]
    ResearchSame { id: u64, categories: u8 },
    #[error("set_sponsor: {sponsor} is the sponsor already")]
    SponsorSame { sponsor: String },
    #[error("migrate: this is {expected}, the state was written by {found}")]
    MigrateFrom { expected: String, found: String },
}

impl From<StdError> for Error {
    fn from(error: StdError) -> Self {
        Self::Chain(error)
    }
}

//! Refusals of the bounty contract. Offers are named by their id in hex.

use cosmwasm_std::StdError;

use super::{BudgetError, Deadline, OfferState, Role};
use crate::own_log::OwnLogError;
use crate::validate::Invalid;

#[derive(thiserror::Error, Debug)]
pub enum Error {
    #[error("bounty: chain: {0}")]
    Chain(StdError),
    #[error("bounty: stored {item} cannot be read; the contract's state is damaged")]
    Damaged { item: &'static str },
    #[error(transparent)]
    OwnLog(#[from] OwnLogError),
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
    #[error("{operation}: the authlog's {item} cannot be read; try again, or tell the consortium")]
    Authlog { operation: &'static str, item: &'static str },
    #[error("{operation}: there is no offer {offer}")]
    NoOffer { operation: &'static str, offer: String },
    #[error("{operation}: offer {offer} is {state}, which allows no {operation}; nothing was changed")]
    WrongState { operation: &'static str, offer: String, state: OfferState },
    #[error(
        "{operation}: offer {offer} is {state} until {deadline}, and it is {now} now; only expire is left"
    )]
    Late { operation: &'static str, offer: String, state: OfferState, deadline: Deadline, now: Deadline },
    #[error("expire: offer {offer} is {state} until {deadline}, and it is {now} now; wait")]
    Early { offer: String, state: OfferState, deadline: Deadline, now: Deadline },

    #[error("set_budget: institution {institution}: {reason}")]
    BudgetBelow { institution: u32, reason: BudgetError },
    #[error("set_budget: institution {institution} has {total} micro-ε already")]
    BudgetSame { institution: u32, total: u64 },
    #[error("set_catalogue: institution {institution}'s catalogue is this already")]
    CatalogueSame { institution: u32 },
    #[error("{operation}: institution {institution} has used up its numbers")]
    NumbersUsedUp { operation: &'static str, institution: u32 },

    #[error("offer: {offer} is taken by another offer; choose a random id")]
    OfferTaken { offer: String },
    #[error(
        "offer: institution {institution}: {reason}; offer for less, or let the consortium raise the budget"
    )]
    OfferBudget { institution: u32, reason: BudgetError },
    #[error("offer: institution {institution} has no catalogue, so nobody could ask; set_catalogue first")]
    OfferNoCatalogue { institution: u32 },
    #[error("offer: {earlier} cannot be reused: {reason}")]
    Reuse { earlier: String, reason: &'static str },

    #[error("claim: offer {offer} goes to the miner of seal {seal}; there are {seals} seals, wait")]
    ClaimEarly { offer: String, seal: u64, seals: u64 },
    #[error(
        "claim: nobody who won seals {from} to {to} is a certified researcher; offer {offer} will expire"
    )]
    ClaimNobody { offer: String, from: u64, to: u64 },
    #[error("claim: offer {offer} is claimed with another key already; nothing was changed")]
    ClaimKey { offer: String },
    #[error("ask: offer {offer} was asked another question already; nothing was changed")]
    AskOther { offer: String },
    #[error(
        "ask: catalogue {version} of institution {institution} has no entry for this code, unit, category, measure and bounds"
    )]
    AskOutside { institution: u32, version: u32 },
    #[error(
        "deliver: offer {offer} was delivered with hash {delivered}, this answer has {found} (hex); nothing was changed"
    )]
    DeliverOther { offer: String, delivered: String, found: String },
    #[error("{operation}: ledger of institution {institution}: {reason}")]
    Ledger { operation: &'static str, institution: u32, reason: BudgetError },

    #[error("migrate: this is {expected}, the state was written by {found}")]
    MigrateFrom { expected: String, found: String },
}

impl From<StdError> for Error {
    fn from(error: StdError) -> Self {
        Self::Chain(error)
    }
}

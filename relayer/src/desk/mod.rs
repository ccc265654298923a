//! The research desk: aggregate answers to the owners of this institution's offers, over patients who chose to be counted.
//!
//! - [`count`]: a question over everybody's rows, exact; [`observation`], [`person`]: what of them counts
//! - [`noise`]: what is added before anything leaves, and its price
//! - [`answering`]: one answer a question, drawn once and kept before anything leaves; [`notes`]: told to everybody who may
//!   have been counted
//! - [`task`]: which offers are asked, and their deliveries; [`bounty`]: the contract's word; [`office`]: staff's side, [`api`]: its data
//!
//! How long it takes is not a function of what is found as far as that is ours to say: everybody's rows are read, and a
//! delivery waits for its time (`research.delay_seconds`).

mod answering;
mod answers;
pub mod api;
mod bounty;
mod count;
mod noise;
mod notes;
pub mod observation;
pub mod office;
mod person;
mod task;

pub use answering::{Kept, Wanted};
pub use bounty::{Bounty, question_hash};
pub use count::{Counted, count};
pub use noise::{Error as NoiseError, Released, quote, release};
pub use task::Desk;

use crate::{adapter, chain, filing, log, store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error(transparent)]
    Filing(#[from] filing::Error),
    #[error(transparent)]
    Adapter(#[from] adapter::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Noise(#[from] noise::Error),
    #[error(transparent)]
    Aggregate(#[from] medrec_aggregate::Error),
    #[error(transparent)]
    Wallet(#[from] medrec_wallet::Error),
    #[error("encode a message: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("the mapping has no scope of {resource}: no question about it can be answered")]
    NoScope { resource: &'static str },
    #[error("the projection is not made yet: the desk waits for it")]
    NoProjection,
    #[error("offer {offer}: {reason}; it is not answered")]
    Unfit { offer: String, reason: String },
}

impl Error {
    /// Nothing else works either: the task ends.
    fn is_fatal(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Log(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

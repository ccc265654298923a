//! Why staff's request was not done, in words for the person at the desk.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::Failure;
use crate::{chain, keystore, log, store};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the card cannot be used: {0}")]
    Card(#[from] medrec_wallet::Error),
    #[error("this is a staff card; a relationship is opened with a patient's card, which names nobody")]
    StaffCard,
    #[error(
        "the card's address was used before: one card is for one relationship; ask the patient for a new card"
    )]
    CardUsed,
    #[error("the hospital's database has no patient with this id")]
    NoPatient,
    #[error(
        "no admitted delegate is left: have the consortium's sponsor admit the addresses that \
         `medrec-relayer delegates` prints"
    )]
    NoDelegate,
    #[error("this institution has no relationship {0}")]
    NoRelationship(u64),
    #[error("relationship {id} is {status}: it cannot be closed")]
    NotOpen { id: u64, status: &'static str },
    #[error("the researcher's file cannot be used: {0}")]
    Researcher(#[from] medrec_api::validate::Invalid),
    #[error(
        "account {account} was certified by institution {by} already; one account is one researcher's for ever"
    )]
    Certified { account: String, by: u32 },
    #[error("this institution certified no researcher with the account {0}")]
    NoResearcher(String),
    #[error("researcher {0} is withdrawn already; he comes back under a new account")]
    Withdrawn(String),
    #[error("{0} is on its way to the chain already; `medrec-relayer status` says what becomes of it")]
    OnItsWay(&'static str),
    #[error(transparent)]
    Adapter(#[from] crate::adapter::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error(transparent)]
    Keystore(#[from] keystore::Error),
    #[error("the request is not what this relayer knows: {0}")]
    Body(String),
    #[error("encode a message: {0}")]
    Encode(#[from] serde_json::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Card(_) | Self::StaffCard | Self::Body(_) | Self::Researcher(_) => StatusCode::BAD_REQUEST,
            Self::NoPatient | Self::NoRelationship(_) | Self::NoResearcher(_) => StatusCode::NOT_FOUND,
            Self::CardUsed
            | Self::NotOpen { .. }
            | Self::Certified { .. }
            | Self::Withdrawn(_)
            | Self::OnItsWay(_) => StatusCode::CONFLICT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        // The words go to staff only: they may name an address.
        tracing::warn!(status = self.status().as_u16(), "a staff request was not done");
        (self.status(), Json(Failure { error: self.to_string() })).into_response()
    }
}

//! The private listener: health for machines, and the staff's side of relationships behind a bearer token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use cosmwasm_std::Binary;
use medrec_api::relationship::{DelegateStatus, ExecuteMsg};
use medrec_rules::Status;
use medrec_wallet::{Card, SecretKey, opening};
use rand_core::OsRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::sync::Notify;

use super::health::Health;
use crate::{
    adapter::Adapter,
    chain::{
        self, Chain, Contracts,
        outbox::{self, Message},
    },
    clock::Clock,
    filing::openings::{self, NewOpening},
    identity::Identity,
    keystore::{self, Keystore},
    log, projection,
    store::{self, Store},
};

/// Delegates tried in a row before staff is told to have more admitted.
const TRIES: u32 = 200;

/// What the private listener works with.
pub struct Office {
    pub store: Arc<Store>,
    pub chain: Arc<dyn Chain>,
    pub adapter: Arc<dyn Adapter>,
    pub identity: Arc<Identity>,
    pub keystore: Arc<Keystore>,
    pub clock: Arc<dyn Clock>,
    pub health: Health,
    /// Rung when something was queued to be sent.
    pub wake: Arc<Notify>,
    /// Bearer token of staff.
    pub token: SecretString,
    /// One opening at a time: each takes the next delegate.
    pub turn: tokio::sync::Mutex<()>,
}

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
            Self::Card(_) | Self::StaffCard => StatusCode::BAD_REQUEST,
            Self::NoPatient | Self::NoRelationship(_) => StatusCode::NOT_FOUND,
            Self::CardUsed | Self::NotOpen { .. } => StatusCode::CONFLICT,
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

/// How errors leave the private listener.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failure {
    pub error: String,
}

/// Body of `POST /staff/relationships`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    /// The hospital's own id.
    pub patient_id: String,
    /// The patient's card, text form.
    pub card: String,
}

/// A relationship as staff sees it. Also the answer to `open`, without an id yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct Relationship {
    pub patient_id: String,
    /// None until the opening is in a block.
    pub id: Option<u64>,
    /// `requested`, `offered`, `active`, `rejected`, `closed` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Seconds since 1970.
    pub requested_at: u64,
    /// All the patient's records are in the log.
    pub filed: bool,
    /// Address of the delegate, and the patient's of the card.
    pub steward: String,
    pub patient: String,
}

/// All routes of the private listener.
pub fn router(office: Arc<Office>) -> Router {
    let staff = Router::new()
        .route("/staff/relationships", get(list).post(open))
        .route("/staff/relationships/{id}/close", post(close))
        .layer(middleware::from_fn_with_state(office.clone(), authenticate));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .merge(staff)
        .with_state(office)
}

async fn healthz(State(office): State<Arc<Office>>) -> StatusCode {
    if office.health.healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn readyz(State(office): State<Arc<Office>>) -> StatusCode {
    if office.health.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn status(State(office): State<Arc<Office>>) -> Result<Response, Error> {
    let outbox = outbox::summary(&office.store).await?;
    let mut connection = office.store.read().acquire().await?;
    let size = log::head(&mut connection).await?.size;
    Ok(Json(office.health.status(size, outbox)).into_response())
}

async fn authenticate(State(office): State<Arc<Office>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(office.token.expose_secret().as_bytes())) {
        return next.run(request).await;
    }
    let error = "the staff token is missing or wrong: it stands in the file staff_token names".to_owned();
    (StatusCode::UNAUTHORIZED, Json(Failure { error })).into_response()
}

async fn list(State(office): State<Arc<Office>>) -> Result<Json<Vec<Relationship>>, Error> {
    let mut connection = office.store.read().acquire().await?;
    let listed = openings::list(&mut connection).await?;
    Ok(Json(listed.into_iter().map(Relationship::from).collect()))
}

async fn open(
    State(office): State<Arc<Office>>,
    Json(request): Json<OpenRequest>,
) -> Result<(StatusCode, Json<Relationship>), Error> {
    Ok((StatusCode::ACCEPTED, Json(office.open(&request).await?)))
}

async fn close(State(office): State<Arc<Office>>, Path(id): Path<u64>) -> Result<StatusCode, Error> {
    office.close(id).await?;
    Ok(StatusCode::ACCEPTED)
}

impl From<openings::Listed> for Relationship {
    fn from(listed: openings::Listed) -> Self {
        let status = match (&listed.failed, listed.status) {
            (Some(_), _) => "failed".to_owned(),
            (None, Some(status)) => status,
            (None, None) => "requested".to_owned(),
        };
        Self {
            patient_id: listed.patient_id,
            id: listed.relationship,
            status,
            error: listed.failed,
            requested_at: listed.requested_at,
            filed: listed.filed,
            steward: listed.steward,
            patient: listed.patient,
        }
    }
}

impl Office {
    /// Seals the opening to the patient's card, keeps the secrets and queues the transaction, all or nothing.
    pub async fn open(&self, request: &OpenRequest) -> Result<Relationship, Error> {
        let card = Card::parse(&request.card)?;
        if card.staff.is_some() {
            return Err(Error::StaffCard);
        }
        self.check_patient(&request.patient_id).await?;
        let _turn = self.turn.lock().await;
        let mut connection = self.store.read().acquire().await?;
        if openings::knows_patient(&mut connection, &card.address).await? {
            return Err(Error::CardUsed);
        }
        let (delegate, steward) = self.delegate(&mut connection).await?;
        drop(connection);
        let kem_secret = SecretKey::generate(&mut OsRng);
        let opening = opening::open(
            &mut OsRng,
            &self.identity.contract,
            &steward,
            &card.address,
            &card.encryption_key,
            &kem_secret.public()?,
            self.identity.institution,
        )?;
        let new = NewOpening {
            delegate,
            steward: &steward,
            patient: &card.address,
            patient_id: &request.patient_id,
            requested_at: self.clock.now(),
            kem_secret: &kem_secret,
            steward_part: &opening.steward_part,
        };
        let mut tx = self.store.begin().await?;
        openings::insert(&mut tx, self.store.vault(), &new).await?;
        let msg = ExecuteMsg::Open { patient: card.address.clone(), sealed: Binary::from(opening.sealed) };
        let message = self.message(format!("open/{steward}"), delegate, &msg)?;
        outbox::queue(&mut tx, &message).await?;
        tx.commit().await?;
        self.wake.notify_one();
        Ok(Relationship {
            patient_id: request.patient_id.clone(),
            id: None,
            status: "requested".into(),
            error: None,
            requested_at: new.requested_at,
            filed: false,
            patient: card.address,
            steward,
        })
    }

    /// Queues the end of a relationship.
    pub async fn close(&self, id: u64) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let relationship = projection::relationship(&mut tx, id).await?.ok_or(Error::NoRelationship(id))?;
        if !matches!(relationship.status, Status::Offered | Status::Active) {
            return Err(Error::NotOpen { id, status: relationship.status.as_str() });
        }
        let delegate = openings::delegate(&mut tx, id).await?.ok_or(Error::NoRelationship(id))?;
        let message = self.message(format!("close/{id}"), delegate, &ExecuteMsg::Close { id })?;
        outbox::queue(&mut tx, &message).await?;
        tx.commit().await?;
        self.wake.notify_one();
        Ok(())
    }

    /// The patient must be one of the hospital's: asked of the scope that has the Patient resource, if there is one.
    async fn check_patient(&self, patient_id: &str) -> Result<(), Error> {
        let scopes = self.adapter.scopes();
        let Some(scope) = scopes.iter().find(|scope| scope.resource_type == "Patient") else { return Ok(()) };
        if self.adapter.read(scope, patient_id).await?.is_empty() {
            return Err(Error::NoPatient);
        }
        Ok(())
    }

    /// The next delegate that the sponsor admitted and nobody used.
    async fn delegate(&self, connection: &mut sqlx::SqliteConnection) -> Result<(u32, String), Error> {
        let contracts = Contracts {
            chain: &*self.chain,
            registrar: &self.identity.registrar,
            relationship: &self.identity.contract.address,
            authlog: "",
        };
        let mut above = None;
        for _ in 0..TRIES {
            let index = openings::next_delegate(connection, above).await?;
            let address = self.keystore.account(index)?.address().to_owned();
            match contracts.delegate(&address).await? {
                DelegateStatus::Admitted => return Ok((index, address)),
                // Used by a store that is gone.
                DelegateStatus::Used { .. } => above = Some(index),
                DelegateStatus::Unknown => return Err(Error::NoDelegate),
            }
        }
        Err(Error::NoDelegate)
    }

    fn message(&self, content: String, account: u32, msg: &ExecuteMsg) -> Result<Message, Error> {
        let contract = self.identity.contract.address.clone();
        let msg = serde_json::to_string(msg)?;
        Ok(Message { content, account, granter: Some(contract.clone()), contract, msg })
    }
}

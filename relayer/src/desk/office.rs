//! Staff's side of the desk: offers, what became of them, and the budget.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State as Handle, rejection::JsonRejection},
    http::StatusCode,
    routing::{get, post},
};
use medrec_api::bounty::{CatalogueEntry, ExecuteMsg, OfferKind, OfferState, Terms, validate_catalogue};
use medrec_merkle::{Hash, tagged_hash};
use rand_core::{OsRng, RngCore};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::{
    Bounty, Error, answers,
    api::{Listed, OfferRequest, Offered, Standing, Which},
    question_hash,
};
use crate::{chain::outbox, clock::Clock, failpoint, ops::staff::Error as StaffError, store::Store};

/// `H(domain; secret [32])` stands in an offer.
const COMMITMENT: &str = "medrec/noise-commitment/v1";

/// What staff's research routes work with.
pub struct ResearchOffice {
    pub store: Arc<Store>,
    pub bounty: Bounty,
    pub clock: Arc<dyn Clock>,
    pub sending: Arc<Notify>,
}

impl From<Error> for StaffError {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::Store(error),
            Error::Chain(error) => Self::Chain(error),
            Error::Encode(error) => Self::Encode(error),
            other => Self::Body(other.to_string()),
        }
    }
}

/// Its routes; the caller puts authentication before them.
pub fn router<S: Clone + Send + Sync + 'static>(office: Arc<ResearchOffice>) -> Router<S> {
    Router::new()
        .route("/staff/research", get(status))
        .route("/staff/research/offers", post(offer))
        .route("/staff/research/catalogue", post(catalogue))
        .route("/staff/research/offers/{id}/expire", post(expire))
        .with_state(office)
}

async fn status(
    Handle(office): Handle<Arc<ResearchOffice>>,
    Query(which): Query<Which>,
) -> Result<Json<Standing>, StaffError> {
    Ok(Json(office.standing(which.state).await?))
}

async fn offer(
    Handle(office): Handle<Arc<ResearchOffice>>,
    request: Result<Json<OfferRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<Offered>), StaffError> {
    let Json(request) = request.map_err(|e| StaffError::Body(e.body_text()))?;
    Ok((StatusCode::ACCEPTED, Json(office.offer(request).await?)))
}

async fn catalogue(
    Handle(office): Handle<Arc<ResearchOffice>>,
    request: Result<Json<Vec<CatalogueEntry>>, JsonRejection>,
) -> Result<StatusCode, StaffError> {
    let Json(entries) = request.map_err(|e| StaffError::Body(e.body_text()))?;
    validate_catalogue(&entries).map_err(|e| StaffError::Body(e.to_string()))?;
    let content = format!("catalogue/{}", hex::encode(random()));
    let msg = ExecuteMsg::SetCatalogue { institution: office.bounty.institution, entries };
    office.queue(content, &msg).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn expire(
    Handle(office): Handle<Arc<ResearchOffice>>,
    Path(id): Path<String>,
) -> Result<StatusCode, StaffError> {
    let bytes = hex::decode(&id).ok().filter(|id| id.len() == 32);
    let bytes = bytes.ok_or_else(|| StaffError::Body(format!("{id:?} is no offer: 64 hex digits")))?;
    let msg = ExecuteMsg::Expire { offer: bytes.into() };
    office.queue(format!("expire/{}", id.to_lowercase()), &msg).await?;
    Ok(StatusCode::ACCEPTED)
}

impl ResearchOffice {
    /// Keeps the secret and queues the offer, both or none. A question that this desk has answered is offered again at
    /// no ε: its owner gets that very answer.
    pub async fn offer(&self, request: OfferRequest) -> Result<Offered, StaffError> {
        let OfferRequest { question, price, claim_seals, ask_seals, answer_seconds } = request;
        let hash = match &question {
            Some(question) => {
                question.validate().map_err(|e| StaffError::Body(e.to_string()))?;
                Some(question_hash(question)?)
            }
            None => None,
        };
        if let Some(question) = &question {
            medrec_aggregate::plan(question, price).map_err(|e| StaffError::Body(e.to_string()))?;
        }
        let (id, mut secret) = (random(), Zeroizing::new(random()));
        let vault = self.store.vault();
        let mut tx = self.store.begin().await?;
        let earlier = match &hash {
            Some(hash) => answers::earlier(&mut tx, vault, hash).await?,
            None => None,
        };
        let (price, reuses) = match earlier {
            Some(earlier) => {
                secret = earlier.secret;
                (0, Some(earlier.offer))
            }
            None => (price, None),
        };
        let terms = Terms {
            kind: question.map_or(OfferKind::Open {}, |question| OfferKind::Fixed { question }),
            price,
            commitment: tagged_hash(COMMITMENT, &[&secret[..]]).to_vec().into(),
            claim_seals,
            ask_seals,
            answer_seconds,
            reuses: reuses.map(|offer| offer.to_vec().into()),
        };
        let (made_at, question) = (self.clock.now(), hash.as_ref());
        let new = answers::NewOffer { offer: &id, question, price, made_at, secret: &secret };
        answers::keep_offer(&mut tx, vault, &new).await?;
        let msg = ExecuteMsg::Offer { institution: self.bounty.institution, id: id.to_vec().into(), terms };
        outbox::queue(&mut tx, &self.bounty.message(format!("offer/{}", hex::encode(id)), &msg)?).await?;
        tx.commit().await.map_err(crate::store::Error::from)?;
        failpoint::hit("desk.offer-queued");
        self.sending.notify_one();
        let (id, question, reuses) = (hex::encode(id), hash.map(hex::encode), reuses.map(hex::encode));
        Ok(Offered { id, question, price, reuses })
    }

    pub async fn standing(&self, state: Option<OfferState>) -> Result<Standing, StaffError> {
        let (budget, record) = (self.bounty.budget().await?.budget, self.bounty.record().await?.record);
        let offers = self.bounty.offers(state).await?;
        let mut connection = self.store.read().acquire().await?;
        let (answers, answers_epsilon) = answers::drawn(&mut connection).await?;
        let listed = offers.into_iter().map(|offer| Listed {
            number: offer.number,
            id: hex::encode(&offer.id),
            state: offer.state,
            open: matches!(offer.terms.kind, OfferKind::Open {}),
            price: offer.terms.price,
            owner: offer.owner.map(|owner| owner.researcher),
            deadline: offer.deadline.map(|deadline| deadline.to_string()),
        });
        Ok(Standing { budget, record, answers, answers_epsilon, offers: listed.collect() })
    }

    async fn queue(&self, content: String, msg: &ExecuteMsg) -> Result<(), StaffError> {
        let message = self.bounty.message(content, msg)?;
        let mut tx = self.store.begin().await?;
        outbox::queue(&mut tx, &message).await?;
        tx.commit().await.map_err(crate::store::Error::from)?;
        self.sending.notify_one();
        Ok(())
    }
}

fn random() -> Hash {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

//! The private listener: health for machines; behind one token the staff's side of relationships, behind another that
//! of researchers and research.

mod api;
mod error;
mod office;
mod researchers;
mod token;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State as Handle, rejection::JsonRejection, rejection::QueryRejection},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};

pub use api::{
    Failure, Group, OpenRequest, Page, Relationship, Researcher, ResearcherFacts, ResearcherState,
    Researchers, State, Wanted, openapi,
};
pub use error::Error;
pub use office::Office;
pub use token::{Token, Tokens};

use super::status::Status;
use crate::{desk::office::ResearchOffice, filing::openings};

/// Relationships on a page, if nobody asks for fewer.
const PAGE: u32 = 100;

/// All routes of the private listener.
pub fn router(office: Arc<Office>, research: Arc<ResearchOffice>, tokens: &Tokens) -> Router {
    let behind = |token: &Arc<Token>| middleware::from_fn_with_state(token.clone(), token::authenticate);
    let relationships = Router::new()
        .route("/staff/relationships", get(list).post(open))
        .route("/staff/relationships/{id}/close", post(close))
        .layer(behind(&tokens.staff));
    let research = Router::new()
        .route("/staff/researchers", get(researchers).post(certify))
        .route("/staff/researchers/{account}/withdraw", post(withdraw))
        .merge(crate::desk::office::router(research))
        .layer(behind(&tokens.research));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .merge(relationships)
        .merge(research)
        .with_state(office)
}

async fn healthz(Handle(office): Handle<Arc<Office>>) -> StatusCode {
    if office.health.healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn readyz(Handle(office): Handle<Arc<Office>>) -> StatusCode {
    if office.health.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn status(Handle(office): Handle<Arc<Office>>) -> Result<Response, Error> {
    Ok(Json(Status::load(&office.store, &office.health).await?).into_response())
}

async fn metrics(Handle(office): Handle<Arc<Office>>) -> Result<Response, Error> {
    let now = Status::load(&office.store, &office.health).await?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match office.health.metrics.text(&now) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, content_type)], text).into_response()),
        Err(_) => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}

async fn list(
    Handle(office): Handle<Arc<Office>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Page>, Error> {
    let Query(wanted) = wanted.map_err(|e| Error::Body(e.body_text()))?;
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let mut connection = office.store.read().acquire().await?;
    let group = wanted.state.map(Group::states);
    let listed = openings::list(&mut connection, group, wanted.start_after, limit).await?;
    let full = listed.len() >= limit as usize;
    let next = listed.last().filter(|_| full).map(|last| last.delegate);
    Ok(Json(Page { relationships: listed.into_iter().map(Relationship::from).collect(), next }))
}

async fn open(
    Handle(office): Handle<Arc<Office>>,
    request: Result<Json<OpenRequest>, JsonRejection>,
) -> Result<(StatusCode, Json<Relationship>), Error> {
    let Json(request) = request.map_err(|e| Error::Body(e.body_text()))?;
    Ok((StatusCode::ACCEPTED, Json(office.open(&request).await?)))
}

async fn close(Handle(office): Handle<Arc<Office>>, Path(id): Path<u64>) -> Result<StatusCode, Error> {
    office.close(id).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn researchers(Handle(office): Handle<Arc<Office>>) -> Result<Json<Researchers>, Error> {
    Ok(Json(Researchers { researchers: office.researchers().await? }))
}

async fn certify(
    Handle(office): Handle<Arc<Office>>,
    facts: Result<Json<ResearcherFacts>, JsonRejection>,
) -> Result<(StatusCode, Json<Researcher>), Error> {
    let Json(facts) = facts.map_err(|e| Error::Body(e.body_text()))?;
    Ok((StatusCode::ACCEPTED, Json(office.certify(&facts).await?)))
}

async fn withdraw(
    Handle(office): Handle<Arc<Office>>,
    Path(account): Path<String>,
) -> Result<StatusCode, Error> {
    office.withdraw(&account).await?;
    Ok(StatusCode::ACCEPTED)
}

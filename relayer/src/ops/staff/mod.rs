//! The private listener: health for machines, and the staff's side of relationships and researchers behind a token.

mod api;
mod error;
mod office;
mod researchers;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State as Handle, rejection::JsonRejection, rejection::QueryRejection},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

pub use api::{
    Failure, Group, OpenRequest, Page, Relationship, Researcher, ResearcherFacts, ResearcherState,
    Researchers, State, Wanted, openapi,
};
pub use error::Error;
pub use office::Office;

use super::status::Status;
use crate::{desk::office::ResearchOffice, filing::openings};

/// Relationships on a page, if nobody asks for fewer.
const PAGE: u32 = 100;

/// All routes of the private listener, without research.
pub fn router(office: Arc<Office>) -> Router {
    router_with(office, None)
}

/// All routes of the private listener.
pub fn router_with(office: Arc<Office>, research: Option<Arc<ResearchOffice>>) -> Router {
    let staff = Router::new()
        .route("/staff/relationships", get(list).post(open))
        .route("/staff/relationships/{id}/close", post(close))
        .route("/staff/researchers", get(researchers).post(certify))
        .route("/staff/researchers/{account}/withdraw", post(withdraw))
        .merge(research.map(crate::desk::office::router).unwrap_or_default())
        .layer(middleware::from_fn_with_state(office.clone(), authenticate));
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .merge(staff)
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

async fn authenticate(Handle(office): Handle<Arc<Office>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(office.token.expose_secret().as_bytes())) {
        return next.run(request).await;
    }
    let error = "the staff token is missing or wrong: it stands in the file staff_token names".to_owned();
    (StatusCode::UNAUTHORIZED, Json(Failure { error })).into_response()
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

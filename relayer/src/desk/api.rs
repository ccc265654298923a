//! Staff's research routes as data: part of `schema/staff.openapi.json`. Questions, budgets and records are the bounty
//! contract's own: `schema/bounty.json` has their shape.

use medrec_api::bounty::{Budget, OfferState, Question, Record};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::ops::staff::Failure;

/// Body of `POST /staff/research/offers`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferRequest {
    /// `question` of `schema/bounty.json`. None: an open offer, asked by its owner within the catalogue.
    #[schema(value_type = Option<Object>)]
    pub question: Option<Question>,
    /// Millionths of ε.
    pub price: u64,
    pub claim_seals: u32,
    pub ask_seals: u32,
    pub answer_seconds: u64,
}

/// An offer on its way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Offered {
    /// Hex.
    pub id: String,
    /// Hex; none of an open one.
    pub question: Option<String>,
    /// 0 for a question that was answered: its answer is given again.
    pub price: u64,
    /// The offer whose answer is given again, hex.
    pub reuses: Option<String>,
}

/// An offer as the chain has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Listed {
    pub number: u64,
    pub id: String,
    /// `offer_state` of `schema/bounty.json`.
    #[schema(value_type = String)]
    pub state: OfferState,
    pub open: bool,
    pub price: u64,
    pub owner: Option<String>,
    /// The last moment of its state.
    pub deadline: Option<String>,
}

/// How the desk stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// `budget` of `schema/bounty.json`: millionths of ε, in all, spent and reserved.
    #[schema(value_type = Object)]
    pub budget: Budget,
    /// `record` of `schema/bounty.json`: offers answered, missed, withdrawn.
    #[schema(value_type = Object)]
    pub record: Record,
    /// Answers drawn here, and what they cost every patient counted, in millionths of ε.
    pub answers: u64,
    pub answers_epsilon: u64,
    pub offers: Vec<Listed>,
}

/// Which offers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Only these; all without it.
    #[param(value_type = Option<String>)]
    pub state: Option<OfferState>,
}

/// The desk's budget, its record and its offers.
#[utoipa::path(get, path = "/staff/research", params(Which), responses(
    (status = 200, body = Standing), (status = 400, body = Failure), (status = 401, body = Failure),
    (status = 503, description = "the chain is out of reach", body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn status() {}

/// Offer a question, or an open one. A question that was answered before is offered at no ε: its answer is given again.
#[utoipa::path(post, path = "/staff/research/offers", request_body = OfferRequest, responses(
    (status = 202, description = "on its way to the chain", body = Offered),
    (status = 400, description = "the question cannot be answered at that price", body = Failure),
    (status = 401, body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn offer() {}

/// Set what owners of open offers may ask: entries of `schema/bounty.json`, all of them anew.
#[utoipa::path(post, path = "/staff/research/catalogue", request_body = Vec<Object>, responses(
    (status = 202, description = "on its way to the chain"),
    (status = 400, description = "an entry cannot be used", body = Failure),
    (status = 401, body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn catalogue() {}

/// End an offer whose time is over: what it reserved is free again.
#[utoipa::path(post, path = "/staff/research/offers/{id}/expire", params(("id" = String, Path)), responses(
    (status = 202, description = "on its way to the chain"),
    (status = 400, description = "the id is not 64 hex digits", body = Failure),
    (status = 401, body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn expire() {}

#[derive(OpenApi)]
#[openapi(paths(status, offer, catalogue, expire))]
struct Api;

pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

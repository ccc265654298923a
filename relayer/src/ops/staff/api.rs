//! The staff's API as data: `schema/staff.openapi.json` is made from here.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::filing::openings;

/// How errors leave the private listener.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// For the person at the desk.
    pub error: String,
}

/// Body of `POST /staff/relationships`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    /// The hospital's own id.
    pub patient_id: String,
    /// The patient's card, text form.
    pub card: String,
}

/// How far a relationship is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// On its way to the chain.
    Requested,
    /// The patient has not answered yet.
    Offered,
    Active,
    Rejected,
    Closed,
    /// It did not get to the chain; the same card may be used again.
    Failed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Offered => "offered",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Closed => "closed",
            Self::Failed => "failed",
        }
    }
}

/// States staff asks for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// Requested or offered: the patient has not answered.
    Pending,
    Active,
    /// Rejected or closed.
    Ended,
    Failed,
}

impl Group {
    /// The states it stands for, as [`openings::list`] names them.
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::Pending => &["requested", "offered"],
            Self::Active => &["active"],
            Self::Ended => &["rejected", "closed"],
            Self::Failed => &["failed"],
        }
    }
}

/// Which relationships to list.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only these; all without it.
    pub state: Option<Group>,
    /// `next` of the page before.
    pub start_after: Option<u32>,
    /// At most so many, 100 at most.
    pub limit: Option<u32>,
}

/// Relationships, oldest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page {
    pub relationships: Vec<Relationship>,
    /// `start_after` of the next page; none: this is the last.
    pub next: Option<u32>,
}

/// A relationship as staff sees it. Also the answer to `open`, without an id yet.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Relationship {
    /// The hospital's own id.
    pub patient_id: String,
    /// None until the opening is in a block.
    pub id: Option<u64>,
    pub status: State,
    /// Why it failed.
    pub error: Option<String>,
    /// Seconds since 1970.
    pub requested_at: u64,
    /// All the patient's records are in the log.
    pub filed: bool,
    /// Address of the delegate.
    pub steward: String,
    /// Address of the card.
    pub patient: String,
}

impl From<openings::Listed> for Relationship {
    fn from(listed: openings::Listed) -> Self {
        let status = match (&listed.failed, listed.status.as_deref()) {
            (Some(_), _) => State::Failed,
            (None, None) => State::Requested,
            (None, Some("offered")) => State::Offered,
            (None, Some("active")) => State::Active,
            (None, Some("rejected")) => State::Rejected,
            (None, Some(_)) => State::Closed,
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

/// `researcher.json`, as `medrec-miner init` prints it: body of `POST /staff/researchers`. Keys are base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResearcherFacts {
    /// Sends seals and cosignatures.
    pub account: String,
    /// Shown to people, 1 to 64 bytes.
    pub name: String,
    /// Ed25519 [32].
    pub key: String,
    /// X25519 [32].
    pub encryption_key: String,
}

/// How far a researcher is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResearcherState {
    /// On its way to the chain.
    Requested,
    Active,
    /// For good.
    Withdrawn,
}

/// A researcher certified by this institution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Researcher {
    pub account: String,
    pub name: String,
    pub status: ResearcherState,
    /// Base64, as are all keys.
    pub key: String,
    pub encryption_key: String,
    /// This institution's id.
    pub certified_by: u32,
    /// Its signature (wire.md section 11).
    pub certificate: String,
}

/// In order of account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Researchers {
    pub researchers: Vec<Researcher>,
}

/// List relationships, oldest first.
#[utoipa::path(get, path = "/staff/relationships", params(Wanted), responses(
    (status = 200, body = Page), (status = 400, body = Failure), (status = 401, body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn list() {}

/// Ask a patient for a relationship, with the card she shows.
#[utoipa::path(post, path = "/staff/relationships", request_body = OpenRequest, responses(
    (status = 202, description = "on its way to the chain", body = Relationship),
    (status = 400, description = "the card or the request cannot be used", body = Failure),
    (status = 401, body = Failure),
    (status = 404, description = "no such patient", body = Failure),
    (status = 409, description = "the card was used before", body = Failure),
    (status = 503, description = "no delegate is left, or the database or chain is out of reach", body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn open() {}

/// End a relationship: filing and grants end, the patient's own access stays.
#[utoipa::path(post, path = "/staff/relationships/{id}/close", params(("id" = u64, Path)), responses(
    (status = 202, description = "on its way to the chain"),
    (status = 401, body = Failure),
    (status = 404, description = "this institution has no such relationship", body = Failure),
    (status = 409, description = "it is not open", body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn close() {}

/// The researchers this institution certified.
#[utoipa::path(get, path = "/staff/researchers", responses(
    (status = 200, body = Researchers), (status = 401, body = Failure),
    (status = 503, description = "the chain is out of reach", body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn researchers() {}

/// Certify a researcher: he may mine and cosign from then on.
#[utoipa::path(post, path = "/staff/researchers", request_body = ResearcherFacts, responses(
    (status = 202, description = "on its way to the chain", body = Researcher),
    (status = 400, description = "the file cannot be used", body = Failure),
    (status = 401, body = Failure),
    (status = 409, description = "the account was certified before", body = Failure),
    (status = 503, description = "the chain is out of reach", body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn certify() {}

/// Withdraw a researcher, for good.
#[utoipa::path(post, path = "/staff/researchers/{account}/withdraw", params(("account" = String, Path)), responses(
    (status = 202, description = "on its way to the chain"),
    (status = 401, body = Failure),
    (status = 404, description = "this institution certified no such researcher", body = Failure),
    (status = 409, description = "he is withdrawn already", body = Failure),
    (status = 503, description = "the chain is out of reach", body = Failure)
))]
#[expect(dead_code, reason = "carries the description")]
fn withdraw() {}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "medrec-relayer: staff",
        description = "On the private listener, loopback only. Calls about relationships carry the bearer token of the file that staff_token names, those about researchers and research that of the file that research_token names."
    ),
    paths(list, open, close, researchers, certify, withdraw),
    security(("token" = [])),
    modifiers(&Token)
)]
struct Api;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// The description that is checked in; the research desk's routes too.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut described = Api::openapi();
    described.merge(crate::desk::api::openapi());
    described
}

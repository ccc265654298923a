//! The gatekeeper's OpenAPI document, made from its handlers. `docs/spec/wire.md` says what it cannot: what is signed
//! and what is inside a sealed answer.

#![expect(dead_code, reason = "read by the derives only")]

use std::sync::LazyLock;

use axum::{http::header, response::IntoResponse};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

use super::router;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "MedRec gatekeeper",
        description = "Signed requests in, sealed answers out: docs/spec/wire.md, \
        sections 8 and 9.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        router::read,
        router::entries,
        router::revoke,
        router::acknowledge,
        router::dispute,
        router::notices
    ),
    components(schemas(medrec_gate::Problem, medrec_gate::Reason))
)]
struct Api;

/// Where the relationship stands in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Path {
    /// Number of the relationship on the chain.
    id: u64,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StartAfter {
    /// Only entries behind this index of the log.
    start_after: Option<u64>,
}

/// Headers of a signed request (RFC 9421, the signature by ADR-036), each present once, in one spelling.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Signed {
    /// `sha-256=:…:` of the body (RFC 9530).
    #[param(rename = "content-digest")]
    content_digest: String,
    /// Id of the chain.
    #[param(rename = "medrec-chain")]
    chain: String,
    /// Address of the relationship contract.
    #[param(rename = "medrec-contract")]
    contract: String,
    /// As in the path.
    #[param(rename = "medrec-relationship")]
    relationship: u64,
    /// `patient-request` for what is the patient's own.
    #[param(rename = "medrec-purpose")]
    purpose: String,
    /// Base64 of an X25519 public key made for this request: the answer is sealed to it.
    #[param(rename = "medrec-reply-key")]
    reply_key: String,
    /// `medrec=(…);created=…;expires=…;nonce="…";keyid="…";tag="medrec-read-v1"`.
    #[param(rename = "signature-input")]
    signature_input: String,
    /// `medrec=:…:`, 64 bytes, low-S.
    signature: String,
}

/// HPKE ciphertext.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Bytes(Vec<u8>);

#[derive(IntoResponses)]
pub(super) enum Sealed {
    /// Sealed to the reply key, bound to the request: an answer, entries or a receipt.
    #[response(status = 200, content_type = "application/vnd.medrec.answer")]
    Answer(#[to_schema] Bytes),
}

#[derive(IntoResponses)]
pub(super) enum Stream {
    /// Events `notice`, without content.
    #[response(status = 200, content_type = "text/event-stream")]
    Notices(String),
}

#[derive(IntoResponses)]
pub(super) enum Refused {
    /// A refusal (RFC 9457); its reason has the status it comes with.
    #[response(status = "default", content_type = "application/problem+json")]
    Problem(medrec_gate::Problem),
}

/// The document, as checked in at `schema/gatekeeper.openapi.json`.
pub fn document() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&Api::openapi())?;
    text.push('\n');
    Ok(text)
}

/// `GET /v1/openapi.json`; says nothing of this institution.
pub(super) async fn serve() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

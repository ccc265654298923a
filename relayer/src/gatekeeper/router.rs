//! The public listener's routes to the gatekeeper, and how responses leave.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures::stream;
use medrec_gate::{Incoming, Reason, Refusal, VerifiedRequest, request::MAX_BODY};

use super::{Gatekeeper, Reply, notices::Subscription, openapi, response::Response};

type Shared = State<Arc<Gatekeeper>>;
type HttpResponse = axum::response::Response;

/// `/v1/…`.
pub fn router(gatekeeper: Arc<Gatekeeper>) -> Router {
    Router::new()
        .route("/v1/relationships/{id}/read", post(read))
        .route("/v1/relationships/{id}/entries", get(entries))
        .route("/v1/relationships/{id}/revoke", post(revoke))
        .route("/v1/relationships/{id}/acknowledge", post(acknowledge))
        .route("/v1/relationships/{id}/dispute", post(dispute))
        .route("/v1/relationships/{id}/notices", get(notices))
        .route("/v1/openapi.json", get(openapi::serve))
        .with_state(gatekeeper)
}

/// All records of one scope, sealed to the reply key.
#[utoipa::path(post, path = "/v1/relationships/{id}/read", tag = "viewers", request_body = medrec_gate::ReadBody,
    params(openapi::Path, openapi::Signed), responses(openapi::Sealed, openapi::Refused))]
pub(super) async fn read(gatekeeper: Shared, request: Request) -> HttpResponse {
    handle(gatekeeper, request).await
}

/// The relationship's entries in the access log with proofs, and how many they are.
#[utoipa::path(
    get,
    path = "/v1/relationships/{id}/entries",
    tag = "patients",
    params(openapi::Path, openapi::StartAfter, openapi::Signed),
    responses(openapi::Sealed, openapi::Refused)
)]
pub(super) async fn entries(gatekeeper: Shared, request: Request) -> HttpResponse {
    handle(gatekeeper, request).await
}

/// Revokes a grant here, at once and for good, whatever the chain says; answered with a receipt.
#[utoipa::path(post, path = "/v1/relationships/{id}/revoke", tag = "patients",
    request_body = medrec_gate::RevokeBody,
    params(openapi::Path, openapi::Signed), responses(openapi::Sealed, openapi::Refused))]
pub(super) async fn revoke(gatekeeper: Shared, request: Request) -> HttpResponse {
    handle(gatekeeper, request).await
}

/// Says that a version of a record is right; shown to every viewer. Answered with a receipt.
#[utoipa::path(post, path = "/v1/relationships/{id}/acknowledge", tag = "patients",
    request_body = medrec_gate::AcknowledgeBody,
    params(openapi::Path, openapi::Signed), responses(openapi::Sealed, openapi::Refused))]
pub(super) async fn acknowledge(gatekeeper: Shared, request: Request) -> HttpResponse {
    handle(gatekeeper, request).await
}

/// Says that a version of a record is wrong; shown to every viewer. Answered with a receipt.
#[utoipa::path(post, path = "/v1/relationships/{id}/dispute", tag = "patients",
    request_body = medrec_gate::DisputeBody,
    params(openapi::Path, openapi::Signed), responses(openapi::Sealed, openapi::Refused))]
pub(super) async fn dispute(gatekeeper: Shared, request: Request) -> HttpResponse {
    handle(gatekeeper, request).await
}

/// An event `notice` without content for each news in the relationship's log, for at most 15 minutes.
#[utoipa::path(
    get,
    path = "/v1/relationships/{id}/notices",
    tag = "patients",
    params(openapi::Path, openapi::Signed),
    responses(openapi::Stream, openapi::Refused)
)]
pub(super) async fn notices(gatekeeper: Shared, request: Request) -> HttpResponse {
    handle(gatekeeper, request).await
}

async fn handle(State(gatekeeper): Shared, request: Request) -> HttpResponse {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let response = match answer(&gatekeeper, &parts, body).await {
        Ok(Reply::Stream(request, subscription)) => return stream(gatekeeper, request, subscription),
        Ok(Reply::Response(response)) => response,
        Err(refusal) => {
            // The detail is for this log only; it names no address, scope or value.
            tracing::info!(reason = %refusal.reason, "refused");
            Response::refusal(&refusal)
        }
    };
    if (400..500).contains(&response.status) {
        // A refusal that was filed took a commit, a stranger's did not: both leave at the same time.
        let left = gatekeeper.refusal_floor.saturating_sub(arrived.elapsed());
        tokio::time::sleep(left).await;
    }
    respond(response)
}

async fn answer(gatekeeper: &Gatekeeper, parts: &Parts, body: Body) -> Result<Reply, Refusal> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    gatekeeper.admit(peer, forwarded(&parts.headers))?;
    let body = read_body(gatekeeper, body).await?;
    let headers: Vec<(&str, &[u8])> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    // A target in absolute form names a host that nobody asks for: only its path and query are judged.
    let path_and_query = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let incoming = Incoming { method: parts.method.as_str(), path_and_query, headers: &headers, body: &body };
    gatekeeper.handle(&incoming).await
}

/// The proxy's own line: the last one.
fn forwarded(headers: &HeaderMap) -> Option<&str> {
    headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok())
}

/// The body, while it is small and comes in time.
async fn read_body(gatekeeper: &Gatekeeper, body: Body) -> Result<axum::body::Bytes, Refusal> {
    let read = tokio::time::timeout(gatekeeper.read_timeout, to_bytes(body, MAX_BODY));
    match read.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refusal::new(Reason::TooLarge, "body over the limit, or cut off")),
        Err(_) => Err(Refusal::new(Reason::Malformed, "body did not arrive in time")),
    }
}

fn respond(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut out = (status, response.body).into_response();
    let headers = out.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    guard(headers);
    out
}

fn guard(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
}

/// Notices while there are any; whether the requester may have them is decided anew for each.
fn stream(
    gatekeeper: Arc<Gatekeeper>,
    request: Arc<VerifiedRequest>,
    subscription: Subscription,
) -> HttpResponse {
    let notices =
        stream::unfold((gatekeeper, request, subscription), |(gatekeeper, request, mut news)| async {
            if !news.news().await || !gatekeeper.may_hear(&request).await {
                return None;
            }
            let notice = Event::default().event("notice");
            Some((Ok::<_, Infallible>(notice), (gatekeeper, request, news)))
        });
    let mut response = Sse::new(notices).keep_alive(KeepAlive::default()).into_response();
    guard(response.headers_mut());
    response
}

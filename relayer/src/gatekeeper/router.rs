//! The public listener's routes to the gatekeeper, and how refusals leave.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use medrec_gate::{Incoming, Reason, Refusal, request::MAX_BODY};

use super::{Gatekeeper, stored::Stored};

/// `/v1/relationships/…`.
pub fn router(gatekeeper: Arc<Gatekeeper>) -> Router {
    Router::new()
        .route("/v1/relationships/{id}/read", post(handle))
        .route("/v1/relationships/{id}/entries", get(handle))
        .with_state(gatekeeper)
}

async fn handle(State(gatekeeper): State<Arc<Gatekeeper>>, request: Request) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let handled = match read_body(&gatekeeper, body).await {
        Ok(body) => {
            let headers: Vec<(&str, &[u8])> =
                parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let path_and_query = parts.uri.path_and_query().map_or("", |path| path.as_str());
            let incoming =
                Incoming { method: parts.method.as_str(), path_and_query, headers: &headers, body: &body };
            gatekeeper.handle(&incoming).await
        }
        Err(refusal) => Err(refusal),
    };
    let stored = handled.unwrap_or_else(|refusal| {
        // The detail is for this log only; it names no address, scope or value.
        tracing::info!(reason = %refusal.reason, "refused");
        Stored::refusal(&refusal)
    });
    if (400..500).contains(&stored.status) {
        // A refusal that was filed took a commit, a stranger's did not: both leave at the same time.
        let left = gatekeeper.refusal_floor.saturating_sub(arrived.elapsed());
        tokio::time::sleep(left).await;
    }
    respond(stored)
}

/// The body, while it is small and comes in time.
async fn read_body(gatekeeper: &Gatekeeper, body: Body) -> Result<axum::body::Bytes, Refusal> {
    let read = tokio::time::timeout(gatekeeper.timeout, to_bytes(body, MAX_BODY));
    match read.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Refusal::new(Reason::TooLarge, "body over the limit, or cut off")),
        Err(_) => Err(Refusal::new(Reason::Malformed, "body did not arrive in time")),
    }
}

fn respond(stored: Stored) -> Response {
    let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_str(&stored.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = (status, stored.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

//! What is measured from outside: the adapter and the gatekeeper's routes, wrapped.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use medrec_gate::Problem;

use super::metrics::Metrics;
use crate::adapter::{Adapter, BadRow, Changes, Error, Scope, SourceRecord};

/// An adapter whose reads are timed.
pub struct Metered {
    pub adapter: Arc<dyn Adapter>,
    pub metrics: Metrics,
}

#[async_trait]
impl Adapter for Metered {
    fn scopes(&self) -> &[Scope] {
        self.adapter.scopes()
    }

    async fn rows(
        &self,
        scope: &Scope,
        patient_id: &str,
    ) -> Result<Vec<Result<SourceRecord, BadRow>>, Error> {
        self.adapter.rows(scope, patient_id).await
    }

    async fn patients(&self, limit: usize) -> Result<Option<Vec<String>>, Error> {
        self.adapter.patients(limit).await
    }

    async fn read(&self, scope: &Scope, patient_id: &str) -> Result<Vec<SourceRecord>, Error> {
        let begun = Instant::now();
        let read = self.adapter.read(scope, patient_id).await;
        self.metrics.adapter_read(begun.elapsed(), read.is_ok());
        read
    }

    async fn changes(&self, cursor: Option<&str>) -> Result<Changes, Error> {
        self.adapter.changes(cursor).await
    }
}

/// Bytes of a refusal's document, more than any has.
const DOCUMENT: usize = 64 * 1024;

/// Times what these routes answer and counts why they refuse.
pub fn routes(routes: Router, metrics: Metrics) -> Router {
    routes.layer(middleware::from_fn_with_state(metrics, measure))
}

async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let (begun, _under_way) = (Instant::now(), metrics.begun());
    let response = next.run(request).await;
    if response.status().is_success() {
        metrics.answered(begun.elapsed());
        return response;
    }
    // A refusal answered from the store has its reason only in its document.
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, DOCUMENT).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Ok(Problem { reason, .. }) = serde_json::from_slice(&body) {
        metrics.refused(reason.code());
    }
    Response::from_parts(parts, Body::from(body))
}

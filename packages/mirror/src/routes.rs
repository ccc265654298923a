//! `/mirrors/<institution id>/…`: copies, served as their logs are.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};

use crate::serve::{Published, serve_checkpoint, serve_counters, serve_tile};

/// The copies of several logs.
pub trait Copies: Clone + Send + Sync + 'static {
    type Copy: Published + Send;

    /// The copy of an institution's log, which may be empty; none if there is none.
    fn of(&self, institution: u32) -> Option<Self::Copy>;
}

/// Routes below `/mirrors`.
pub fn router<C: Copies>(copies: C) -> Router {
    Router::new()
        .route("/mirrors/{institution}/checkpoint", get(checkpoint::<C>))
        .route("/mirrors/{institution}/tile/{*path}", get(tile::<C>))
        .route("/mirrors/{institution}/counters/{day}", get(counters::<C>))
        .with_state(copies)
}

async fn checkpoint<C: Copies>(State(copies): State<C>, Path(institution): Path<String>) -> Response {
    serve_checkpoint(find(&copies, &institution).as_ref()).await
}

async fn tile<C: Copies>(
    State(copies): State<C>,
    Path((institution, path)): Path<(String, String)>,
) -> Response {
    serve_tile(find(&copies, &institution).as_ref(), &path).await
}

async fn counters<C: Copies>(
    State(copies): State<C>,
    Path((institution, day)): Path<(String, String)>,
) -> Response {
    serve_counters(find(&copies, &institution).as_ref(), &day).await
}

/// One spelling an institution: its number as it is written.
fn find<C: Copies>(copies: &C, institution: &str) -> Option<C::Copy> {
    let number: u32 = institution.parse().ok().filter(|number: &u32| number.to_string() == institution)?;
    copies.of(number)
}

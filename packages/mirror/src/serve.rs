//! Answers of a log over HTTP (C2SP tlog-tiles), our own or a copy of another's.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use medrec_accesslog::TilePath;

/// A log that everybody may read: our own, or a verified copy of another's.
pub trait Published: Sync {
    type Error: std::fmt::Display;

    /// Signed note of the newest head; none if there is none yet.
    fn checkpoint(&self) -> impl Future<Output = Result<Option<String>, Self::Error>> + Send;

    /// Bytes of a tile or bundle; none if the log has not grown that far.
    fn tile(&self, path: &TilePath) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;

    /// Leaves of the counter map of a day, since 1970; none if that map is not there.
    fn counters(&self, day: u32) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;
}

/// Answers `checkpoint` below a log's prefix; `log` is none where no such log is.
pub async fn serve_checkpoint<P: Published>(log: Option<&P>) -> Response {
    let Some(log) = log else { return StatusCode::NOT_FOUND.into_response() };
    let note = log.checkpoint().await.map(|note| note.map(String::into_bytes));
    answer(note, "text/plain; charset=utf-8", "no-cache")
}

/// Answers `tile/<path>`.
pub async fn serve_tile<P: Published>(log: Option<&P>, path: &str) -> Response {
    let (Some(log), Ok(path)) = (log, format!("tile/{path}").parse::<TilePath>()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    answer(log.tile(&path).await, BYTES, FOR_EVER)
}

/// Answers `counters/<day>`.
pub async fn serve_counters<P: Published>(log: Option<&P>, day: &str) -> Response {
    let number = day.parse::<u32>().ok().filter(|number| number.to_string() == day);
    let (Some(log), Some(day)) = (log, number) else { return StatusCode::NOT_FOUND.into_response() };
    answer(log.counters(day).await, BYTES, FOR_EVER)
}

const BYTES: &str = "application/octet-stream";
/// A tile of a given width never changes, nor does a map.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn answer<E: std::fmt::Display>(
    found: Result<Option<Vec<u8>>, E>,
    content_type: &'static str,
    cache: &'static str,
) -> Response {
    match found {
        Ok(Some(body)) => {
            ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache)], body).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

/// 503; the reason is for the operator.
pub fn failed(error: &impl std::fmt::Display) -> Response {
    tracing::error!(%error, "the log cannot be served");
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

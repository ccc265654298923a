//! A response about to leave.

use medrec_gate::{Problem, Refusal, problem};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Response {
    /// The document of a refusal.
    pub fn refusal(refusal: &Refusal) -> Self {
        let document = Problem::from(refusal);
        // Texts and numbers: always JSON.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        Self { status: document.status, content_type: problem::CONTENT_TYPE, body }
    }
}

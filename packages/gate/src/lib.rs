//! The signed request and the sealed answer: client and gatekeeper alike (docs/spec/wire.md sections 8 and 9).
//!
//! Pure: time and randomness are handed in, HTTP is done elsewhere.

pub mod answer;
pub mod base;
pub mod bundle;
pub mod check;
mod encoding;
pub mod endpoint;
mod error;
pub mod problem;
mod proof;
mod receipt;
pub mod request;
pub mod seals;
pub mod verify;

pub use answer::{Answer, Entries, Header, Listed, Mark, Receipt, Record};
pub use bundle::Bundle;
pub use check::{Asked, Checked, Deed, Finding, Institution, Sent};
pub use endpoint::{AcknowledgeBody, DisputeBody, Endpoint, ReadBody, RevokeBody};
pub use error::Error;
pub use problem::{Problem, Reason, Refusal};
pub use proof::{CounterJson, Disclosed, PromiseJson, Promised, Proven};
pub use request::{Draft, Signed};
pub use verify::{Audience, Incoming, VerifiedRequest};

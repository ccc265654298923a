//! The signed request and the sealed answer: client and gatekeeper alike (docs/spec/wire.md sections 8 and 9).
//!
//! Pure: time and randomness are handed in, HTTP is done elsewhere.

pub mod answer;
pub mod base;
pub mod check;
mod encoding;
mod error;
pub mod problem;
pub mod request;
pub mod verify;

pub use answer::{Answer, Entries, Header, Proven, ReadProof, Record};
pub use check::{Asked, Checked, Finding, Institution};
pub use error::Error;
pub use problem::{Problem, Reason, Refusal};
pub use request::{Draft, Endpoint, ReadBody, Signed};
pub use verify::{Audience, Incoming, VerifiedRequest};

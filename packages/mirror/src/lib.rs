//! Verified copies of access logs, so that a log survives its hospital. One implementation for relayers and miners;
//! where a copy is kept is theirs ([`Keep`]).
//!
//! The hashes of all bundles come first and must give the root that the chain has anchored; then each bundle must give
//! its hash before it is kept. A log that lies is caught at its first wrong byte, a crash or a broken connection loses
//! at most the bundles under way, and nothing that was not checked is ever kept, let alone served.

mod copy;
mod counters;
mod error;
mod guard;
mod pause;
pub mod remote;
mod routes;
pub mod serve;
mod trouble;

pub use copy::{Ahead, BUNDLE_LEVEL, Batch, Keep, Progress, check_same_log, copy, look_ahead, tail_path};
pub use counters::{Finder, Promised};
pub use error::Error;
pub use guard::{Guard, Refused, Target};
pub use pause::Pauses;
pub use remote::Remote;
pub use routes::{Copies, router};
pub use trouble::{Standing, Trouble};

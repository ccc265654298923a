//! Mining: tries over the entries that are here.

mod crew;
mod holding;
mod prefetch;
mod search;
mod sha;

pub use crew::{Crew, Pace, Rate};
pub use holding::Holding;
pub use search::{Found, Job, Nonces, Search, Tally};
pub use sha::{First, Next};

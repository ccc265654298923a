//! Reads. Lists are paginated, but for the template, which a miner needs whole; a proof is one path.

mod logs;
pub mod seals;

pub use logs::{config, head_proof, heads, log, log_of, logs};

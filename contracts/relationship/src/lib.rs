//! The relationship contract: patient–steward relationships and grants. See README.md.

mod allowance;
pub mod contract;
mod execute;
mod migrate;
mod permissions;
mod query;
mod state;

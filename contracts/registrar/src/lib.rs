//! The registrar: who is an institution, who is a person, which keys they hold. See README.md.

pub mod contract;
mod execute;
mod migrate;
mod permissions;
mod query;
mod state;

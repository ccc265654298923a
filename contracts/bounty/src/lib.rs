//! The bounty: institutions offer aggregate questions at a price in ε, the researchers who win seals own them, and the
//! ledger of every data set's ε is kept here. Messages: `medrec_api::bounty`, with the rules of an offer's life;
//! formats: `docs/spec/wire.md` section 18.

pub mod contract;
mod execute;
mod listing;
mod migrate;
mod permissions;
mod query;
mod seals;
mod state;

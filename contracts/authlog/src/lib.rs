//! The authlog: every institution anchors the newest checkpoint of its access log here, and the contract refuses
//! a log that was rewritten; researchers who hold the logs seal them by proof of work. Messages:
//! `medrec_api::authlog`; formats: `docs/spec/wire.md` section 10, `docs/spec/pow.md`.

mod attested;
mod challenges;
pub mod contract;
mod execute;
mod freeze;
mod growth;
mod heads;
mod migrate;
mod permissions;
mod query;
mod rows;
mod sealing;
mod state;

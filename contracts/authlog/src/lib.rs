//! The authlog: every institution anchors the newest checkpoint of its access log here, and the contract refuses
//! a log that was rewritten. Messages: `medrec_api::authlog`; formats: `docs/spec/wire.md` section 10.

pub mod contract;
mod execute;
mod growth;
mod heads;
mod migrate;
mod permissions;
mod query;
mod state;

//! `medrec-relayer`: what a provider runs beside its database.
//!
//! One-way flows, one task each: adapter → filing → log → anchor → outbox → chain, and chain → ingest →
//! projection. The gatekeeper answers signed reads from the projection and the filed records.
//!
//! - [`config`], [`keystore`], [`identity`]: who and where
//! - [`store`]: one SQLite database, one durability domain
//! - [`chain`]: nodes, outbox, sender; [`ingest`], [`projection`]: what the chain says, in rows
//! - [`adapter`], [`filing`]: the hospital's rows, committed; [`log`]: the access log;
//!   [`mirror`]: copies of the other institutions'
//! - [`desk`]: aggregate answers for research
//! - [`gatekeeper`]: the public listener; [`ops`]: the private one
//! - [`app`]: `prepare` wires, `run` supervises; [`cli`]: the commands; [`failpoint`]: where tests kill it

pub mod adapter;
pub mod app;
pub mod chain;
pub mod cli;
pub mod config;
pub mod desk;
pub mod failpoint;
pub mod filing;
pub mod gatekeeper;
pub mod identity;
pub mod ingest;
pub mod keystore;
pub mod log;
pub mod mirror;
pub mod ops;
pub mod projection;
pub mod store;
pub mod task;

pub use medrec_clock as clock;

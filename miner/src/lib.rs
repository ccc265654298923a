//! `medrec-miner`: what a researcher runs.
//!
//! - [`config`], [`identity`], [`chain`]: who and where
//! - [`logs`]: verified copies of all access logs, served as their own are
//! - [`mine`]: tries over the entries that are here
//! - [`work`], [`vouch`], [`report`]: what goes to the chain: seals, cosignatures, evidence
//! - [`bounties`], [`answers`]: offers, and what is won
//! - [`app`]: the running miner; [`events`], [`status`]: what it says; [`cli`]: the commands

pub mod answers;
pub mod app;
pub mod bounties;
pub mod chain;
pub mod chainfile;
pub mod cli;
pub mod config;
pub mod events;
pub mod export;
pub mod identity;
pub mod logs;
pub mod measure;
pub mod mine;
pub mod report;
pub mod status;
pub mod vouch;
pub mod work;

pub use medrec_clock as clock;

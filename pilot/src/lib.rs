//! The pilot scenario as named steps (docs/spec/wire.md section 13), on real validators.
//!
//! `run` sets the stage (chain, hospital, relayer, people), plays every step of `steps` and reports what it saw. It
//! drives `medrec` and `medrec-relayer` by their command lines only, and the expected counts come from the CSV of
//! the sample by `hospitals`, never from MedRec itself. End-to-end tests run the same library.

mod costs;
mod hospitals;
mod people;
mod progress;
mod report;
mod stage;
mod steps;
mod tools;
mod wait;

use std::path::PathBuf;

use anyhow::Result;

pub use hospitals::{Hospital, Hospitals, RecordKey, Truth};
pub use people::Patient;
pub use people::wallet;
pub use report::{ChainCost, Entries, Report, StepReport};
pub use stage::{Running, Stage};
pub use steps::{all_filed, anchored, filed_of, one_more, read_all, records};
pub use tools::{Outcome, Tools};
pub use wait::until;

/// Patients with whom the hospital opens a relationship.
pub const PATIENTS: usize = 10;

pub struct Options {
    /// Where the pilot keeps its files; emptied at the start.
    pub home: PathBuf,
    /// The built contracts (`cargo xtask wasm`).
    pub artifacts: PathBuf,
    /// The Synthea sample.
    pub sample: PathBuf,
    /// Where `medrec` and `medrec-relayer` are.
    pub binaries: PathBuf,
    /// Whether to show progress on standard error.
    pub progress: bool,
}

/// Plays the scenario. The report also tells of a run that failed half-way; everything it started ends with
/// `Running`.
pub async fn run(options: &Options) -> (Report, Result<Running>) {
    let mut report = Report::new(stage::versions());
    let outcome = steps::play(options, &mut report).await;
    (report, outcome)
}

//! The pilot scenario as named steps (docs/spec/wire.md section 13), on real validators.
//!
//! `run` sets the stage (chain, three hospitals, a relayer each), plays every step of `steps` with ten patients and
//! reports what it saw. It drives `medrec` and `medrec-relayer` by their command lines only, and the expected counts
//! come from the CSV of the sample by `hospitals`, never from MedRec itself. End-to-end tests run the same library, and
//! do harm to relayers and validators while it plays.

mod costs;
mod hospitals;
mod merge;
mod people;
mod progress;
mod relayer;
mod report;
mod researcher;
mod running;
mod seen;
mod stage;
mod steps;
mod tools;
mod wait;

use std::path::PathBuf;

use anyhow::Result;

pub use hospitals::{Hospital, Hospitals, RecordKey, Truth};
pub use merge::Merge;
pub use people::{Clinician, NewCard, Patient, Relationship, card, wallet};
pub use progress::Display;
pub use relayer::{Relayer, RelayerStatus};
pub use report::{ChainCost, Entries, PatientCost, Report, StepReport};
pub use researcher::{MinerStatus, Researcher};
pub use running::{Running, Suggestion, text};
pub use seen::{Log, Logs, Records};
pub use stage::{Stage, versions};
pub use steps::{
    Bounty, Cast, Mining, Share, accepted, all_filed, anchored, filed_of, kept_elsewhere, logs_of, one_of,
    opened, pay, play, records, set, verify,
};
pub use tools::{Isolation, Outcome, Tools};
pub use wait::{Passing, until};

/// Patients of the scenario, each with a relationship with every hospital.
pub const PATIENTS: usize = 10;

pub struct Options {
    /// Where the pilot keeps its files; emptied at the start.
    pub home: PathBuf,
    /// The built contracts (`cargo xtask wasm`).
    pub artifacts: PathBuf,
    /// The Synthea sample.
    pub sample: PathBuf,
    /// Where `medrec`, `medrec-relayer` and `localnet` are.
    pub binaries: PathBuf,
    /// Whether to show progress on standard error.
    pub progress: bool,
}

/// Plays the scenario. The report also tells of a run that failed half-way; everything it started ends with
/// `Running`.
pub async fn run(options: &Options) -> (Report, Result<Running>) {
    let mut report = Report::new(versions());
    let outcome = staged(options, &mut report).await;
    (report, outcome)
}

async fn staged(options: &Options, report: &mut Report) -> Result<Running> {
    let undisturbed = async |_: &Stage, _: &str| Ok(());
    let stage = set(options, report, undisturbed).await?;
    let people = stage.hospitals.shared_patients(PATIENTS);
    let cast =
        play(&stage, ("patients", &people), Display::new(options.progress), report, undisturbed).await?;
    pay(&stage, &cast, Display::new(options.progress), report).await?;
    Ok(Running { stage, cast })
}

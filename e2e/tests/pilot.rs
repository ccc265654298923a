//! The whole pilot, as `cargo xtask pilot --once` plays it; then what must hold after it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use medrec_e2e::world::root;
use medrec_pilot::{Options, Stage};

const STEPS: [&str; 12] = [
    "chain_up",
    "deployed",
    "opened",
    "accepted",
    "filed",
    "anchored",
    "merged_read",
    "refused_ungranted",
    "granted",
    "cross_read",
    "refused_scope",
    "refused_revoked",
];

#[tokio::test(flavor = "multi_thread")]
async fn pilot() -> Result<()> {
    let home = tempfile::tempdir()?;
    let options = Options {
        home: home.path().join("pilot"),
        artifacts: root().join("artifacts"),
        sample: root().join("data/synthea-sample"),
        binaries: binaries()?,
        progress: false,
    };
    let (report, outcome) = medrec_pilot::run(&options).await;
    let mut stage = outcome.with_context(|| report.table())?.0;
    assert!(report.ok(), "{}", report.table());
    assert_eq!(report.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), STEPS);
    assert!(report.entries.verified > 0 && report.entries.filed <= report.entries.anchored);

    the_words_alone_bring_the_record_back(&stage).await?;
    a_killed_relayer_answers_again(&mut stage).await?;
    nothing_of_a_patient_is_in_the_relayers_log(&stage)?;
    stage.stop().await;
    Ok(())
}

/// On an empty machine, with the words and deployment.json only.
async fn the_words_alone_bring_the_record_back(stage: &Stage) -> Result<()> {
    let patient = stage.patients.first().context("no patients")?;
    let empty = tempfile::tempdir()?;
    let home = empty.path().join("wallet");
    let restored =
        stage.tools.medrec_with_input(&home, &["wallet", "restore", "--json"], &patient.words).await?;
    restored.ok("restore the wallet")?;
    let there = medrec_pilot::records(stage, &patient.home).await?;
    let here = medrec_pilot::records(stage, &home).await?;
    assert_eq!(here, there, "a restored wallet reads another record");
    let entries = medrec_pilot::read_all(stage, patient, &home).await?;
    assert!(entries > patient.records);
    Ok(())
}

/// SIGKILL, then a new process on the same store: same record, same log.
async fn a_killed_relayer_answers_again(stage: &mut Stage) -> Result<()> {
    let patient = stage.patients.first().context("no patients")?.clone();
    let before = medrec_pilot::records(stage, &patient.home).await?;
    stage.kill_relayer().await?;
    let silent = stage.tools.medrec(&patient.home, &["record", "--json"]).await?;
    assert_eq!(silent.code, 1, "a hospital that does not answer: {silent:?}");
    stage.start_relayer().await?;
    assert_eq!(medrec_pilot::records(stage, &patient.home).await?, before);
    medrec_pilot::read_all(stage, &patient, &patient.home).await?;
    Ok(())
}

/// Neither the hospital's ids nor addresses on chain nor what was read (the mapping's words aside).
fn nothing_of_a_patient_is_in_the_relayers_log(stage: &Stage) -> Result<()> {
    let log = std::fs::read_to_string(stage.home.join("hospital/relayer.log"))?;
    assert!(log.contains("\"level\""), "the log is JSON lines: {log:.200}");
    for patient in &stage.patients {
        assert!(!log.contains(&patient.local_id), "the log names a patient by the hospital's id");
        assert!(!log.contains(&patient.card), "the log has a card");
    }
    Ok(())
}

/// Built beside this test by `cargo build --workspace --all-targets`.
fn binaries() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    Ok(test.parent().and_then(|deps| deps.parent()).context("no target folder")?.to_owned())
}

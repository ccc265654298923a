//! The whole pilot, as `cargo xtask pilot --once` plays it; then what must hold after it.

mod consent;

use std::time::Duration;

use anyhow::{Context, Result};
use medrec_accesslog::LogKey;
use medrec_clients::Registrar;
use medrec_e2e::reader::{Reader, Server};
use medrec_e2e::world::{binaries, root};
use medrec_pilot::{Options, Stage};

const STEPS: [&str; 15] = [
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
    "refused_window",
    "change_flagged",
    "log_complete",
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

    an_independent_reader_accepts_the_log(&stage).await?;
    consent::grants_and_revokes_take_effect_in_time(&stage).await?;
    consent::a_direct_revoke_is_obeyed_whatever_the_chain_does(&stage).await?;
    the_words_alone_bring_the_record_back(&stage).await?;
    a_killed_relayer_answers_again(&mut stage).await?;
    a_relayer_killed_while_it_files_files_everything_once(&mut stage).await?;
    nothing_of_a_patient_is_in_the_relayers_log(&stage)?;
    stage.stop().await;
    Ok(())
}

/// Tessera's own reader takes the served log for what it is, and refuses it with one bit changed anywhere.
async fn an_independent_reader_accepts_the_log(stage: &Stage) -> Result<()> {
    let registrar = Registrar::new(&stage.rpc()?, &stage.deployment()?.contracts.registrar.address);
    let hospital = registrar.institution(1).await?;
    let key: [u8; 32] = hospital.log_key.as_slice().try_into()?;
    let key = LogKey::new(&hospital.log_origin, &key)?.verifier_key();
    let (reader, log) = (Reader::build().await?, format!("{}/log", hospital.url));
    let anchored = stage.authlog()?.log_of(1).await?.size;
    let read = reader.read(&log, &key).await?.map_err(anyhow::Error::msg)?;
    assert!(read >= anchored && anchored > 256, "it read {read} entries, {anchored} are anchored");
    for altered in ["/checkpoint", "/tile/0/", "/tile/1/", "/tile/entries/"] {
        let forged = Server::altering(log.clone(), altered).await?;
        let said = reader.read(&forged.url, &key).await?;
        assert!(said.is_err(), "{altered} was changed and the reader says {said:?}");
    }
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

/// SIGKILL as soon as a new patient has accepted, wherever its filing is then.
async fn a_relayer_killed_while_it_files_files_everything_once(stage: &mut Stage) -> Result<()> {
    let patient = medrec_pilot::one_more(stage).await?;
    let before = stage.relayer_status().await?.log_size;
    let id = patient.relationship.to_string();
    stage.tools.medrec(&patient.home, &["accept", &id, "--json"]).await?.ok("accept")?;
    medrec_pilot::until("the filing to begin", Duration::from_secs(30), async || {
        Ok((stage.relayer_status().await?.log_size > before).then_some(()))
    })
    .await?;
    stage.kill_relayer().await?;
    stage.start_relayer().await?;
    medrec_pilot::all_filed(stage).await?;
    assert_eq!(medrec_pilot::filed_of(stage, &patient).await?, patient.records);
    stage.tools.medrec(&patient.home, &["verify", "--json"]).await?.ok("verify")?;
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

//! The whole pilot, as `cargo xtask pilot --once` plays it; then what must hold after it, and again under harm.

mod consent;
mod harm;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use medrec_accesslog::LogKey;
use medrec_clients::Registrar;
use medrec_e2e::reader::{Reader, Server};
use medrec_e2e::world;
use medrec_pilot::{Cast, Display, PATIENTS, Report, Running, Stage};
use tokio::process::Command;

const STEPS: [&str; 19] = [
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
    "refused_window",
    "refused_revoked",
    "change_flagged",
    "log_complete",
    "offline_verified",
    "mined",
    "bounty_owned",
    "bounty_delivered",
];

/// Those of the researchers are played once.
const OF_RESEARCHERS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn pilot() -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut report = Report::new(medrec_pilot::versions());
    let stage = medrec_pilot::set(&world::pilot(home.path())?, &mut report, harm::while_deployed).await;
    let stage = stage.with_context(|| report.table())?;
    let people = stage.hospitals.shared_patients(PATIENTS);
    let cast = as_usual(&stage, &people, &mut report).await?;

    let running = Running { stage, cast };
    what_is_suggested_works(&running).await?;
    let Running { stage, cast } = running;
    an_independent_reader_accepts_the_log(&stage).await?;
    consent::grants_and_revokes_take_effect_in_time(&stage, &cast).await?;
    the_words_alone_bring_the_record_back(&stage, &cast).await?;
    harm::only_delays_the_scenario(&stage, &cast, &report).await?;
    harm::two_validators_down_halt_it(&stage, &cast).await?;
    nothing_of_a_patient_is_in_the_relayers_logs(&stage, &cast)?;
    harm::a_hospital_gone_for_good_leaves_its_log(&stage, &cast).await?;
    stage.stop().await;
    Ok(())
}

/// Nothing happens meanwhile: nothing needs to be tried twice.
async fn as_usual(stage: &Stage, people: &[String], report: &mut Report) -> Result<Cast> {
    let quiet = async |_: &Stage, _: &str| Ok(());
    let cast = medrec_pilot::play(stage, ("patients", people), Display::new(false), report, quiet).await;
    let cast = cast.with_context(|| report.table())?;
    let paid = medrec_pilot::pay(stage, &cast, Display::new(false), report).await;
    paid.with_context(|| report.table())?;
    eprintln!("{}", report.table());
    assert!(report.ok(), "{}", report.table());
    assert_eq!(report.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), STEPS);
    assert_eq!(cast.patients.len(), PATIENTS);
    assert!(report.entries.verified > 0 && report.entries.filed <= report.entries.anchored);
    assert_eq!(report.retries, 0, "somebody did not answer at once");
    Ok(cast)
}

/// Each command that the pilot prints, as a shell runs it, in their order.
async fn what_is_suggested_works(running: &Running) -> Result<()> {
    let pasted = async {
        for suggestion in running.suggestions()? {
            let mut pasted = Command::new("sh");
            let output = pasted.args(["-c", &suggestion.command]).kill_on_drop(true).output().await?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{}: {}\n{said}", suggestion.command, output.status);
            ensure!(!output.stdout.is_empty() || suggestion.command.contains("validator"), "it says nothing");
        }
        Ok(())
    };
    tokio::select! {
        done = pasted => done,
        failed = running.serve() => failed,
    }
}

/// Tessera's own reader takes the served log for what it is, and refuses it with one bit changed anywhere.
async fn an_independent_reader_accepts_the_log(stage: &Stage) -> Result<()> {
    let registrar = Registrar::new(&stage.rpc().await?, &stage.deployment()?.contracts.registrar.address);
    let hospital = registrar.institution(1).await?;
    let key: [u8; 32] = hospital.log_key.as_slice().try_into()?;
    let key = LogKey::new(&hospital.log_origin, &key)?.verifier_key();
    let (reader, log) = (Reader::build().await?, format!("{}/log", hospital.url));
    let anchored = stage.anchored(1).await?;
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
async fn the_words_alone_bring_the_record_back(stage: &Stage, cast: &Cast) -> Result<()> {
    let patient = cast.patients.get(1).context("too few patients")?;
    let empty = tempfile::tempdir()?;
    let home = empty.path().join("wallet");
    let restored =
        stage.tools.medrec_with_input(&home, &["wallet", "restore", "--json"], &patient.words).await?;
    restored.ok("restore the wallet")?;
    let there = medrec_pilot::records(stage, &patient.home).await?;
    let here = medrec_pilot::records(stage, &home).await?;
    assert_eq!(here, there, "a restored wallet reads another record");
    let entries = medrec_pilot::verify(stage, patient, &home).await?;
    assert!(entries > patient.records());
    Ok(())
}

/// Neither the hospitals' ids nor cards nor what was read (the mapping's words aside).
fn nothing_of_a_patient_is_in_the_relayers_logs(stage: &Stage, cast: &Cast) -> Result<()> {
    for (place, relayer) in stage.relayers.iter().enumerate() {
        let log = std::fs::read_to_string(relayer.home.join("relayer.log"))?;
        assert!(log.contains("\"level\""), "the log is JSON lines: {log:.200}");
        // Whole words: an id of five digits is in many a fraction of a second.
        let words: BTreeSet<&str> = log.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for one in cast.patients.iter().flat_map(|patient| &patient.relationships) {
            if one.hospital == place {
                assert!(
                    !words.contains(one.local_id.as_str()),
                    "the log names a patient by the hospital's id"
                );
            }
            assert!(!log.contains(&one.card), "the log has a card");
        }
    }
    Ok(())
}

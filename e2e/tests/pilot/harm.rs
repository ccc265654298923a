//! What goes wrong in life: relayers and validators die while people work, two validators are away, a hospital closes
//! for good.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use medrec_pilot::{Cast, Display, Log, Logs, Patient, Records, Report, Stage, until};

use crate::consent::Halted;
use crate::{OF_RESEARCHERS, STEPS};

/// Patients of the scenario under harm, the last ones: they come again with new wallets. What is done to their rows
/// concerns none of the other patients looked at here.
const PATIENTS: usize = 3;
const WAIT: Duration = Duration::from_secs(60);

/// A validator dies while contracts are deployed, and is back before anybody needs it.
pub async fn while_deployed(stage: &Stage, _: &'static str) -> Result<()> {
    let last = stage.net.validators().saturating_sub(1);
    next_block(stage).await?;
    stage.net.kill(last).await?;
    Ok(stage.net.start(last).await?)
}

/// During each step SIGKILL strikes one relayer, in turn, which is started again at once, and one validator, which is
/// back at once or only one step later. Nothing but time is lost: the steps hold the same counts against the CSV, and
/// what they say is what they said before.
pub async fn only_delays_the_scenario(stage: &Stage, cast: &Cast, usual: &Report) -> Result<()> {
    let people: Vec<String> =
        cast.patients.iter().rev().take(PATIENTS).map(|patient| patient.person.clone()).collect();
    let mut report = Report::new(medrec_pilot::versions());
    let harm = Harm::default();
    let meanwhile = async |stage: &Stage, step: &'static str| harm.strike(stage, step).await;
    let played =
        medrec_pilot::play(stage, ("harmed", &people), Display::new(false), &mut report, meanwhile).await;
    let cast = played.with_context(|| report.table())?;
    eprintln!("{}", report.table());
    harm.recover(stage).await?;
    assert!(report.ok(), "{}", report.table());
    let played: Vec<&str> = report.steps.iter().map(|step| step.step.as_str()).collect();
    let again = STEPS.len().saturating_sub(OF_RESEARCHERS);
    assert_eq!(played, STEPS[2..again]);
    assert_eq!(harm.steps.get(), played.len(), "steps in which something was struck");
    assert_eq!(report.refusals, usual.refusals);
    let records: u64 = cast.patients.iter().map(Patient::records).sum();
    assert_eq!(report.entries.filed, records);
    Ok(())
}

/// The strokes, in turn.
#[derive(Default)]
struct Harm {
    /// Steps so far.
    steps: Cell<usize>,
    /// A validator that is dead.
    down: Cell<Option<usize>>,
}

impl Harm {
    async fn strike(&self, stage: &Stage, step: &'static str) -> Result<()> {
        let turn = self.steps.get();
        self.steps.set(turn.saturating_add(1));
        self.recover(stage).await?;
        moment(stage, step).await?;
        let (relayer, validator) =
            tokio::join!(kill_relayer(stage, step, turn), self.kill_validator(stage, turn));
        relayer?;
        validator
    }

    async fn kill_validator(&self, stage: &Stage, turn: usize) -> Result<()> {
        let victim = turn.checked_rem(stage.net.validators()).unwrap_or_default();
        stage.net.kill(victim).await?;
        self.down.set(Some(victim));
        if turn.is_multiple_of(2) { self.recover(stage).await } else { Ok(()) }
    }

    /// Whoever is down comes back and catches up, so that never two are away.
    async fn recover(&self, stage: &Stage) -> Result<()> {
        let Some(victim) = self.down.take() else { return Ok(()) };
        stage.net.start(victim).await?;
        let height = stage.net.wait_height(1, WAIT).await?;
        // One block more: before it has made one, a node that was started again simulates nothing.
        stage.net.rpc(victim)?.wait_height(height.saturating_add(1), WAIT).await?;
        Ok(())
    }
}

async fn kill_relayer(stage: &Stage, step: &str, turn: usize) -> Result<()> {
    // In the step that kills the last hospital's itself it is the first one's turn.
    let in_turn = turn.checked_rem(stage.relayers.len()).unwrap_or_default();
    let victim = if step == "log_complete" { 0 } else { in_turn };
    let relayer = stage.relayer(victim)?;
    relayer.kill().await?;
    relayer.start().await
}

/// When it strikes: in the middle of what takes blocks, at the beginning of what does not.
async fn moment(stage: &Stage, step: &str) -> Result<()> {
    match step {
        "filed" => {
            let before = sizes(stage).await?;
            let grown = async || Ok(sizes(stage).await?.gt(&before).then_some(()));
            // What is filed already is filed: then this strikes after it.
            let _ = until("the filing to go on", Duration::from_secs(2), grown).await;
            Ok(())
        }
        "opened" | "accepted" | "anchored" | "granted" | "refused_revoked" | "change_flagged" => {
            next_block(stage).await
        }
        _ => Ok(()),
    }
}

async fn sizes(stage: &Stage) -> Result<u64> {
    let mut total: u64 = 0;
    for relayer in &stage.relayers {
        total = total.saturating_add(relayer.status().await?.log_size);
    }
    Ok(total)
}

async fn next_block(stage: &Stage) -> Result<()> {
    let height = stage.net.wait_height(1, WAIT).await?;
    stage.net.wait_height(height.saturating_add(1), WAIT).await?;
    Ok(())
}

/// With two of four validators dead nothing moves: reads are refused, what the hospitals and patients do waits. With one
/// of them back all of it goes on.
pub async fn two_validators_down_halt_it(stage: &Stage, cast: &Cast) -> Result<()> {
    let patient = cast.patients.get(3).context("too few patients")?;
    let before = medrec_pilot::logs_of(stage, patient).await?;
    let halted = Halted::prepare(stage, patient).await?;
    for index in [2, 3] {
        stage.net.kill(index).await?;
    }
    halted.a_direct_revoke_is_obeyed(stage, patient).await?;
    let height = stage.net.wait_height(1, WAIT).await?;

    // Somebody is at the desk meanwhile: what was asked there waits.
    let newcomer = cast.patients.get(2).context("too few patients")?.person.clone();
    let again = async {
        halted.wait_for_stale(stage, patient).await?;
        let silent = stage.tools.medrec(&patient.home, &["record", "--json"]).await?;
        assert_eq!(silent.code, 1, "a read while the chain stands still: {silent:?}");
        assert_eq!(
            stage.net.wait_height(1, WAIT).await?,
            height,
            "the chain goes on with two of four validators"
        );
        stage.net.start(2).await?;
        anyhow::Ok(stage.net.wait_height(height.saturating_add(2), WAIT).await?)
    };
    let newcomers = [newcomer];
    let (opened, goes_on) = tokio::join!(medrec_pilot::opened(stage, "halted", &newcomers), again);
    let (opened, _) = (opened?, goes_on?);
    medrec_pilot::accepted(stage, &opened).await?;
    medrec_pilot::all_filed(stage, &opened).await?;
    let newcomer = opened.first().context("nobody came")?;
    assert_eq!(medrec_pilot::filed_of(stage, newcomer).await?, newcomer.records());

    let read = async || {
        stage.tools.medrec(&patient.home, &["record", "--json"]).await?.json::<Records>("her record again")
    };
    let read = stage.tools.again("her record", read).await?;
    assert_eq!(u64::try_from(read.records.len())?, patient.records());
    halted.the_revoke_holds(stage, patient).await?;
    for (before, after) in before.iter().zip(medrec_pilot::logs_of(stage, patient).await?) {
        assert_eq!(before.relationship, after.relationship);
        assert!(after.entries.len() >= before.entries.len(), "entries are gone");
    }
    stage.net.start(3).await?;
    Ok(())
}

/// Its relayer, its store, its database and its keys are gone. Its log is not: a mirror has it, and it verifies. The
/// other hospitals' records read as before.
pub async fn a_hospital_gone_for_good_leaves_its_log(stage: &Stage, cast: &Cast) -> Result<()> {
    let patient = cast.patients.get(4).context("too few patients")?;
    let gone = patient.relationships.last().context("she has no hospital")?;
    let keeper = patient.first()?.hospital;
    medrec_pilot::kept_elsewhere(stage, gone.hospital).await?;
    let logs = medrec_pilot::logs_of(stage, patient).await?;
    let before = medrec_pilot::one_of(&logs, gone.id)?;
    let relayer = stage.relayer(gone.hospital)?;
    relayer.kill().await?;
    std::fs::remove_dir_all(&relayer.home)?;

    let (id, mirror) = (gone.id.to_string(), stage.relayer(keeper)?.url.as_str());
    let of_mirror = ["--mirror", mirror, "--json"];
    let verified = stage
        .tools
        .medrec(&patient.home, &[&["verify", "--relationship", &id][..], &of_mirror].concat())
        .await?;
    verified.ok("verify from the mirror")?;
    let read: Logs = stage
        .tools
        .medrec(&patient.home, &[&["log", &id][..], &of_mirror].concat())
        .await?
        .json("read the log from the mirror")?;
    same(before, medrec_pilot::one_of(&read.logs, gone.id)?)?;

    let rest = stage.tools.medrec(&patient.home, &["record", "--json"]).await?;
    assert_eq!(rest.code, 1, "one hospital does not answer: {rest:?}");
    let rest: Records = serde_json::from_str(&rest.stdout)?;
    let counts = rest.by_relationship();
    for one in &patient.relationships {
        let expected = if one.id == gone.id { 0 } else { one.records };
        assert_eq!(counts.get(&one.id).copied().unwrap_or(0), expected, "records of relationship {}", one.id);
    }
    Ok(())
}

fn same(before: &Log, after: &Log) -> Result<()> {
    if !after.findings.is_empty() || after.entries.len() != before.entries.len() {
        bail!(
            "{} entries before, {} now, findings {:?}",
            before.entries.len(),
            after.entries.len(),
            after.findings
        );
    }
    Ok(())
}

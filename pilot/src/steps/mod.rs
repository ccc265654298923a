//! The scenario, in order. A step that fails is in the report and ends the run.

mod changes;
mod filing;
mod granting;
mod log;
mod offline;
mod opening;
mod reading;
mod research;

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::people::{Clinician, Patient};
use crate::progress::Display;
use crate::report::Report;
use crate::stage::Stage;
use crate::{Options, costs};

pub use filing::{anchored, filed_of, kept_elsewhere, logs_of, one_of};
pub use opening::{accepted, all_filed, opened};
pub use reading::{records, verify};
pub use research::{Bounty, Mining, Share};

/// How many do something at the same time: a few more than the two cores, as they wait for blocks too.
const AT_ONCE: usize = 4;

/// Who took part.
pub struct Cast {
    /// The scenario was about the first of them.
    pub patients: Vec<Patient>,
    pub clinician: Clinician,
}

/// The steps `chain_up` and `deployed`: their ids are those of docs/spec/wire.md section 13.
pub async fn set(
    options: &Options,
    report: &mut Report,
    meanwhile: impl AsyncFn(&Stage, &'static str) -> Result<()>,
) -> Result<Stage> {
    let mut scenario = Scenario { report, display: Display::new(options.progress) };
    let stage = scenario.step("chain_up", Stage::up(options), |stage| count(stage.net.validators())).await?;
    let deployed = disturbed(stage.deploy(&options.artifacts), meanwhile(&stage, "deployed"));
    scenario.step("deployed", deployed, |hospitals| count(*hospitals)).await?;
    Ok(stage)
}

/// The steps of patients and clinicians after that, for `people` of the sample, their wallets in a new folder of the pilot's. While each is played,
/// `meanwhile` happens as well.
pub async fn play(
    stage: &Stage,
    (folder, people): (&str, &[String]),
    display: Display,
    report: &mut Report,
    meanwhile: impl AsyncFn(&Stage, &'static str) -> Result<()>,
) -> Result<Cast> {
    let began = costs::Began::now(stage).await?;
    let mut acts = Acts { scenario: Scenario { report, display }, stage, meanwhile };

    let opened = |patients: &Vec<Patient>| count(patients.iter().map(|it| it.relationships.len()).sum());
    let patients = acts.step("opened", opening::opened(stage, folder, people), opened).await?;
    acts.count("accepted", opening::accepted(stage, &patients)).await?;
    let filed = acts.count("filed", filing::filed(stage, &patients)).await?;
    let anchored = acts.count("anchored", filing::anchored(stage)).await?;
    let reading = reading::merged_read(stage, &patients);
    let read = acts.step("merged_read", reading, |read| read.merge.records).await?;

    let patient = patients.first().context("there are no patients")?;
    let refused = granting::refused_ungranted(stage, patient);
    let clinician = acts.refusal("refused_ungranted", "not-permitted", refused).await?;
    let grants = acts.step("granted", granting::granted(stage, patient, &clinician), |_| 2).await?;
    acts.count("cross_read", granting::cross_read(stage, patient, &clinician)).await?;
    let refused = granting::refused_scope(stage, patient, &clinician);
    acts.refusal("refused_scope", "scope", nothing_else(refused)).await?;
    let refused = granting::refused_window(stage, patient, &clinician, grants);
    acts.refusal("refused_window", "window", nothing_else(refused)).await?;
    let refused = granting::refused_revoked(stage, patient, &clinician, grants);
    acts.refusal("refused_revoked", "revoked", nothing_else(refused)).await?;

    let changing = changes::change_flagged(stage, patient);
    let changes = acts.step("change_flagged", changing, |changes| count(changes.len())).await?;
    let entries = acts.count("log_complete", log::log_complete(stage, patient, &changes)).await?;
    let verifying = offline::offline_verified(stage, patient, &changes, entries);
    let offline = acts.step("offline_verified", verifying, |offline| offline.entries).await?;

    let (chain, hers) = costs::read(stage, patient, &began).await?;
    let Scenario { report, .. } = acts.scenario;
    report.chain = chain;
    report.patient = Some(hers);
    let verified = read.verified.saturating_add(offline.entries);
    report.entries = crate::Entries { filed, anchored, verified };
    report.merge = Some(read.merge);
    report.offline = Some(offline.isolation);
    report.retries = stage.tools.retries();
    Ok(Cast { patients, clinician })
}

/// The steps of the researchers: what they sealed meanwhile, and what one of them is paid for it. Once a stage, as the same
/// question has the same answer.
pub async fn pay(stage: &Stage, cast: &Cast, display: Display, report: &mut Report) -> Result<()> {
    let began = costs::Began::now(stage).await?;
    let mut scenario = Scenario { report, display };
    let mining = scenario.step("mined", research::mined(stage), |mining| mining.seals).await?;
    let owning = research::bounty_owned(stage, &cast.patients);
    let owned = scenario.step("bounty_owned", owning, |_| 1).await?;
    let delivering = research::bounty_delivered(stage, owned);
    let bounty = scenario.step("bounty_delivered", delivering, |bounty| bounty.patients).await?;
    for (message, cost) in costs::heaviest_since(stage, &began).await? {
        let known = report.chain.entry(message).or_insert(cost);
        (known.bytes, known.gas) = (known.bytes.max(cost.bytes), known.gas.max(cost.gas));
    }
    (report.mining, report.bounty) = (Some(mining), Some(bounty));
    report.retries = stage.tools.retries();
    Ok(())
}

/// A refusal that is all there is to find out.
async fn nothing_else(refused: impl Future<Output = Result<String>>) -> Result<((), String)> {
    Ok(((), refused.await?))
}

/// Does it to all of them, some at a time, and keeps their order.
async fn each<'a, T, R>(all: &'a [T], one: impl AsyncFn(&'a T) -> Result<R>) -> Result<Vec<R>> {
    stream::iter(all).map(|it| one(it)).buffered(AT_ONCE).try_collect().await
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A step and what happens meanwhile: both must go well.
async fn disturbed<T>(
    step: impl Future<Output = Result<T>>,
    meanwhile: impl Future<Output = Result<()>>,
) -> Result<T> {
    let (done, disturbance) = futures::future::join(step, meanwhile).await;
    let done = done?;
    disturbance.context("what was to happen meanwhile")?;
    Ok(done)
}

struct Scenario<'a> {
    report: &'a mut Report,
    display: Display,
}

impl Scenario<'_> {
    /// Plays one step; `count` says how many it dealt with.
    async fn step<T>(
        &mut self,
        name: &str,
        step: impl Future<Output = Result<T>>,
        count: impl FnOnce(&T) -> u64,
    ) -> Result<T> {
        let line = self.display.step(name);
        let began = Instant::now();
        let outcome = step.await.with_context(|| format!("step {name}"));
        drop(line);
        let n = outcome.as_ref().ok().map_or(0, count);
        self.ended(name, outcome.is_ok(), n, began.elapsed());
        outcome
    }

    fn ended(&mut self, name: &str, ok: bool, count: u64, took: Duration) {
        self.display.done(name, ok, count, took);
        self.report.step(name, ok, count, took);
    }
}

/// The steps on a stage that stands.
struct Acts<'a, M> {
    scenario: Scenario<'a>,
    stage: &'a Stage,
    meanwhile: M,
}

impl<M: AsyncFn(&Stage, &'static str) -> Result<()>> Acts<'_, M> {
    async fn step<T>(
        &mut self,
        name: &'static str,
        step: impl Future<Output = Result<T>>,
        count: impl FnOnce(&T) -> u64,
    ) -> Result<T> {
        let step = disturbed(step, (self.meanwhile)(self.stage, name));
        self.scenario.step(name, step, count).await
    }

    /// A step that says itself how many it dealt with.
    async fn count(&mut self, name: &'static str, step: impl Future<Output = Result<u64>>) -> Result<u64> {
        self.step(name, step, |n| *n).await
    }

    /// A step that must be refused, for this reason; it may find out something besides.
    async fn refusal<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        step: impl Future<Output = Result<(T, String)>>,
    ) -> Result<T> {
        let checked = async {
            let (found, reason) = step.await?;
            if reason != expected {
                bail!("refused as {reason:?}, expected {expected:?}");
            }
            Ok(found)
        };
        let found = self.step(name, checked, |_| 1).await?;
        self.scenario.report.refused(expected);
        Ok(found)
    }
}

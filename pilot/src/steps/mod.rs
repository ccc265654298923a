//! The scenario, in order. A step that fails is in the report and ends the run.

mod changes;
mod granting;
mod opening;
mod record;

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::progress::Display;
use crate::report::Report;
use crate::stage::{Running, Stage};
use crate::{Options, costs};

pub use opening::{all_filed, one_more};
pub use record::{anchored, filed_of, read_all, records};

/// Plays every step; their ids are those of docs/spec/wire.md section 13.
pub async fn play(options: &Options, report: &mut Report) -> Result<Running> {
    let mut scenario = Scenario { report, display: Display::new(options.progress) };

    let mut stage = scenario.step("chain_up", Stage::up(options), |stage| stage.net.validators()).await?;
    let began = stage.rpc()?.status().await?.height;
    scenario.step("deployed", stage.deploy(&options.artifacts), |()| 3).await?;
    scenario.count("opened", opening::opened(&mut stage)).await?;
    scenario.count("accepted", opening::accepted(&stage)).await?;
    let filed = scenario.count("filed", record::filed(&stage)).await?;
    let anchored = scenario.count("anchored", record::anchored(&stage)).await?;
    let verified = scenario.count("merged_read", record::merged_read(&stage)).await?;
    scenario.refusal("refused_ungranted", "not-permitted", granting::refused_ungranted(&mut stage)).await?;
    let grant = scenario.step("granted", granting::granted(&stage), |_| 1).await?;
    scenario.count("cross_read", granting::cross_read(&stage)).await?;
    scenario.refusal("refused_scope", "scope", granting::refused_scope(&stage)).await?;
    scenario.refusal("refused_revoked", "revoked", granting::refused_revoked(&stage, grant)).await?;
    scenario.refusal("refused_window", "window", granting::refused_window(&stage)).await?;
    scenario.count("change_flagged", changes::change_flagged(&mut stage)).await?;
    scenario.count("log_complete", changes::log_complete(&stage)).await?;

    let ended = stage.rpc()?.status().await?.height;
    report.chain = costs::heaviest(&stage.rpc()?, began, ended).await?;
    report.entries = crate::Entries { filed, anchored, verified };
    Ok(Running(stage))
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
        count: impl FnOnce(&T) -> usize,
    ) -> Result<T> {
        let line = self.display.step(name);
        let began = Instant::now();
        let outcome = step.await.with_context(|| format!("step {name}"));
        drop(line);
        let n = outcome.as_ref().ok().map_or(0, |value| u64::try_from(count(value)).unwrap_or(u64::MAX));
        self.ended(name, outcome.is_ok(), n, began.elapsed());
        outcome
    }

    /// A step that says itself how many it dealt with.
    async fn count(&mut self, name: &str, step: impl Future<Output = Result<u64>>) -> Result<u64> {
        self.step(name, step, |n| usize::try_from(*n).unwrap_or(usize::MAX)).await
    }

    /// A step that must be refused, for this reason.
    async fn refusal(
        &mut self,
        name: &str,
        expected: &str,
        step: impl Future<Output = Result<String>>,
    ) -> Result<()> {
        let checked = async {
            let reason = step.await?;
            if reason != expected {
                bail!("refused as {reason:?}, expected {expected:?}");
            }
            Ok(())
        };
        self.step(name, checked, |()| 1).await?;
        self.report.refused(expected);
        Ok(())
    }

    fn ended(&mut self, name: &str, ok: bool, count: u64, took: Duration) {
        self.display.done(name, ok, count, took);
        self.report.step(name, ok, count, took);
    }
}

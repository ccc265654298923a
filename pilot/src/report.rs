//! What a run found, as people read it (a table) and as machines do (`docs/spec/wire.md` section 13).

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

use crate::merge::Merge;
use crate::steps::{Bounty, Mining};
use crate::tools::Isolation;

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub version: u32,
    pub steps: Vec<StepReport>,
    /// How often each refusal was seen, by reason code.
    pub refusals: BTreeMap<String, u64>,
    /// Size and gas of the heaviest transaction of each kind, read back from the blocks.
    pub chain: BTreeMap<String, ChainCost>,
    /// The first patient on the chain.
    pub patient: Option<PatientCost>,
    pub entries: Entries,
    pub merge: Option<Merge>,
    /// How the network was cut off for `offline_verified`.
    pub offline: Option<Isolation>,
    /// What the researchers did, and what one of them got for it.
    pub mining: Option<Mining>,
    pub bounty: Option<Bounty>,
    /// How often something was tried again because nobody answered.
    pub retries: u64,
    pub versions: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    pub step: String,
    pub ok: bool,
    pub count: u64,
    pub ms: u64,
}

/// `bytes`: the transaction in the block. `gas`: used, as the chain charged it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ChainCost {
    pub bytes: u64,
    pub gas: u64,
}

/// Bytes in blocks that are there because of one patient.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct PatientCost {
    pub relationships: u64,
    /// Openings, acceptances, grants and revokes.
    pub transactions: u64,
    pub bytes: u64,
    /// Entries of hers in her hospitals' logs, and her share of these logs' anchors by them.
    pub entries: u64,
    pub anchor_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Entries {
    pub filed: u64,
    pub anchored: u64,
    pub verified: u64,
}

impl Report {
    pub fn new(versions: BTreeMap<String, String>) -> Self {
        Self {
            version: 1,
            steps: Vec::new(),
            refusals: BTreeMap::new(),
            chain: BTreeMap::new(),
            patient: None,
            entries: Entries::default(),
            merge: None,
            offline: None,
            mining: None,
            bounty: None,
            retries: 0,
            versions,
        }
    }

    pub fn step(&mut self, step: &str, ok: bool, count: u64, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.steps.push(StepReport { step: step.to_owned(), ok, count, ms });
    }

    pub fn refused(&mut self, reason: &str) {
        let seen = self.refusals.entry(reason.to_owned()).or_default();
        *seen = seen.saturating_add(1);
    }

    pub fn ok(&self) -> bool {
        self.steps.iter().all(|step| step.ok)
    }

    /// The tables a person sees at the end.
    pub fn table(&self) -> String {
        let mut steps = Table::new();
        steps.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        steps.set_header(["step", "", "count", "of what", "seconds"]);
        for step in &self.steps {
            let seconds = format!("{}.{}", step.ms / 1000, step.ms % 1000 / 100);
            let mark = if step.ok { "ok" } else { "FAILED" };
            let count = step.count.to_string();
            steps.add_row([&step.step, mark, &count, meaning(&step.step), &seconds]);
        }
        let total: u64 = self.steps.iter().map(|step| step.ms).sum();
        let mut text = format!("{steps}\nall steps: {}.{} s\n", total / 1000, total % 1000 / 100);
        if !self.chain.is_empty() {
            let mut chain = Table::new();
            chain.load_style(UTF8_FULL_CONDENSED);
            chain.set_header(["on the chain", "bytes in a block", "gas used"]);
            for (message, cost) in &self.chain {
                chain.add_row([message.clone(), cost.bytes.to_string(), cost.gas.to_string()]);
            }
            text = format!("{text}\n{chain}\n");
        }
        for line in self.sentences() {
            text = format!("{text}{line}\n");
        }
        text
    }

    fn sentences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(her) = &self.patient {
            let PatientCost { relationships, transactions, bytes, entries, anchor_bytes } = her;
            lines.push(format!(
                "one patient: {relationships} relationships in {transactions} transactions of {bytes} bytes, and \
                 {anchor_bytes} bytes of anchors as her share for {entries} log entries"
            ));
        }
        let Entries { filed, anchored, verified } = self.entries;
        lines.push(format!(
            "log entries: {filed} filed, {anchored} anchored, {verified} checked by a patient"
        ));
        if let Some(merge) = &self.merge {
            lines.push(format!(
                "merged: {} records shown as {} items; precision {:.4}, recall {:.4} against Synthea's own ids",
                merge.records, merge.items, merge.precision, merge.recall
            ));
        }
        let refusals: Vec<String> = self.refusals.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        if !refusals.is_empty() {
            lines.push(format!("refused, with the reason given: {}", refusals.join(", ")));
        }
        if let Some(isolation) = self.offline {
            lines.push(match isolation {
                Isolation::Namespace => "offline: verified in an empty network namespace".to_owned(),
                Isolation::NoAddress => {
                    "offline: verified without any address (this system allows no network \
                                         namespace)"
                        .to_owned()
                }
            });
        }
        lines.extend(self.mining.as_ref().map(mined));
        lines.extend(self.bounty.as_ref().map(paid));
        if self.retries > 0 {
            lines.push(format!("tried again because nobody answered: {} times", self.retries));
        }
        lines
    }
}

fn mined(mining: &Mining) -> String {
    let Mining { seals, entries, work, researchers } = mining;
    let each = researchers.iter().map(|one| {
        format!("{} {} with {} % of a core ({} tries)", one.name, one.seals, one.share, one.tries)
    });
    let each: Vec<String> = each.collect();
    format!("sealed: {seals} seals of {work} tries over {entries} entries, won by {}", each.join(", "))
}

fn paid(bounty: &Bounty) -> String {
    let epsilon = |micro: u64| micro as f64 / 1e6;
    format!(
        "bounty: {} of {} patients of {}: {:.2} ± {:.2}, in truth {:.2}; paid to {} for ε {} of {}",
        bounty.question,
        bounty.patients,
        bounty.institution,
        bounty.answer,
        bounty.within,
        bounty.truth,
        bounty.owner,
        epsilon(bounty.spent),
        epsilon(bounty.budget),
    )
}

/// What a step's count counts, for somebody who has not read the documentation.
pub fn meaning(step: &str) -> &'static str {
    match step {
        "chain_up" => "validators that make blocks together",
        "deployed" => "hospitals on the chain, each with its relayer running",
        "opened" => "relationships that a hospital opened with a patient's card",
        "accepted" => "of them found by the patients' words alone and accepted",
        "filed" => "records filed in the hospitals' logs, as many as the CSV has",
        "anchored" => "log entries that the chain vouches for",
        "merged_read" => "records read by their patients over three hospitals, each verified",
        "refused_ungranted" => "clinician of another hospital refused: the patient granted nothing",
        "granted" => "grants to him, one for seconds and one for a month",
        "cross_read" => "records he reads under it, each verified",
        "refused_scope" => "refused: another scope than was granted",
        "refused_window" => "refused: the grant had ended",
        "refused_revoked" => "refused: she took the grant back",
        "change_flagged" => "rows changed in the databases, each shown to her as what it was",
        "log_complete" => "entries of her logs: all that happened, also from a mirror",
        "mined" => "seals by proof of work over all three logs, exported and verified without any network",
        "bounty_owned" => "bounty taken by the researcher whose seal won it",
        "bounty_delivered" => "patients who allowed it, counted in the answer he got",
        "offline_verified" => "log entries verified from her export, without any network",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_report() {
        let mut report = Report::new(BTreeMap::new());
        report.step("chain_up", true, 4, Duration::from_millis(1500));
        assert!(report.ok());
        report.step("deployed", false, 0, Duration::ZERO);
        assert!(!report.ok());
        assert!(report.table().contains("FAILED"));
        assert!(report.table().contains("validators that make blocks together"));
    }

    #[test]
    fn refusals_are_counted_by_reason() {
        let mut report = Report::new(BTreeMap::new());
        report.refused("scope");
        report.refused("scope");
        assert_eq!(report.refusals.get("scope"), Some(&2));
        assert!(report.table().contains("scope 2"));
    }
}

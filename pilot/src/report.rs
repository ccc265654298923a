//! What a run found, as people read it (a table) and as machines do (`docs/spec/wire.md` section 13).

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub version: u32,
    pub steps: Vec<StepReport>,
    /// How often each refusal was seen, by reason code.
    pub refusals: BTreeMap<String, u64>,
    /// Size and gas of one transaction of each kind, read back from the blocks.
    pub chain: BTreeMap<String, ChainCost>,
    pub entries: Entries,
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
            entries: Entries::default(),
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

    /// The table a person sees at the end.
    pub fn table(&self) -> String {
        let mut steps = Table::new();
        steps.load_style(UTF8_FULL_CONDENSED).set_header(["step", "", "count", "seconds"]);
        for step in &self.steps {
            let seconds = format!("{}.{:03}", step.ms / 1000, step.ms % 1000);
            let mark = if step.ok { "ok" } else { "FAILED" };
            steps.add_row([step.step.clone(), mark.to_owned(), step.count.to_string(), seconds]);
        }
        let mut chain = Table::new();
        chain.load_style(UTF8_FULL_CONDENSED).set_header(["transaction", "bytes in block", "gas used"]);
        for (message, cost) in &self.chain {
            chain.add_row([message.clone(), cost.bytes.to_string(), cost.gas.to_string()]);
        }
        let refusals: Vec<String> = self.refusals.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        format!(
            "{steps}\n{chain}\nentries: {} filed, {} anchored, {} verified by their owner\nrefusals: {}",
            self.entries.filed,
            self.entries.anchored,
            self.entries.verified,
            refusals.join(", ")
        )
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
    }

    #[test]
    fn refusals_are_counted_by_reason() {
        let mut report = Report::new(BTreeMap::new());
        report.refused("scope");
        report.refused("scope");
        assert_eq!(report.refusals.get("scope"), Some(&2));
    }
}

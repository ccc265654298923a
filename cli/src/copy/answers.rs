//! The hospital's answers, kept with their signatures.

use std::collections::BTreeMap;

use medrec_gate::bundle::{Answered, Contents, Counted, RecordListed};
use medrec_gate::{Answer, Endpoint, Entries, Finding, check::check_entries};
use medrec_rules::Purpose;
use medrec_wallet::Key;

use crate::Error;
use crate::chain::Chain;
use crate::gatekeeper::Gatekeeper;
use crate::home::Home;
use crate::reading::{self, Wanted};

/// No log has an entry behind this one (wire.md section 10): only the counter is asked for.
const BEHIND_ALL: u64 = 1 << 40;

/// Who asks whom for what.
pub struct Asker<'a> {
    pub chain: &'a Chain,
    pub home: &'a Home,
    pub gatekeeper: &'a Gatekeeper,
    pub relationship: u64,
    pub key: &'a Key,
}

impl Asker<'_> {
    /// One scope, checked against what was asked.
    pub async fn read(&self, scope: &str, findings: &mut Vec<String>) -> Result<Answer, Error> {
        let Asker { relationship, key, .. } = *self;
        let purpose = Purpose::PatientRequest;
        let wanted = Wanted { relationship, scope, purpose, card: None, key };
        let (answer, checked) = reading::ask(self.chain, self.gatekeeper, &wanted).await?;
        findings.extend(checked.findings.iter().map(|f| format!("{scope}: {f}")));
        reading::keep_promise(self.home, self.gatekeeper, &answer)?;
        Ok(answer)
    }

    /// How many entries the hospital signs that she has; asked before the log is read.
    pub async fn counter(&self, findings: &mut Vec<String>) -> Result<Counted, Error> {
        let Asker { chain, gatekeeper, relationship, key, .. } = *self;
        let endpoint = Endpoint::Entries { relationship, start_after: Some(BEHIND_ALL) };
        let (entries, _): (Entries, _) = gatekeeper.ask(key, endpoint, &[], Purpose::PatientRequest).await?;
        let (found, _) = check_entries(&entries, &gatekeeper.facts, &chain.contract, relationship);
        findings.extend(found.iter().map(Finding::to_string));
        Ok(Counted(entries.counter))
    }
}

/// As it is kept; `counters`: of the wallet's entries by their index in the log.
pub fn kept(answer: Answer, counters: &BTreeMap<u64, u64>) -> Answered {
    let records = answer.records.into_iter().map(|record| RecordListed {
        id: record.id,
        version: record.version,
        commitment: record.filed.entry().commitment(),
        mark: record.mark,
        filed: counters.get(&record.filed.index).copied(),
        content: Some(Contents { resource: record.resource, version_key: record.version_key }),
    });
    Answered { header: answer.header, signature: answer.signature, records: records.collect() }
}

//! What the programs print as JSON, as far as the scenario looks at it.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Deserialize;

/// `medrec-relayer staff list --json`: one relationship.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// The address of the card that was shown.
    pub patient: String,
    pub id: Option<u64>,
    pub status: String,
    pub error: Option<String>,
    pub filed: bool,
}

/// `medrec relationships --json`.
#[derive(Deserialize)]
pub struct Relationships {
    pub relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
pub struct Relationship {
    pub relationship: u64,
    pub status: String,
    pub grants: Vec<Grant>,
}

#[derive(Deserialize)]
pub struct Grant {
    pub grant: u32,
    pub viewer: String,
    pub until: u64,
    pub state: String,
}

/// `medrec grant --json`.
#[derive(Deserialize)]
pub struct Granted {
    pub grant: u32,
    pub until: u64,
    pub height: u64,
}

/// `medrec revoke --json`.
#[derive(Deserialize)]
pub struct OnChain {
    pub height: Option<u64>,
}

/// `medrec record --json` and `medrec read --json`.
#[derive(Deserialize)]
pub struct Records {
    /// As the hospitals have them.
    pub records: Vec<Item>,
    /// What several hospitals have, once; a viewer's read has none.
    #[serde(default)]
    pub items: Vec<Merged>,
}

/// One fact with the records it was read from.
#[derive(Deserialize)]
pub struct Merged {
    pub sources: Vec<Source>,
}

#[derive(Deserialize)]
pub struct Source {
    pub relationship: u64,
    pub id: String,
}

#[derive(Deserialize)]
pub struct Item {
    pub relationship: u64,
    pub scope: String,
    pub id: String,
    pub version: u32,
    pub mark: String,
    pub resource: serde_json::Value,
}

impl Records {
    pub fn all_marked(&self, mark: &str) -> Result<()> {
        let other = self.records.iter().find(|item| item.mark != mark);
        ensure!(
            other.is_none(),
            "a record of {} is marked {:?}, expected {mark:?}",
            other.map_or("", |item| &item.scope),
            other.map_or("", |item| &item.mark),
        );
        Ok(())
    }

    /// How many there are of each relationship.
    pub fn by_relationship(&self) -> BTreeMap<u64, u64> {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        for item in &self.records {
            let count = counts.entry(item.relationship).or_default();
            *count = count.saturating_add(1);
        }
        counts
    }
}

/// `medrec log --json`.
#[derive(Deserialize)]
pub struct Logs {
    pub logs: Vec<Log>,
}

#[derive(Deserialize)]
pub struct Log {
    pub relationship: u64,
    pub entries: Vec<Entry>,
    pub findings: Vec<serde_json::Value>,
    /// Whose copy was read, as the hospital itself did not answer.
    pub mirror: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub struct Entry {
    pub kind: Option<String>,
    pub scope: Option<String>,
    pub explained: Option<bool>,
    pub reason: Option<String>,
    pub name: Option<String>,
}

impl Log {
    /// Entries of one kind.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind.as_deref() == Some(kind))
    }
}

/// `medrec verify --json`.
#[derive(Deserialize)]
pub struct Verdicts {
    pub relationships: Vec<Verdict>,
}

#[derive(Deserialize)]
pub struct Verdict {
    pub relationship: Option<u64>,
    pub records: u64,
    pub changed_explained: u64,
    pub changed_unexplained: u64,
    pub entries: u64,
    #[serde(default)]
    pub removed: Vec<Removed>,
}

#[derive(Deserialize)]
pub struct Removed {
    pub explained: bool,
}

//! How the miner stands: `status.json`, written every few seconds, for `medrec-miner status` and for programs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::logs::{self, Standing};

/// The file, below the miner's home.
pub const FILE: &str = "status.json";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Seconds since 1970 at which this was so.
    pub at: u64,
    pub account: String,
    /// Height of the chain.
    pub height: u64,
    pub cores: u32,
    /// Percent of the time each core searches.
    pub share: u8,
    /// The seal that is looked for; 0 while there is no template.
    pub number: u64,
    /// Tries it takes on average, decimal.
    pub work: String,
    /// Entries that count, and of those the ones that are here.
    pub entries: u64,
    pub held: u64,
    /// Whole tries since the start, and tries given up because an entry is not here.
    pub tries: u64,
    pub skipped: u64,
    /// Whole tries a second, of late.
    pub rate: f64,
    /// Seconds to a seal of ours, on average.
    pub expected_seconds: Option<f64>,
    /// Seals of ours since the start, the newest last (at most 100), and those that were lost to others after we had
    /// found one.
    pub won: Vec<u64>,
    pub wins: u64,
    pub lost: u64,
    /// The institution that certified us; none: nobody did, so nothing is mined.
    pub certified_by: Option<u32>,
    pub mirrors: Vec<Standing>,
    /// What stands in the way.
    pub trouble: Option<String>,
}

impl Status {
    pub fn write(&self, home: &Path) -> Result<(), logs::FileError> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        logs::replace(home, FILE, &text)
    }

    /// None if no miner ever ran here.
    pub fn read(home: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(home.join(FILE)).ok()?).ok()
    }
}

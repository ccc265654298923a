//! What happened, one line each: on the screen, and in `events.jsonl`.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use medrec_mirror::Trouble;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// Facts of the miner, its mirrors and its seals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    Started {
        account: String,
        cores: u32,
        share: u8,
    },
    /// A new template: work begins anew.
    Work {
        number: u64,
        entries: u64,
        held: u64,
        work: String,
    },
    /// A seal of ours is in a block.
    Won {
        number: u64,
        id: String,
        height: u64,
    },
    /// Somebody else's seal was first, or the template is gone.
    Lost {
        number: u64,
        reason: String,
    },
    /// Could not be sent; the work goes on.
    Unsent {
        number: u64,
        reason: String,
    },
    Cosigned {
        heads: usize,
        height: u64,
    },
    Answered {
        slot: u32,
        index: u64,
    },
    /// The log broke its word.
    Caught {
        institution: u32,
        name: String,
        trouble: Trouble,
        reason: Option<String>,
    },
    /// The log is not to be had.
    Lacking {
        institution: u32,
        name: String,
        trouble: Trouble,
        reason: Option<String>,
    },
    Recovered {
        institution: u32,
        name: String,
    },
    /// Entries of a copy were damaged on this disk; they are fetched again.
    Damaged {
        institution: u32,
        entries: u64,
    },
    /// Evidence of a fork went to the chain, which took it.
    Reported {
        institution: u32,
        slot: u32,
        kind: String,
    },
    /// What was tried did not succeed; it is tried again.
    Failed {
        what: String,
        reason: String,
    },
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started { account, cores, share } => {
                write!(f, "mining as {account} on {cores} cores, {share} % of the time")
            }
            Self::Work { number, entries, held, work } => {
                write!(f, "seal {number}: {held} of {entries} entries are here, {work} tries on average")
            }
            Self::Won { number, id, height } => write!(f, "WON seal {number} ({id}) in block {height}"),
            Self::Lost { number, reason } => write!(f, "seal {number} went to somebody else: {reason}"),
            Self::Unsent { number, reason } => write!(f, "seal {number} was not sent: {reason}"),
            Self::Cosigned { heads, height } => write!(f, "vouched for {heads} heads in block {height}"),
            Self::Answered { slot, index } => {
                write!(f, "answered the challenge of log {slot}, entry {index}")
            }
            Self::Caught { institution, name, trouble, reason } => {
                write!(f, "CAUGHT: the log of {name} (institution {institution}) {trouble}{}", told(reason))
            }
            Self::Lacking { institution, name, trouble, reason } => {
                write!(f, "the log of {name} (institution {institution}) {trouble}{}", told(reason))
            }
            Self::Recovered { institution, name } => {
                write!(f, "the log of {name} (institution {institution}) is copied again")
            }
            Self::Damaged { institution, entries } => {
                write!(
                    f,
                    "{entries} entries of the copy of institution {institution} are damaged: fetched again"
                )
            }
            Self::Reported { institution, slot, kind } => {
                write!(f, "the fork of log {slot} (institution {institution}) is on chain: {kind}")
            }
            Self::Failed { what, reason } => write!(f, "{what}: {reason}"),
        }
    }
}

fn told(reason: &Option<String>) -> String {
    reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
}

/// A line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Seconds since 1970.
    pub at: u64,
    #[serde(flatten)]
    pub event: Event,
}

type Listener = Box<dyn Fn(&Line) + Send + Sync>;

/// Where events go. A clone is the same place.
#[derive(Clone)]
pub struct Events {
    clock: Arc<dyn Clock>,
    file: Option<Arc<PathBuf>>,
    listener: Arc<Mutex<Option<Listener>>>,
}

impl Events {
    /// `file`: appended to.
    pub fn new(clock: Arc<dyn Clock>, file: Option<&Path>) -> Self {
        Self { clock, file: file.map(|file| Arc::new(file.to_owned())), listener: Arc::default() }
    }

    /// Also tells events to a screen.
    pub fn listen(&self, listener: impl Fn(&Line) + Send + Sync + 'static) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
    }

    pub fn tell(&self, event: Event) {
        let line = Line { at: self.clock.now(), event };
        if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
            listener(&line);
        }
        if let Some(error) = self.append(&line).err() {
            tracing::warn!(%error, "events.jsonl cannot be written");
        }
    }

    fn append(&self, line: &Line) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = format!("{}\n", serde_json::to_string(line)?);
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(file.as_path())?;
        file.write_all(text.as_bytes())
    }
}

//! Refusals of the authlog.

use cosmwasm_std::StdError;

use super::Role;
use crate::validate::Invalid;

#[derive(thiserror::Error, Debug)]
pub enum Error {
    #[error("authlog: chain: {0}")]
    Chain(StdError),
    #[error("authlog: stored {item} cannot be read; the contract's state is damaged")]
    Damaged { item: &'static str },
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("{operation}: funds attached ({found}), send the message without any")]
    Funds { operation: &'static str, found: String },
    #[error("{operation}: sender {sender} is not {needed}")]
    Sender { operation: &'static str, sender: String, needed: Role },

    #[error("{operation}: the registrar knows no institution {institution}")]
    NoInstitution { operation: &'static str, institution: u32 },
    #[error("{operation}: institution {institution} is expelled")]
    InstitutionExpelled { operation: &'static str, institution: u32 },
    #[error("{operation}: there is no log in slot {slot}; {count} logs are admitted, from slot 0")]
    NoLog { operation: &'static str, slot: u32, count: u32 },
    #[error("{operation}: institution {institution} has no log; admit_log first")]
    NoLogOf { operation: &'static str, institution: u32 },
    #[error("admit_log: institution {institution}'s log is admitted already, in slot {slot}")]
    AdmittedAlready { institution: u32, slot: u32 },
    #[error("admit_log: all {max} slots are taken")]
    SlotsFull { max: u32 },

    #[error("anchor: log {slot} would shrink, anchored {anchored} entries, offered {offered}")]
    AnchorShrinks { slot: u32, anchored: u64, offered: u64 },
    #[error("anchor: log {slot} forks at {size} entries, anchored root {anchored}, offered {offered} (hex)")]
    AnchorForks { slot: u32, size: u64, anchored: String, offered: String },
    #[error(
        "anchor: log {slot} grew by {grown} entries since the last anchor, at most {allowed} are allowed by now; wait"
    )]
    AnchorGrowth { slot: u32, grown: u64, allowed: u64 },
    #[error("anchor: log {slot} claims {offered} entries, a log has at most {max}; start a successor log")]
    AnchorTooLarge { slot: u32, offered: u64, max: u64 },
    #[error("anchor: the signature is not by log {slot}'s key over its checkpoint at {size} entries")]
    AnchorSignature { slot: u32, size: u64 },
    #[error(
        "anchor: the consistency proof of log {slot} from {from} to {to} entries does not hold: {reason}"
    )]
    AnchorProof { slot: u32, from: u64, to: u64, reason: String },
    #[error("the sum tree of heads: {reason}")]
    AnchorHeads { reason: String },

    #[error("{operation}: no seals are kept yet; the consortium's set_sealing starts them")]
    NoSealing { operation: &'static str },
    #[error("{operation}: there is no seal {number}; there are {seals}, from 1")]
    NoSeal { operation: &'static str, number: u64, seals: u64 },
    #[error("{operation}: template {number} is not frozen yet; the newest is {newest}")]
    NoTemplate { operation: &'static str, number: u64, newest: u64 },
    #[error("set_sealing: {reason}")]
    Rules { reason: String },
    #[error("set_sealing: watched contract {contract} is named twice")]
    WatchedTwice { contract: String },
    #[error("{operation}: watched contract {contract}: {reason}")]
    Watched { operation: &'static str, contract: String, reason: String },

    #[error("cosign: log {slot} is institution {institution}'s own; nobody vouches for his own log")]
    CosignOwn { slot: u32, institution: u32 },
    #[error(
        "cosign: log {slot} has {anchored} entries anchored, vouched for are {offered}; wait for the anchor"
    )]
    CosignAhead { slot: u32, anchored: u64, offered: u64 },
    #[error(
        "cosign: the head of log {slot} at {size} entries is not shown to be under the anchor of {anchored}: {reason}; \
         ask for the anchor and prove again"
    )]
    CosignProof { slot: u32, size: u64, anchored: u64, reason: String },
    #[error("cosign: the signature is not by the cosigner's key over log {slot} at {size} entries")]
    CosignSignature { slot: u32, size: u64 },

    #[error("challenge: entry {index} of log {slot} is not attested, {attested} entries are")]
    ChallengeOutside { slot: u32, index: u64, attested: u64 },
    #[error(
        "challenge: institution {challenger} or a researcher of it asks log {slot} for entry {index} already, until \
         {deadline}; one at a time"
    )]
    ChallengeOpen { slot: u32, challenger: u32, index: u64, deadline: u64 },
    #[error("{operation}: log {slot} is not challenged by institution {challenger}")]
    NoChallenge { operation: &'static str, slot: u32, challenger: u32 },
    #[error("answer: this is not entry {index} of log {slot} at {size} entries: {reason}")]
    AnswerProof { slot: u32, index: u64, size: u64, reason: String },
    #[error("withhold: log {slot} has until {deadline} to answer, it is {now}")]
    ChallengeRuns { slot: u32, deadline: u64, now: u64 },
    #[error("withhold: log {slot} is withheld already for the challenge by institution {challenger}")]
    WithheldAlready { slot: u32, challenger: u32 },

    #[error("seal: not a seal {number} by {miner}: {reason}")]
    Seal { number: u64, miner: String, reason: String },
    #[error("seal: the signature is not by the researcher's key over the id of seal {number}, {id} (hex)")]
    SealSignature { number: u64, id: String },
    #[error("seal: numbers are used up")]
    SealsUsedUp,

    #[error("report: log {slot} is marked as forked already, by {kind}")]
    ForkedAlready { slot: u32, kind: String },
    #[error("report: {reason}")]
    NoConflict { reason: String },
    #[error(
        "report: signature {number} of the evidence is not by log {slot}'s key over what it is said to sign"
    )]
    ReportSignature { slot: u32, number: usize },

    #[error("set_growth_cap: this cap is in force already")]
    GrowthSame,
    #[error("migrate: this is {expected}, the state was written by {found}")]
    MigrateFrom { expected: String, found: String },
}

impl From<StdError> for Error {
    fn from(error: StdError) -> Self {
        Self::Chain(error)
    }
}

//! Events of the authlog.

use cosmwasm_std::Binary;

use crate::codec::events;

events! {
    /// What happened in the authlog.
    pub enum Event {
        LogAdmitted = "log_admitted" { slot: u32, institution: u32, origin: String, key: Binary },
        /// The log's newest checkpoint on chain: entries and RFC 6962 root.
        Anchored = "anchored" { slot: u32, size: u64, root: Binary },
        GrowthCapChanged = "growth_cap_changed" { burst: u64, per_second: u64 },
        /// Two institutions hold the log up to here: this head counts from the next template on.
        LogAttested = "log_attested" { slot: u32, size: u64, root: Binary },
        /// Entry `index` is to be shown by `deadline`, seconds; `challenger` is the institution of `by`.
        Challenged = "challenged" { slot: u32, challenger: u32, index: u64, deadline: u64, by: String },
        Answered = "answered" { slot: u32, challenger: u32, index: u64 },
        /// The log counts nothing from the next template on, until somebody answers.
        Withheld = "withheld" { slot: u32, challenger: u32, index: u64 },
        /// Rules of the seals from number `from` on; targets are 32 bytes.
        SealingSet = "sealing_set" {
            from: u64,
            interval: u64,
            half_life: u64,
            anchor: Binary,
            easiest: Binary,
            hardest: Binary,
            challenge_seconds: u64,
        },
        /// Seal `number` was found; `entries`: of all logs that it covers.
        Sealed = "sealed" { number: u64, id: Binary, miner: String, entries: u64 },
        /// The log's key signed two truths; `evidence` is the hash of what was shown.
        Forked = "forked" { slot: u32, kind: String, evidence: Binary },
    }
}

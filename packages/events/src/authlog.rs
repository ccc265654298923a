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
    }
}

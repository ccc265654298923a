//! Events of the relationship contract. All a relayer's projection needs, so that it never has to query.

use cosmwasm_std::Binary;
use medrec_api::{GrantKind, Party};
use medrec_rules::GrantTags;

use crate::codec::events;

events! {
    /// What happened in the relationship contract. Addresses are bech32, times seconds since 1970.
    pub enum Event {
        DelegatesAdmitted = "delegates_admitted" { count: u32 },
        SponsorChanged = "sponsor_changed" { sponsor: String },
        Opened = "opened" { id: u64, patient: String, steward: String, sealed: Binary },
        /// `by`: the patient, or a carer in her name.
        Accepted = "accepted" { id: u64, by: String, sealed: Binary },
        Rejected = "rejected" { id: u64 },
        /// `by`: the patient or the steward.
        Closed = "closed" { id: u64, by: String },
        /// `address`: the new address of that side.
        Rotated = "rotated" { id: u64, party: Party, address: String, sealed: Option<Binary> },
        /// `by`: the patient, or a carer in her name.
        Granted = "granted" {
            id: u64,
            grant: u32,
            by: String,
            viewer: String,
            kind: GrantKind,
            tags: GrantTags,
            from: u64,
            until: u64,
            sealed: Binary,
        },
        /// `by`: the patient, or a carer in her name.
        Revoked = "revoked" { id: u64, grant: u32, by: String },
        /// A mask of `bounty::Category` bits, 0 none; counts from the next block.
        ResearchChosen = "research_chosen" { id: u64, categories: u8 },
    }
}

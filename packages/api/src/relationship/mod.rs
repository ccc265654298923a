//! The relationship contract: patient–steward relationships and grants.

use cosmwasm_schema::{QueryResponses, cw_serde};
use cosmwasm_std::{Binary, Uint128};
pub use medrec_rules::{GrantKind, Party, Status};

mod error;
mod role;

pub use error::Error;
pub use role::{Role, role};

/// Delegates one `admit` takes at most.
pub const MAX_DELEGATES: usize = 100;
/// Addresses one `relationships` query takes at most.
pub const MAX_ADDRESSES: usize = 30;
/// Ids one `grants` query takes at most.
pub const MAX_IDS: usize = 30;
/// Bytes of `sealed` in `open` and `accept`: HPKE's 48 at least (wire.md section 4 makes 84 and 80).
pub const OPEN_SEALED: (usize, usize) = (48, 128);
/// Bytes of `sealed` in `grant` (wire.md section 5: 48 and a multiple of 64).
pub const GRANT_SEALED: (usize, usize) = (48, 432);
/// Bytes of `sealed` in `rotate`.
pub const ROTATE_SEALED: (usize, usize) = (48, 256);
/// Addresses whose fees a relationship pays beside the one `open` named: carers, and the patient's after `rotate`.
/// A bound, so that nobody makes allowances without end (security H5).
pub const EXTRA_ALLOWANCES: u8 = 4;

#[cw_serde]
pub struct InstantiateMsg {
    /// The consortium's group policy account.
    pub consortium: String,
    /// Admits delegates, shuffled over all institutions, at most 100 in a message.
    pub sponsor: String,
    pub allowance: Allowance,
}

/// What the contract grants from its own balance, so that the payer is the same for all.
#[cw_serde]
pub struct Allowance {
    pub denom: String,
    /// Upper bound of fees one address may spend.
    pub spend_limit: Uint128,
    /// Seconds after which it ends.
    pub lifetime: u64,
}

#[cw_serde]
pub enum ExecuteMsg {
    /// Sponsor. Each delegate may open one relationship; each gets a fee allowance.
    Admit { delegates: Vec<String> },
    /// An admitted, unused delegate becomes the steward. The patient's address gets a fee allowance.
    Open { patient: String, sealed: Binary },
    /// Patient, or a carer.
    Accept { id: u64, sealed: Binary },
    /// Patient.
    Reject { id: u64 },
    /// Patient or steward, also before `accept`. Ends grants and filing, never the patient's access.
    Close { id: u64 },
    /// Patient or steward moves his side to a new address (a steward: to an admitted, unused delegate).
    Rotate { id: u64, address: String, sealed: Option<Binary> },
    /// Patient, or a carer for kind `read`. `tags` [96]; `from` defaults to block time. Kind `act` also before
    /// `accept`, as the carer may be the one who accepts; he gets a fee allowance.
    Grant {
        id: u64,
        viewer: String,
        kind: GrantKind,
        tags: Binary,
        from: Option<u64>,
        until: u64,
        sealed: Binary,
    },
    /// Patient, or a carer for kind `read`.
    Revoke { id: u64, grant: u32 },
    /// Patient alone. What research may count of this relationship: a mask of `bounty::Category` bits, 0 none. Counts
    /// from the next block.
    SetResearch { id: u64, categories: u8 },
    /// Consortium.
    SetSponsor { sponsor: String },
}

#[cw_serde]
#[derive(QueryResponses)]
pub enum QueryMsg {
    #[returns(ConfigResponse)]
    Config {},
    #[returns(RelationshipResponse)]
    Relationship { id: u64 },
    /// The wallet's view: those whose patient is (or was) one of the addresses, at most 30 addresses.
    /// In order of id; `start_after` is an id.
    #[returns(RelationshipsResponse)]
    Relationships { addresses: Vec<String>, start_after: Option<u64>, limit: Option<u32> },
    /// All of them in order of id, for a relayer's rebuild.
    #[returns(RelationshipsResponse)]
    AllRelationships { start_after: Option<u64>, limit: Option<u32> },
    /// Grants of these relationships, at most 30, in order of id and number; `start_after` is (relationship, grant).
    #[returns(GrantsResponse)]
    Grants { ids: Vec<u64>, start_after: Option<(u64, u32)>, limit: Option<u32> },
    /// The viewer's summary, over all relationships; `start_after` is (relationship, grant).
    #[returns(GrantsResponse)]
    GrantsTo { viewer: String, start_after: Option<(u64, u32)>, limit: Option<u32> },
    #[returns(DelegateResponse)]
    Delegate { address: String },
}

#[cw_serde]
pub enum MigrateMsg {
    Same {},
}

#[cw_serde]
pub struct ConfigResponse {
    pub consortium: String,
    pub sponsor: String,
    pub allowance: Allowance,
}

#[cw_serde]
pub struct RelationshipResponse {
    pub id: u64,
    pub patient: String,
    pub steward: String,
    pub status: Status,
    /// Block time in seconds and height of `open`.
    pub opened_at: u64,
    pub opened_height: u64,
    /// The addresses `open` named: sealing is bound to them, `rotate` changes only the present ones.
    pub first_patient: String,
    pub first_steward: String,
    pub sealed_open: Binary,
    pub sealed_accept: Option<Binary>,
    /// Number of grants ever made.
    pub grants: u32,
    pub research: Research,
}

/// What the patient lets research count.
#[cw_serde]
#[derive(Copy, Eq, Default)]
pub struct Research {
    /// A mask of `bounty::Category` bits; 0, the default: nothing.
    pub categories: u8,
    /// The first block it counts in; 0 before any choice.
    pub since_height: u64,
}

#[cw_serde]
pub struct RelationshipsResponse {
    pub relationships: Vec<RelationshipResponse>,
}

#[cw_serde]
pub struct GrantResponse {
    /// The relationship's id.
    pub id: u64,
    /// Number of the grant within it, from 0.
    pub grant: u32,
    pub viewer: String,
    pub kind: GrantKind,
    pub tags: Binary,
    pub from: u64,
    pub until: u64,
    pub sealed: Binary,
    /// Block time of the revoke.
    pub revoked_at: Option<u64>,
}

#[cw_serde]
pub struct GrantsResponse {
    pub grants: Vec<GrantResponse>,
}

#[cw_serde]
pub enum DelegateStatus {
    Unknown,
    Admitted,
    Used { id: u64 },
}

#[cw_serde]
pub struct DelegateResponse {
    pub status: DelegateStatus,
}

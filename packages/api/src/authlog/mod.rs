//! The authlog: anchors of every institution's access log, the sum tree of heads.

use cosmwasm_schema::{QueryResponses, cw_serde};
use cosmwasm_std::Binary;

mod error;
mod role;

pub use error::Error;
pub use role::{Role, role};

/// Slots for logs; also leaves of the sum tree of heads.
pub const MAX_LOGS: u32 = 1_024;
/// Entries a log may have: 512 TiB of entries; a bound on what a lying size can claim (security H4).
pub const MAX_LOG_SIZE: u64 = 1 << 40;
/// Hashes in a consistency proof between two sizes up to [`MAX_LOG_SIZE`], at most.
pub const MAX_PROOF_HASHES: usize = 41;

#[cw_serde]
pub struct InstantiateMsg {
    /// The consortium's group policy account.
    pub consortium: String,
    /// Address of the registrar.
    pub registrar: String,
    pub growth: GrowthCap,
}

/// How fast a log may grow: since its admission or any earlier anchor by at most burst + per_second × seconds
/// elapsed (security H4).
#[cw_serde]
#[derive(Copy, Eq)]
pub struct GrowthCap {
    /// At least 1: a cap of nothing would stop every log for good.
    pub burst: u64,
    pub per_second: u64,
}

#[cw_serde]
pub enum ExecuteMsg {
    /// The institution's account. Learns origin and key from the registrar, once.
    AdmitLog { institution: u32 },
    /// The institution's account. `proof`: concatenated hashes [32] (wire.md section 10).
    Anchor { slot: u32, size: u64, root: Binary, signature: Binary, proof: Binary },
    /// Consortium.
    SetGrowthCap { growth: GrowthCap },
}

#[cw_serde]
#[derive(QueryResponses)]
pub enum QueryMsg {
    #[returns(ConfigResponse)]
    Config {},
    #[returns(LogResponse)]
    Log { slot: u32 },
    #[returns(LogResponse)]
    LogOf { institution: u32 },
    #[returns(LogsResponse)]
    Logs { start_after: Option<u32>, limit: Option<u32> },
    /// Root and total of the sum tree.
    #[returns(HeadsResponse)]
    Heads {},
    /// One head with its path of siblings in the sum tree.
    #[returns(HeadProofResponse)]
    HeadProof { slot: u32 },
}

#[cw_serde]
pub enum MigrateMsg {
    Same {},
}

#[cw_serde]
pub struct ConfigResponse {
    pub consortium: String,
    pub registrar: String,
    pub growth: GrowthCap,
}

#[cw_serde]
pub struct LogResponse {
    pub slot: u32,
    pub institution: u32,
    pub origin: String,
    pub key: Binary,
    pub size: u64,
    /// Before the first anchor: the root of an empty log, SHA-256 of nothing.
    pub root: Binary,
    /// Of the last anchor; empty before the first.
    pub signature: Binary,
    /// Height and block time of the last anchor, 0 before the first.
    pub anchored_height: u64,
    pub anchored_at: u64,
}

#[cw_serde]
pub struct LogsResponse {
    pub logs: Vec<LogResponse>,
}

#[cw_serde]
pub struct HeadsResponse {
    pub hash: Binary,
    /// Entries over all logs.
    pub total: u64,
}

#[cw_serde]
pub struct Node {
    pub hash: Binary,
    pub sum: u64,
}

#[cw_serde]
pub struct HeadProofResponse {
    pub slot: u32,
    pub head: Node,
    /// Siblings from the leaf up, ten of them.
    pub path: Vec<Node>,
}

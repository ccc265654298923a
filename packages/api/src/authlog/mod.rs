//! The authlog: anchors of every institution's access log, the sum tree of attested heads, seals by proof of work.

use cosmwasm_schema::{QueryResponses, cw_serde};
use cosmwasm_std::Binary;

use crate::Base85;

mod conflict;
mod error;
mod role;

pub use conflict::{Conflict, Inclusion, SignedRoot};
pub use error::Error;
pub use role::{Role, role};

/// Slots for logs; also leaves of the sum tree of heads.
pub const MAX_LOGS: u32 = 1_024;
/// Entries a log may have: 512 TiB of entries; a bound on what a lying size can claim (security H4).
pub const MAX_LOG_SIZE: u64 = 1 << 40;
/// Hashes in a consistency proof between two sizes up to [`MAX_LOG_SIZE`], at most.
pub const MAX_PROOF_HASHES: usize = 41;

/// Heads one `cosign` takes at most.
pub const MAX_COSIGNED: usize = 16;
/// Contracts whose own logs and code a seal covers, at most.
pub const MAX_WATCHED: usize = 8;
/// Bytes of `recalls` in a `seal`, at most: eight entries with proofs in logs of 2^40 entries and their heads' siblings.
pub const MAX_RECALLS: usize = 20_480;

/// Start of the raw key that the bounty contract reads: `sealed_by` ‖ u64(number) → the researcher's address as UTF-8
/// text.
pub const SEALED_BY_KEY: &[u8] = b"sealed_by";
/// Raw key of the number of seals: u64, absent before the first.
pub const SEAL_COUNT_KEY: &[u8] = b"seal_count";

/// Raw key of who won seal `number`.
#[must_use]
pub fn sealed_by_key(number: u64) -> Vec<u8> {
    [SEALED_BY_KEY, &number.to_be_bytes()].concat()
}

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
    /// Consortium. The first one freezes the template of seal 1; later ones hold from the next template on.
    SetSealing { sealing: Sealing },
    /// The cosigner's own account: he holds every entry of these heads and vouches for them (C2SP tlog-cosignature).
    Cosign { cosigner: Cosigner, heads: Vec<CosignedHead> },
    /// The challenger's own account: show entry `index` of this log, or the log counts nothing after the deadline. One
    /// at a time a log and institution, with the researchers it certified.
    Challenge { challenger: Cosigner, slot: u32, index: u64 },
    /// Anybody. `entry` [512], `proof`: RFC 6962 inclusion under the challenged root, concatenated hashes [32].
    /// `challenger`: institution of the challenge that is answered.
    Answer { slot: u32, challenger: u32, entry: Binary, proof: Binary },
    /// Anybody, once the deadline of that institution's challenge is over.
    Withhold { slot: u32, challenger: u32 },
    /// A certified researcher. `signature`: Ed25519 by the key he is certified with, over the seal's id;
    /// `recalls`: docs/spec/pow.md section 8.
    Seal { nonce: u64, signature: Binary, recalls: Base85 },
    /// Anybody. Marks a log as forked for all to see, if the evidence holds.
    Report { slot: u32, conflict: Conflict },
}

/// Parameters of the seals.
#[cw_serde]
pub struct Sealing {
    /// Seconds between two seals, on schedule.
    pub interval: u64,
    /// Seconds ahead of schedule that double the work.
    pub half_life: u64,
    /// Target [32] of the first seal after this message.
    pub anchor: Binary,
    /// No target [32] is easier.
    pub easiest: Binary,
    /// No target [32] is harder: the cap on energy.
    pub hardest: Binary,
    /// Seconds a challenged log has to show the entry.
    pub challenge_seconds: u64,
    /// Contracts whose own logs (raw key `log`) and code are sealed: registrar, relationship, bounty. At most 8.
    pub watched: Vec<String>,
}

/// Who vouches for a head: never the log's own institution.
#[cw_serde]
pub enum Cosigner {
    /// Signs with the key he is certified with.
    Researcher { account: String },
    /// Mirrors other logs and signs with its own log's key.
    Institution { id: u32 },
}

/// A head as a cosigner saw it.
#[cw_serde]
pub struct CosignedHead {
    pub slot: u32,
    pub size: u64,
    pub root: Binary,
    /// Seconds since 1970, part of what is signed.
    pub time: u64,
    /// Ed25519 over `cosignature/v1\ntime <time>\n<checkpoint text>`.
    pub signature: Binary,
    /// RFC 6962 consistency from this head to the anchored one, or to the one anchored before; empty if it is that.
    pub proof: Binary,
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
    /// One attested head with its path of siblings in the sum tree.
    #[returns(HeadProofResponse)]
    HeadProof { slot: u32 },
    /// Who vouched for what of one log; its open challenges.
    #[returns(AttestedResponse)]
    Attested { slot: u32 },
    /// Parameters of the seals; none before the first `set_sealing`.
    #[returns(SealingResponse)]
    Sealing {},
    /// Parameters of all time, in order of the seal from which they hold; `start_after` is a seal's number.
    #[returns(SealingsResponse)]
    Sealings { start_after: Option<u64>, limit: Option<u32> },
    /// All a miner needs for the next seal, in one answer.
    #[returns(TemplateResponse)]
    Template {},
    #[returns(SealResponse)]
    Seal { number: u64 },
    /// Seals in order of number.
    #[returns(SealsResponse)]
    Seals { start_after: Option<u64>, limit: Option<u32> },
    /// Attested heads that a seal covers, in order of slot; `start_after` is a slot.
    #[returns(SealedHeadsResponse)]
    SealedHeads { number: u64, start_after: Option<u32>, limit: Option<u32> },
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
    /// Somebody proved that the log's key signed two truths; when, and what.
    pub forked: Option<Fork>,
}

/// Evidence that was accepted, by its hash: the evidence itself is in the transaction.
#[cw_serde]
pub struct Fork {
    pub kind: String,
    pub evidence: Binary,
    pub height: u64,
    pub at: u64,
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

/// The head that counts, and what is known of it.
#[cw_serde]
pub struct AttestedResponse {
    pub slot: u32,
    /// The largest head that two cosigners of different institutions vouch for; size 0 before.
    pub size: u64,
    pub root: Binary,
    /// The largest head that anybody vouches for, and who.
    pub newest: Option<VouchedHead>,
    /// In order of challenger, the first 30.
    pub challenges: Vec<ChallengeState>,
    /// A challenge was not answered in time: the log counts nothing until all such are.
    pub withheld: bool,
}

#[cw_serde]
pub struct VouchedHead {
    pub cosigner: Cosigner,
    pub size: u64,
    pub root: Binary,
}

#[cw_serde]
pub struct ChallengeState {
    /// Institution that challenges, or that certified the researcher who does.
    pub challenger: u32,
    pub index: u64,
    /// The attested head at the time: what an answer proves inclusion in.
    pub size: u64,
    pub root: Binary,
    /// Block time in seconds.
    pub deadline: u64,
    /// It was not answered in time.
    pub withheld: bool,
}

#[cw_serde]
pub struct SealingResponse {
    pub sealing: Option<Sealing>,
    /// Seals so far.
    pub seals: u64,
    /// Work of all seals: tries on average, a 256-bit number.
    pub work: Binary,
}

#[cw_serde]
pub struct SealingsResponse {
    pub sealings: Vec<SealingFrom>,
}

#[cw_serde]
pub struct SealingFrom {
    /// Number of the first seal under them; it has their `anchor` as target.
    pub from: u64,
    pub sealing: Sealing,
}

/// What the next seal vouches for; frozen at the previous seal.
#[cw_serde]
pub struct TemplateResponse {
    pub number: u64,
    /// Id of the previous seal; zero bytes before the first.
    pub previous: Binary,
    pub sealed: Binary,
    pub entries: u64,
    pub target: Binary,
    /// Block time in seconds.
    pub frozen_at: u64,
    /// All that count, in order of slot.
    pub heads: Vec<SealedHead>,
    /// In the order of [`Sealing::watched`].
    pub watched: Vec<Watched>,
}

#[cw_serde]
pub struct SealedHead {
    pub slot: u32,
    pub origin: String,
    pub size: u64,
    pub root: Binary,
}

/// A contract's own log and code as a seal covers them.
#[cw_serde]
pub struct Watched {
    pub contract: String,
    /// Events of its log; 0 if it keeps none.
    pub size: u64,
    /// RFC 6962 root of its log.
    pub root: Binary,
    /// SHA-256 of its wasm.
    pub checksum: Binary,
}

#[cw_serde]
pub struct SealResponse {
    pub number: u64,
    pub previous: Binary,
    pub sealed: Binary,
    pub heads: HeadsResponse,
    pub target: Binary,
    pub frozen_at: u64,
    pub miner: String,
    pub nonce: u64,
    /// The last mix, at most the target.
    pub mix: Binary,
    pub signature: Binary,
    pub id: Binary,
    /// Height and block time in seconds.
    pub height: u64,
    pub at: u64,
    /// Work of all seals up to this one.
    pub work: Binary,
    pub watched: Vec<Watched>,
}

#[cw_serde]
pub struct SealsResponse {
    pub seals: Vec<SealResponse>,
}

#[cw_serde]
pub struct SealedHeadsResponse {
    pub heads: Vec<SealedHead>,
}

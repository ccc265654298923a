//! The registrar: who is an institution, who is a person, which keys they hold.

use cosmwasm_schema::{QueryResponses, cw_serde};
use cosmwasm_std::Binary;

mod certificate;
mod error;
mod registry;
mod role;

pub use certificate::certificate;
pub use error::Error;
pub use registry::{Registry, ResearcherRow};
pub use role::{Role, role};

/// Institutions `instantiate` takes at most.
pub const MAX_GENESIS: usize = 30;
/// Start of the raw key that other contracts read (wire.md section 11).
pub const STATUS_KEY: &[u8] = b"status";

/// Raw key of an institution's status: `status` ‖ u32(id). One byte: 1 active, 2 expelled.
#[must_use]
pub fn status_key(id: u32) -> Vec<u8> {
    [STATUS_KEY, &id.to_be_bytes()].concat()
}

/// Start of the other raw key that other contracts read (wire.md section 11).
pub const ACCOUNT_KEY: &[u8] = b"account";

/// Raw key of an institution's present account: `account` ‖ u32(id). The address as UTF-8 text.
#[must_use]
pub fn account_key(id: u32) -> Vec<u8> {
    [ACCOUNT_KEY, &id.to_be_bytes()].concat()
}

/// Start of the raw key that authlog and bounty read (wire.md section 11).
pub const RESEARCHER_KEY: &[u8] = b"researcher";

/// Raw key of a researcher: `researcher` ‖ address as UTF-8 text, of a [`ResearcherRow`]. He counts while his row and
/// his institution are active.
#[must_use]
pub fn researcher_key(account: &str) -> Vec<u8> {
    [RESEARCHER_KEY, account.as_bytes()].concat()
}

/// Raw key of a contract's own log (wire.md section 15): u64(size) ‖ hashes [32] of its complete subtrees.
pub const LOG_KEY: &[u8] = b"log";

/// Who may register persons: policy as data.
#[cw_serde]
#[derive(Copy, Eq)]
pub enum RegistrationPolicy {
    /// Any active institution certifies a person.
    Institutions,
    /// The consortium only.
    Consortium,
}

#[cw_serde]
pub struct InstantiateMsg {
    /// The consortium's group policy account: admits, expels, re-keys.
    pub consortium: String,
    pub registration: RegistrationPolicy,
    /// Institutions present from genesis; ids 1, 2, … in this order. At most 30.
    pub institutions: Vec<NewInstitution>,
}

/// An institution's public facts. Keys: docs/spec/wire.md section 1.
#[cw_serde]
pub struct NewInstitution {
    /// Shown to people, 1 to 64 bytes.
    pub name: String,
    /// Base URL of its gatekeeper, `https://…` or `http://127.0.0.1…`, at most 128 bytes.
    pub url: String,
    /// The account that anchors its log and registers persons.
    pub account: String,
    /// Ed25519 [32], signs cards and answers.
    pub signing_key: Binary,
    /// Origin and key name of its access log, at most 128 bytes.
    pub log_origin: String,
    /// Ed25519 [32], signs checkpoints.
    pub log_key: Binary,
    /// X25519 [32].
    pub encryption_key: Binary,
}

/// A researcher's public facts.
#[cw_serde]
pub struct NewResearcher {
    /// Sends seals, cosignatures and bounty messages.
    pub account: String,
    /// Shown to people, 1 to 64 bytes.
    pub name: String,
    /// Ed25519 [32], his alone: signs seals and cosigns heads.
    pub key: Binary,
    /// X25519 [32], answers are sealed to it.
    pub encryption_key: Binary,
    /// Ed25519 by the institution's signing key (wire.md section 11): an export proves whose researcher he was.
    pub certificate: Binary,
}

#[cw_serde]
pub enum ExecuteMsg {
    /// Consortium.
    AdmitInstitution { institution: NewInstitution },
    /// Consortium. Expelled institutions stay listed; their id is never used again.
    ExpelInstitution { id: u32 },
    /// Consortium. Replaces URL and keys; `log_origin` stays, as a log has one name for ever.
    RekeyInstitution {
        id: u32,
        url: Option<String>,
        account: Option<String>,
        signing_key: Option<Binary>,
        encryption_key: Option<Binary>,
    },
    /// By policy: an active institution or the consortium certifies a person.
    RegisterPerson { handle: Binary, address: String, encryption_key: Binary },
    /// The person's present address moves the handle to a new one.
    RotatePerson { handle: Binary, address: String, encryption_key: Binary },
    /// Consortium.
    SetRegistrationPolicy { registration: RegistrationPolicy },
    /// An active institution's account certifies a researcher, who may then mine and cosign.
    CertifyResearcher { researcher: NewResearcher },
    /// The certifying institution, or the consortium. For good: a researcher comes back under a new account.
    WithdrawResearcher { account: String },
}

#[cw_serde]
#[derive(QueryResponses)]
pub enum QueryMsg {
    #[returns(ConfigResponse)]
    Config {},
    #[returns(InstitutionResponse)]
    Institution { id: u32 },
    #[returns(InstitutionsResponse)]
    Institutions { start_after: Option<u32>, limit: Option<u32> },
    /// By the account that anchors.
    #[returns(InstitutionResponse)]
    InstitutionByAccount { account: String },
    #[returns(PersonResponse)]
    Person { handle: Binary },
    #[returns(ResearcherResponse)]
    Researcher { account: String },
    /// In order of account.
    #[returns(ResearchersResponse)]
    Researchers { start_after: Option<String>, limit: Option<u32> },
}

#[cw_serde]
pub enum MigrateMsg {
    Same {},
}

#[cw_serde]
pub struct ConfigResponse {
    pub consortium: String,
    pub registration: RegistrationPolicy,
}

#[cw_serde]
#[derive(Copy, Eq)]
pub enum InstitutionStatus {
    Active,
    Expelled,
}

impl InstitutionStatus {
    /// The byte under [`status_key`].
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Expelled => 2,
        }
    }
}

#[cw_serde]
pub struct InstitutionResponse {
    pub id: u32,
    pub status: InstitutionStatus,
    pub name: String,
    pub url: String,
    pub account: String,
    pub signing_key: Binary,
    pub log_origin: String,
    pub log_key: Binary,
    pub encryption_key: Binary,
}

#[cw_serde]
pub struct InstitutionsResponse {
    pub institutions: Vec<InstitutionResponse>,
}

#[cw_serde]
pub struct PersonResponse {
    pub handle: Binary,
    pub address: String,
    pub encryption_key: Binary,
    /// Id of the institution that certified the person; none: the consortium.
    pub certified_by: Option<u32>,
}

#[cw_serde]
#[derive(Copy, Eq)]
pub enum ResearcherStatus {
    Active,
    Withdrawn,
}

impl ResearcherStatus {
    /// The byte under [`researcher_key`].
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Withdrawn => 2,
        }
    }

    /// What [`ResearcherStatus::byte`] gave.
    #[must_use]
    pub const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Active),
            2 => Some(Self::Withdrawn),
            _ => None,
        }
    }
}

#[cw_serde]
pub struct ResearcherResponse {
    pub account: String,
    /// His own; he counts only while his institution is active too.
    pub status: ResearcherStatus,
    pub certified_by: u32,
    pub name: String,
    pub key: Binary,
    pub encryption_key: Binary,
    pub certificate: Binary,
}

#[cw_serde]
pub struct ResearchersResponse {
    pub researchers: Vec<ResearcherResponse>,
}

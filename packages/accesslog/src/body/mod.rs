//! What an entry says.

mod decode;
mod encode;

use medrec_merkle::Hash;

/// Bytes an entry has for its body's CBOR.
pub const MAX_BODY: usize = 398;

/// Kinds that are public.
pub(crate) const SCOPES: u64 = 16;
pub(crate) const COUNTERS: u64 = 17;

/// What an entry says: wire.md section 7. `at`: seconds since 1970 by the institution's clock; `height`: of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Filed(Filed),
    Read(Read),
    Refused(Refused),
    /// First entry of a relationship: its ratchet is in use from here.
    Opened {
        at: u64,
        height: u64,
    },
    GrantSeen {
        at: u64,
        height: u64,
        grant: u32,
    },
    RevokeSeen {
        at: u64,
        height: u64,
        grant: u32,
    },
    Closed {
        at: u64,
        height: u64,
    },
    Removed(Removed),
    RevokeReceived(RevokeReceived),
    Acknowledged(Marking),
    /// `note`: why, in the patient's words; may be empty.
    Disputed {
        marking: Marking,
        note: String,
    },
    /// A question was answered in aggregate; told to everybody whose research choice allowed its category, whether or not
    /// anything of hers was in it.
    Counted(Counted),
    /// Scope definitions in force, part `part` of `parts` (from 1): public, never sealed.
    Scopes {
        at: u64,
        part: u32,
        parts: u32,
        scopes: Vec<Scope>,
    },
    /// Public too.
    Counters(Counters),
    /// Of a later version: to be shown as such, never refused.
    Unknown {
        kind: u64,
        cbor: Vec<u8>,
    },
}

/// A record was filed: the entry carries its commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    pub at: u64,
    pub record_id: [u8; 16],
    /// From 1.
    pub version: u32,
    pub resource_type: String,
    pub scope: String,
    pub scope_hash: Hash,
    pub explained: Explained,
}

/// Whether the institution's own change columns moved with the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explained {
    New,
    Explained,
    Unexplained,
}

/// A read was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub at: u64,
    pub height: u64,
    /// Hash of the signed request.
    pub request: Hash,
    /// `None`: the patient's own read.
    pub grant: Option<u32>,
    /// Bech32.
    pub requester: String,
    pub scope: String,
    pub purpose: String,
    /// SHA-256 of the card's CBOR.
    pub card: Option<Hash>,
    /// As on the card; empty (and institution 0) without one.
    pub viewer_name: String,
    pub viewer_role: String,
    pub viewer_institution: u32,
    pub record_count: u32,
    /// Root over the records of the answer.
    pub manifest: Hash,
}

/// A read was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub at: u64,
    pub height: u64,
    pub request: Hash,
    pub requester: String,
    pub scope: String,
    pub purpose: String,
    /// Reason code of wire.md section 9.
    pub reason: String,
}

/// A record has no row any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    pub at: u64,
    pub record_id: [u8; 16],
    /// The one after the last version filed.
    pub version: u32,
    pub scope: String,
    pub scope_hash: Hash,
    /// Whether the institution's own change columns tell of it.
    pub explained: bool,
}

/// A revoke handed to the gatekeeper itself: obeyed from here on, whatever the chain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeReceived {
    pub at: u64,
    pub height: u64,
    pub request: Hash,
    pub requester: String,
    pub grant: u32,
}

/// What the patient says of one version of a record; the later word stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marking {
    pub at: u64,
    pub height: u64,
    pub request: Hash,
    pub requester: String,
    pub record_id: [u8; 16],
    pub version: u32,
}

/// A research desk answered a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub at: u64,
    /// Choices counted as of this block.
    pub height: u64,
    /// Hash of the question.
    pub question: Hash,
    /// FHIR observation category, as the patient chose it.
    pub category: String,
}

/// The daily counter map: how many entries every relationship has among the first `size` ([`crate::CounterMap`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    pub at: u64,
    /// Days since 1970 of the UTC day that is over.
    pub day: u32,
    /// Entries in the log before this one.
    pub size: u64,
    /// Leaves of the map, random ones included.
    pub leaves: u32,
    /// RFC 6962 tree hash over them.
    pub root: Hash,
}

/// A scope and the hash of its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub scope: String,
    pub scope_hash: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body does not fit an entry: {actual} bytes of at most {max}; nothing is ever cut off")]
    TooLarge { actual: usize, max: usize },
    #[error("{field} is {actual} bytes long, at most {max} are allowed")]
    FieldTooLong { field: &'static str, actual: usize, max: usize },
    #[error("{field} must be {expected} bytes, not {actual}")]
    FieldLength { field: &'static str, expected: usize, actual: usize },
    #[error("the body is not the CBOR array [kind, …] that wire.md section 7 describes: {0}")]
    Cbor(String),
    #[error("kind {kind} has {expected} fields, this body has {actual}")]
    FieldCount { kind: u64, expected: u64, actual: u64 },
    #[error("a record is new (0), explained (1) or unexplained (2), not {found}")]
    Explained { found: u8 },
    #[error("a removal is explained (1) or unexplained (2), not {found}")]
    Removed { found: u8 },
    #[error("part {part} of {parts} does not exist: parts count from 1")]
    Part { part: u32, parts: u32 },
    #[error("the body is not in its shortest encoding, or bytes follow it")]
    NotCanonical,
}

impl Body {
    /// Number of wire.md section 7.
    pub fn kind(&self) -> u64 {
        match self {
            Self::Filed(_) => 0,
            Self::Read(_) => 1,
            Self::Refused(_) => 2,
            Self::Opened { .. } => 3,
            Self::GrantSeen { .. } => 4,
            Self::RevokeSeen { .. } => 5,
            Self::Closed { .. } => 6,
            Self::Removed(_) => 7,
            Self::RevokeReceived(_) => 8,
            Self::Acknowledged(_) => 9,
            Self::Disputed { .. } => 10,
            Self::Counted(_) => 11,
            Self::Scopes { .. } => SCOPES,
            Self::Counters(_) => COUNTERS,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// Name of wire.md section 7.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Filed(_) => "filed",
            Self::Read(_) => "read",
            Self::Refused(_) => "refused",
            Self::Opened { .. } => "opened",
            Self::GrantSeen { .. } => "grant-seen",
            Self::RevokeSeen { .. } => "revoke-seen",
            Self::Closed { .. } => "closed",
            Self::Removed(_) => "removed",
            Self::RevokeReceived(_) => "revoke-received",
            Self::Acknowledged(_) => "acknowledged",
            Self::Disputed { .. } => "disputed",
            Self::Counted(_) => "counted",
            Self::Scopes { .. } => "scopes",
            Self::Counters(_) => "counters",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// In the clear, for everybody.
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Scopes { .. } | Self::Counters(_))
    }

    /// When, seconds since 1970; none in a kind this version does not know.
    pub fn at(&self) -> Option<u64> {
        match self {
            Self::Filed(filed) => Some(filed.at),
            Self::Read(read) => Some(read.at),
            Self::Refused(refused) => Some(refused.at),
            Self::Removed(removed) => Some(removed.at),
            Self::RevokeReceived(received) => Some(received.at),
            Self::Acknowledged(marking) | Self::Disputed { marking, .. } => Some(marking.at),
            Self::Counted(counted) => Some(counted.at),
            Self::Counters(counters) => Some(counters.at),
            Self::Opened { at, .. }
            | Self::GrantSeen { at, .. }
            | Self::RevokeSeen { at, .. }
            | Self::Closed { at, .. }
            | Self::Scopes { at, .. } => Some(*at),
            Self::Unknown { .. } => None,
        }
    }
}

/// Fields after the kind.
fn fields_of(kind: u64) -> Option<u64> {
    match kind {
        0 | 2 | 10 => Some(7),
        1 => Some(13),
        3 | 6 => Some(2),
        4 | 5 => Some(3),
        11 => Some(4),
        7 | 9 => Some(6),
        8 => Some(5),
        SCOPES => Some(4),
        COUNTERS => Some(5),
        _ => None,
    }
}

//! What a gatekeeper can be asked, and the strict bodies (wire.md section 8).

use std::fmt;

use medrec_rules::{ANY, check_scope};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::encoding::hex_fixed;
use crate::{Reason, Refusal};

const PREFIX: &str = "/v1/relationships/";
/// Longest note of a dispute, bytes.
pub const MAX_NOTE: usize = 120;

/// What is asked of a gatekeeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/relationships/{id}/read`
    Read { relationship: u64 },
    /// `GET /v1/relationships/{id}/entries[?start_after=N]`
    Entries { relationship: u64, start_after: Option<u64> },
    /// `POST /v1/relationships/{id}/revoke`: obeyed at once, whatever the chain says.
    Revoke { relationship: u64 },
    /// `POST /v1/relationships/{id}/acknowledge`
    Acknowledge { relationship: u64 },
    /// `POST /v1/relationships/{id}/dispute`
    Dispute { relationship: u64 },
    /// `GET /v1/relationships/{id}/notices`
    Notices { relationship: u64 },
}

impl Endpoint {
    pub const fn method(self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Revoke { .. } | Self::Acknowledge { .. } | Self::Dispute { .. } => {
                "POST"
            }
            Self::Entries { .. } | Self::Notices { .. } => "GET",
        }
    }

    pub const fn relationship(self) -> u64 {
        match self {
            Self::Read { relationship }
            | Self::Entries { relationship, .. }
            | Self::Revoke { relationship }
            | Self::Acknowledge { relationship }
            | Self::Dispute { relationship }
            | Self::Notices { relationship } => relationship,
        }
    }

    /// Last part of the path.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Entries { .. } => "entries",
            Self::Revoke { .. } => "revoke",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Dispute { .. } => "dispute",
            Self::Notices { .. } => "notices",
        }
    }

    /// The endpoint of a method, path and query as a server received them; one spelling of each.
    pub fn parse(method: &str, path_and_query: &str) -> Option<Endpoint> {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let (id, action) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let relationship = id.parse().ok()?;
        let endpoint = match (action, query) {
            ("read", None) => Self::Read { relationship },
            ("entries", None) => Self::Entries { relationship, start_after: None },
            ("entries", Some(query)) => {
                let start_after = Some(query.strip_prefix("start_after=")?.parse().ok()?);
                Self::Entries { relationship, start_after }
            }
            ("revoke", None) => Self::Revoke { relationship },
            ("acknowledge", None) => Self::Acknowledge { relationship },
            ("dispute", None) => Self::Dispute { relationship },
            ("notices", None) => Self::Notices { relationship },
            _ => return None,
        };
        (endpoint.method() == method && endpoint.to_string() == path_and_query).then_some(endpoint)
    }
}

/// Path and query.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.relationship(), self.action())?;
        match self {
            Self::Entries { start_after: Some(n), .. } => write!(f, "?start_after={n}"),
            _ => Ok(()),
        }
    }
}

/// Body of a read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadBody {
    pub scope: String,
    /// The requester's card, text form; a patient needs none.
    #[serde(default)]
    pub card: Option<String>,
}

/// Body of a direct revoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeBody {
    /// Number of the grant within the relationship.
    pub grant: u32,
}

/// Body of an acknowledgement: this version of this record is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeBody {
    /// 32 digits, lower case.
    #[serde(with = "hex_fixed")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: [u8; 16],
    /// From 1.
    pub version: u32,
}

/// Body of a dispute: this version of this record is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DisputeBody {
    /// 32 digits, lower case.
    #[serde(with = "hex_fixed")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub record: [u8; 16],
    /// From 1.
    pub version: u32,
    /// At most [`MAX_NOTE`] bytes; shown to every viewer of the record.
    pub note: String,
}

impl ReadBody {
    /// Strict: known fields only, one valid scope id (not `*`).
    pub fn parse(body: &[u8]) -> Result<ReadBody, Refusal> {
        let read: ReadBody = strict(body)?;
        check_scope(&read.scope).map_err(|e| malformed(e.to_string()))?;
        if read.scope == ANY { Err(malformed("one scope is read at a time".into())) } else { Ok(read) }
    }
}

impl RevokeBody {
    pub fn parse(body: &[u8]) -> Result<RevokeBody, Refusal> {
        strict(body)
    }
}

impl AcknowledgeBody {
    pub fn parse(body: &[u8]) -> Result<AcknowledgeBody, Refusal> {
        strict(body)
    }
}

impl DisputeBody {
    pub fn parse(body: &[u8]) -> Result<DisputeBody, Refusal> {
        let dispute: DisputeBody = strict(body)?;
        let note = &dispute.note;
        // Shown on terminals and screens of others: nothing that moves a cursor.
        if note.len() > MAX_NOTE || note.chars().any(char::is_control) {
            let size = note.len();
            return Err(malformed(format!(
                "note of {size} bytes: at most {MAX_NOTE}, no control characters"
            )));
        }
        Ok(dispute)
    }
}

fn strict<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|e| malformed(format!("body: line {} column {}", e.line(), e.column())))
}

fn malformed(detail: String) -> Refusal {
    Refusal::new(Reason::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_have_one_spelling() {
        let all = [
            Endpoint::Read { relationship: 0 },
            Endpoint::Entries { relationship: 7, start_after: None },
            Endpoint::Entries { relationship: u64::MAX, start_after: Some(0) },
            Endpoint::Revoke { relationship: 1 },
            Endpoint::Acknowledge { relationship: 1 },
            Endpoint::Dispute { relationship: 1 },
            Endpoint::Notices { relationship: 1 },
        ];
        for endpoint in all {
            assert_eq!(Endpoint::parse(endpoint.method(), &endpoint.to_string()), Some(endpoint));
            for method in ["PUT", "get", "Post", "DELETE", ""] {
                assert_eq!(Endpoint::parse(method, &endpoint.to_string()), None);
            }
        }
        for wrong in [
            "/v1/relationships/01/read",
            "/v1/relationships/+1/read",
            "/v1/relationships/1/read?",
            "/v1/relationships//read",
            "/v1/relationships/1/read/",
            "/v2/relationships/1/read",
            "/v1/relationships/1/revoke?start_after=1",
            "/v1/relationships/1/Dispute",
            "",
        ] {
            assert_eq!(Endpoint::parse("POST", wrong), None, "{wrong}");
        }
        assert_eq!(Endpoint::parse("GET", "/v1/relationships/1/entries?start_after=1&x=2"), None);
    }

    #[test]
    fn bodies_are_strict() {
        let bad = |parsed: Result<(), Refusal>| assert_eq!(parsed.unwrap_err().reason, Reason::Malformed);
        assert!(ReadBody::parse(br#"{"scope":"labs"}"#).is_ok());
        for body in
            ["", "{}", r#"{"scope":"*"}"#, r#"{"scope":"Labs"}"#, r#"{"scope":"labs","x":1}"#, "[\"labs\"]x"]
        {
            bad(ReadBody::parse(body.as_bytes()).map(drop));
        }
        assert_eq!(RevokeBody::parse(br#"{"grant":3}"#).unwrap().grant, 3);
        for body in ["", "{}", r#"{"grant":-1}"#, r#"{"grant":1.0}"#, r#"{"grant":4294967296}"#, "3"] {
            bad(RevokeBody::parse(body.as_bytes()).map(drop));
        }
        let record = "0a".repeat(16);
        let good = format!(r#"{{"record":"{record}","version":2}}"#);
        assert_eq!(AcknowledgeBody::parse(good.as_bytes()).unwrap().record, [10; 16]);
        for body in [
            good.replace("0a", "0A"),
            good.replace("0a0a0a", "0a"),
            good.replace('2', "-2"),
            good.replace('}', ",\"note\":\"x\"}"),
        ] {
            bad(AcknowledgeBody::parse(body.as_bytes()).map(drop));
        }
        let dispute = |note: &str| {
            let body = serde_json::json!({"record": record, "version": 1, "note": note});
            DisputeBody::parse(body.to_string().as_bytes())
        };
        assert_eq!(dispute("not my blood").unwrap().note, "not my blood");
        assert!(dispute(&"é".repeat(60)).is_ok());
        for note in ["é".repeat(61), "\u{1b}[2J".into(), "a\nb".into()] {
            bad(dispute(&note).map(drop));
        }
        bad(DisputeBody::parse(good.as_bytes()).map(drop));
    }
}

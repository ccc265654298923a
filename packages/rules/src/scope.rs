//! Words for scopes and purposes (docs/spec/wire.md section 5).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Stands for every scope, or for any purpose.
pub const ANY: &str = "*";

#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum ScopeError {
    #[error(
        "scope id {found:?}: must be 1 to 24 of the characters a-z, 0-9 and '-', or '*' alone for every scope"
    )]
    Scope { found: String },
    #[error(
        "purpose {found:?}: must be one of treatment, payment, operations, research, emergency, \
         patient-request, or '*' for any where a grant is made"
    )]
    Purpose { found: String },
}

/// Checks a scope id, `*` included.
pub fn check_scope(id: &str) -> Result<(), ScopeError> {
    let plain = (1..=24).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain || id == ANY { Ok(()) } else { Err(ScopeError::Scope { found: id.to_owned() }) }
}

/// Why somebody reads.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    Treatment,
    Payment,
    Operations,
    Research,
    Emergency,
    PatientRequest,
}

impl Purpose {
    pub const ALL: [Self; 6] = [
        Self::Treatment,
        Self::Payment,
        Self::Operations,
        Self::Research,
        Self::Emergency,
        Self::PatientRequest,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Payment => "payment",
            Self::Operations => "operations",
            Self::Research => "research",
            Self::Emergency => "emergency",
            Self::PatientRequest => "patient-request",
        }
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = ScopeError;

    fn from_str(word: &str) -> Result<Self, ScopeError> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
            .ok_or_else(|| ScopeError::Purpose { found: word.to_owned() })
    }
}

//! The facts the rules decide from.

use serde::{Deserialize, Serialize};

use crate::GrantTags;

/// What a grant lets its viewer do.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "schema",
    derive(cosmwasm_schema::schemars::JsonSchema, cosmwasm_schema::cw_schema::Schemaifier),
    schemars(crate = "::cosmwasm_schema::schemars"),
    schemaifier(crate = "::cosmwasm_schema::cw_schema")
)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// Reads.
    Read,
    /// A carer: accepts, grants, revokes and reads in the patient's name. Makes no carers.
    Act,
}

/// Where a relationship stands. `Rejected` and `Closed` are final.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "schema",
    derive(cosmwasm_schema::schemars::JsonSchema, cosmwasm_schema::cw_schema::Schemaifier),
    schemars(crate = "::cosmwasm_schema::schemars"),
    schemaifier(crate = "::cosmwasm_schema::cw_schema")
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Opened by the steward; the patient has not answered.
    Offered,
    Active,
    Rejected,
    /// Grants and filing ended; the patient still reads.
    Closed,
}

/// A side of a relationship.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "schema",
    derive(cosmwasm_schema::schemars::JsonSchema, cosmwasm_schema::cw_schema::Schemaifier),
    schemars(crate = "::cosmwasm_schema::schemars"),
    schemaifier(crate = "::cosmwasm_schema::cw_schema")
)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Patient,
    Steward,
}

impl Status {
    /// The word used in JSON and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Closed => "closed",
        }
    }
}

impl GrantKind {
    /// The word used in JSON and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Act => "act",
        }
    }

    /// Reverse of [`Self::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Act].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Party {
    /// The word used in JSON and in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Steward => "steward",
        }
    }

    /// Reverse of [`Self::as_str`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Patient, Self::Steward].into_iter().find(|party| party.as_str() == word)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for GrantKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A relationship as the rules see it: its present addresses (bech32) and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relationship<'a> {
    pub patient: &'a str,
    pub steward: &'a str,
    pub status: Status,
}

/// A grant of that relationship. It holds in `[from, until)`, seconds of block time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant<'a> {
    /// Number within the relationship, from 0.
    pub number: u32,
    /// The viewer's address (bech32).
    pub viewer: &'a str,
    pub kind: GrantKind,
    pub tags: GrantTags,
    pub from: u64,
    pub until: u64,
    pub revoked: bool,
}

//! Events of the bounty contract. All a relayer's projection and a researcher need, so that neither has to query.

use cosmwasm_std::{Binary, from_json, to_json_string};
use medrec_api::bounty::{CatalogueEntry, Question};

use crate::codec::{Field, Unreadable, events};

/// What open offers may be asked, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue(pub Vec<CatalogueEntry>);

events! {
    /// What happened in the bounty contract. Offers are named by their id [32]; ε in micro-ε; `*_seals` and `seals` count
    /// seals.
    pub enum Event {
        BudgetSet = "budget_set" { institution: u32, total: u64 },
        CatalogueSet = "catalogue_set" { institution: u32, version: u32, entries: Catalogue },
        /// `question`: of a fixed offer; `catalogue`: version of an open one's. `seals`: how many there were.
        Offered = "offered" {
            offer: Binary,
            number: u64,
            institution: u32,
            question: Option<Question>,
            catalogue: Option<u32>,
            price: u64,
            commitment: Binary,
            claim_seals: u32,
            ask_seals: u32,
            answer_seconds: u64,
            reuses: Option<Binary>,
            seals: u64,
        },
        /// `seal`: the one that made him owner; `seals`: how many there were at the claim. A fixed offer is asked next.
        Owned = "owned" {
            offer: Binary,
            institution: u32,
            owner: String,
            encryption_key: Binary,
            seal: u64,
            seals: u64,
        },
        /// `answer_by`: block time in seconds.
        Asked = "asked" { offer: Binary, institution: u32, question: Question, spent: u64, answer_by: u64 },
        /// `answer`: sealed to the owner's key; `hash`: SHA-256 of it.
        Delivered = "delivered" { offer: Binary, institution: u32, hash: Binary, answer: Binary },
        Missed = "missed" { offer: Binary, institution: u32 },
        Released = "released" { offer: Binary, institution: u32, released: u64 },
    }
}

/// Checked by the contract before it was sent: what cannot be read is of another version.
fn from_text<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    from_json(text.as_bytes()).map_err(|error| Unreadable::Schema(error.to_string()))
}

impl Field for Question {
    fn write(&self) -> Option<String> {
        to_json_string(self).ok()
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        from_text(text)
    }
}

impl Field for Catalogue {
    fn write(&self) -> Option<String> {
        to_json_string(&self.0).ok()
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        from_text(text).map(Self)
    }
}

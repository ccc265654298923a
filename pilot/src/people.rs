//! The people of the scenario: each has a wallet of her own, in a folder of her own.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use crate::tools::Tools;

/// A patient, as the hospital and as her wallet know her.
#[derive(Debug, Clone)]
pub struct Patient {
    /// Her wallet's folder.
    pub home: PathBuf,
    /// Her 24 words, as `medrec wallet new` showed them once.
    pub words: String,
    /// The card she hands to the hospital.
    pub card: String,
    /// The hospital's own id of her.
    pub local_id: String,
    /// The relationship's number, once opened.
    pub relationship: u64,
    /// Rows the hospital has of her.
    pub records: u64,
}

/// A viewer from another institution.
#[derive(Debug, Clone)]
pub struct Clinician {
    pub home: PathBuf,
    /// The card, signed by the institution.
    pub card: String,
}

#[derive(Deserialize)]
struct NewWallet {
    words: String,
}

/// What `medrec card --json` prints.
#[derive(Deserialize)]
pub struct NewCard {
    pub card: String,
}

/// A new wallet and its first card: (words, card).
pub async fn wallet(tools: &Tools, home: &Path) -> Result<(String, String)> {
    std::fs::create_dir_all(home.parent().unwrap_or(home))?;
    let made: NewWallet = tools.medrec(home, &["wallet", "new", "--json"]).await?.json("make a wallet")?;
    let card: NewCard = tools.medrec(home, &["card", "--json"]).await?.json("make a card")?;
    Ok((made.words, card.card))
}

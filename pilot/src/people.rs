//! The people of the scenario: each has a wallet of her own, in a folder of her own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::tools::Tools;

/// A patient, as her hospitals and as her wallet know her.
#[derive(Debug, Clone)]
pub struct Patient {
    /// Who she is in the sample; no hospital has this id.
    pub person: String,
    /// Her wallet's folder.
    pub home: PathBuf,
    /// Her 24 words, as `medrec wallet new` showed them once.
    pub words: String,
    /// One with every hospital that treated her, in the hospitals' order.
    pub relationships: Vec<Relationship>,
}

/// A relationship with one hospital.
#[derive(Debug, Clone)]
pub struct Relationship {
    /// Place of the hospital and its relayer on the stage.
    pub hospital: usize,
    /// The card she handed over, and its address.
    pub card: String,
    pub address: String,
    /// The hospital's own id of her.
    pub local_id: String,
    /// Its number on the chain, once opened.
    pub id: u64,
    /// Records the hospital has of her, by the CSV.
    pub records: u64,
}

/// A viewer from another institution.
#[derive(Debug, Clone)]
pub struct Clinician {
    pub home: PathBuf,
    /// Two cards, each signed by the institution: one for each grant.
    pub cards: [NewCard; 2],
}

#[derive(Deserialize)]
struct NewWallet {
    words: String,
}

/// What `medrec card --json` prints.
#[derive(Debug, Clone, Deserialize)]
pub struct NewCard {
    pub card: String,
    pub address: String,
    /// Of its key in the wallet.
    pub index: u32,
}

impl Patient {
    /// Records of all her hospitals.
    pub fn records(&self) -> u64 {
        self.relationships.iter().map(|one| one.records).sum()
    }

    /// The relationship with the hospital that the scenario is about.
    pub fn first(&self) -> Result<&Relationship> {
        self.relationships.first().context("the patient has no relationship")
    }
}

/// A new wallet: its words.
pub async fn wallet(tools: &Tools, home: &Path) -> Result<String> {
    std::fs::create_dir_all(home.parent().unwrap_or(home))?;
    let made: NewWallet = tools.medrec(home, &["wallet", "new", "--json"]).await?.json("make a wallet")?;
    Ok(made.words)
}

/// A fresh card of a wallet.
pub async fn card(tools: &Tools, home: &Path) -> Result<NewCard> {
    tools.medrec(home, &["card", "--json"]).await?.json("make a card")
}

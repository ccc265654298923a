//! What a bench hands to `cargo xtask bench`: a JSON file named by `MEDREC_BENCH_OUT`.

use std::{env, fs};

use anyhow::{Context, Result};
use serde::Serialize;

/// Figures of one bench.
#[derive(Serialize)]
pub struct Report {
    /// What ran, with sizes.
    pub setup: String,
    /// What is inside the timer.
    pub timer: String,
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Serialize)]
pub struct Row {
    pub name: String,
    pub value: f64,
    pub unit: String,
    /// Above it the bench fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Row {
    pub fn new(
        name: impl Into<String>,
        value: f64,
        unit: &str,
        bound: Option<f64>,
        note: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), value, unit: unit.to_owned(), bound, note: note.into() }
    }
}

impl Report {
    /// Writes it where xtask reads it; without the variable, to the terminal.
    pub fn hand_over(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        match env::var_os("MEDREC_BENCH_OUT") {
            Some(path) => fs::write(&path, text).with_context(|| format!("cannot write {path:?}")),
            None => {
                println!("{text}");
                Ok(())
            }
        }
    }
}

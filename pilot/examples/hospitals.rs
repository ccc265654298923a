//! Writes the three hospitals' databases and mappings into a folder, to look at them and to try `scope check` by hand:
//! `cargo run -p medrec-pilot --example hospitals -- DIR`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use medrec_pilot::Hospitals;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).context("name a folder")?);
    std::fs::create_dir_all(&folder)?;
    let hospitals = Hospitals::of(Path::new("data/synthea-sample"))?;
    for hospital in &hospitals.all {
        let file = |extension| folder.join(format!("{}.{extension}", hospital.slug));
        hospital.write_database(&file("sqlite")).await?;
        std::fs::write(file("toml"), hospital.mapping())?;
        println!("{}: {}", hospital.name, file("sqlite").display());
    }
    Ok(())
}

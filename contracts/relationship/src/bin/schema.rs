//! Writes schema/relationship.json, the JSON schema of the contract's messages (`cargo xtask schema`).

use std::path::Path;

use cosmwasm_schema::generate_api;
use medrec_api::relationship::{ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = generate_api! {
        name: "relationship",
        instantiate: InstantiateMsg,
        execute: ExecuteMsg,
        query: QueryMsg,
        migrate: MigrateMsg,
    }
    .render();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("relationship.json"), api.to_string()? + "\n")?;
    Ok(())
}

//! Writes `schema/registrar.json`, the JSON schema of the messages, below the current folder (`cargo xtask schema`).

use cosmwasm_schema::generate_api;
use medrec_api::registrar::{ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let api = generate_api! {
        name: "registrar",
        instantiate: InstantiateMsg,
        execute: ExecuteMsg,
        query: QueryMsg,
        migrate: MigrateMsg,
    }
    .render();
    std::fs::create_dir_all("schema")?;
    std::fs::write("schema/registrar.json", api.to_string()? + "\n")?;
    Ok(())
}

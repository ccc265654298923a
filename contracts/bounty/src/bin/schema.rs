//! Writes `schema/bounty.json` below the current folder.

use std::{error::Error, fs};

use cosmwasm_schema::generate_api;
use medrec_api::bounty::{ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};

fn main() -> Result<(), Box<dyn Error>> {
    let api = generate_api! {
        name: "bounty",
        instantiate: InstantiateMsg,
        execute: ExecuteMsg,
        query: QueryMsg,
        migrate: MigrateMsg,
    };
    fs::create_dir_all("schema")?;
    fs::write("schema/bounty.json", api.render().to_string()? + "\n")?;
    Ok(())
}

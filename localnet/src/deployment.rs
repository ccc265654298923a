//! `deployment.json` (docs/spec/wire.md section 12): where a chain and its contracts are.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Error, error::FileContext, home::write_json};

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    pub version: u32,
    pub chain_id: String,
    /// Human-readable part of addresses.
    pub prefix: String,
    pub fee_denom: String,
    /// Fee of a unit of gas, decimal.
    pub gas_price: String,
    pub rpc: Vec<String>,
    /// The consortium's account.
    pub policy: String,
    /// Admits delegates.
    pub sponsor: String,
    pub contracts: Contracts,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    pub registrar: Contract,
    pub relationship: Contract,
    pub authlog: Contract,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    pub address: String,
    pub code_id: u64,
    /// SHA-256 of the wasm, hex.
    pub checksum: String,
}

impl Deployment {
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read(path).doing("read", path)?;
        let refuse = |reason: String| Error::Content { what: "a deployment", path: path.to_owned(), reason };
        let read: Self = serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
        if read.version == 1 { Ok(read) } else { Err(refuse(format!("version {}, wanted 1", read.version))) }
    }

    pub fn store(&self, path: &Path) -> Result<(), Error> {
        write_json(path, self)
    }
}

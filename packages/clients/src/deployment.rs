//! `deployment.json` (docs/spec/wire.md section 12): where a chain and its contracts are.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{FEE_DENOM, GasPrice, PREFIX};

/// The version this program reads and writes.
const VERSION: u32 = 1;

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
    /// Nodes to ask, one at least.
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
    pub bounty: Contract,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    pub address: String,
    pub code_id: u64,
    /// SHA-256 of the wasm, hex.
    pub checksum: String,
}

/// Why a file is not a deployment this program can use.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("read the deployment file {path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("{path} is not a deployment file: {source}")]
    Json { path: String, source: serde_json::Error },
    #[error("{path}: {what} {found}, this program knows {known}")]
    Unknown { path: String, what: &'static str, found: String, known: String },
    #[error("{path} names no node: `rpc` is empty")]
    NoNode { path: String },
    #[error("{path}: {source}")]
    GasPrice { path: String, source: crate::Error },
}

impl Deployment {
    /// Reads and checks the file; unknown fields are refused.
    pub fn load(path: &Path) -> Result<Self, DeploymentError> {
        let shown = path.display().to_string();
        let bytes =
            std::fs::read(path).map_err(|source| DeploymentError::Read { path: shown.clone(), source })?;
        let read: Self = serde_json::from_slice(&bytes)
            .map_err(|source| DeploymentError::Json { path: shown.clone(), source })?;
        read.check(shown)?;
        Ok(read)
    }

    fn check(&self, path: String) -> Result<(), DeploymentError> {
        let version = (self.version.to_string(), VERSION.to_string());
        let words = [
            ("version", &version.0, version.1.as_str()),
            ("prefix", &self.prefix, PREFIX),
            ("fee_denom", &self.fee_denom, FEE_DENOM),
        ];
        if let Some((what, found, known)) = words.into_iter().find(|(_, found, known)| found != known) {
            let (found, known) = (found.clone(), known.to_owned());
            return Err(DeploymentError::Unknown { path, what, found, known });
        }
        if self.rpc.is_empty() {
            return Err(DeploymentError::NoNode { path });
        }
        match self.gas_price() {
            Ok(_) => Ok(()),
            Err(source) => Err(DeploymentError::GasPrice { path, source }),
        }
    }

    pub fn gas_price(&self) -> crate::Result<GasPrice> {
        self.gas_price.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Deployment {
        let contract = |code_id| Contract { address: "medrec1x".into(), code_id, checksum: "00".into() };
        Deployment {
            version: 1,
            chain_id: "medrec-local-1".into(),
            prefix: "medrec".into(),
            fee_denom: "ufee".into(),
            gas_price: "0.001".into(),
            rpc: vec!["http://127.0.0.1:26657".into()],
            policy: "medrec1p".into(),
            sponsor: "medrec1s".into(),
            contracts: Contracts {
                registrar: contract(1),
                relationship: contract(2),
                authlog: contract(3),
                bounty: contract(4),
            },
        }
    }

    #[test]
    fn the_format_is_that_of_the_spec_and_unknown_fields_are_refused() {
        let json = serde_json::to_value(good()).unwrap();
        assert_eq!(json["contracts"]["authlog"]["code_id"], 3);
        assert_eq!(serde_json::from_value::<Deployment>(json.clone()).unwrap(), good());
        let mut more = json;
        more["grpc"] = "x".into();
        assert!(serde_json::from_value::<Deployment>(more).is_err());
    }

    #[test]
    fn what_this_program_does_not_know_is_named() {
        assert!(good().check("d".into()).is_ok());
        let refused = |change: fn(&mut Deployment)| {
            let mut deployment = good();
            change(&mut deployment);
            deployment.check("d.json".into()).unwrap_err().to_string()
        };
        assert_eq!(refused(|d| d.version = 2), "d.json: version 2, this program knows 1");
        assert!(refused(|d| d.prefix = "cosmos".into()).contains("prefix cosmos, this program knows medrec"));
        assert!(refused(|d| d.fee_denom = "uatom".into()).contains("fee_denom"));
        assert!(refused(|d| d.rpc.clear()).contains("names no node"));
        assert!(refused(|d| d.gas_price = "free".into()).contains("free"));
    }
}

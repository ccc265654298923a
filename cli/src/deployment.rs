//! `deployment.json` (wire.md section 12).

use std::path::Path;

use medrec_clients::GasPrice;
use serde::Deserialize;

use crate::Error;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "all fields of the format are named, so that unknown ones are refused")]
pub struct Deployment {
    pub version: u32,
    pub chain_id: String,
    pub prefix: String,
    pub fee_denom: String,
    pub gas_price: String,
    pub rpc: Vec<String>,
    pub policy: String,
    pub sponsor: String,
    pub contracts: Contracts,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracts {
    pub registrar: Contract,
    pub relationship: Contract,
    pub authlog: Contract,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "all fields of the format are named, so that unknown ones are refused")]
pub struct Contract {
    pub address: String,
    pub code_id: u64,
    pub checksum: String,
}

impl Deployment {
    pub fn load(path: &Path) -> Result<Deployment, Error> {
        let bytes = std::fs::read(path).map_err(Error::file("read the deployment file", path))?;
        let refuse =
            |why: String| Error::Usage(format!("{} is not a deployment file: {why}", path.display()));
        let deployment: Deployment = serde_json::from_slice(&bytes).map_err(|e| refuse(e.to_string()))?;
        if deployment.version != 1 {
            return Err(refuse(format!("version {}, this program knows version 1", deployment.version)));
        }
        if deployment.prefix != medrec_wallet::PREFIX || deployment.fee_denom != medrec_clients::FEE_DENOM {
            let (prefix, denom) = (&deployment.prefix, &deployment.fee_denom);
            return Err(refuse(format!("prefix {prefix} and fee denom {denom}, expected medrec and ufee")));
        }
        if deployment.rpc.is_empty() {
            return Err(refuse("it names no node (rpc)".into()));
        }
        deployment.gas_price()?;
        Ok(deployment)
    }

    pub fn gas_price(&self) -> Result<GasPrice, Error> {
        self.gas_price.parse().map_err(|e| Error::Usage(format!("the deployment file: {e}")))
    }
}

//! The chain as a wallet sees it: the deployment's contracts through one of its nodes.

use medrec_api::registrar::{InstitutionResponse, InstitutionStatus};
use medrec_api::relationship::{ExecuteMsg, GrantResponse, RelationshipResponse};
use medrec_api::{MAX_LIMIT, Status};
use medrec_clients::{Authlog, Deployment, Registrar, Relationship, Rpc, Signer, TxOutcome, execute};
use medrec_wallet::{ContractRef, Key};

use crate::Error;

/// A chain without a block for so many seconds is taken to have halted; with one validator of four down it makes one in
/// five at most.
const HALTED: u64 = 20;

pub struct Chain {
    pub contract: ContractRef,
    pub registrar: Registrar,
    pub relationships: Relationship,
    pub authlog: Authlog,
    pub registrar_address: String,
    pub authlog_address: String,
    rpc: Rpc,
    sender: medrec_clients::Chain,
}

impl Chain {
    /// The first node of the deployment that answers for its chain and is up to date.
    pub async fn connect(deployment: &Deployment) -> Result<Chain, Error> {
        let mut tried = Vec::new();
        for url in &deployment.rpc {
            match usable(url, &deployment.chain_id).await {
                Ok(rpc) => return Chain::through(rpc, deployment),
                Err(why) => tried.push(why),
            }
        }
        Err(Error::Failed(format!(
            "no node of chain {} can be used: {}",
            deployment.chain_id,
            tried.join("; ")
        )))
    }

    fn through(rpc: Rpc, deployment: &Deployment) -> Result<Chain, Error> {
        let contracts = &deployment.contracts;
        let (chain_id, gas_price) = (deployment.chain_id.clone(), deployment.gas_price()?);
        Ok(Chain {
            contract: ContractRef {
                chain_id: chain_id.clone(),
                address: contracts.relationship.address.clone(),
            },
            registrar: Registrar::new(&rpc, &contracts.registrar.address),
            relationships: Relationship::new(&rpc, &contracts.relationship.address),
            authlog: Authlog::new(&rpc, &contracts.authlog.address),
            registrar_address: contracts.registrar.address.clone(),
            authlog_address: contracts.authlog.address.clone(),
            rpc,
            sender: medrec_clients::Chain { chain_id, gas_price },
        })
    }

    /// Sends a message to the relationship contract, which pays: a wallet holds no coins.
    pub async fn send(&self, key: &Key, msg: &ExecuteMsg) -> Result<TxOutcome, Error> {
        let signer = Signer::from_secret(&key.secret())?;
        let call = execute(signer.address(), &self.contract.address, msg, &[])?;
        Ok(self.rpc.send(&self.sender, &signer, vec![call], Some(&self.contract.address)).await?)
    }

    /// Time of the newest block, seconds since 1970.
    pub async fn time(&self) -> Result<u64, Error> {
        Ok(self.rpc.status().await?.time_seconds)
    }

    /// Height and time of the newest block, seconds since 1970.
    pub async fn newest(&self) -> Result<(u64, u64), Error> {
        let status = self.rpc.status().await?;
        Ok((status.height, status.time_seconds))
    }

    /// Why the chain cannot be expected to take a transaction now; none when it moves. `now`: seconds since 1970.
    pub async fn halted(&self, now: u64) -> Option<String> {
        match self.time().await {
            Err(e) => Some(e.to_string()),
            Ok(newest) if now.saturating_sub(newest) <= HALTED => None,
            Ok(newest) => Some(format!("it has made no block for {} s", now.saturating_sub(newest))),
        }
    }

    /// An institution that is listed and not expelled.
    pub async fn active_institution(&self, id: u32) -> Result<InstitutionResponse, Error> {
        let institution = self.registrar.institution(id).await?;
        if institution.status == InstitutionStatus::Active {
            return Ok(institution);
        }
        Err(Error::Wrong(format!("institution {id} ({}) was expelled by the consortium", institution.name)))
    }

    pub async fn institutions(&self) -> Result<Vec<InstitutionResponse>, Error> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|i: &InstitutionResponse| i.id);
            let page = self.registrar.institutions(after, Some(MAX_LIMIT)).await?.institutions;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Relationships whose patient is or was one of at most 30 addresses.
    pub async fn relationships_of(&self, addresses: &[String]) -> Result<Vec<RelationshipResponse>, Error> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|r: &RelationshipResponse| r.id);
            let page =
                self.relationships.relationships(addresses, after, Some(MAX_LIMIT)).await?.relationships;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub async fn grants_of(&self, id: u64) -> Result<Vec<GrantResponse>, Error> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|g: &GrantResponse| g.grant);
            let page = self.relationships.grants(id, after, Some(MAX_LIMIT)).await?.grants;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

async fn usable(url: &str, chain_id: &str) -> Result<Rpc, String> {
    let rpc = Rpc::new(url).map_err(|e| e.to_string())?;
    let status = rpc.status().await.map_err(|e| e.to_string())?;
    if status.chain_id != chain_id {
        return Err(format!("{} follows chain {}", rpc.node(), status.chain_id));
    }
    if status.catching_up { Err(format!("{} is still catching up", rpc.node())) } else { Ok(rpc) }
}

/// The word for a person.
pub fn status_text(status: Status) -> &'static str {
    match status {
        Status::Offered => "waiting for you",
        Status::Active => "active",
        Status::Rejected => "rejected",
        Status::Closed => "closed",
    }
}

//! Typed questions to the contracts.

use medrec_api::{
    authlog::{
        self, AttestedResponse, LogResponse, LogsResponse, SealResponse, SealedHead, SealedHeadsResponse,
        SealingFrom, SealingResponse, SealingsResponse, SealsResponse, TemplateResponse,
    },
    registrar::{self, InstitutionResponse, InstitutionsResponse, ResearcherResponse},
};
use medrec_clients::{Contracts, Error};
use serde::{Serialize, de::DeserializeOwned};

use super::Chain;

/// The chain, and where the contracts are.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub chain: &'a dyn Chain,
    pub contracts: &'a Contracts,
}

impl Ask<'_> {
    pub async fn ask<Q: Serialize, R: DeserializeOwned>(
        &self,
        contract: &str,
        query: &Q,
    ) -> Result<R, Error> {
        let codec = |e: serde_json::Error| Error::Codec {
            what: format!("query to {contract}"),
            reason: e.to_string(),
        };
        let query = serde_json::to_value(query).map_err(codec)?;
        let answer = self.chain.smart(contract, &query).await?;
        serde_json::from_value(answer).map_err(codec)
    }

    async fn authlog<R: DeserializeOwned>(&self, query: &authlog::QueryMsg) -> Result<R, Error> {
        self.ask(&self.contracts.authlog.address, query).await
    }

    async fn registrar<R: DeserializeOwned>(&self, query: &registrar::QueryMsg) -> Result<R, Error> {
        self.ask(&self.contracts.registrar.address, query).await
    }

    /// All a miner needs for the next seal.
    pub async fn template(&self) -> Result<TemplateResponse, Error> {
        self.authlog(&authlog::QueryMsg::Template {}).await
    }

    pub async fn sealing(&self) -> Result<SealingResponse, Error> {
        self.authlog(&authlog::QueryMsg::Sealing {}).await
    }

    /// Parameters of all time, in order of the seal from which they hold.
    pub async fn sealings(&self) -> Result<Vec<SealingFrom>, Error> {
        let mut all: Vec<SealingFrom> = Vec::new();
        loop {
            let start_after = all.last().map(|one| one.from);
            let query = authlog::QueryMsg::Sealings { start_after, limit: Some(30) };
            let page: SealingsResponse = self.authlog(&query).await?;
            if page.sealings.is_empty() {
                return Ok(all);
            }
            all.extend(page.sealings);
        }
    }

    pub async fn log(&self, slot: u32) -> Result<LogResponse, Error> {
        self.authlog(&authlog::QueryMsg::Log { slot }).await
    }

    pub async fn attested(&self, slot: u32) -> Result<AttestedResponse, Error> {
        self.authlog(&authlog::QueryMsg::Attested { slot }).await
    }

    pub async fn seal(&self, number: u64) -> Result<SealResponse, Error> {
        self.authlog(&authlog::QueryMsg::Seal { number }).await
    }

    /// One page of seals in order of number.
    pub async fn seals(&self, start_after: Option<u64>) -> Result<Vec<SealResponse>, Error> {
        let page: SealsResponse =
            self.authlog(&authlog::QueryMsg::Seals { start_after, limit: Some(30) }).await?;
        Ok(page.seals)
    }

    /// All heads that a seal covers.
    pub async fn sealed_heads(&self, number: u64) -> Result<Vec<SealedHead>, Error> {
        let mut heads: Vec<SealedHead> = Vec::new();
        loop {
            let start_after = heads.last().map(|head| head.slot);
            let query = authlog::QueryMsg::SealedHeads { number, start_after, limit: Some(30) };
            let page: SealedHeadsResponse = self.authlog(&query).await?;
            if page.heads.is_empty() {
                return Ok(heads);
            }
            heads.extend(page.heads);
        }
    }

    /// Every log, in order of slot.
    pub async fn logs(&self) -> Result<Vec<LogResponse>, Error> {
        let mut logs: Vec<LogResponse> = Vec::new();
        loop {
            let start_after = logs.last().map(|log| log.slot);
            let page: LogsResponse =
                self.authlog(&authlog::QueryMsg::Logs { start_after, limit: Some(30) }).await?;
            if page.logs.is_empty() {
                return Ok(logs);
            }
            logs.extend(page.logs);
        }
    }

    /// Every institution, in order of id.
    pub async fn institutions(&self) -> Result<Vec<InstitutionResponse>, Error> {
        let mut all: Vec<InstitutionResponse> = Vec::new();
        loop {
            let start_after = all.last().map(|institution| institution.id);
            let query = registrar::QueryMsg::Institutions { start_after, limit: Some(30) };
            let page: InstitutionsResponse = self.registrar(&query).await?;
            if page.institutions.is_empty() {
                return Ok(all);
            }
            all.extend(page.institutions);
        }
    }

    /// Every researcher, in order of account.
    pub async fn researchers(&self) -> Result<Vec<ResearcherResponse>, Error> {
        let mut all: Vec<ResearcherResponse> = Vec::new();
        loop {
            let start_after = all.last().map(|researcher| researcher.account.clone());
            let query = registrar::QueryMsg::Researchers { start_after, limit: Some(30) };
            let page: registrar::ResearchersResponse = self.registrar(&query).await?;
            if page.researchers.is_empty() {
                return Ok(all);
            }
            all.extend(page.researchers);
        }
    }

    pub async fn researcher(&self, account: &str) -> Result<ResearcherResponse, Error> {
        self.registrar(&registrar::QueryMsg::Researcher { account: account.to_owned() }).await
    }
}

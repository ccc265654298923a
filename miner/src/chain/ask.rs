//! Typed questions to the contracts.

use medrec_api::{
    authlog::{
        self, AttestedResponse, LogResponse, LogsResponse, SealResponse, SealedHead, SealedHeadsResponse,
        SealingFrom, SealingResponse, SealingsResponse, SealsResponse, TemplateResponse,
    },
    registrar::{self, InstitutionResponse, InstitutionsResponse, ResearcherResponse, ResearchersResponse},
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
        let page = |start_after| async move {
            let query = authlog::QueryMsg::Sealings { start_after, limit: Some(30) };
            Ok(self.authlog::<SealingsResponse>(&query).await?.sealings)
        };
        all(page, |last: &SealingFrom| last.from).await
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
        let page = |start_after| async move {
            let query = authlog::QueryMsg::SealedHeads { number, start_after, limit: Some(30) };
            Ok(self.authlog::<SealedHeadsResponse>(&query).await?.heads)
        };
        all(page, |last: &SealedHead| last.slot).await
    }

    /// Every log, in order of slot.
    pub async fn logs(&self) -> Result<Vec<LogResponse>, Error> {
        let page = |start_after| async move {
            let query = authlog::QueryMsg::Logs { start_after, limit: Some(30) };
            Ok(self.authlog::<LogsResponse>(&query).await?.logs)
        };
        all(page, |last: &LogResponse| last.slot).await
    }

    /// Every institution, in order of id.
    pub async fn institutions(&self) -> Result<Vec<InstitutionResponse>, Error> {
        let page = |start_after| async move {
            let query = registrar::QueryMsg::Institutions { start_after, limit: Some(30) };
            Ok(self.registrar::<InstitutionsResponse>(&query).await?.institutions)
        };
        all(page, |last: &InstitutionResponse| last.id).await
    }

    /// Every researcher, in order of account.
    pub async fn researchers(&self) -> Result<Vec<ResearcherResponse>, Error> {
        let page = |start_after| async move {
            let query = registrar::QueryMsg::Researchers { start_after, limit: Some(30) };
            Ok(self.registrar::<ResearchersResponse>(&query).await?.researchers)
        };
        all(page, |last: &ResearcherResponse| last.account.clone()).await
    }

    pub async fn researcher(&self, account: &str) -> Result<ResearcherResponse, Error> {
        self.registrar(&registrar::QueryMsg::Researcher { account: account.to_owned() }).await
    }
}

/// A whole list: `page` gives what follows a key, `key` is an item's.
async fn all<T, K, F>(page: impl Fn(Option<K>) -> F, key: impl Fn(&T) -> K) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Vec<T>, Error>>,
{
    let mut all: Vec<T> = Vec::new();
    loop {
        let found = page(all.last().map(&key)).await?;
        if found.is_empty() {
            return Ok(all);
        }
        all.extend(found);
    }
}

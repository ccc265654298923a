//! Typed questions to the contracts.

use medrec_api::{authlog, registrar, relationship};
use medrec_clients::Error;
use serde::{Serialize, de::DeserializeOwned};

use super::Chain;

/// Addresses of the contracts, and the chain to ask.
#[derive(Clone, Copy)]
pub struct Contracts<'a> {
    pub chain: &'a dyn Chain,
    pub registrar: &'a str,
    pub relationship: &'a str,
    pub authlog: &'a str,
}

impl<'a> Contracts<'a> {
    /// As the deployment has them.
    pub fn new(chain: &'a dyn Chain, deployed: &'a medrec_clients::Contracts) -> Self {
        Self {
            chain,
            registrar: &deployed.registrar.address,
            relationship: &deployed.relationship.address,
            authlog: &deployed.authlog.address,
        }
    }
}

/// A contract's answer at a height, or the newest.
pub async fn ask<R: DeserializeOwned>(
    chain: &dyn Chain,
    contract: &str,
    query: &impl Serialize,
    height: Option<u64>,
) -> Result<R, Error> {
    let codec =
        |e: serde_json::Error| Error::Codec { what: format!("query to {contract}"), reason: e.to_string() };
    let query = serde_json::to_value(query).map_err(codec)?;
    let answer = chain.smart(contract, &query, height).await?;
    serde_json::from_value(answer).map_err(codec)
}

impl Contracts<'_> {
    async fn ask<R: DeserializeOwned>(
        &self,
        contract: &str,
        query: &impl Serialize,
        height: Option<u64>,
    ) -> Result<R, Error> {
        ask(self.chain, contract, query, height).await
    }

    pub async fn relationship(&self, id: u64) -> Result<relationship::RelationshipResponse, Error> {
        self.ask(self.relationship, &relationship::QueryMsg::Relationship { id }, None).await
    }

    /// One grant by its number.
    pub async fn grant(&self, id: u64, grant: u32) -> Result<relationship::GrantResponse, Error> {
        let start_after = grant.checked_sub(1).map(|before| (id, before));
        let query = relationship::QueryMsg::Grants { ids: vec![id], start_after, limit: Some(1) };
        let found: relationship::GrantsResponse = self.ask(self.relationship, &query, None).await?;
        found.grants.into_iter().find(|found| found.grant == grant).ok_or_else(|| Error::Codec {
            what: format!("grant {grant} of relationship {id}"),
            reason: "the contract does not list it".into(),
        })
    }

    /// Relationships whose patient is or was one of the addresses (30 at most) at a height, in order of id: one page.
    pub async fn relationships(
        &self,
        addresses: &[String],
        start_after: Option<u64>,
        height: u64,
    ) -> Result<Vec<relationship::RelationshipResponse>, Error> {
        let query = relationship::QueryMsg::Relationships {
            addresses: addresses.to_vec(),
            start_after,
            limit: Some(medrec_api::MAX_LIMIT),
        };
        let page: relationship::RelationshipsResponse =
            self.ask(self.relationship, &query, Some(height)).await?;
        Ok(page.relationships)
    }

    /// Grants of relationships (30 at most) at a height, in order of id and number: one page.
    pub async fn grants(
        &self,
        ids: Vec<u64>,
        start_after: Option<(u64, u32)>,
        height: u64,
    ) -> Result<Vec<relationship::GrantResponse>, Error> {
        let query = relationship::QueryMsg::Grants { ids, start_after, limit: Some(medrec_api::MAX_LIMIT) };
        let page: relationship::GrantsResponse = self.ask(self.relationship, &query, Some(height)).await?;
        Ok(page.grants)
    }

    pub async fn delegate(&self, address: &str) -> Result<relationship::DelegateStatus, Error> {
        let query = relationship::QueryMsg::Delegate { address: address.to_owned() };
        let found: relationship::DelegateResponse = self.ask(self.relationship, &query, None).await?;
        Ok(found.status)
    }

    pub async fn institution(&self, id: u32) -> Result<registrar::InstitutionResponse, Error> {
        self.ask(self.registrar, &registrar::QueryMsg::Institution { id }, None).await
    }

    pub async fn institution_by_account(
        &self,
        account: &str,
    ) -> Result<registrar::InstitutionResponse, Error> {
        let query = registrar::QueryMsg::InstitutionByAccount { account: account.to_owned() };
        self.ask(self.registrar, &query, None).await
    }

    /// All institutions at a height.
    pub async fn institutions(&self, height: u64) -> Result<Vec<registrar::InstitutionResponse>, Error> {
        let mut all: Vec<registrar::InstitutionResponse> = Vec::new();
        loop {
            let start_after = all.last().map(|last| last.id);
            let query = registrar::QueryMsg::Institutions { start_after, limit: Some(medrec_api::MAX_LIMIT) };
            let page: registrar::InstitutionsResponse =
                self.ask(self.registrar, &query, Some(height)).await?;
            if page.institutions.is_empty() {
                return Ok(all);
            }
            for found in page.institutions {
                // A node whose pages do not go on would be asked without end.
                if all.last().is_some_and(|last| found.id <= last.id) {
                    return Err(Error::Codec {
                        what: "pages of institutions".into(),
                        reason: "they do not follow each other: the node is not to be trusted".into(),
                    });
                }
                all.push(found);
            }
        }
    }

    /// The researcher of this account; none: nobody certified it.
    pub async fn researcher(&self, account: &str) -> Result<Option<registrar::ResearcherResponse>, Error> {
        let query = registrar::QueryMsg::Researcher { account: account.to_owned() };
        match self.ask(self.registrar, &query, None).await {
            Ok(found) => Ok(Some(found)),
            // A contract's refusal; a node out of reach is another error.
            Err(Error::Contract { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All researchers, of every institution.
    pub async fn researchers(&self) -> Result<Vec<registrar::ResearcherResponse>, Error> {
        let mut all: Vec<registrar::ResearcherResponse> = Vec::new();
        loop {
            let start_after = all.last().map(|last| last.account.clone());
            let query = registrar::QueryMsg::Researchers { start_after, limit: Some(medrec_api::MAX_LIMIT) };
            let page: registrar::ResearchersResponse = self.ask(self.registrar, &query, None).await?;
            if page.researchers.is_empty() {
                return Ok(all);
            }
            for found in page.researchers {
                if all.last().is_some_and(|last| found.account <= last.account) {
                    return Err(Error::Codec {
                        what: "pages of researchers".into(),
                        reason: "they do not follow each other: the node is not to be trusted".into(),
                    });
                }
                all.push(found);
            }
        }
    }

    pub async fn authlog_config(&self) -> Result<authlog::ConfigResponse, Error> {
        self.ask(self.authlog, &authlog::QueryMsg::Config {}, None).await
    }

    /// The institution's log; none until it is admitted.
    pub async fn log_of(&self, institution: u32) -> Result<Option<authlog::LogResponse>, Error> {
        match self.ask(self.authlog, &authlog::QueryMsg::LogOf { institution }, None).await {
            Ok(log) => Ok(Some(log)),
            // A contract's refusal; a node out of reach is another error.
            Err(Error::Contract { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

//! What the bounty contract says: state is truth, an event only wakes.

use std::sync::Arc;

use medrec_api::{
    MAX_LIMIT,
    bounty::{
        BudgetResponse, ExecuteMsg, OfferResponse, OfferState, OffersResponse, QueryMsg, Question,
        RecordResponse,
    },
    registrar::ResearcherStatus,
};
use medrec_merkle::Hash;
use serde::de::DeserializeOwned;

use super::Error;
use crate::chain::{Chain, Contracts, Error as ChainError, contracts, outbox::Message};
use crate::keystore::INSTITUTION_ACCOUNT;

const QUESTION: &str = "medrec/question/v1";

/// `H("medrec/question/v1"; the question's JSON as the contract writes it)`.
pub fn question_hash(question: &Question) -> Result<Hash, Error> {
    Ok(medrec_merkle::tagged_hash(QUESTION, &[&serde_json::to_vec(question)?]))
}

/// The bounty contract, and who we are to it.
#[derive(Clone)]
pub struct Bounty {
    pub chain: Arc<dyn Chain>,
    pub address: String,
    pub registrar: String,
    pub institution: u32,
}

impl Bounty {
    async fn ask<R: DeserializeOwned>(&self, query: &QueryMsg) -> Result<R, ChainError> {
        contracts::ask(&*self.chain, &self.address, query, None).await
    }

    /// Every offer of ours in a state; all of them without.
    pub async fn offers(&self, state: Option<OfferState>) -> Result<Vec<OfferResponse>, ChainError> {
        let mut all: Vec<OfferResponse> = Vec::new();
        let mut start_after = None;
        loop {
            let query = QueryMsg::Offers {
                institution: Some(self.institution),
                state,
                start_after,
                limit: Some(MAX_LIMIT),
            };
            let page: OffersResponse = self.ask(&query).await?;
            all.extend(page.offers);
            match page.next {
                Some(next) if start_after.is_none_or(|before| next > before) => start_after = Some(next),
                Some(_) => {
                    return Err(ChainError::Codec {
                        what: "pages of offers".to_owned(),
                        reason: "they do not follow each other: the node is not to be trusted".to_owned(),
                    });
                }
                None => return Ok(all),
            }
        }
    }

    pub async fn offer(&self, id: &[u8]) -> Result<OfferResponse, ChainError> {
        self.ask(&QueryMsg::OfferById { id: id.to_vec().into() }).await
    }

    pub async fn budget(&self) -> Result<BudgetResponse, ChainError> {
        self.ask(&QueryMsg::Budget { institution: self.institution }).await
    }

    pub async fn record(&self) -> Result<RecordResponse, ChainError> {
        self.ask(&QueryMsg::Record { institution: self.institution }).await
    }

    /// Whether a researcher is certified now.
    pub async fn is_researcher(&self, account: &str) -> Result<bool, ChainError> {
        let contracts =
            Contracts { chain: &*self.chain, registrar: &self.registrar, relationship: "", authlog: "" };
        let found = contracts.researcher(account).await?;
        Ok(found.is_some_and(|found| found.status == ResearcherStatus::Active))
    }

    /// An execution by the institution's account.
    pub(super) fn message(&self, content: String, msg: &ExecuteMsg) -> Result<Message, Error> {
        Ok(Message {
            content,
            account: INSTITUTION_ACCOUNT,
            contract: self.address.clone(),
            msg: serde_json::to_string(msg)?,
            granter: None,
        })
    }
}

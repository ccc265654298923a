//! Offers of all institutions, and what a researcher does about them.

use std::collections::BTreeMap;

use cosmwasm_std::Binary;
use medrec_api::bounty::{
    BudgetResponse, ExecuteMsg, OfferKind, OfferResponse, OfferState, OffersResponse, QueryMsg, Question,
    Record, RecordsResponse, SEALS_TO_OWNER,
};
use medrec_clients::{Error as ChainError, TxOutcome};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    chain::{Ask, Call},
    identity::{self, Identity},
};

/// Offers that are read, at most: a consortium's many years.
const MAX_OFFERS: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error("there is no offer that begins with {0}; `medrec-miner bounties` lists them")]
    NoOffer(String),
    #[error("{0} offers begin with {1}: give more digits")]
    Several(usize, String),
    #[error("offer {id} is {state}: {needed}")]
    State { id: String, state: OfferState, needed: &'static str },
    #[error("the question: {0}")]
    Question(String),
}

/// The bounty contract.
#[derive(Clone, Copy)]
pub struct Bounties<'a>(pub Ask<'a>);

/// One institution: what it offers, at which price, and how it kept its word.
#[derive(Debug, Serialize)]
pub struct Shop {
    pub institution: u32,
    pub name: String,
    pub budget: BudgetResponse,
    pub record: Record,
    /// Offers that are not over, the oldest first.
    pub offers: Vec<OfferResponse>,
}

impl<'a> Bounties<'a> {
    fn address(&self) -> &'a str {
        &self.0.contracts.bounty.address
    }

    async fn query<R: DeserializeOwned>(&self, query: &QueryMsg) -> Result<R, ChainError> {
        self.0.ask(self.address(), query).await
    }

    /// All offers in one state, or in all.
    pub async fn offers(&self, state: Option<OfferState>) -> Result<Vec<OfferResponse>, ChainError> {
        let (mut all, mut start_after) = (Vec::new(), None);
        while all.len() < MAX_OFFERS {
            let query = QueryMsg::Offers { institution: None, state, start_after, limit: Some(30) };
            let page: OffersResponse = self.query(&query).await?;
            all.extend(page.offers);
            match page.next {
                Some(next) => start_after = Some(next),
                None => break,
            }
        }
        Ok(all)
    }

    /// Offers that a researcher owns or owned.
    pub async fn owned(&self, researcher: &str) -> Result<Vec<OfferResponse>, ChainError> {
        let (mut all, mut start_after) = (Vec::new(), None);
        while all.len() < MAX_OFFERS {
            let researcher = researcher.to_owned();
            let query = QueryMsg::OwnedBy { researcher, start_after, limit: Some(30) };
            let page: OffersResponse = self.query(&query).await?;
            all.extend(page.offers);
            match page.next {
                Some(next) => start_after = Some(next),
                None => break,
            }
        }
        Ok(all)
    }

    /// Offers, prices and misses of every institution that ever offered something.
    pub async fn shops(&self) -> Result<Vec<Shop>, ChainError> {
        let mut records = BTreeMap::new();
        loop {
            let start_after = records.keys().last().copied();
            let page: RecordsResponse =
                self.query(&QueryMsg::Records { start_after, limit: Some(30) }).await?;
            if page.records.is_empty() {
                break;
            }
            records.extend(page.records.into_iter().map(|record| (record.institution, record.record)));
        }
        let names: BTreeMap<u32, String> =
            self.0.institutions().await?.into_iter().map(|one| (one.id, one.name)).collect();
        let offers = self.offers(None).await?;
        let mut shops = Vec::new();
        for (institution, record) in records {
            let open =
                offers.iter().filter(|offer| offer.institution == institution && !offer.state.is_final());
            shops.push(Shop {
                institution,
                name: names.get(&institution).cloned().unwrap_or_default(),
                budget: self.query(&QueryMsg::Budget { institution }).await?,
                record,
                offers: open.cloned().collect(),
            });
        }
        Ok(shops)
    }

    /// The offer whose id, in hex, begins like this.
    pub async fn find(&self, begins: &str) -> Result<OfferResponse, Error> {
        let offers = self.offers(None).await?;
        let mut found: Vec<OfferResponse> =
            offers.into_iter().filter(|offer| hex::encode(&offer.id).starts_with(begins)).collect();
        match (found.len(), found.pop()) {
            (1, Some(offer)) => Ok(offer),
            (0, _) => Err(Error::NoOffer(begins.to_owned())),
            (several, _) => Err(Error::Several(several, begins.to_owned())),
        }
    }

    /// Who won the seal that an offer goes to; none while it is not mined.
    pub async fn winner(&self, offer: &OfferResponse) -> Result<Option<String>, ChainError> {
        let number = offer.seals.saturating_add(SEALS_TO_OWNER);
        match self.0.seal(number).await {
            Ok(seal) => Ok(Some(seal.miner)),
            Err(ChainError::Contract { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes an offer that our seal won; a fixed one is asked by this.
    pub async fn claim(&self, offer: &OfferResponse, identity: &Identity) -> Result<TxOutcome, Error> {
        if offer.state != OfferState::Offered {
            let (id, state) = (hex::encode(&offer.id), offer.state);
            return Err(Error::State { id, state, needed: "only one that is offered can be claimed" });
        }
        let key = identity.offer_key(&offer.id).public().map_err(identity::Error::from)?;
        let encryption_key = Binary::from(key.as_bytes());
        self.send(&ExecuteMsg::Claim { offer: offer.id.clone(), encryption_key }).await
    }

    /// Asks an open offer that is ours.
    pub async fn ask(&self, offer: &OfferResponse, question: Question) -> Result<TxOutcome, Error> {
        question.validate().map_err(|error| Error::Question(error.to_string()))?;
        if offer.state != OfferState::Owned || offer.terms.kind != (OfferKind::Open {}) {
            let (id, state) = (hex::encode(&offer.id), offer.state);
            return Err(Error::State { id, state, needed: "only an open one that was claimed can be asked" });
        }
        self.send(&ExecuteMsg::Ask { offer: offer.id.clone(), question }).await
    }

    async fn send(&self, msg: &ExecuteMsg) -> Result<TxOutcome, Error> {
        let codec = |e: serde_json::Error| ChainError::Codec {
            what: "message to the bounty contract".to_owned(),
            reason: e.to_string(),
        };
        let msg = serde_json::to_value(msg).map_err(codec)?;
        let contract = self.address().to_owned();
        Ok(self.0.chain.send(vec![Call { contract, msg }]).await?)
    }
}

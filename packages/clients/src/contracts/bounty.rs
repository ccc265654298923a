//! Queries of the bounty contract.

use medrec_api::bounty::{
    BudgetResponse, CatalogueResponse, ConfigResponse, OfferResponse, OfferState, OffersResponse, QueryMsg,
    RecordResponse, RecordsResponse,
};

use super::{Contract, client};
use crate::Result;

/// Offers of aggregate questions, who owns them, and the ledger of ε.
#[derive(Clone, Debug)]
pub struct Bounty(Contract);

client!(Bounty);

impl Bounty {
    /// The consortium, the registrar and the authlog.
    pub async fn config(&self) -> Result<ConfigResponse> {
        self.0.ask(&QueryMsg::Config {}).await
    }

    /// ε of an institution's data set, micro-ε.
    pub async fn budget(&self, institution: u32) -> Result<BudgetResponse> {
        self.0.ask(&QueryMsg::Budget { institution }).await
    }

    /// What an institution's open offers may be asked: the newest catalogue, or that of a version.
    pub async fn catalogue(&self, institution: u32, version: Option<u32>) -> Result<CatalogueResponse> {
        self.0.ask(&QueryMsg::Catalogue { institution, version }).await
    }

    /// An offer by its id [32].
    pub async fn offer(&self, id: &[u8]) -> Result<OfferResponse> {
        self.0.ask(&QueryMsg::OfferById { id: id.into() }).await
    }

    /// Offers in order of number, at most 30 a page; go on from `next`.
    pub async fn offers(
        &self,
        institution: Option<u32>,
        state: Option<OfferState>,
        start_after: Option<u64>,
        limit: Option<u32>,
    ) -> Result<OffersResponse> {
        self.0.ask(&QueryMsg::Offers { institution, state, start_after, limit }).await
    }

    /// Offers a researcher owns or owned, in order of number.
    pub async fn owned_by(
        &self,
        researcher: &str,
        start_after: Option<u64>,
        limit: Option<u32>,
    ) -> Result<OffersResponse> {
        let researcher = researcher.to_owned();
        self.0.ask(&QueryMsg::OwnedBy { researcher, start_after, limit }).await
    }

    /// How an institution kept its word.
    pub async fn record(&self, institution: u32) -> Result<RecordResponse> {
        self.0.ask(&QueryMsg::Record { institution }).await
    }

    /// Records in order of institution, at most 30 a page.
    pub async fn records(&self, start_after: Option<u32>, limit: Option<u32>) -> Result<RecordsResponse> {
        self.0.ask(&QueryMsg::Records { start_after, limit }).await
    }
}

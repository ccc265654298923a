//! Queries of the relationship contract.

use medrec_api::relationship::{
    ConfigResponse, DelegateResponse, GrantsResponse, QueryMsg, RelationshipResponse, RelationshipsResponse,
};

use super::{Contract, client};
use crate::Result;

/// Relationships and grants.
#[derive(Clone, Debug)]
pub struct Relationship(Contract);

client!(Relationship);

impl Relationship {
    /// The consortium, the sponsor and the allowance.
    pub async fn config(&self) -> Result<ConfigResponse> {
        self.0.ask(&QueryMsg::Config {}).await
    }

    /// One relationship, in whatever state.
    pub async fn relationship(&self, id: u64) -> Result<RelationshipResponse> {
        self.0.ask(&QueryMsg::Relationship { id }).await
    }

    /// Those whose patient is or was one of the addresses (at most 30), in order of id.
    pub async fn relationships(
        &self,
        addresses: &[String],
        start_after: Option<u64>,
        limit: Option<u32>,
    ) -> Result<RelationshipsResponse> {
        self.0.ask(&QueryMsg::Relationships { addresses: addresses.to_vec(), start_after, limit }).await
    }

    /// All of them in order of id, for a rebuild.
    pub async fn all_relationships(
        &self,
        start_after: Option<u64>,
        limit: Option<u32>,
    ) -> Result<RelationshipsResponse> {
        self.0.ask(&QueryMsg::AllRelationships { start_after, limit }).await
    }

    /// Grants of one relationship in order of number.
    pub async fn grants(
        &self,
        id: u64,
        start_after: Option<u32>,
        limit: Option<u32>,
    ) -> Result<GrantsResponse> {
        let start_after = start_after.map(|after| (id, after));
        self.0.ask(&QueryMsg::Grants { ids: vec![id], start_after, limit }).await
    }

    /// Grants to a viewer over all relationships; `start_after` is (relationship, grant).
    pub async fn grants_to(
        &self,
        viewer: &str,
        start_after: Option<(u64, u32)>,
        limit: Option<u32>,
    ) -> Result<GrantsResponse> {
        self.0.ask(&QueryMsg::GrantsTo { viewer: viewer.to_owned(), start_after, limit }).await
    }

    /// Whether an address may open a relationship, or which one it opened.
    pub async fn delegate(&self, address: &str) -> Result<DelegateResponse> {
        self.0.ask(&QueryMsg::Delegate { address: address.to_owned() }).await
    }
}

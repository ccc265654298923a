//! Queries of the registrar.

use medrec_api::registrar::{
    ConfigResponse, InstitutionResponse, InstitutionsResponse, PersonResponse, QueryMsg, ResearcherResponse,
    ResearchersResponse,
};

use super::{Contract, client};
use crate::Result;

/// Who is an institution, a researcher, a person, and which keys they hold.
#[derive(Clone, Debug)]
pub struct Registrar(Contract);

client!(Registrar);

impl Registrar {
    /// The consortium and the registration policy.
    pub async fn config(&self) -> Result<ConfigResponse> {
        self.0.ask(&QueryMsg::Config {}).await
    }

    /// One institution, active or expelled.
    pub async fn institution(&self, id: u32) -> Result<InstitutionResponse> {
        self.0.ask(&QueryMsg::Institution { id }).await
    }

    /// Institutions in order of id, at most 30 a page.
    pub async fn institutions(
        &self,
        start_after: Option<u32>,
        limit: Option<u32>,
    ) -> Result<InstitutionsResponse> {
        self.0.ask(&QueryMsg::Institutions { start_after, limit }).await
    }

    /// The institution whose account this is.
    pub async fn institution_by_account(&self, account: &str) -> Result<InstitutionResponse> {
        self.0.ask(&QueryMsg::InstitutionByAccount { account: account.to_owned() }).await
    }

    /// The person behind a handle (wire.md section 11).
    pub async fn person(&self, handle: &[u8]) -> Result<PersonResponse> {
        self.0.ask(&QueryMsg::Person { handle: handle.into() }).await
    }

    /// One researcher, active or withdrawn; he counts while his institution is active too.
    pub async fn researcher(&self, account: &str) -> Result<ResearcherResponse> {
        self.0.ask(&QueryMsg::Researcher { account: account.to_owned() }).await
    }

    /// Researchers in order of account, at most 30 a page.
    pub async fn researchers(
        &self,
        start_after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<ResearchersResponse> {
        self.0.ask(&QueryMsg::Researchers { start_after: start_after.map(str::to_owned), limit }).await
    }
}

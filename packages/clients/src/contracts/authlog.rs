//! Queries of the authlog.

use medrec_api::authlog::{
    AttestedResponse, ConfigResponse, HeadProofResponse, HeadsResponse, LogResponse, LogsResponse, QueryMsg,
    SealResponse, SealedHeadsResponse, SealingResponse, SealingsResponse, SealsResponse, TemplateResponse,
};

use super::{Contract, client};
use crate::Result;

/// Anchors of the institutions' access logs, and their seals.
#[derive(Clone, Debug)]
pub struct Authlog(Contract);

client!(Authlog);

impl Authlog {
    /// The consortium, the registrar and the growth cap.
    pub async fn config(&self) -> Result<ConfigResponse> {
        self.0.ask(&QueryMsg::Config {}).await
    }

    /// The log in a slot and its last anchor.
    pub async fn log(&self, slot: u32) -> Result<LogResponse> {
        self.0.ask(&QueryMsg::Log { slot }).await
    }

    /// The log of an institution.
    pub async fn log_of(&self, institution: u32) -> Result<LogResponse> {
        self.0.ask(&QueryMsg::LogOf { institution }).await
    }

    /// Logs in order of slot, at most 30 a page.
    pub async fn logs(&self, start_after: Option<u32>, limit: Option<u32>) -> Result<LogsResponse> {
        self.0.ask(&QueryMsg::Logs { start_after, limit }).await
    }

    /// Root and total of the sum tree of heads.
    pub async fn heads(&self) -> Result<HeadsResponse> {
        self.0.ask(&QueryMsg::Heads {}).await
    }

    /// One head with its path in the sum tree.
    pub async fn head_proof(&self, slot: u32) -> Result<HeadProofResponse> {
        self.0.ask(&QueryMsg::HeadProof { slot }).await
    }

    /// Who vouches for what of one log, and its open challenge.
    pub async fn attested(&self, slot: u32) -> Result<AttestedResponse> {
        self.0.ask(&QueryMsg::Attested { slot }).await
    }

    /// Rules of the seals, their number and work.
    pub async fn sealing(&self) -> Result<SealingResponse> {
        self.0.ask(&QueryMsg::Sealing {}).await
    }

    /// Rules of all time, with the number of the first seal under each.
    pub async fn sealings(&self, start_after: Option<u64>, limit: Option<u32>) -> Result<SealingsResponse> {
        self.0.ask(&QueryMsg::Sealings { start_after, limit }).await
    }

    /// All a miner needs for the next seal.
    pub async fn template(&self) -> Result<TemplateResponse> {
        self.0.ask(&QueryMsg::Template {}).await
    }

    /// One seal.
    pub async fn seal(&self, number: u64) -> Result<SealResponse> {
        self.0.ask(&QueryMsg::Seal { number }).await
    }

    /// Seals in order of number, at most 30 a page.
    pub async fn seals(&self, start_after: Option<u64>, limit: Option<u32>) -> Result<SealsResponse> {
        self.0.ask(&QueryMsg::Seals { start_after, limit }).await
    }

    /// Attested heads that a seal covers, in order of slot, at most 30 a page.
    pub async fn sealed_heads(
        &self,
        number: u64,
        start_after: Option<u32>,
        limit: Option<u32>,
    ) -> Result<SealedHeadsResponse> {
        self.0.ask(&QueryMsg::SealedHeads { number, start_after, limit }).await
    }
}

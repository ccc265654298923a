//! Queries of the authlog.

use medrec_api::authlog::{
    ConfigResponse, HeadProofResponse, HeadsResponse, LogResponse, LogsResponse, QueryMsg,
};

use super::{Contract, client};
use crate::Result;

/// Anchors of the institutions' access logs.
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
}

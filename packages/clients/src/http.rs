//! JSON-RPC over HTTP with bounds: a node decides neither how long we wait nor how much we read.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tendermint_rpc::response::Response as _;
use tendermint_rpc::{Client, Error, SimpleRequest};

/// Bounds of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From connecting to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of an answer. The largest block is 2 MiB, 2.7 in base64; its events may be some times that.
    pub max_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), max_body: 64 * 1024 * 1024 }
    }
}

/// One node's port. Answers are read as CometBFT 0.38 writes them (0.39 writes them alike).
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest_tls::Client,
    url: reqwest_tls::Url,
    max_body: usize,
}

/// How an answer is tied to its question.
#[derive(Deserialize)]
struct Envelope {
    id: String,
}

impl Http {
    pub fn new(url: reqwest_tls::Url, limits: Limits) -> Result<Self, Error> {
        let client = reqwest_tls::Client::builder()
            .user_agent(concat!("medrec/", env!("CARGO_PKG_VERSION")))
            .timeout(limits.timeout)
            // A node has no reason to send us elsewhere.
            .redirect(reqwest_tls::redirect::Policy::none())
            .build()
            .map_err(Error::http)?;
        Ok(Self { client, url, max_body: limits.max_body })
    }

    async fn exchange(&self, question: String) -> Result<Vec<u8>, Error> {
        let request = self.client.post(self.url.clone()).header("content-type", "application/json");
        let mut response = request.body(question).send().await.map_err(Error::http)?;
        if response.status() != reqwest_tls::StatusCode::OK {
            return Err(Error::http_request_failed(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Error::http)? {
            if body.len().saturating_add(chunk.len()) > self.max_body {
                return Err(Error::client_internal(format!("the answer is over {} bytes", self.max_body)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[async_trait]
impl Client for Http {
    async fn perform<R: SimpleRequest>(&self, request: R) -> Result<R::Output, Error> {
        let text = request.into_json();
        let asked: Envelope = serde_json::from_str(&text).map_err(Error::serde)?;
        let body = self.exchange(text).await?;
        // Errors are answers too, and read first: they say more than a missing id.
        let output = R::Response::from_string(&body)?.into();
        let answered: Envelope = serde_json::from_slice(&body).map_err(Error::serde)?;
        if answered.id != asked.id {
            return Err(Error::server("the answer belongs to another question".to_owned()));
        }
        Ok(output)
    }
}

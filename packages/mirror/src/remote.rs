//! The log of another institution over HTTP: bounded in bytes and time, never redirected.

use std::time::Duration;

use medrec_accesslog::{VerifyError, mirror::Fetch};
use reqwest_tls::{Client, StatusCode, redirect::Policy};

use crate::guard::{Guard, Refused};

/// A server that does not take the connection in this time is out of reach.
const CONNECT: Duration = Duration::from_secs(5);

/// One institution's `/log/`, or a mirror of it.
pub struct Remote {
    http: Client,
    base: String,
    timeout: Duration,
}

/// Why nothing came. `path` is below the log's prefix: no address is named.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("no HTTP client: {0}")]
    Client(#[source] reqwest_tls::Error),
    #[error("the log is out of reach: {path}: {reason}")]
    Unreachable { path: String, reason: &'static str },
    #[error("{path} did not come within {} s", limit.as_secs())]
    Slow { path: String, limit: Duration },
    #[error("{path}: status {status}")]
    Status { path: String, status: u16 },
    #[error("{path} is redirected, which a log never needs")]
    Redirected { path: String },
    #[error("{path} has more than its {limit} bytes")]
    Endless { path: String, limit: usize },
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

impl Remote {
    /// `url` as the registrar has it. One request may take `timeout`, its body included.
    pub async fn new(url: &str, guard: Guard, timeout: Duration) -> Result<Self, Error> {
        Self::below(url, "log", guard, timeout).await
    }

    /// The copy of an institution's log that somebody else serves at `url`.
    pub async fn mirror(url: &str, institution: u32, guard: Guard, timeout: Duration) -> Result<Self, Error> {
        Self::below(url, &format!("mirrors/{institution}"), guard, timeout).await
    }

    async fn below(url: &str, path: &str, guard: Guard, timeout: Duration) -> Result<Self, Error> {
        let target = guard.check(url).await?;
        let mut client = Client::builder()
            .redirect(Policy::none())
            // A proxy would connect where the guard does not look.
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(timeout);
        if let Some(name) = &target.name {
            client = client.resolve_to_addrs(name, &target.addresses);
        }
        let http = client.build().map_err(Error::Client)?;
        Ok(Self { http, base: format!("{}/{path}", target.base), timeout })
    }

    fn failed(&self, path: &str, error: &reqwest_tls::Error) -> Error {
        let path = path.to_owned();
        if error.is_timeout() && !error.is_connect() {
            return Error::Slow { path, limit: self.timeout };
        }
        // The library's message would name the address.
        let reason = if error.is_connect() { "no connection" } else { "the connection broke off" };
        Error::Unreachable { path, reason }
    }
}

impl Fetch for Remote {
    type Error = Error;

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let failed = |error: reqwest_tls::Error| self.failed(path, &error);
        let mut response = self.http.get(format!("{}/{path}", self.base)).send().await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Error::Redirected { path: path.to_owned() });
        }
        if status != StatusCode::OK {
            return Err(Error::Status { path: path.to_owned(), status: status.as_u16() });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len().saturating_add(chunk.len()) > limit {
                return Err(Error::Endless { path: path.to_owned(), limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

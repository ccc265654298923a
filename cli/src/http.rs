//! HTTP with limits. Errors name the institution that was asked.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest_tls::redirect::Policy;
use reqwest_tls::{Client, RequestBuilder, Response, StatusCode};

use crate::Error;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Who is not there is not waited for as long as who is slow.
const CONNECT: Duration = Duration::from_secs(5);

/// One for all: making one reads the system's certificates, and its connections serve again.
static CLIENT: OnceLock<Client> = OnceLock::new();

/// A client for one institution.
pub struct Http {
    pub client: Client,
    /// Whom errors name.
    pub name: String,
}

impl Http {
    pub fn new(name: &str) -> Result<Http, Error> {
        let name = name.to_owned();
        if let Some(client) = CLIENT.get() {
            return Ok(Http { client: client.clone(), name });
        }
        let client =
            Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT).redirect(Policy::none()).build();
        let client = client.map_err(|e| Error::Failed(format!("no HTTP client: {e}")))?;
        Ok(Http { client: CLIENT.get_or_init(|| client).clone(), name })
    }

    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        request.send().await.map_err(|e| self.silent(&e))
    }

    pub async fn get(&self, url: &str) -> Result<Response, Error> {
        self.send(self.client.get(url)).await
    }

    /// The body of an answer that must be 200, of at most `limit` bytes.
    pub async fn body(&self, response: Response, limit: usize) -> Result<Vec<u8>, Error> {
        let status = response.status();
        if status != StatusCode::OK {
            return Err(self.silent_because(&format!("HTTP status {status} from its log")));
        }
        self.limited(response, limit).await
    }

    /// The body whatever the status.
    pub async fn limited(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.silent(&e))? {
            if bytes.len().saturating_add(chunk.len()) > limit {
                return Err(self.silent_because(&format!("it sent more than {limit} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    pub fn silent(&self, error: &reqwest_tls::Error) -> Error {
        let why = if error.is_timeout() {
            "it took too long".to_owned()
        } else if error.is_connect() {
            let host = error.url().and_then(|url| url.host_str()).unwrap_or("its address");
            format!("no connection to {host}")
        } else {
            error.to_string()
        };
        self.silent_because(&why)
    }

    pub fn silent_because(&self, why: &str) -> Error {
        Error::Silent { institution: self.name.clone(), why: why.to_owned() }
    }
}

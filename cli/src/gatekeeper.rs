//! HTTP to an institution: signed reads, and its public log. Everything that comes back is checked elsewhere.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use medrec_accesslog::mirror::Fetch;
use medrec_accesslog::{
    Body, Entry, LogKey, Scope, TilePath, VerifyError, bundle_paths, decode_bundle, public_label,
    verify_entry,
};
use medrec_api::registrar::InstitutionResponse;
use medrec_gate::{Draft, Endpoint, Institution, Problem, Reason, answer};
use medrec_merkle::Hash;
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, Key, SecretKey};
use rand_core::{OsRng, RngCore as _};
use reqwest_tls::{Client, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, moment};

const TIMEOUT: Duration = Duration::from_secs(30);
/// A request lives as long as it may: clocks differ.
const LIFETIME: u64 = medrec_gate::request::MAX_LIFETIME;
const MAX_ANSWER: usize = 64 * 1024 * 1024;
const MAX_SMALL: usize = 64 * 1024;
/// A busy or lagging gatekeeper is asked so often.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// Kind of the public entries that name the scopes in force.
const SCOPES: u32 = 16;
/// Entries in a full bundle (C2SP tlog-tiles).
const BUNDLE: u64 = 256;

/// One institution's gatekeeper and log.
pub struct Gatekeeper {
    http: Client,
    url: String,
    pub id: u32,
    pub name: String,
    /// What its signatures are checked against.
    pub facts: Institution,
    contract: ContractRef,
}

/// Where a label is in the log.
#[derive(Deserialize)]
struct Labelled {
    index: u64,
    /// Signed note.
    checkpoint: String,
    /// Base64.
    proof: Vec<String>,
}

impl Gatekeeper {
    /// `of`: what the registrar says.
    pub fn new(of: &InstitutionResponse, contract: &ContractRef) -> Result<Gatekeeper, Error> {
        let broken =
            |what: &str| Error::Wrong(format!("the registrar's entry of {} has no usable {what}", of.name));
        let key: [u8; 32] = of.log_key.as_slice().try_into().map_err(|_| broken("log key"))?;
        let log_key = LogKey::new(&of.log_origin, &key).map_err(|_| broken("log key"))?;
        let http = Client::builder().timeout(TIMEOUT).redirect(reqwest_tls::redirect::Policy::none()).build();
        Ok(Gatekeeper {
            http: http.map_err(|e| Error::Failed(format!("no HTTP client: {e}")))?,
            url: of.url.trim_end_matches('/').to_owned(),
            id: of.id,
            name: of.name.clone(),
            facts: Institution { signing_key: of.signing_key.to_vec(), log_key },
            contract: contract.clone(),
        })
    }

    pub fn origin(&self) -> &str {
        self.facts.log_key.origin()
    }

    /// Sends a signed request and opens the answer; gives the request's hash too. Asks again while the gatekeeper
    /// says that it cannot decide yet.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        key: &Key,
        endpoint: Endpoint,
        body: &[u8],
        purpose: Purpose,
    ) -> Result<(T, Hash), Error> {
        let mut attempt = 1u32;
        loop {
            match self.ask_once(key, endpoint, body, purpose).await {
                Err(Error::Refused {
                    reason: Reason::ChainStale | Reason::Unavailable | Reason::RateLimited,
                    ..
                }) if attempt < ATTEMPTS => {
                    attempt = attempt.saturating_add(1);
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn ask_once<T: DeserializeOwned>(
        &self,
        key: &Key,
        endpoint: Endpoint,
        body: &[u8],
        purpose: Purpose,
    ) -> Result<(T, Hash), Error> {
        let reply = SecretKey::generate(&mut OsRng);
        let created = moment::now();
        let mut nonce = [0; 16];
        OsRng.fill_bytes(&mut nonce);
        let draft = Draft {
            public_url: &self.url,
            endpoint,
            body,
            contract: &self.contract,
            purpose,
            reply_key: &reply.public()?,
            created,
            expires: created.saturating_add(LIFETIME),
            nonce,
        };
        let signed = draft.sign(key)?;
        let mut request = match signed.method {
            "POST" => {
                self.http.post(&signed.url).header("content-type", "application/json").body(body.to_vec())
            }
            _ => self.http.get(&signed.url),
        };
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.map_err(|e| self.silent(&e))?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response, created).await);
        }
        let sealed = self.limited(response, MAX_ANSWER).await?;
        Ok((answer::open(&reply, &signed.hash, &sealed)?, signed.hash))
    }

    async fn refusal(&self, response: Response, created: u64) -> Error {
        let status = response.status();
        let body = self.limited(response, MAX_SMALL).await.unwrap_or_default();
        let institution = self.name.clone();
        match Problem::parse(&body) {
            Some(Problem { reason, now, .. }) => {
                Error::Refused { institution, reason, ahead: now.map(|now| created.saturating_sub(now)) }
            }
            None => Error::Silent { institution, why: format!("HTTP status {status} without a reason") },
        }
    }

    /// Scope definitions in force, by the log's newest public entries.
    pub async fn scopes(&self) -> Result<Vec<Scope>, Error> {
        let (mut set, mut parts_seen, mut complete) = (Vec::new(), 0u32, Vec::new());
        for version in 1u32.. {
            let Some(entry) = self.public_entry(version).await? else { break };
            let body = entry.open_public(self.origin(), SCOPES, version).transpose();
            let Some(Body::Scopes { part, parts, scopes, .. }) = body.map_err(VerifyError::from)? else {
                return Err(Error::Wrong(format!(
                    "{} shows another entry than the one asked for",
                    self.name
                )));
            };
            if part == 1 {
                (set, parts_seen) = (Vec::new(), 0);
            }
            set.extend(scopes);
            parts_seen = parts_seen.saturating_add(1);
            if parts_seen == parts {
                complete.clone_from(&set);
            }
        }
        Ok(complete)
    }

    /// The `version`th public entry on scopes; none past the newest.
    async fn public_entry(&self, version: u32) -> Result<Option<Entry>, Error> {
        let label = public_label(self.origin(), SCOPES, version);
        let response = self.get(&format!("log/labels/{label}")).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let unreadable = || self.silent_because("its label lookup is unreadable");
        let found: Labelled =
            serde_json::from_slice(&self.body(response, MAX_SMALL).await?).map_err(|_| unreadable())?;
        let hash = |text: &String| B64.decode(text).ok().and_then(|bytes| Hash::try_from(bytes).ok());
        let proof: Option<Vec<Hash>> = found.proof.iter().map(hash).collect();
        let signed = self.facts.log_key.verify_note(&found.checkpoint).map_err(VerifyError::from)?;
        let index = found.index;
        let path = bundle_paths(index, signed.checkpoint.size).next();
        let (path, bytes) = self.tile(&path.ok_or_else(unreadable)?).await?;
        let entries = decode_bundle(&path, &bytes).map_err(VerifyError::from)?;
        let at = usize::try_from(index % BUNDLE).unwrap_or(usize::MAX);
        let entry = entries.into_iter().nth(at).ok_or_else(unreadable)?;
        verify_entry(&self.facts.log_key, &found.checkpoint, index, &entry, &proof.ok_or_else(unreadable)?)?;
        Ok(Some(entry))
    }

    /// A tile or bundle at its width, or full if it has grown meanwhile.
    pub async fn tile(&self, path: &TilePath) -> Result<(TilePath, Vec<u8>), Error> {
        let response = self.get(&format!("log/{path}")).await?;
        if path.is_partial() && response.status() == StatusCode::NOT_FOUND {
            let full = path.full();
            let response = self.get(&format!("log/{full}")).await?;
            return Ok((full, self.body(response, full.byte_len()).await?));
        }
        Ok((*path, self.body(response, path.byte_len()).await?))
    }

    async fn get(&self, path: &str) -> Result<Response, Error> {
        self.http.get(format!("{}/{path}", self.url)).send().await.map_err(|e| self.silent(&e))
    }

    async fn body(&self, response: Response, limit: usize) -> Result<Vec<u8>, Error> {
        let status = response.status();
        if status != StatusCode::OK {
            return Err(self.silent_because(&format!("HTTP status {status} from its log")));
        }
        self.limited(response, limit).await
    }

    async fn limited(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.silent(&e))? {
            if bytes.len().saturating_add(chunk.len()) > limit {
                return Err(self.silent_because(&format!("it sent more than {limit} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn silent(&self, error: &reqwest_tls::Error) -> Error {
        let why = if error.is_timeout() {
            "it took too long".to_owned()
        } else if error.is_connect() {
            format!("no connection to {}", self.url)
        } else {
            error.to_string()
        };
        self.silent_because(&why)
    }

    fn silent_because(&self, why: &str) -> Error {
        Error::Silent { institution: self.name.clone(), why: why.to_owned() }
    }
}

/// The log below `/log/`.
impl Fetch for Gatekeeper {
    type Error = Error;

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let response = Gatekeeper::get(self, &format!("log/{path}")).await?;
        self.body(response, limit).await
    }
}

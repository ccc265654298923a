//! Signed requests to an institution's gatekeeper. Answers are opened here and checked elsewhere.

use std::time::Duration;

use medrec_api::registrar::InstitutionResponse;
use medrec_gate::{Draft, Endpoint, Institution, Problem, Reason, Signed, answer};
use medrec_merkle::Hash;
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, Key, SecretKey};
use rand_core::{OsRng, RngCore as _};
use reqwest_tls::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use crate::http::Http;
use crate::served::Served;
use crate::{Error, moment};

/// A request lives as long as it may: clocks differ.
const LIFETIME: u64 = medrec_gate::request::MAX_LIFETIME;
const MAX_ANSWER: usize = 64 * 1024 * 1024;
const MAX_SMALL: usize = 64 * 1024;
/// A busy or lagging gatekeeper is asked so often.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// A stream of notices ends after 15 minutes (wire.md section 8).
const STREAM: Duration = Duration::from_secs(16 * 60);

/// One institution's gatekeeper and its log.
pub struct Gatekeeper {
    http: Http,
    url: String,
    pub name: String,
    /// What its signatures are checked against.
    pub facts: Institution,
    pub log: Served,
    contract: ContractRef,
}

impl Gatekeeper {
    /// `of`: what the registrar says.
    pub fn new(of: &InstitutionResponse, contract: &ContractRef) -> Result<Gatekeeper, Error> {
        let log = Served::of(of)?;
        Ok(Gatekeeper {
            http: Http::new(&of.name)?,
            url: of.url.trim_end_matches('/').to_owned(),
            name: of.name.clone(),
            facts: Institution { signing_key: of.signing_key.to_vec(), log_key: log.log_key.clone() },
            log,
            contract: contract.clone(),
        })
    }

    /// Sends a signed request and opens the answer; gives the request's hash too. Asks again while the gatekeeper
    /// says that it cannot decide yet.
    pub async fn ask<T: DeserializeOwned + Send + 'static>(
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

    async fn ask_once<T: DeserializeOwned + Send + 'static>(
        &self,
        key: &Key,
        endpoint: Endpoint,
        body: &[u8],
        purpose: Purpose,
    ) -> Result<(T, Hash), Error> {
        let reply = SecretKey::generate(&mut OsRng);
        let created = moment::now();
        let signed = self.sign(key, endpoint, body, purpose, &reply, created)?;
        let response = self.http.send(self.request(&signed, body)).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response, created).await);
        }
        let sealed = self.http.limited(response, MAX_ANSWER).await?;
        // Megabytes are read beside the next answer.
        let opening = tokio::task::spawn_blocking(move || answer::open(&reply, &signed.hash, &sealed));
        let opened = opening.await.map_err(|e| Error::Failed(format!("opening an answer: {e}")))?;
        Ok((opened?, signed.hash))
    }

    /// Opens a stream of notices; the events are its lines.
    pub async fn notices(&self, key: &Key, relationship: u64) -> Result<Response, Error> {
        let (reply, created) = (SecretKey::generate(&mut OsRng), moment::now());
        let endpoint = Endpoint::Notices { relationship };
        let signed = self.sign(key, endpoint, &[], Purpose::PatientRequest, &reply, created)?;
        let response = self.http.send(self.request(&signed, &[]).timeout(STREAM)).await?;
        if response.status() == StatusCode::OK {
            Ok(response)
        } else {
            Err(self.refusal(response, created).await)
        }
    }

    /// The next bytes of a stream; none at its end.
    pub async fn next(&self, stream: &mut Response) -> Result<Option<Vec<u8>>, Error> {
        Ok(stream.chunk().await.map_err(|e| self.http.silent(&e))?.map(|chunk| chunk.to_vec()))
    }

    fn sign(
        &self,
        key: &Key,
        endpoint: Endpoint,
        body: &[u8],
        purpose: Purpose,
        reply: &SecretKey,
        created: u64,
    ) -> Result<Signed, Error> {
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
        Ok(draft.sign(key)?)
    }

    fn request(&self, signed: &Signed, body: &[u8]) -> RequestBuilder {
        let client = &self.http.client;
        let mut request = match signed.method {
            "POST" => client.post(&signed.url).header("content-type", "application/json").body(body.to_vec()),
            _ => client.get(&signed.url),
        };
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        request
    }

    async fn refusal(&self, response: Response, created: u64) -> Error {
        let status = response.status();
        let body = self.http.limited(response, MAX_SMALL).await.unwrap_or_default();
        let institution = self.name.clone();
        match Problem::parse(&body) {
            Some(Problem { reason, now, .. }) => {
                Error::Refused { institution, reason, ahead: now.map(|now| created.saturating_sub(now)) }
            }
            None => Error::Silent { institution, why: format!("HTTP status {status} without a reason") },
        }
    }
}

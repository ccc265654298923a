//! A log over HTTP, as its own institution or a mirror serves it. Everything that comes back is checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use medrec_accesslog::mirror::Fetch;
use medrec_accesslog::{
    BUNDLE, Body, CounterMap, Entry, LogKey, Scope, TilePath, VerifyError, bundle_paths, decode_bundle,
    public_label, verify_entry,
};
use medrec_api::registrar::InstitutionResponse;
use medrec_merkle::Hash;
use reqwest_tls::{Response, StatusCode};
use serde::Deserialize;

use crate::Error;
use crate::http::Http;

const MAX_SMALL: usize = 64 * 1024;
/// Leaves of a day's counter map: some two million relationships.
const MAX_MAP: usize = 64 * 1024 * 1024;
/// Kind of the public entries that name the scopes in force.
const SCOPES: u32 = 16;

/// One institution's log at one place.
pub struct Served {
    http: Http,
    /// What `checkpoint` and `tile/…` are below.
    base: String,
    /// Whose log it is.
    pub institution: u32,
    pub name: String,
    pub log_key: LogKey,
    /// Served by another institution.
    pub is_mirror: bool,
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

impl Served {
    /// At the institution itself.
    pub fn of(institution: &InstitutionResponse) -> Result<Served, Error> {
        let base = format!("{}/log", institution.url.trim_end_matches('/'));
        Served::at(institution, base, institution.name.clone(), false)
    }

    /// At a mirror: `url` is that of the institution that keeps the copy.
    pub fn mirrored(institution: &InstitutionResponse, url: &str) -> Result<Served, Error> {
        let base = format!("{}/mirrors/{}", url.trim_end_matches('/'), institution.id);
        let asked = format!("the mirror of {} at {url}", institution.name);
        Served::at(institution, base, asked, true)
    }

    fn at(
        institution: &InstitutionResponse,
        base: String,
        asked: String,
        is_mirror: bool,
    ) -> Result<Served, Error> {
        let InstitutionResponse { id, name, log_origin, log_key, .. } = institution;
        let broken = || Error::Wrong(format!("the registrar's entry of {name} has no usable log key"));
        let key: [u8; 32] = log_key.as_slice().try_into().map_err(|_| broken())?;
        let log_key = LogKey::new(log_origin, &key).map_err(|_| broken())?;
        Ok(Served {
            http: Http::new(&asked)?,
            base,
            institution: *id,
            name: name.clone(),
            log_key,
            is_mirror,
        })
    }

    pub fn origin(&self) -> &str {
        self.log_key.origin()
    }

    /// Scope definitions in force, by the log's newest public entries. Only asked of the institution itself.
    pub async fn scopes(&self) -> Result<Vec<Scope>, Error> {
        let (mut set, mut parts_seen, mut complete) = (Vec::new(), 0u32, Vec::new());
        for version in 1u32.. {
            let Some(entry) = self.public_entry(version).await? else { break };
            let body = entry.open_public(self.origin(), SCOPES, version).transpose();
            let Some(Body::Scopes { part, parts, scopes, .. }) = body.map_err(VerifyError::from)? else {
                let name = &self.name;
                return Err(Error::Wrong(format!("{name} shows another entry than the one asked for")));
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
        let response = self.get(&format!("labels/{label}")).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let unreadable = || self.http.silent_because("its label lookup is unreadable");
        let found: Labelled =
            serde_json::from_slice(&self.http.body(response, MAX_SMALL).await?).map_err(|_| unreadable())?;
        let hash = |text: &String| B64.decode(text).ok().and_then(|bytes| Hash::try_from(bytes).ok());
        let proof: Option<Vec<Hash>> = found.proof.iter().map(hash).collect();
        let signed = self.log_key.verify_note(&found.checkpoint).map_err(VerifyError::from)?;
        let index = found.index;
        let path = bundle_paths(index, signed.checkpoint.size).next();
        let (path, bytes) = self.tile(&path.ok_or_else(unreadable)?).await?;
        let entries = decode_bundle(&path, &bytes).map_err(VerifyError::from)?;
        let at = usize::try_from(index % BUNDLE).unwrap_or(usize::MAX);
        let entry = entries.into_iter().nth(at).ok_or_else(unreadable)?;
        verify_entry(&self.log_key, &found.checkpoint, index, &entry, &proof.ok_or_else(unreadable)?)?;
        Ok(Some(entry))
    }

    /// A tile or bundle at its width, or full if it has grown meanwhile.
    pub async fn tile(&self, path: &TilePath) -> Result<(TilePath, Vec<u8>), Error> {
        let response = self.get(&path.to_string()).await?;
        if path.is_partial() && response.status() == StatusCode::NOT_FOUND {
            let full = path.full();
            let response = self.get(&full.to_string()).await?;
            return Ok((full, self.http.body(response, full.byte_len()).await?));
        }
        Ok((*path, self.http.body(response, path.byte_len()).await?))
    }

    /// Leaves of the counter map of a day; none if it is not there. Whether they are those that the log's entry tells
    /// of is yet to be checked.
    pub async fn counter_map(&self, day: u32) -> Result<Option<CounterMap>, Error> {
        let response = self.get(&format!("counters/{day}")).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let bytes = self.http.body(response, MAX_MAP).await?;
        let map = CounterMap::from_bytes(&bytes);
        Ok(Some(map.map_err(|e| Error::Wrong(format!("{}, counter map of day {day}: {e}", self.name)))?))
    }

    async fn get(&self, path: &str) -> Result<Response, Error> {
        self.http.get(&format!("{}/{path}", self.base)).await
    }
}

impl Fetch for Served {
    type Error = Error;

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let response = Served::get(self, path).await?;
        self.http.body(response, limit).await
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A log nobody serves.
    pub fn served(key: &LogKey) -> Served {
        Served {
            http: Http::new("North").unwrap(),
            base: "http://127.0.0.1:1/log".into(),
            institution: 1,
            name: "North".into(),
            log_key: key.clone(),
            is_mirror: false,
        }
    }
}

//! The client's half: a request built and signed (RFC 9421 with an ADR-036 signature).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as B64, URL_SAFE_NO_PAD as B64URL};
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, Key, PublicKey};
use sha2::{Digest, Sha256};

use crate::base::{component_list, signature_base};
use crate::{Endpoint, Error};

pub(crate) const LABEL: &str = "medrec";
pub(crate) const TAG: &str = "medrec-read-v1";
const DOMAIN: &str = "medrec/request/v1";
/// Covered components, in this order and no others.
pub(crate) const COMPONENTS: [&str; 8] = [
    "@method",
    "@target-uri",
    "content-digest",
    "medrec-chain",
    "medrec-contract",
    "medrec-relationship",
    "medrec-purpose",
    "medrec-reply-key",
];
/// Longest life of a request, seconds.
pub const MAX_LIFETIME: u64 = 60;
/// Largest body of a request, bytes.
pub const MAX_BODY: usize = 16 * 1024;

/// A request before it is signed.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The institution's URL from the registrar.
    pub public_url: &'a str,
    pub endpoint: Endpoint,
    pub body: &'a [u8],
    pub contract: &'a ContractRef,
    pub purpose: Purpose,
    /// Made for this request; the answer is sealed to it.
    pub reply_key: &'a PublicKey,
    /// Seconds since 1970.
    pub created: u64,
    /// At most [`MAX_LIFETIME`] after `created`.
    pub expires: u64,
    /// Random, never used before.
    pub nonce: [u8; 16],
}

/// A signed request: headers to send beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub url: String,
    pub method: &'static str,
    pub headers: Vec<(&'static str, String)>,
    /// The request's hash: names it in answers and in the access log.
    pub hash: [u8; 32],
}

impl Draft<'_> {
    pub fn sign(&self, key: &Key) -> Result<Signed, Error> {
        let lifetime = self.expires.checked_sub(self.created);
        if lifetime.is_none_or(|seconds| seconds > MAX_LIFETIME) {
            let Draft { created, expires, .. } = self;
            return Err(Error::Request(format!(
                "created {created}, expires {expires}: at most {MAX_LIFETIME} s apart"
            )));
        }
        let fields = Fields {
            method: self.endpoint.method(),
            target: &target(self.public_url, &self.endpoint.to_string()),
            digest: &content_digest(self.body),
            chain: &self.contract.chain_id,
            contract: &self.contract.address,
            relationship: &self.endpoint.relationship().to_string(),
            purpose: self.purpose.as_str(),
            reply_key: &B64.encode(self.reply_key.as_bytes()),
        };
        let params = Params {
            created: self.created,
            expires: self.expires,
            nonce: B64URL.encode(self.nonce),
            keyid: B64.encode(key.public_key()),
        };
        let base = fields.base(&params.to_string());
        let signature = key.sign(base.as_bytes());
        let mut headers: Vec<_> = fields.headers().map(|(name, value)| (name, value.to_owned())).to_vec();
        headers.push(("signature-input", format!("{LABEL}={params}")));
        headers.push(("signature", format!("{LABEL}=:{}:", B64.encode(signature))));
        let hash = request_hash(&base);
        Ok(Signed { url: fields.target.to_owned(), method: self.endpoint.method(), headers, hash })
    }
}

/// Values of the covered components.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub digest: &'a str,
    pub chain: &'a str,
    pub contract: &'a str,
    pub relationship: &'a str,
    pub purpose: &'a str,
    pub reply_key: &'a str,
}

impl<'a> Fields<'a> {
    /// Those that travel as headers.
    fn headers(&self) -> [(&'static str, &'a str); 6] {
        let [_, _, digest, chain, contract, relationship, purpose, reply_key] = COMPONENTS;
        [
            (digest, self.digest),
            (chain, self.chain),
            (contract, self.contract),
            (relationship, self.relationship),
            (purpose, self.purpose),
            (reply_key, self.reply_key),
        ]
    }

    pub(crate) fn base(&self, params: &str) -> String {
        let [method, target, ..] = COMPONENTS;
        let mut components = vec![(method, self.method), (target, self.target)];
        components.extend(self.headers());
        signature_base(&components, params)
    }
}

/// Signature parameters; `Display` is their one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Params {
    pub created: u64,
    pub expires: u64,
    pub nonce: String,
    pub keyid: String,
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Params { created, expires, nonce, keyid } = self;
        let components = component_list(&COMPONENTS);
        write!(
            f,
            "{components};created={created};expires={expires};nonce=\"{nonce}\";keyid=\"{keyid}\";tag=\"{TAG}\""
        )
    }
}

/// `@target-uri`: the audience's public URL and the path; a slash at the URL's end counts for nothing.
pub(crate) fn target(public_url: &str, path_and_query: &str) -> String {
    format!("{}{path_and_query}", public_url.trim_end_matches('/'))
}

/// RFC 9530.
pub(crate) fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", B64.encode(Sha256::digest(body)))
}

pub(crate) fn request_hash(base: &str) -> [u8; 32] {
    medrec_merkle::tagged_hash(DOMAIN, &[base.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9530 appendix D and section 2: SHA-256 of the two example bodies.
    #[test]
    fn rfc9530_digests() {
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
        assert_eq!(
            content_digest(b"{\"hello\": \"world\"}"),
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        );
    }
}

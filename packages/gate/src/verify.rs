//! The gatekeeper's half: a request is read strictly, then believed only as far as its signature goes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as B64, URL_SAFE_NO_PAD as B64URL};
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, PublicKey, adr036};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser, Version};

use crate::request::{
    COMPONENTS, Fields, LABEL, MAX_BODY, MAX_LIFETIME, Params, TAG, content_digest, request_hash, target,
};
use crate::{Endpoint, Reason, Refusal};

/// A client's clock may be ahead by so much, seconds.
pub const MAX_AHEAD: u64 = 5;
/// No header of ours is longer.
const MAX_HEADER: usize = 2048;

/// A request as it came in. Header names in any case; all headers, also repeated ones.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    pub method: &'a str,
    pub path_and_query: &'a str,
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a [u8],
}

/// Who a request must be for.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The gatekeeper's own public URL; `Host` is never asked.
    pub public_url: String,
    pub contract: ContractRef,
}

/// What is known once a request is verified. Whether it is permitted is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRequest {
    pub endpoint: Endpoint,
    /// The signer.
    pub address: String,
    pub chain: String,
    pub contract: String,
    pub relationship: u64,
    pub purpose: Purpose,
    pub reply_key: PublicKey,
    pub nonce: [u8; 16],
    /// Known to the requester and to us: what is kept for a repetition is sealed under it.
    pub signature: [u8; 64],
    /// Names the request; equal for requests that ask the same with the same nonce.
    pub hash: [u8; 32],
    pub created: u64,
    pub expires: u64,
}

/// Verifies a request against its audience at `now` (seconds, the gatekeeper's clock). Nonces are the caller's.
pub fn verify(incoming: &Incoming<'_>, audience: &Audience, now: u64) -> Result<VerifiedRequest, Refusal> {
    if incoming.body.len() > MAX_BODY {
        let size = incoming.body.len();
        return Err(Refusal::new(Reason::TooLarge, format!("body of {size} bytes, at most {MAX_BODY}")));
    }
    let endpoint = Endpoint::parse(incoming.method, incoming.path_and_query)
        .ok_or_else(|| malformed("method, path or query"))?;
    if endpoint.method() == "GET" && !incoming.body.is_empty() {
        return Err(malformed("a body where none belongs"));
    }
    let sent = Headers::read(incoming.headers)?;
    let params = parse_params(sent.input)?;
    let signature = parse_signature(sent.signature)?;
    let nonce = nonce(&params.nonce)?;
    let purpose: Purpose = sent.purpose.parse().map_err(|_| malformed("medrec-purpose"))?;
    let reply_key = reply_key(sent.reply_key)?;
    let relationship = check_audience(&sent, endpoint, audience)?;
    check_digest(sent.digest, incoming.body)?;
    let target = target(&audience.public_url, incoming.path_and_query);
    let base = sent.fields(incoming.method, &target).base(&params.to_string());
    let address = check_signature(&params.keyid, base.as_bytes(), &signature)?;
    check_times(&params, now)?;
    Ok(VerifiedRequest {
        endpoint,
        address,
        chain: sent.chain.to_owned(),
        contract: sent.contract.to_owned(),
        relationship,
        purpose,
        reply_key,
        nonce,
        signature,
        hash: request_hash(&base),
        created: params.created,
        expires: params.expires,
    })
}

/// The headers we read, each present once.
struct Headers<'a> {
    digest: &'a str,
    chain: &'a str,
    contract: &'a str,
    relationship: &'a str,
    purpose: &'a str,
    reply_key: &'a str,
    input: &'a str,
    signature: &'a str,
}

impl<'a> Headers<'a> {
    fn read(headers: &[(&str, &'a [u8])]) -> Result<Headers<'a>, Refusal> {
        let one = |name: &str| one_header(headers, name);
        let [_, _, digest, chain, contract, relationship, purpose, reply_key] = COMPONENTS;
        Ok(Headers {
            digest: one(digest)?,
            chain: one(chain)?,
            contract: one(contract)?,
            relationship: one(relationship)?,
            purpose: one(purpose)?,
            reply_key: one(reply_key)?,
            input: one("signature-input")?,
            signature: one("signature")?,
        })
    }

    fn fields(&self, method: &'a str, target: &'a str) -> Fields<'a> {
        let Headers { digest, chain, contract, relationship, purpose, reply_key, .. } = *self;
        Fields { method, target, digest, chain, contract, relationship, purpose, reply_key }
    }
}

/// Exactly one header of that name, printable ASCII without white space around it.
fn one_header<'a>(headers: &[(&str, &'a [u8])], name: &str) -> Result<&'a str, Refusal> {
    let mut found = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    let value = found.next().ok_or_else(|| malformed(&format!("no {name}")))?;
    if found.next().is_some() {
        return Err(malformed(&format!("{name} twice")));
    }
    let text = std::str::from_utf8(value).ok().filter(|text| {
        text.len() <= MAX_HEADER && text.bytes().all(|b| (0x20..=0x7e).contains(&b)) && text.trim() == *text
    });
    text.ok_or_else(|| malformed(name))
}

/// Strict: one member, its one spelling; parsed by RFC 8941, then compared with what we would have written.
fn parse_params(input: &str) -> Result<Params, Refusal> {
    let list = match only_member(input, "signature-input")? {
        ListEntry::InnerList(list) => list,
        ListEntry::Item(_) => return Err(malformed("signature-input is not a list")),
    };
    let names: Option<Vec<&str>> = list.items.iter().map(|item| string(&item.bare_item)).collect();
    if names.as_deref() != Some(&COMPONENTS) || list.items.iter().any(|item| !item.params.is_empty()) {
        return Err(bad_signature("covered components are not those of the specification"));
    }
    let params = typed_params(&list)?;
    if format!("{LABEL}={params}") == input {
        Ok(params)
    } else {
        Err(malformed("signature-input is not canonical"))
    }
}

/// `created, expires, nonce, keyid, tag`, in this order, nothing else.
fn typed_params(list: &InnerList) -> Result<Params, Refusal> {
    let wrong = || bad_signature("signature parameters are not those of the specification");
    let keys: Vec<&str> = list.params.keys().map(|key| key.as_str()).collect();
    if keys != ["created", "expires", "nonce", "keyid", "tag"] {
        return Err(wrong());
    }
    let text = |key: &str| list.params.get(key).and_then(string).ok_or_else(wrong);
    let seconds = |key: &str| {
        let integer = list.params.get(key).and_then(BareItem::as_integer).map(i64::from);
        integer.and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong)
    };
    if text("tag")? != TAG {
        return Err(wrong());
    }
    Ok(Params {
        created: seconds("created")?,
        expires: seconds("expires")?,
        nonce: text("nonce")?.to_owned(),
        keyid: text("keyid")?.to_owned(),
    })
}

fn parse_signature(header: &str) -> Result<[u8; 64], Refusal> {
    let member = only_member(header, "signature")?;
    let bytes = match &member {
        ListEntry::Item(item) if item.params.is_empty() => item.bare_item.as_byte_sequence(),
        _ => None,
    };
    let bytes = bytes.ok_or_else(|| malformed("signature is not a byte sequence"))?;
    if format!("{LABEL}=:{}:", B64.encode(bytes)) != header {
        return Err(malformed("signature is not canonical"));
    }
    bytes.try_into().map_err(|_| bad_signature("signature is not 64 bytes"))
}

/// The dictionary's only member, under our label.
fn only_member(header: &str, name: &str) -> Result<ListEntry, Refusal> {
    let parsed: Result<Dictionary, _> = Parser::new(header).with_version(Version::Rfc8941).parse();
    let mut members = parsed.map_err(|e| malformed(&format!("{name}: {e}")))?.into_iter();
    match (members.next(), members.next()) {
        (Some((label, member)), None) if label.as_str() == LABEL => Ok(member),
        _ => Err(malformed(&format!("{name} must have the one label {LABEL}"))),
    }
}

fn string(item: &BareItem) -> Option<&str> {
    item.as_string().map(|text| text.as_str())
}

fn nonce(text: &str) -> Result<[u8; 16], Refusal> {
    let bytes = B64URL.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| malformed("nonce is not b64url of 16 bytes"))
}

fn reply_key(text: &str) -> Result<PublicKey, Refusal> {
    let bytes = B64.decode(text).map_err(|_| malformed("medrec-reply-key is not base64"))?;
    PublicKey::from_slice(&bytes).map_err(|e| malformed(&e.to_string()))
}

fn check_audience(sent: &Headers<'_>, endpoint: Endpoint, audience: &Audience) -> Result<u64, Refusal> {
    let relationship = sent.relationship.parse::<u64>().ok().filter(|id| id.to_string() == sent.relationship);
    let relationship = relationship.ok_or_else(|| malformed("medrec-relationship"))?;
    let expected =
        (audience.contract.chain_id.as_str(), audience.contract.address.as_str(), endpoint.relationship());
    if (sent.chain, sent.contract, relationship) == expected {
        return Ok(relationship);
    }
    let detail = format!("made for {}/{}/{relationship}, we are {expected:?}", sent.chain, sent.contract);
    Err(Refusal::new(Reason::WrongAudience, detail))
}

fn check_digest(header: &str, body: &[u8]) -> Result<(), Refusal> {
    let parsed: Result<Dictionary, _> = Parser::new(header).with_version(Version::Rfc8941).parse();
    parsed.map_err(|e| malformed(&format!("content-digest: {e}")))?;
    if header == content_digest(body) {
        Ok(())
    } else {
        Err(bad_signature("content-digest is not that of the body"))
    }
}

fn check_signature(keyid: &str, base: &[u8], signature: &[u8; 64]) -> Result<String, Refusal> {
    let key: Option<[u8; 33]> = B64.decode(keyid).ok().and_then(|bytes| bytes.try_into().ok());
    let key = key.ok_or_else(|| bad_signature("keyid is not base64 of 33 bytes"))?;
    adr036::verify(&key, base, signature).map_err(|e| bad_signature(&e.to_string()))
}

fn check_times(params: &Params, now: u64) -> Result<(), Refusal> {
    let Params { created, expires, .. } = *params;
    let expired = |detail: String| Err(Refusal::new(Reason::Expired, detail));
    match expires.checked_sub(created) {
        Some(0..=MAX_LIFETIME) => {}
        _ => return expired(format!("lasts from {created} to {expires}, at most {MAX_LIFETIME} s allowed")),
    }
    if now > expires {
        return expired(format!("expired at {expires}, it is {now}"));
    }
    if created > now.saturating_add(MAX_AHEAD) {
        let detail = format!("created at {created}, it is {now}");
        return Err(Refusal { reason: Reason::ClockSkew, detail, now: Some(now) });
    }
    Ok(())
}

fn malformed(detail: &str) -> Refusal {
    Refusal::new(Reason::Malformed, detail)
}

fn bad_signature(detail: &str) -> Refusal {
    Refusal::new(Reason::BadSignature, detail)
}

//! A grant's sealed text: what the viewer is told of scopes and purposes (wire.md section 5).

use medrec_accesslog::{Root, TagKey};
use medrec_rules::{
    ANY, GRANT_TAGS_LEN, GrantKind, GrantTags, MAX_PURPOSES, MAX_SCOPES, Purpose, check_scope, new_tags,
    purpose_tag, scope_tag,
};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::{ContractRef, Error, PublicKey, SecretKey, info, seal};

const DOMAIN: &str = "medrec/grant/v1";
const BLOCK: usize = 64;
const READ: u8 = 0x00;
const ACT: u8 = 0x01;
/// With the patient's acceptance, before the relationship is accepted.
const ACT_ACCEPTING: u8 = 0x02;
/// The patient's part of 32 bytes, sealed.
const ACCEPTANCE: usize = 32 + seal::OVERHEAD;

/// What a grant covers, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub scopes: Vec<String>,
    pub purposes: Vec<String>,
}

/// What kind of access goes with the terms.
#[derive(Debug, Clone)]
pub enum Access {
    Read,
    /// A carer also gets the relationship's root, to make tags and follow the log.
    Act {
        root: Root,
        /// `accept.sealed`, made by the patient while the relationship is offered: the carer can send it, and learns
        /// from it neither her part nor the steward's key.
        acceptance: Option<[u8; ACCEPTANCE]>,
    },
}

impl Terms {
    /// Checks ids, counts and repeats.
    pub fn new(scopes: Vec<String>, purposes: Vec<String>) -> Result<Terms, Error> {
        check_list("scope", &scopes, MAX_SCOPES, |id| {
            check_scope(id).map_err(|e| Error::Grant(e.to_string()))
        })?;
        check_list("purpose", &purposes, MAX_PURPOSES, |word| match word {
            ANY => Ok(()),
            _ => word.parse::<Purpose>().map(drop).map_err(|e| Error::Grant(e.to_string())),
        })?;
        Ok(Terms { scopes, purposes })
    }

    /// `scope,scope;purpose,purpose`.
    pub fn to_text(&self) -> String {
        format!("{};{}", self.scopes.join(","), self.purposes.join(","))
    }

    pub fn parse(text: &str) -> Result<Terms, Error> {
        let (scopes, purposes) = text
            .split_once(';')
            .ok_or_else(|| Error::Grant("its text has no `;` between scopes and purposes".into()))?;
        let list = |s: &str| s.split(',').map(str::to_owned).collect();
        Terms::new(list(scopes), list(purposes))
    }

    /// `grant.tags` of these terms under the relationship's tag key, filled up with random tags.
    pub fn tags(&self, rng: &mut dyn CryptoRngCore, tag_key: &TagKey) -> Result<GrantTags, Error> {
        let scopes: Vec<_> = self.scopes.iter().map(|s| scope_tag(tag_key.as_bytes(), s)).collect();
        let purposes: Vec<_> = self.purposes.iter().map(|p| purpose_tag(tag_key.as_bytes(), p)).collect();
        let mut filler = [0u8; GRANT_TAGS_LEN];
        rng.fill_bytes(&mut filler);
        new_tags(&scopes, &purposes, &filler).map_err(|e| Error::Grant(e.to_string()))
    }

    /// Whether they name `scope` and `purpose`, or stand for all.
    pub fn cover(&self, scope: &str, purpose: &str) -> bool {
        let has = |list: &[String], word: &str| list.iter().any(|x| x == word || x == ANY);
        has(&self.scopes, scope) && has(&self.purposes, purpose)
    }

    /// Seals these terms to the viewer's encryption key.
    pub fn seal(
        &self,
        rng: &mut dyn CryptoRngCore,
        contract: &ContractRef,
        relationship: u64,
        viewer: &PublicKey,
        access: &Access,
    ) -> Result<Vec<u8>, Error> {
        let mut plain = Zeroizing::new(Vec::with_capacity(BLOCK.saturating_mul(8)));
        match access {
            Access::Read => plain.push(READ),
            Access::Act { root, acceptance: None } => {
                plain.extend_from_slice(root.as_bytes());
                plain.push(ACT);
            }
            Access::Act { root, acceptance: Some(acceptance) } => {
                plain.extend_from_slice(root.as_bytes());
                plain.push(ACT_ACCEPTING);
                plain.extend_from_slice(acceptance);
            }
        }
        plain.extend_from_slice(self.to_text().as_bytes());
        let padded = plain.len().div_ceil(BLOCK).saturating_mul(BLOCK);
        plain.resize(padded, 0);
        seal::seal(rng, "the grant", viewer, &grant_info(contract, relationship), &[], &plain)
    }
}

/// Viewer: opens a grant. `kind` is what the chain states: the sealed text must agree with it.
pub fn open(
    contract: &ContractRef,
    relationship: u64,
    key: &SecretKey,
    kind: GrantKind,
    sealed: &[u8],
) -> Result<(Terms, Access), Error> {
    let plain = seal::open("the grant", key, &grant_info(contract, relationship), &[], sealed)?;
    let wrong = || Error::Grant("its sealed text is not of the kind the chain states".into());
    let (access, text) = if kind == GrantKind::Act {
        let (root, rest) = plain.split_first_chunk::<32>().ok_or_else(wrong)?;
        let (acceptance, text) = match rest.split_first().ok_or_else(wrong)? {
            (&ACT, text) => (None, text),
            (&ACT_ACCEPTING, rest) => {
                let (acceptance, text) = rest.split_first_chunk::<ACCEPTANCE>().ok_or_else(wrong)?;
                (Some(*acceptance), text)
            }
            _ => return Err(wrong()),
        };
        (Access::Act { root: Root::from_bytes(*root), acceptance }, text)
    } else {
        (Access::Read, plain.strip_prefix(&[READ]).ok_or_else(wrong)?)
    };
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    let (text, padding) = text.split_at_checked(end).ok_or_else(wrong)?;
    if padding.iter().any(|b| *b != 0) {
        return Err(Error::Grant("its padding is not zero".into()));
    }
    let text = std::str::from_utf8(text).map_err(|_| Error::Grant("its text is not UTF-8".into()))?;
    Ok((Terms::parse(text)?, access))
}

fn check_list(
    what: &str,
    list: &[String],
    max: usize,
    check: impl Fn(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    if list.is_empty() || list.len() > max {
        return Err(Error::Grant(format!("{} {what}s named, 1 to {max} are allowed", list.len())));
    }
    for (i, item) in list.iter().enumerate() {
        check(item)?;
        if list.iter().skip(i.saturating_add(1)).any(|other| other == item) {
            return Err(Error::Grant(format!("{what} `{item}` is named twice")));
        }
    }
    Ok(())
}

fn grant_info(contract: &ContractRef, relationship: u64) -> Vec<u8> {
    let mut out = info(DOMAIN, &[contract.chain_id.as_bytes(), contract.address.as_bytes()]);
    out.extend_from_slice(&relationship.to_be_bytes());
    out
}

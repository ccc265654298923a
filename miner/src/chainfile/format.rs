//! The lines, and what they hold.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use medrec_merkle::Hash;
use medrec_pow::Target;
use serde::{Deserialize, Serialize};

/// Names the format.
pub const FORMAT: &str = "medrec-seals/2";

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub format: String,
    pub chain_id: String,
    pub registrar: String,
    /// Address of the authlog.
    pub authlog: String,
    /// In order of `from`; the first are from seal 1 on.
    pub rules: Vec<Rules>,
    pub institutions: Vec<Institution>,
    pub researchers: Vec<Certified>,
}

/// Of the retarget (docs/spec/pow.md section 7), until others follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Number of the first seal under them.
    pub from: u64,
    pub interval: u64,
    pub half_life: u64,
    pub anchor: String,
    pub easiest: String,
    pub hardest: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    pub id: u32,
    /// Ed25519, signs certificates.
    pub signing_key: String,
}

/// A researcher, as his institution certified him (wire.md section 11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    pub account: String,
    pub name: String,
    pub key: String,
    pub encryption_key: String,
    pub certified_by: u32,
    pub certificate: String,
}

/// A seal: its header, what was found, what is sealed. `previous` and `heads` let every line be checked by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    pub number: u64,
    #[serde(borrow)]
    pub previous: Cow<'a, str>,
    /// Hash of the sum tree of heads; its total is `entries`.
    #[serde(borrow)]
    pub heads: Cow<'a, str>,
    pub entries: u64,
    #[serde(borrow)]
    pub target: Cow<'a, str>,
    pub frozen_at: u64,
    #[serde(borrow)]
    pub miner: Cow<'a, str>,
    pub nonce: u64,
    #[serde(borrow)]
    pub mix: Cow<'a, str>,
    #[serde(borrow)]
    pub signature: Cow<'a, str>,
    /// Heads that differ from those of the seal before; a size of 0 takes a slot away.
    #[serde(borrow)]
    pub changed: Vec<HeadLine<'a>>,
    #[serde(borrow)]
    pub watched: Vec<WatchedLine<'a>>,
    /// The entries of the try with their proofs (docs/spec/pow.md section 8), if the export has them.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub recalls: Option<Cow<'a, str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadLine<'a> {
    pub slot: u32,
    #[serde(borrow)]
    pub origin: Cow<'a, str>,
    pub size: u64,
    #[serde(borrow)]
    pub root: Cow<'a, str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedLine<'a> {
    #[serde(borrow)]
    pub contract: Cow<'a, str>,
    pub size: u64,
    #[serde(borrow)]
    pub root: Cow<'a, str>,
    #[serde(borrow)]
    pub checksum: Cow<'a, str>,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    pub seals: u64,
    /// A 256-bit number, base64.
    pub work: String,
    /// SHA-256 of every byte before this line, hex.
    pub sha256: String,
}

/// Bytes of a field; none if it is not exactly that many in the one spelling base64 has.
pub fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let written = B64.decode_slice(text, &mut bytes).ok()?;
    (written == N).then_some(bytes)
}

/// A field's text.
pub fn text(bytes: impl AsRef<[u8]>) -> String {
    B64.encode(bytes)
}

impl Rules {
    pub fn of(from: u64, rules: &medrec_seals::Rules) -> Self {
        Self {
            from,
            interval: rules.interval,
            half_life: rules.half_life,
            anchor: text(rules.anchor.to_be_bytes()),
            easiest: text(rules.easiest.to_be_bytes()),
            hardest: text(rules.hardest.to_be_bytes()),
        }
    }

    pub fn read(&self) -> Option<medrec_seals::Rules> {
        let target = |text: &str| Target::from_be_bytes(&bytes::<32>(text)?).ok();
        Some(medrec_seals::Rules {
            interval: self.interval,
            half_life: self.half_life,
            anchor: target(&self.anchor)?,
            easiest: target(&self.easiest)?,
            hardest: target(&self.hardest)?,
        })
    }
}

impl HeadLine<'_> {
    pub fn root(&self) -> Option<Hash> {
        bytes(&self.root)
    }
}

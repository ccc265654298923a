use hkdf::Hkdf;
use medrec_merkle::lp;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::Label;

const START: &str = "medrec/ratchet/v1";
const STEP: &str = "medrec/ratchet/step/v1";
const TAGS: &str = "medrec/tags/v1";

/// Where a relationship lives: its keys fit no other chain, contract, relationship or log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub chain_id: &'a str,
    /// Bech32 address of the relationship contract.
    pub contract: &'a str,
    pub relationship: u64,
    pub log_origin: &'a str,
}

/// What patient and steward share. Whoever holds it reads every entry of the relationship and knows every tag.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Root([u8; 32]);

/// Keys the tags of scopes and purposes of one relationship.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TagKey([u8; 32]);

/// What opens one entry and no other: to be handed to whoever shall read that entry alone.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct EntryKey([u8; 32]);

/// One-way state: labels and keys from `counter` on, nothing of what came before.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Ratchet {
    counter: u64,
    chain_key: [u8; 32],
}

/// Label and key of one entry. A key seals one entry and no other.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Step {
    counter: u64,
    #[zeroize(skip)]
    label: Label,
    key: [u8; 32],
}

impl Root {
    /// Both ends chose a part (wire.md section 4), so neither alone chose the keys.
    pub fn from_parts(patient_part: &[u8; 32], steward_part: &[u8; 32]) -> Self {
        let mut parts = Zeroizing::new([0u8; 64]);
        for (to, from) in parts.iter_mut().zip(patient_part.iter().chain(steward_part)) {
            *to = *from;
        }
        let (mut root, _) = Hkdf::<Sha256>::extract(Some(START.as_bytes()), &*parts);
        let kept = Self(root.into());
        root.as_mut_slice().zeroize();
        kept
    }

    /// As a carer is given it in a grant of kind `act`.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The ratchet at entry 0.
    pub fn ratchet(&self, place: &Place<'_>) -> Ratchet {
        let origin = lp(place.log_origin.as_bytes());
        let chain_key = expand::<32>(&self.0, &[&place.info(START), &origin]);
        Ratchet { counter: 0, chain_key: *chain_key }
    }

    /// The log's origin plays no part: tags are the contract's and the gatekeeper's matter.
    pub fn tag_key(&self, place: &Place<'_>) -> TagKey {
        TagKey(*expand(&self.0, &[&place.info(TAGS)]))
    }
}

impl TagKey {
    /// As the steward keeps it.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Ratchet {
    /// Takes up a stored state: `chain_key` is that of entry `counter`.
    pub fn resume(counter: u64, chain_key: [u8; 32]) -> Self {
        Self { counter, chain_key }
    }

    /// The entry that [`Ratchet::step`] gives next.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// To be stored, and nothing earlier.
    pub fn chain_key(&self) -> &[u8; 32] {
        &self.chain_key
    }

    /// Label and key of the next entry; the state that led to them is gone.
    pub fn step(&mut self) -> Step {
        let output = expand::<96>(&self.chain_key, &[STEP.as_bytes()]);
        let mut step = Step { counter: self.counter, label: Label([0; 32]), key: [0; 32] };
        if let ([label, key, next], []) = output.as_chunks::<32>() {
            (step.label, step.key, self.chain_key) = (Label(*label), *key, *next);
        }
        self.counter = self.counter.saturating_add(1);
        step
    }
}

impl Step {
    /// Counts the entries of a relationship from 0.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    pub fn label(&self) -> Label {
        self.label
    }

    pub(crate) fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Opens this entry for others.
    pub fn entry_key(&self) -> EntryKey {
        EntryKey(self.key)
    }
}

impl EntryKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Place<'_> {
    fn info(&self, domain: &str) -> Vec<u8> {
        let (chain_id, contract) = (lp(self.chain_id.as_bytes()), lp(self.contract.as_bytes()));
        [domain.as_bytes(), &chain_id, &contract, &self.relationship.to_be_bytes()].concat()
    }
}

macro_rules! keep_secret {
    ($($name:ident),*) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    )*};
}

keep_secret!(Root, TagKey, EntryKey, Ratchet, Step);

/// HKDF-Expand (RFC 5869).
#[expect(clippy::expect_used, reason = "fails only for a key below 32 bytes or an output above 8,160")]
fn expand<const N: usize>(key: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut output = Zeroizing::new([0u8; N]);
    let hkdf = Hkdf::<Sha256>::from_prk(key).expect("a hash of 32 bytes");
    hkdf.expand_multi_info(info, &mut *output).expect("at most 96 bytes");
    output
}

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Tag,
    aead::{AeadInPlace, generic_array::GenericArray},
};
use medrec_merkle::{Hash, leaf_hash, tagged_hash};

use crate::{Body, BodyError, EntryKey, Filed, Label, Step, body::MAX_BODY, public::MAX_CLEAR};

/// Every entry is as long as every other.
pub const ENTRY_LEN: usize = 512;

const COMMITMENT: usize = 32;
const SEALED: usize = 64;
/// Within the plaintext.
const LENGTH: usize = 32;
const BODY: usize = 34;
const PLAINTEXT: usize = 432;

const DOMAIN: &str = "medrec/entry/v1";
const NO_BLIND: [u8; 32] = [0; 32];

/// `label [32] ‖ commitment [32] ‖ sealed body [448]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry([u8; ENTRY_LEN]);

/// An entry opened with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub body: Body,
    /// The body's CBOR: with `blind`, what a viewer needs to find his read in the entry ([`crate::check_disclosed`]).
    pub cbor: Vec<u8>,
    /// Zeros in an entry that files a record.
    pub blind: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("an entry is {ENTRY_LEN} bytes, not {actual}")]
    Length { actual: usize },
    #[error("the entry's label is {actual}, the ratchet's entry {counter} has {expected}")]
    OtherLabel { counter: u64, expected: Label, actual: Label },
    #[error(
        "the entry does not open with the ratchet's key {counter}: it was sealed with another or altered"
    )]
    Sealed { counter: u64 },
    #[error("the body of entry {counter} claims {claimed} bytes of {max}, or its padding is not zeros")]
    Padding { counter: u64, claimed: usize, max: usize },
    #[error("the entry's commitment is not that of its body")]
    Commitment,
    #[error("an entry that files a record carries no blind")]
    Blind,
    #[error("kind {kind} cannot be sealed this way: records go through file(), public kinds are not sealed")]
    Kind { kind: u64 },
    #[error("the cipher refused to seal")]
    Cipher,
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// The 32 bytes of an entry that files no record: the viewer of a read is handed `blind` and `cbor` and recomputes
/// them (security H6).
pub fn body_commitment(blind: &[u8; 32], cbor: &[u8]) -> Hash {
    tagged_hash(DOMAIN, &[blind, cbor])
}

impl Entry {
    /// Files a record: the entry carries its commitment in the open.
    pub fn file(step: &Step, commitment: Hash, filed: Filed) -> Result<Self, EntryError> {
        Self::seal_with(step, commitment, &NO_BLIND, &Body::Filed(filed).encode()?)
    }

    /// Seals any other body. `blind`: 32 random bytes, fresh for this entry.
    pub fn seal(step: &Step, blind: &[u8; 32], body: &Body) -> Result<Self, EntryError> {
        if matches!(body, Body::Filed(_)) || body.is_public() {
            return Err(EntryError::Kind { kind: body.kind() });
        }
        let cbor = body.encode()?;
        Self::seal_with(step, body_commitment(blind, &cbor), blind, &cbor)
    }

    fn seal_with(step: &Step, commitment: Hash, blind: &[u8; 32], cbor: &[u8]) -> Result<Self, EntryError> {
        let mut entry = [0u8; ENTRY_LEN];
        let (open, sealed) = entry.split_at_mut(SEALED);
        let (plaintext, tag) = sealed.split_at_mut(PLAINTEXT);
        put(open, 0, &step.label().0);
        put(open, COMMITMENT, &commitment);
        put(plaintext, 0, blind);
        put(plaintext, LENGTH, &length(cbor)?);
        put(plaintext, BODY, cbor);
        // A key seals one entry, so the nonce is fixed.
        let cipher = ChaCha20Poly1305::new(step.key().into());
        let mac = cipher.encrypt_in_place_detached(&GenericArray::default(), open, plaintext);
        put(tag, 0, &mac.map_err(|_| EntryError::Cipher)?);
        Ok(Self(entry))
    }

    /// An entry in the clear: only `public.rs` makes these.
    pub(crate) fn clear(label: Label, cbor: &[u8]) -> Result<Self, EntryError> {
        if cbor.len() > MAX_CLEAR {
            return Err(BodyError::TooLarge { actual: cbor.len(), max: MAX_CLEAR }.into());
        }
        let mut entry = [0u8; ENTRY_LEN];
        put(&mut entry, 0, &label.0);
        put(&mut entry, COMMITMENT, &body_commitment(&NO_BLIND, cbor));
        put(&mut entry, SEALED, &length(cbor)?);
        put(&mut entry, SEALED.saturating_add(2), cbor);
        Ok(Self(entry))
    }

    /// Opens the entry that `step` belongs to. Checks label, seal, padding and, for the kinds it knows, commitment.
    pub fn open(&self, step: &Step) -> Result<Opened, EntryError> {
        let counter = step.counter();
        if self.label() != step.label() {
            return Err(EntryError::OtherLabel { counter, expected: step.label(), actual: self.label() });
        }
        self.unseal(counter, step.key())
    }

    /// Opens the entry with the key of it alone, as somebody who does not hold the ratchet: what it says is certain, not
    /// that it is of the relationship and the `counter` that are claimed.
    pub fn open_with(&self, counter: u64, key: &EntryKey) -> Result<Opened, EntryError> {
        self.unseal(counter, key.as_bytes())
    }

    fn unseal(&self, counter: u64, key: &[u8; 32]) -> Result<Opened, EntryError> {
        let mut entry = zeroize::Zeroizing::new(self.0);
        let (open, sealed) = entry.split_at_mut(SEALED);
        let (plaintext, tag) = sealed.split_at_mut(PLAINTEXT);
        let cipher = ChaCha20Poly1305::new(key.into());
        cipher
            .decrypt_in_place_detached(&GenericArray::default(), open, plaintext, Tag::from_slice(tag))
            .map_err(|_| EntryError::Sealed { counter })?;
        let (blind, rest) = plaintext.split_first_chunk::<32>().ok_or(EntryError::Cipher)?;
        let cbor = unpad(rest).map_err(|claimed| EntryError::Padding { counter, claimed, max: MAX_BODY })?;
        let opened = Opened { body: Body::decode(cbor)?, cbor: cbor.to_vec(), blind: *blind };
        opened.check_commitment(&self.commitment())?;
        Ok(opened)
    }

    /// The body of an entry in the clear, `None` if this is not one.
    pub(crate) fn clear_body(&self) -> Option<Vec<u8>> {
        let (_, clear) = self.0.split_at_checked(SEALED)?;
        let cbor = unpad(clear).ok()?;
        (self.commitment() == body_commitment(&NO_BLIND, cbor)).then(|| cbor.to_vec())
    }

    pub fn from_bytes(bytes: [u8; ENTRY_LEN]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; ENTRY_LEN] {
        &self.0
    }

    pub fn label(&self) -> Label {
        Label(self.hash_at(0))
    }

    /// Of the record this entry files, or of its body.
    pub fn commitment(&self) -> Hash {
        self.hash_at(COMMITMENT)
    }

    /// `SHA-256(0x00 ‖ entry)`.
    pub fn leaf_hash(&self) -> Hash {
        leaf_hash(&self.0)
    }

    fn hash_at(&self, start: usize) -> Hash {
        let mut hash = [0u8; 32];
        for (to, from) in hash.iter_mut().zip(self.0.iter().skip(start)) {
            *to = *from;
        }
        hash
    }
}

impl Opened {
    fn check_commitment(&self, commitment: &Hash) -> Result<(), EntryError> {
        match &self.body {
            Body::Filed(_) if self.blind != NO_BLIND => Err(EntryError::Blind),
            // A later kind may carry a commitment of its own.
            Body::Filed(_) | Body::Unknown { .. } => Ok(()),
            body if body.is_public() => Err(EntryError::Kind { kind: body.kind() }),
            _ if *commitment != body_commitment(&self.blind, &self.cbor) => Err(EntryError::Commitment),
            _ => Ok(()),
        }
    }
}

impl TryFrom<&[u8]> for Entry {
    type Error = EntryError;

    fn try_from(bytes: &[u8]) -> Result<Self, EntryError> {
        bytes.try_into().map(Self).map_err(|_| EntryError::Length { actual: bytes.len() })
    }
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Entry({})", self.label())
    }
}

fn length(cbor: &[u8]) -> Result<[u8; 2], EntryError> {
    let length = u16::try_from(cbor.len()).map(u16::to_be_bytes);
    length.map_err(|_| BodyError::TooLarge { actual: cbor.len(), max: MAX_BODY }.into())
}

/// `u16(len) ‖ body ‖ zeros`; `Err` carries the length claimed.
fn unpad(padded: &[u8]) -> Result<&[u8], usize> {
    let (length, rest) = padded.split_first_chunk().ok_or(0usize)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (body, padding) = rest.split_at_checked(length).ok_or(length)?;
    if padding.iter().all(|byte| *byte == 0) { Ok(body) } else { Err(length) }
}

/// Callers' sizes are constants or checked against [`MAX_BODY`] before.
fn put(to: &mut [u8], start: usize, from: &[u8]) {
    for (to, from) in to.iter_mut().skip(start).zip(from) {
        *to = *from;
    }
}

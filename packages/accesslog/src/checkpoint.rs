//! Checkpoints: C2SP tlog-checkpoint, without extension lines, because the chain anchors exactly three lines.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use medrec_merkle::Hash;
use medrec_seals::{checkpoint_text, cosignature_text};

use crate::note::{Note, NoteError, NoteSignature, check_key_name, key_id, verifier_key};

/// Size and root a log vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// A checkpoint with its log's signature: what is published, and what is anchored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    pub checkpoint: Checkpoint,
    /// Ed25519 over [`Checkpoint::text`]; the same bytes go on chain.
    pub signature: [u8; 64],
    key_id: [u8; 4],
}

/// A log's origin and public key: whose word is checked. The origin is the key name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: String,
    key: VerifyingKey,
}

/// A log's origin and secret key.
pub struct LogSigner {
    public: LogKey,
    secret: SigningKey,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("the log key of {origin} is not an Ed25519 key, or one of small order that signs anything")]
    Key { origin: String },
    #[error("the checkpoint is not origin, size and root, one line each")]
    Form,
    #[error("the checkpoint's size is not a number as checkpoints write them")]
    Size,
    #[error("the checkpoint's root is not 32 bytes of base64")]
    Root,
    #[error("the checkpoint is of log {actual:?}, expected was {expected:?}")]
    OtherLog { expected: String, actual: String },
    #[error("no signature on the checkpoint is by the key of {origin}: ask the registrar for its key")]
    NotSigned { origin: String },
    #[error("the checkpoint's signature by {origin} is wrong: it was altered, or signed with another key")]
    BadSignature { origin: String },
}

impl Checkpoint {
    /// `origin \n size \n b64(root) \n`: what is signed.
    pub fn text(&self) -> String {
        checkpoint_text(&self.origin, self.size, &self.root)
    }

    /// Accepts exactly what [`Checkpoint::text`] writes.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Form);
        };
        check_key_name(origin)?;
        let number: u64 = size.parse().map_err(|_| CheckpointError::Size)?;
        if number.to_string() != size {
            return Err(CheckpointError::Size);
        }
        let bytes = BASE64.decode(root).map_err(|_| CheckpointError::Root)?;
        let root = bytes.try_into().map_err(|_| CheckpointError::Root)?;
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

impl SignedCheckpoint {
    /// The signed note, as served at `/log/checkpoint`.
    pub fn note(&self) -> String {
        let name = self.checkpoint.origin.clone();
        let signature = NoteSignature { name, key_id: self.key_id, signature: self.signature.to_vec() };
        Note { text: self.checkpoint.text(), signatures: vec![signature] }.to_string()
    }
}

impl LogKey {
    /// Refuses keys of small order.
    pub fn new(origin: &str, public_key: &[u8; 32]) -> Result<Self, CheckpointError> {
        check_key_name(origin)?;
        let key = VerifyingKey::from_bytes(public_key).ok().filter(|key| !key.is_weak());
        let key = key.ok_or_else(|| CheckpointError::Key { origin: origin.to_owned() })?;
        Ok(Self { origin: origin.to_owned(), key })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// `<origin>+<key id>+<key>`: for tools that know C2SP signed-note.
    pub fn verifier_key(&self) -> String {
        verifier_key(&self.origin, self.public_key())
    }

    /// The checkpoint in a signed note, if this log signed it. Signatures by others are ignored.
    pub fn verify_note(&self, note: &str) -> Result<SignedCheckpoint, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        let key_id = key_id(&self.origin, self.public_key());
        let ours = |line: &&NoteSignature| line.name == self.origin && line.key_id == key_id;
        let mut ours = note.signatures.iter().filter(ours).peekable();
        if ours.peek().is_none() {
            return Err(CheckpointError::NotSigned { origin: self.origin.clone() });
        }
        let mut verified = None;
        for line in ours {
            let signature = line.signature.as_slice().try_into();
            let signature = signature.map_err(|_| self.bad_signature())?;
            verified = Some(self.verify_signature(&checkpoint, &signature)?);
        }
        verified.ok_or_else(|| self.bad_signature())
    }

    /// The same for a signature that travels apart, as in an anchor on chain.
    pub fn verify_signature(
        &self,
        checkpoint: &Checkpoint,
        signature: &[u8; 64],
    ) -> Result<SignedCheckpoint, CheckpointError> {
        if checkpoint.origin != self.origin {
            let (expected, actual) = (self.origin.clone(), checkpoint.origin.clone());
            return Err(CheckpointError::OtherLog { expected, actual });
        }
        self.verify_bytes(checkpoint.text().as_bytes(), &Signature::from_bytes(signature))?;
        let key_id = key_id(&self.origin, self.public_key());
        Ok(SignedCheckpoint { checkpoint: checkpoint.clone(), signature: *signature, key_id })
    }

    /// Other words of the log: promises, counters.
    pub(crate) fn verify_bytes(&self, message: &[u8], signature: &Signature) -> Result<(), CheckpointError> {
        self.key.verify_strict(message, signature).map_err(|_| self.bad_signature())
    }

    fn bad_signature(&self) -> CheckpointError {
        CheckpointError::BadSignature { origin: self.origin.clone() }
    }
}

impl LogSigner {
    /// `secret_key`: the 32-byte seed of RFC 8032.
    pub fn new(origin: &str, secret_key: &[u8; 32]) -> Result<Self, CheckpointError> {
        let secret = SigningKey::from_bytes(secret_key);
        Ok(Self { public: LogKey::new(origin, secret.verifying_key().as_bytes())?, secret })
    }

    pub fn public(&self) -> &LogKey {
        &self.public
    }

    /// Signs size and root. A log signs no checkpoint that contradicts one it signed before: the caller's duty.
    pub fn sign(&self, size: u64, root: Hash) -> SignedCheckpoint {
        let checkpoint = Checkpoint { origin: self.public.origin.clone(), size, root };
        let signature = self.sign_bytes(checkpoint.text().as_bytes());
        let key_id = key_id(&self.public.origin, self.public.public_key());
        SignedCheckpoint { checkpoint, signature, key_id }
    }

    /// Vouches for another log's head, at a time in seconds since 1970 (C2SP tlog-cosignature): the signer holds every
    /// entry of it.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> [u8; 64] {
        let Checkpoint { origin, size, root } = checkpoint;
        self.sign_bytes(cosignature_text(time, origin, *size, root).as_bytes())
    }

    /// Every message begins with what it is: a checkpoint's text or the hash of a domain and its fields.
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl core::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LogSigner({})", self.public.origin)
    }
}

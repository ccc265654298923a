//! Signed notes: C2SP signed-note, Ed25519 signatures (type 0x01).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest, Sha256};

/// A log's notes are a few hundred bytes; witnesses may add signatures.
const MAX_NOTE: usize = 65_536;
const MAX_SIGNATURES: usize = 32;
const ED25519: u8 = 0x01;
const DASH: &str = "\u{2014} ";

/// A note as received: nothing in it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// With its final newline: what is signed.
    pub text: String,
    pub signatures: Vec<NoteSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    pub name: String,
    pub key_id: [u8; 4],
    pub signature: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the note is {actual} bytes, more than {max}")]
    TooLarge { actual: usize, max: usize },
    #[error("the note holds a control character")]
    ControlCharacter,
    #[error("the note is not a text, an empty line and signature lines, each ended by a newline")]
    Form,
    #[error("signature line {line} is not \"\u{2014} <key name> <base64>\"")]
    SignatureLine { line: usize },
    #[error("the note has more than {max} signatures")]
    TooManySignatures { max: usize },
    #[error("{name:?} cannot name a key: empty, or with a space, a plus or a control character")]
    KeyName { name: String },
}

/// First four bytes of `SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)`.
pub fn key_id(name: &str, public_key: &[u8; 32]) -> [u8; 4] {
    let hash =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public_key).finalize();
    let mut id = [0u8; 4];
    for (to, from) in id.iter_mut().zip(hash) {
        *to = from;
    }
    id
}

/// `<name>+<hex key id>+<base64(0x01 ‖ public key)>`: how other tools are told a key.
pub(crate) fn verifier_key(name: &str, public_key: &[u8; 32]) -> String {
    let id = u32::from_be_bytes(key_id(name, public_key));
    format!("{name}+{id:08x}+{}", BASE64.encode([&[ED25519], public_key.as_slice()].concat()))
}

pub(crate) fn check_key_name(name: &str) -> Result<(), NoteError> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(forbidden) {
        return Err(NoteError::KeyName { name: name.escape_debug().to_string() });
    }
    Ok(())
}

impl Note {
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::TooLarge { actual: note.len(), max: MAX_NOTE });
        }
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The last empty line parts text and signatures; the text keeps its own newline.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let lines = lines.strip_suffix('\n').filter(|_| !text.is_empty()).ok_or(NoteError::Form)?;
        let lines: Vec<&str> = lines.split('\n').take(MAX_SIGNATURES.saturating_add(1)).collect();
        if lines.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { max: MAX_SIGNATURES });
        }
        let signatures = lines
            .iter()
            .zip(1..)
            .map(|(text, line)| NoteSignature::parse(text).ok_or(NoteError::SignatureLine { line }));
        Ok(Self { text: format!("{text}\n"), signatures: signatures.collect::<Result<_, _>>()? })
    }
}

impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for NoteSignature { name, key_id, signature } in &self.signatures {
            writeln!(f, "{DASH}{name} {}", BASE64.encode([key_id, signature.as_slice()].concat()))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix(DASH)?.split_once(' ')?;
        check_key_name(name).ok()?;
        let bytes = BASE64.decode(base64).ok()?;
        let (key_id, signature) = bytes.split_first_chunk()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
    }
}

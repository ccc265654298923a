//! What can go wrong with keys, cards and sealings.

/// Every refusal of this package. None carries a secret or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("these are not 24 valid recovery words: {0}; check spelling and order")]
    Words(String),
    #[error("derive key {index}: {reason}")]
    Derive { index: u32, reason: String },
    #[error("address `{0}` is not a {prefix}1… address", prefix = crate::PREFIX)]
    Address(String),
    #[error("{what} is not a usable public key: {reason}")]
    PublicKey { what: &'static str, reason: &'static str },
    #[error("signature of {what} is wrong: {reason}")]
    Signature { what: &'static str, reason: &'static str },
    #[error("seal {what}: {reason}")]
    Seal { what: &'static str, reason: String },
    #[error("open {what}: it was not sealed to this key, or it was altered")]
    Open { what: &'static str },
    #[error("{what} has {got} bytes, expected {expected}")]
    Length { what: &'static str, expected: usize, got: usize },
    #[error("card: {0}; ask for a new one")]
    Card(String),
    #[error("grant: {0}")]
    Grant(String),
    #[error("relationship secrets: {0}")]
    Ratchet(String),
}

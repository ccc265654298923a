//! The institution's keys: one file, encrypted under a passphrase.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use ed25519_dalek::SigningKey;
use medrec_clients::Signer;
pub use medrec_keyfile::passphrase;
use medrec_wallet::{SecretKey, Wallet, Words};
use rand_core::{OsRng, RngCore};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Index of the key of the institution's own account: it anchors and admits the log.
pub const INSTITUTION_ACCOUNT: u32 = 0;
/// Index of the first delegate's key; each delegate opens one relationship.
pub const FIRST_DELEGATE: u32 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] medrec_keyfile::Error),
    #[error("keystore {path}: its content is not what this version writes: {reason}")]
    Content { path: String, reason: String },
    #[error("keystore: {0}")]
    Key(#[from] medrec_wallet::Error),
    #[error("keystore: {0}")]
    Account(#[from] medrec_clients::Error),
}

/// All secrets of an institution but those of single relationships.
pub struct Keystore {
    wallet: Wallet,
    content: Content,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    words: String,
    signing_key: String,
    log_key: String,
    encryption_key: String,
    store_key: String,
}

impl Keystore {
    /// New keys.
    pub fn generate() -> Result<Self, Error> {
        let fresh = || {
            let mut key = Zeroizing::new([0u8; 32]);
            OsRng.fill_bytes(key.as_mut());
            B64.encode(key.as_slice())
        };
        let words = Words::generate(&mut OsRng)?;
        let content = Content {
            version: 1,
            words: words.phrase().to_string(),
            signing_key: fresh(),
            log_key: fresh(),
            encryption_key: fresh(),
            store_key: fresh(),
        };
        Ok(Self { wallet: Wallet::from_words(&words)?, content })
    }

    /// Writes a new file; an existing one is left as it is.
    pub fn create(&self, path: &Path, passphrase: SecretString) -> Result<(), Error> {
        let plain = serde_json::to_vec(&self.content).map(Zeroizing::new);
        let plain = plain.map_err(|e| Error::Content { path: shown(path), reason: e.to_string() })?;
        Ok(medrec_keyfile::create(path, passphrase, &plain)?)
    }

    pub fn open(path: &Path, passphrase: SecretString) -> Result<Self, Error> {
        let plain = medrec_keyfile::open(path, passphrase)?;
        let bad = |reason: String| Error::Content { path: shown(path), reason };
        let content: Content = serde_json::from_slice(&plain).map_err(|e| bad(e.to_string()))?;
        if content.version != 1 {
            return Err(bad(format!("version {}, this relayer knows version 1", content.version)));
        }
        let words = Words::parse(&content.words)?;
        let this = Self { wallet: Wallet::from_words(&words)?, content };
        for key in [&this.content.signing_key, &this.content.log_key, &this.content.encryption_key] {
            secret(key).ok_or_else(|| bad("a key is not 32 bytes of base64".into()))?;
        }
        Ok(this)
    }

    /// Signs cards and answers.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&bytes(&self.content.signing_key))
    }

    /// Signs checkpoints.
    pub fn log_key(&self) -> SigningKey {
        SigningKey::from_bytes(&bytes(&self.content.log_key))
    }

    pub fn encryption_key(&self) -> SecretKey {
        SecretKey::from_bytes(&bytes(&self.content.encryption_key))
    }

    /// Seals secrets in the store.
    pub fn store_key(&self) -> Zeroizing<[u8; 32]> {
        bytes(&self.content.store_key)
    }

    /// The account of an index: [`INSTITUTION_ACCOUNT`], or [`FIRST_DELEGATE`] and on.
    pub fn account(&self, index: u32) -> Result<Signer, Error> {
        Ok(Signer::from_secret(&self.wallet.key(index)?.secret())?)
    }
}

/// `open` has checked them, `generate` made them.
fn bytes(key: &str) -> Zeroizing<[u8; 32]> {
    secret(key).unwrap_or_default()
}

fn secret(key: &str) -> Option<Zeroizing<[u8; 32]>> {
    let raw = Zeroizing::new(B64.decode(key).ok()?);
    raw.as_slice().try_into().ok().map(Zeroizing::new)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_opens_with_all_its_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.age");
        let made = Keystore::generate().unwrap();
        made.create(&path, "correct horse".to_owned().into()).unwrap();
        let opened = Keystore::open(&path, "correct horse".to_owned().into()).unwrap();
        assert_eq!(opened.account(0).unwrap().address(), made.account(0).unwrap().address());
        assert_ne!(made.account(0).unwrap().address(), made.account(1000).unwrap().address());
        assert_eq!(opened.signing_key().to_bytes(), made.signing_key().to_bytes());
        assert_eq!(*opened.store_key(), *made.store_key());
        assert_ne!(opened.signing_key().to_bytes(), opened.log_key().to_bytes());
    }
}

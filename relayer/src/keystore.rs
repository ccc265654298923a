//! The institution's keys: one file, encrypted under a passphrase.

use std::path::Path;

use ed25519_dalek::SigningKey;
use medrec_clients::Signer;
use medrec_keyfile::Key;
pub use medrec_keyfile::passphrase;
use medrec_wallet::{SecretKey, Wallet, Words};
use rand_core::OsRng;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: u32 = 1;
/// Index of the key of the institution's own account: it anchors and admits the log.
pub const INSTITUTION_ACCOUNT: u32 = 0;
/// Index of the first delegate's key; each delegate opens one relationship.
pub const FIRST_DELEGATE: u32 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] medrec_keyfile::Error),
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
    signing_key: Key,
    log_key: Key,
    encryption_key: Key,
    store_key: Key,
}

impl Keystore {
    /// New keys.
    pub fn generate() -> Result<Self, Error> {
        let fresh = || Key::generate(&mut OsRng);
        let words = Words::generate(&mut OsRng)?;
        let content = Content {
            version: VERSION,
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
        Ok(medrec_keyfile::create_content(path, passphrase, &self.content)?)
    }

    pub fn open(path: &Path, passphrase: SecretString) -> Result<Self, Error> {
        let content: Content = medrec_keyfile::open_content(path, passphrase, VERSION)?;
        let words = Words::parse(&content.words)?;
        Ok(Self { wallet: Wallet::from_words(&words)?, content })
    }

    /// Signs cards and answers.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(self.content.signing_key.bytes())
    }

    /// Signs checkpoints.
    pub fn log_key(&self) -> SigningKey {
        SigningKey::from_bytes(self.content.log_key.bytes())
    }

    pub fn encryption_key(&self) -> SecretKey {
        SecretKey::from_bytes(self.content.encryption_key.bytes())
    }

    /// Seals secrets in the store.
    pub fn store_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*self.content.store_key.bytes())
    }

    /// The account of an index: [`INSTITUTION_ACCOUNT`], or [`FIRST_DELEGATE`] and on.
    pub fn account(&self, index: u32) -> Result<Signer, Error> {
        Ok(Signer::from_secret(&self.wallet.key(index)?.secret())?)
    }
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

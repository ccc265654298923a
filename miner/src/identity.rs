//! The researcher's keys: one file, encrypted under a passphrase.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use ed25519_dalek::{Signer as _, SigningKey};
use medrec_clients::Signer;
use medrec_keyfile::Key;
use medrec_wallet::{SecretKey, Wallet, Words};
use rand_core::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Index of the account's key in the wallet.
const ACCOUNT: u32 = 0;
const VERSION: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] medrec_keyfile::Error),
    #[error("keystore: {0}")]
    Key(#[from] medrec_wallet::Error),
    #[error("keystore: {0}")]
    Account(#[from] medrec_clients::Error),
}

/// All secrets of a researcher.
pub struct Identity {
    wallet: Wallet,
    content: Content,
    seals: SigningKey,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    words: String,
    /// Ed25519.
    key: Key,
    /// X25519.
    encryption_key: Key,
}

/// `researcher.json`: what an institution certifies. Keys base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Researcher {
    pub account: String,
    pub name: String,
    pub key: String,
    pub encryption_key: String,
}

impl Identity {
    /// New keys.
    pub fn generate() -> Result<Self, Error> {
        let fresh = || Key::generate(&mut OsRng);
        let words = Words::generate(&mut OsRng)?;
        let content = Content {
            version: VERSION,
            words: words.phrase().to_string(),
            key: fresh(),
            encryption_key: fresh(),
        };
        Self::of(content)
    }

    fn of(content: Content) -> Result<Self, Error> {
        let wallet = Wallet::from_words(&Words::parse(&content.words)?)?;
        let seals = SigningKey::from_bytes(content.key.bytes());
        Ok(Self { wallet, content, seals })
    }

    /// Writes a new file; an existing one is left as it is.
    pub fn create(&self, path: &Path, passphrase: secrecy::SecretString) -> Result<(), Error> {
        Ok(medrec_keyfile::create_content(path, passphrase, &self.content)?)
    }

    pub fn open(path: &Path, passphrase: secrecy::SecretString) -> Result<Self, Error> {
        let content: Content = medrec_keyfile::open_content(path, passphrase, VERSION)?;
        Self::of(content)
    }

    /// Signs transactions.
    pub fn account(&self) -> Result<Signer, Error> {
        Ok(Signer::from_secret(&self.wallet.key(ACCOUNT)?.secret())?)
    }

    /// Ed25519 over a seal's id or a head.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.seals.sign(message).to_bytes()
    }

    /// Opens answers.
    pub fn encryption_key(&self) -> SecretKey {
        SecretKey::from_bytes(self.content.encryption_key.bytes())
    }

    /// The key that the answer of one offer is sealed to: another for each, so that what opens one opens no other, and
    /// all come back from the keystore.
    pub fn offer_key(&self, offer: &[u8]) -> SecretKey {
        let secret = self.encryption_key().to_bytes();
        SecretKey::from_bytes(&medrec_merkle::tagged_hash(
            "medrec/miner-offer-key/v1",
            &[secret.as_slice(), offer],
        ))
    }

    /// What an institution certifies.
    pub fn researcher(&self, name: &str) -> Result<Researcher, Error> {
        Ok(Researcher {
            account: self.account()?.address().to_owned(),
            name: name.to_owned(),
            key: B64.encode(self.seals.verifying_key().as_bytes()),
            encryption_key: B64.encode(self.encryption_key().public()?.as_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_opens_with_all_its_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.age");
        let made = Identity::generate().unwrap();
        made.create(&path, "correct horse".to_owned().into()).unwrap();
        let opened = Identity::open(&path, "correct horse".to_owned().into()).unwrap();
        assert_eq!(opened.researcher("Ada").unwrap(), made.researcher("Ada").unwrap());
        assert_eq!(opened.sign(b"x"), made.sign(b"x"));
        assert_ne!(made.researcher("Ada").unwrap(), Identity::generate().unwrap().researcher("Ada").unwrap());
        assert!(Identity::open(&path, "battery staple".to_owned().into()).is_err());
    }
}

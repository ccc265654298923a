//! The researcher's keys: one file, encrypted under a passphrase.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use ed25519_dalek::{Signer as _, SigningKey};
use medrec_clients::Signer;
use medrec_wallet::{SecretKey, Wallet, Words};
use rand_core::{OsRng, RngCore as _};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Index of the account's key in the wallet.
const ACCOUNT: u32 = 0;
const VERSION: u32 = 1;

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
    /// Ed25519, X25519: base64.
    key: String,
    encryption_key: String,
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
        let fresh = || {
            let mut key = Zeroizing::new([0u8; 32]);
            OsRng.fill_bytes(key.as_mut());
            B64.encode(key.as_slice())
        };
        let words = Words::generate(&mut OsRng)?;
        let content = Content {
            version: VERSION,
            words: words.phrase().to_string(),
            key: fresh(),
            encryption_key: fresh(),
        };
        Self::of(content, "new")
    }

    fn of(content: Content, path: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::Content { path: path.to_owned(), reason };
        if content.version != VERSION {
            return Err(bad(format!("version {}, this miner knows version {VERSION}", content.version)));
        }
        let key = secret(&content.key).ok_or_else(|| bad("key is not 32 bytes of base64".into()))?;
        secret(&content.encryption_key)
            .ok_or_else(|| bad("encryption_key is not 32 bytes of base64".into()))?;
        let wallet = Wallet::from_words(&Words::parse(&content.words)?)?;
        Ok(Self { wallet, content, seals: SigningKey::from_bytes(&key) })
    }

    /// Writes a new file; an existing one is left as it is.
    pub fn create(&self, path: &Path, passphrase: secrecy::SecretString) -> Result<(), Error> {
        let plain = serde_json::to_vec(&self.content).map(Zeroizing::new);
        let plain = plain.map_err(|e| Error::Content { path: shown(path), reason: e.to_string() })?;
        Ok(medrec_keyfile::create(path, passphrase, &plain)?)
    }

    pub fn open(path: &Path, passphrase: secrecy::SecretString) -> Result<Self, Error> {
        let plain = medrec_keyfile::open(path, passphrase)?;
        let content: Content = serde_json::from_slice(&plain)
            .map_err(|e| Error::Content { path: shown(path), reason: e.to_string() })?;
        Self::of(content, &shown(path))
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
        SecretKey::from_bytes(&secret(&self.content.encryption_key).unwrap_or_default())
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
        let made = Identity::generate().unwrap();
        made.create(&path, "correct horse".to_owned().into()).unwrap();
        let opened = Identity::open(&path, "correct horse".to_owned().into()).unwrap();
        assert_eq!(opened.researcher("Ada").unwrap(), made.researcher("Ada").unwrap());
        assert_eq!(opened.sign(b"x"), made.sign(b"x"));
        assert_ne!(made.researcher("Ada").unwrap(), Identity::generate().unwrap().researcher("Ada").unwrap());
        assert!(Identity::open(&path, "battery staple".to_owned().into()).is_err());
    }
}

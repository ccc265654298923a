//! People and institutions with their keys.

use anyhow::Result;
use ed25519_dalek::SigningKey;
use medrec_accesslog::LogSigner;
use medrec_api::registrar::NewInstitution;
use medrec_clients::Signer;
use medrec_wallet::{Key, PublicKey};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

/// Somebody with one key: a patient at one index, a delegate, a viewer, an institution's account.
pub struct Actor {
    pub key: Key,
    pub signer: Signer,
}

impl Actor {
    pub fn fresh() -> Result<Self> {
        let secret = random();
        Ok(Self { key: Key::from_secret(&secret)?, signer: Signer::from_secret(&secret)? })
    }

    pub fn address(&self) -> &str {
        self.key.address()
    }

    /// Where things are sealed to.
    pub fn encryption_key(&self) -> Result<PublicKey> {
        Ok(self.key.encryption_key()?.public()?)
    }
}

/// An institution: its account and the key of its log.
pub struct Institution {
    pub account: Actor,
    pub log: LogSigner,
    /// What `log` signs with.
    pub log_key: SigningKey,
    name: String,
}

impl Institution {
    pub fn fresh(name: &str) -> Result<Self> {
        let secret = random();
        let log = LogSigner::new(&format!("{name}.example/log"), &secret)?;
        let log_key = SigningKey::from_bytes(&secret);
        Ok(Self { account: Actor::fresh()?, log, log_key, name: name.to_owned() })
    }

    /// What the registrar is told about it.
    pub fn admission(&self) -> Result<NewInstitution> {
        Ok(NewInstitution {
            name: format!("General Hospital {}", self.name),
            url: format!("https://{}.example/medrec", self.name),
            account: self.account.address().to_owned(),
            signing_key: fresh_signing_key(&self.name)?.into(),
            log_origin: self.log.public().origin().to_owned(),
            log_key: self.log.public().public_key().into(),
            encryption_key: self.account.encryption_key()?.as_bytes().into(),
        })
    }
}

/// A new Ed25519 public key.
pub fn fresh_signing_key(name: &str) -> Result<[u8; 32]> {
    Ok(*LogSigner::new(name, &random())?.public().public_key())
}

/// 32 bytes of the system's generator.
pub fn random() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(bytes.as_mut_slice());
    bytes
}

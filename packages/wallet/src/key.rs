//! One key for every relationship and every card (wire.md section 2).

use bip32::{ChildNumber, XPrv};
use hkdf::Hkdf;
use k256::ecdsa::SigningKey;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Error, SecretKey, Words, adr036};

const ENCRYPTION_SALT: &str = "medrec/x25519/v1";

/// Every key of one person, from the words.
pub struct Wallet {
    /// `m/44'/118'`: below it one hardened account for every index.
    coin: XPrv,
}

impl Wallet {
    pub fn from_words(words: &Words) -> Result<Wallet, Error> {
        let derive = |e: bip32::Error| Error::Derive { index: 0, reason: e.to_string() };
        let mut key = XPrv::new(words.seed().as_slice()).map_err(derive)?;
        for number in [44, 118] {
            key = key.derive_child(ChildNumber::new(number, true).map_err(derive)?).map_err(derive)?;
        }
        Ok(Wallet { coin: key })
    }

    /// Key at `m/44'/118'/index'/0/0`; `index` below 2^31.
    pub fn key(&self, index: u32) -> Result<Key, Error> {
        let derive = |e: bip32::Error| Error::Derive { index, reason: e.to_string() };
        let mut key = self.coin.clone();
        for (number, hardened) in [(index, true), (0, false), (0, false)] {
            key = key.derive_child(ChildNumber::new(number, hardened).map_err(derive)?).map_err(derive)?;
        }
        Key::from_signing_key(index, key.private_key().clone())
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wallet(..)")
    }
}

/// One index of a wallet: signs requests and transactions, opens what is sealed to it.
#[derive(Clone)]
pub struct Key {
    index: u32,
    signing: SigningKey,
    address: String,
}

impl Key {
    /// A key that stands alone, such as a steward's delegate key; its index is 0.
    pub fn from_secret(secret: &[u8; 32]) -> Result<Key, Error> {
        let signing = SigningKey::from_slice(secret)
            .map_err(|_| Error::Derive { index: 0, reason: "not a secp256k1 private key".into() })?;
        Key::from_signing_key(0, signing)
    }

    fn from_signing_key(index: u32, signing: SigningKey) -> Result<Key, Error> {
        let address = adr036::address(&public_key(&signing))?;
        Ok(Key { index, signing, address })
    }

    pub fn index(&self) -> u32 {
        self.index
    }

    /// Bech32 address on the chain.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Compressed secp256k1 public key.
    pub fn public_key(&self) -> [u8; 33] {
        public_key(&self.signing)
    }

    /// The secp256k1 private key, for the transaction signer and for derivations.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_bytes().into())
    }

    /// ADR-036 signature over `data`: 64 bytes, low-S.
    pub fn sign(&self, data: &[u8]) -> [u8; 64] {
        adr036::sign(&self.signing, &self.address, data)
    }

    /// The X25519 key of this index.
    pub fn encryption_key(&self) -> Result<SecretKey, Error> {
        let secret = hkdf32(self.secret().as_slice(), ENCRYPTION_SALT, &[])?;
        Ok(SecretKey::from_bytes(&secret))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, ..)", self.index)
    }
}

/// HKDF-SHA256 with 32 bytes out.
pub(crate) fn hkdf32(ikm: &[u8], salt: &str, info: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut out = Zeroizing::new([0u8; 32]);
    Hkdf::<Sha256>::new(Some(salt.as_bytes()), ikm)
        .expand(info, out.as_mut())
        .map_err(|e| Error::Derive { index: 0, reason: e.to_string() })?;
    Ok(out)
}

fn public_key(signing: &SigningKey) -> [u8; 33] {
    let point = signing.verifying_key().to_encoded_point(true);
    let mut out = [0u8; 33];
    // A compressed point is 33 bytes by definition; zip keeps this free of panics.
    out.iter_mut().zip(point.as_bytes()).for_each(|(to, from)| *to = *from);
    out
}

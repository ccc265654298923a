//! Secrets at rest: sealed under the keystore's store key, bound to the row and column they stand in.

use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use super::Error;

const DOMAIN: &[u8] = b"medrec/store/v1";
const NONCE: usize = 12;

const WITH: &str = "medrec/store/with/v1";

/// Seals and opens columns. Random nonces: far below 2^32 seals under one key.
pub struct Vault {
    cipher: ChaCha20Poly1305,
    key: Zeroizing<[u8; 32]>,
}

impl Vault {
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: ChaCha20Poly1305::new(key.into()), key: Zeroizing::new(*key) }
    }

    /// A vault that opens only to whoever knows `secret` as well.
    pub fn with(&self, secret: &[u8]) -> Self {
        let key = Zeroizing::new(medrec_merkle::tagged_hash(WITH, &[self.key.as_slice(), secret]));
        Self::new(&key)
    }

    /// `nonce [12] ‖ ciphertext`. `place` names table, column and row.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        OsRng.fill_bytes(&mut nonce);
        let payload = Payload { msg: secret, aad: &aad(place) };
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| refused(place))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Reverse of [`Vault::seal`] for the same place.
    pub fn open<const N: usize>(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; N]>, Error> {
        let secret = self.open_bytes(place, sealed)?;
        let fixed = secret.as_slice().try_into().map_err(|_| refused(place))?;
        Ok(Zeroizing::new(fixed))
    }

    /// As [`Vault::open`], of any length.
    pub fn open_bytes(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or_else(|| refused(place))?;
        let payload = Payload { msg: ciphertext, aad: &aad(place) };
        let secret = self.cipher.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| refused(place))?;
        Ok(Zeroizing::new(secret))
    }
}

fn aad(place: &str) -> Vec<u8> {
    [&medrec_merkle::lp(DOMAIN)[..], &medrec_merkle::lp(place.as_bytes())].concat()
}

/// Names the column, not the row: the row may stand for a patient.
fn refused(place: &str) -> Error {
    let column: Vec<&str> = place.split('/').take(2).collect();
    Error::Vault { what: column.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_where_it_was_sealed() {
        let vault = Vault::new(&[7; 32]);
        let sealed = vault.seal("ratchets/chain_key/1", &[9; 32]).unwrap();
        assert_eq!(*vault.open::<32>("ratchets/chain_key/1", &sealed).unwrap(), [9; 32]);
        let error = vault.open::<32>("ratchets/chain_key/2", &sealed).unwrap_err();
        assert!(error.to_string().contains("ratchets/chain_key") && !error.to_string().contains("/2"));
        assert!(vault.open::<16>("ratchets/chain_key/1", &sealed).is_err());
        assert!(Vault::new(&[8; 32]).open::<32>("ratchets/chain_key/1", &sealed).is_err());
        assert!(vault.open::<32>("ratchets/chain_key/1", &sealed[..11]).is_err());
        let sealed = vault.with(b"word").seal("a/b/c", b"any length").unwrap();
        assert_eq!(**vault.with(b"word").open_bytes("a/b/c", &sealed).unwrap(), *b"any length");
        assert!(vault.open_bytes("a/b/c", &sealed).is_err());
        assert!(vault.with(b"another").open_bytes("a/b/c", &sealed).is_err());
    }
}

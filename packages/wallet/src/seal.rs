//! HPKE (RFC 9180, base mode): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
//!
//! A sealed value is `enc [32] ‖ ciphertext`. This is the only place that knows the `hpke` crate and its own
//! version of `rand_core`.

use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRngCore;
use std::convert::Infallible;
use zeroize::Zeroizing;

use crate::Error;

type Kem = hpke::kem::X25519HkdfSha256;
type Kdf = hpke::kdf::HkdfSha256;
type Aead = hpke::aead::ChaCha20Poly1305;

/// Bytes a sealing adds: the encapsulated key and the tag.
pub const OVERHEAD: usize = 48;
const ENC: usize = 32;
/// The library panics above 2^16 minus a few bytes; ours are a few hundred.
const MAX_INFO: usize = 4096;

/// Every spelling of a u-coordinate of small order on Curve25519 or its twist, the highest bit aside: 0, 1, the two of
/// order 8, and p - 1, p, p + 1 (D. J. Bernstein, "Validating X25519 public keys", <https://cr.yp.to/ecdh.html>).
/// A request's key is looked at for each read: a comparison is a hundredth of the multiplication that shows the same.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    u(&[0x01], 0x00, 0x00),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    u(&[0xec], 0xff, 0x7f),
    u(&[0xed], 0xff, 0x7f),
    u(&[0xee], 0xff, 0x7f),
];

/// A first byte, 30 alike, a last one.
const fn u(first: &[u8; 1], middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first[0];
    bytes[31] = last;
    bytes
}

/// X25519 public key; never one of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Refuses keys of small order, for which everybody knows the shared secret.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<PublicKey, Error> {
        let what = "X25519 key";
        kem_public(&bytes).map_err(|_| Error::PublicKey { what, reason: "malformed" })?;
        // RFC 7748 section 5: the highest bit counts for nothing.
        let mut masked = bytes;
        masked[31] &= 0x7f;
        if SMALL_ORDER.contains(&masked) {
            return Err(Error::PublicKey { what, reason: "it has small order" });
        }
        Ok(PublicKey(bytes))
    }

    /// As [`PublicKey::from_bytes`], of a slice of 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<PublicKey, Error> {
        let array = bytes.try_into();
        PublicKey::from_bytes(array.map_err(|_| Error::Length {
            what: "X25519 key",
            expected: 32,
            got: bytes.len(),
        })?)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublicKey(")?;
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str(")")
    }
}

/// X25519 private key, wiped when dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    pub fn generate(rng: &mut dyn CryptoRngCore) -> SecretKey {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(bytes.as_mut());
        SecretKey(bytes)
    }

    pub fn from_bytes(bytes: &[u8; 32]) -> SecretKey {
        SecretKey(Zeroizing::new(*bytes))
    }

    /// For storing it encrypted.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    pub fn public(&self) -> Result<PublicKey, Error> {
        let bytes = Kem::sk_to_pk(&self.kem()?).to_bytes();
        Ok(PublicKey(bytes.into()))
    }

    fn kem(&self) -> Result<<Kem as hpke::Kem>::PrivateKey, Error> {
        <Kem as hpke::Kem>::PrivateKey::from_bytes(self.0.as_slice()).map_err(|_| Error::Length {
            what: "X25519 private key",
            expected: 32,
            got: self.0.len(),
        })
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A 32-byte secret that both ends of a sealing derive (RFC 9180 section 5.3).
pub type Exported = Zeroizing<[u8; 32]>;
/// What was sealed.
pub type Opened = Zeroizing<Vec<u8>>;

/// Seals `plaintext` to `to`. `what` names it in errors.
pub fn seal(
    rng: &mut dyn CryptoRngCore,
    what: &'static str,
    to: &PublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    Ok(seal_with(rng, what, to, info, aad, plaintext, None)?.0)
}

/// Seals and also gives the exporter secret of `context` (RFC 9180 section 5.3), 32 bytes.
pub fn seal_and_export(
    rng: &mut dyn CryptoRngCore,
    what: &'static str,
    to: &PublicKey,
    info: &[u8],
    plaintext: &[u8],
    context: &str,
) -> Result<(Vec<u8>, Exported), Error> {
    seal_with(rng, what, to, info, &[], plaintext, Some(context))
}

/// Opens what [`seal`] made.
pub fn open(
    what: &'static str,
    key: &SecretKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Opened, Error> {
    Ok(open_with(what, key, info, aad, sealed, None)?.0)
}

/// Opens what [`seal_and_export`] made, with the same exporter secret.
pub fn open_and_export(
    what: &'static str,
    key: &SecretKey,
    info: &[u8],
    sealed: &[u8],
    context: &str,
) -> Result<(Opened, Exported), Error> {
    open_with(what, key, info, &[], sealed, Some(context))
}

fn seal_with(
    rng: &mut dyn CryptoRngCore,
    what: &'static str,
    to: &PublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    export: Option<&str>,
) -> Result<(Vec<u8>, Exported), Error> {
    let refuse = |reason: &str| Error::Seal { what, reason: reason.to_owned() };
    if info.len() > MAX_INFO {
        return Err(refuse("its context is too long"));
    }
    let to = kem_public(&to.0).map_err(|_| refuse("malformed public key"))?;
    let (enc, mut context) =
        hpke::setup_sender_with_rng::<Aead, Kdf, Kem>(&OpModeS::Base, &to, info, &mut Bridge(rng))
            .map_err(|e| refuse(&e.to_string()))?;
    let mut sealed = enc.to_bytes().to_vec();
    sealed.extend(context.seal(plaintext, aad).map_err(|e| refuse(&e.to_string()))?);
    let mut secret = Zeroizing::new([0u8; 32]);
    if let Some(context_string) = export {
        context.export(context_string.as_bytes(), secret.as_mut()).map_err(|e| refuse(&e.to_string()))?;
    }
    Ok((sealed, secret))
}

fn open_with(
    what: &'static str,
    key: &SecretKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
    export: Option<&str>,
) -> Result<(Opened, Exported), Error> {
    let refuse = || Error::Open { what };
    let (enc, ciphertext) = sealed.split_at_checked(ENC).ok_or_else(refuse)?;
    if info.len() > MAX_INFO {
        return Err(refuse());
    }
    let enc = <Kem as hpke::Kem>::EncappedKey::from_bytes(enc).map_err(|_| refuse())?;
    let mut context = hpke::setup_receiver::<Aead, Kdf, Kem>(&OpModeR::Base, &key.kem()?, &enc, info)
        .map_err(|_| refuse())?;
    let plaintext = Zeroizing::new(context.open(ciphertext, aad).map_err(|_| refuse())?);
    let mut secret = Zeroizing::new([0u8; 32]);
    if let Some(context_string) = export {
        context.export(context_string.as_bytes(), secret.as_mut()).map_err(|_| refuse())?;
    }
    Ok((plaintext, secret))
}

fn kem_public(bytes: &[u8; 32]) -> Result<<Kem as hpke::Kem>::PublicKey, hpke::HpkeError> {
    <Kem as hpke::Kem>::PublicKey::from_bytes(bytes)
}

/// The caller's random source in the traits `hpke` wants.
struct Bridge<'a>(&'a mut dyn CryptoRngCore);

impl TryRng for Bridge<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

impl TryCryptoRng for Bridge<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{OsRng, RngCore as _};

    /// RFC 9180 section 7.1.4: the library refuses a shared secret of zeros, which a point of small order gives with
    /// any clamped scalar.
    fn is_refused_by_the_library(bytes: &[u8; 32]) -> bool {
        let key = kem_public(bytes).unwrap();
        Kem::encap_with_rng(&key, None, &mut Bridge(&mut OsRng)).is_err()
    }

    #[test]
    fn the_list_of_small_orders_says_what_the_multiplication_says() {
        for mut point in SMALL_ORDER {
            assert!(is_refused_by_the_library(&point));
            point[31] |= 0x80;
            assert!(is_refused_by_the_library(&point) && PublicKey::from_bytes(point).is_err());
        }
        // Neighbours of the list and random points have no small order.
        let mut others: Vec<[u8; 32]> = SMALL_ORDER.into_iter().skip(1).collect();
        others.iter_mut().for_each(|point| point[3] ^= 4);
        others.extend((0..50).map(|_| {
            let mut point = [0; 32];
            OsRng.fill_bytes(&mut point);
            point
        }));
        for point in others {
            assert_eq!(is_refused_by_the_library(&point), PublicKey::from_bytes(point).is_err());
        }
    }
}

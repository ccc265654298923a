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

/// X25519 public key; never one of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Refuses keys of small order, for which everybody knows the shared secret.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<PublicKey, Error> {
        let what = "X25519 key";
        let key = kem_public(&bytes).map_err(|_| Error::PublicKey { what, reason: "malformed" })?;
        // Clamped scalars are multiples of the cofactor: a point of small order gives zero with any of them,
        // and RFC 9180 section 7.1.4 makes the library refuse that.
        Kem::encap_with_rng(&key, None, &mut Fixed)
            .map_err(|_| Error::PublicKey { what, reason: "it has small order" })?;
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

/// Constant bytes, for the small-order test only: nothing is sealed with them.
struct Fixed;

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill(7);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

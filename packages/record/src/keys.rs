use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

const VERSION: &str = "medrec/record/version/v1";
const SALT: &str = "medrec/record/salt/v1";

/// Salt of one leaf.
pub type Salt = [u8; 32];

/// 32 random bytes made for one record. Destroying it erases the record's commitments of all versions.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RecordKey([u8; 32]);

impl RecordKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key a viewer of one version of the whole record gets; it tells nothing of other versions.
    pub fn version_key(&self, version: u32) -> VersionKey {
        let mac = keyed(&self.0).chain_update(medrec_merkle::lp(VERSION.as_bytes()));
        VersionKey(mac.chain_update(version.to_be_bytes()).finalize().into_bytes().into())
    }
}

/// Gives the salts of all leaves of one version of a record.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct VersionKey([u8; 32]);

impl VersionKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn salt(&self, pointer: &str) -> Salt {
        self.salts().salt(pointer)
    }

    /// The MAC keyed once, for a whole resource.
    pub(crate) fn salts(&self) -> Salts {
        Salts(keyed(&self.0).chain_update(medrec_merkle::lp(SALT.as_bytes())))
    }
}

pub(crate) struct Salts(Hmac<Sha256>);

impl Salts {
    pub(crate) fn salt(&self, pointer: &str) -> Salt {
        self.0.clone().chain_update(medrec_merkle::lp(pointer.as_bytes())).finalize().into_bytes().into()
    }
}

impl core::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RecordKey(secret)")
    }
}

impl core::fmt::Debug for VersionKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("VersionKey(secret)")
    }
}

/// HMAC pads a short key with zeros to its block (RFC 2104), so a 32-byte key never fails.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = zeroize::Zeroizing::new([0u8; 64]);
    if let Some(start) = block.first_chunk_mut() {
        *start = *key;
    }
    <Hmac<Sha256> as KeyInit>::new((&*block).into())
}

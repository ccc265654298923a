//! What a keystore holds: keys as text, in a JSON object of its owner's.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use rand_core::{CryptoRng, RngCore};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Error, create, open};

/// A secret of 32 bytes; base64 in the file.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    pub fn generate(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(B64.encode(self.0)))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let unfit = || D::Error::custom("a key is not 32 bytes of base64");
        let raw = B64.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| unfit())?;
        raw.as_slice().try_into().map(Self).map_err(|_| unfit())
    }
}

/// Writes a new file that holds `content`; an existing one is left as it is.
pub fn create_content(path: &Path, passphrase: SecretString, content: &impl Serialize) -> Result<(), Error> {
    let plain = serde_json::to_vec(content).map(Zeroizing::new).map_err(|e| unfit(path, e))?;
    create(path, passphrase, &plain)
}

/// What a content says of itself, whatever else is in it.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// What [`create_content`] wrote; refused unless its member `version` is this one.
pub fn open_content<C: DeserializeOwned>(
    path: &Path,
    passphrase: SecretString,
    version: u32,
) -> Result<C, Error> {
    let plain = open(path, passphrase)?;
    let found: Versioned = serde_json::from_slice(&plain).map_err(|e| unfit(path, e))?;
    if found.version != version {
        let found = found.version;
        return Err(unfit(path, format!("version {found}, this program knows version {version}")));
    }
    serde_json::from_slice(&plain).map_err(|e| unfit(path, e))
}

/// The refusal of a content.
fn unfit(path: &Path, reason: impl ToString) -> Error {
    Error::Content { path: path.display().to_string(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn a_key_is_32_bytes_of_base64_and_nothing_else() {
        let key = Key::generate(&mut OsRng);
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Key>(&text).unwrap().bytes(), key.bytes());
        for bad in ["\"\"", "\"AAAA\"", "\"?\"", "1", &format!("\"{}\"", B64.encode([0; 33]))] {
            assert!(serde_json::from_str::<Key>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_content_of_another_version_is_refused_whatever_else_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.age");
        let mut recipient = age::scrypt::Recipient::new("correct horse".to_owned().into());
        recipient.set_work_factor(4);
        crate::create_with(&path, &recipient, br#"{"version": 2, "new": 1}"#).unwrap();
        let open =
            |version| open_content::<serde_json::Value>(&path, "correct horse".to_owned().into(), version);
        assert_eq!(open(2).unwrap()["new"], 1);
        let refused = open(1).unwrap_err().to_string();
        assert!(refused.contains("version 2, this program knows version 1"), "{refused}");
    }
}

//! The institution's keys: one file, encrypted under a passphrase (age, scrypt), mode 0600.

use std::{io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use ed25519_dalek::SigningKey;
use medrec_clients::Signer;
use medrec_wallet::{SecretKey, Wallet, Words};
use rand_core::{OsRng, RngCore};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Index of the key of the institution's own account: it anchors and admits the log.
pub const INSTITUTION_ACCOUNT: u32 = 0;
/// Index of the first delegate's key; each delegate opens one relationship.
pub const FIRST_DELEGATE: u32 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("keystore {path}: {reason}")]
    File { path: String, reason: std::io::Error },
    #[error("keystore {path} exists already: it holds the institution's keys and is never overwritten")]
    Exists { path: String },
    #[error("keystore {path}: wrong passphrase, or the file was altered")]
    Passphrase { path: String },
    #[error("keystore {path}: its content is not what this version writes: {reason}")]
    Content { path: String, reason: String },
    #[error("keystore: encrypt: {0}")]
    Encrypt(String),
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
    signing_key: String,
    log_key: String,
    encryption_key: String,
    store_key: String,
}

impl Keystore {
    /// New keys.
    pub fn generate() -> Result<Self, Error> {
        let fresh = || {
            let mut key = Zeroizing::new([0u8; 32]);
            OsRng.fill_bytes(key.as_mut());
            B64.encode(key.as_slice())
        };
        let words = Words::generate(&mut OsRng)?;
        let content = Content {
            version: 1,
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
        self.create_with(path, age::scrypt::Recipient::new(passphrase))
    }

    fn create_with(&self, path: &Path, recipient: age::scrypt::Recipient) -> Result<(), Error> {
        let plain = serde_json::to_vec(&self.content).map(Zeroizing::new);
        let plain = plain.map_err(|e| Error::Encrypt(e.to_string()))?;
        let sealed = age::encrypt(&recipient, &plain).map_err(|e| Error::Encrypt(e.to_string()))?;
        let shown = || path.display().to_string();
        let mut file =
            std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(|e| {
                match e.kind() {
                    std::io::ErrorKind::AlreadyExists => Error::Exists { path: shown() },
                    _ => Error::File { path: shown(), reason: e },
                }
            })?;
        let written = file.write_all(&sealed).and_then(|()| file.sync_all());
        written.map_err(|reason| Error::File { path: shown(), reason })
    }

    pub fn open(path: &Path, passphrase: SecretString) -> Result<Self, Error> {
        let shown = || path.display().to_string();
        let sealed = std::fs::read(path).map_err(|reason| Error::File { path: shown(), reason })?;
        let mut identity = age::scrypt::Identity::new(passphrase);
        // The file is our own: it may have been made on a faster machine.
        identity.set_max_work_factor(22);
        let plain = age::decrypt(&identity, &sealed).map_err(|_| Error::Passphrase { path: shown() })?;
        let plain = Zeroizing::new(plain);
        let bad = |reason: String| Error::Content { path: shown(), reason };
        let content: Content = serde_json::from_slice(&plain).map_err(|e| bad(e.to_string()))?;
        if content.version != 1 {
            return Err(bad(format!("version {}, this relayer knows version 1", content.version)));
        }
        let words = Words::parse(&content.words)?;
        let this = Self { wallet: Wallet::from_words(&words)?, content };
        for key in [&this.content.signing_key, &this.content.log_key, &this.content.encryption_key] {
            secret(key).ok_or_else(|| bad("a key is not 32 bytes of base64".into()))?;
        }
        Ok(this)
    }

    /// Signs cards and answers.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&bytes(&self.content.signing_key))
    }

    /// Signs checkpoints.
    pub fn log_key(&self) -> SigningKey {
        SigningKey::from_bytes(&bytes(&self.content.log_key))
    }

    pub fn encryption_key(&self) -> SecretKey {
        SecretKey::from_bytes(&bytes(&self.content.encryption_key))
    }

    /// Seals secrets in the store.
    pub fn store_key(&self) -> Zeroizing<[u8; 32]> {
        bytes(&self.content.store_key)
    }

    /// The account of an index: [`INSTITUTION_ACCOUNT`], or [`FIRST_DELEGATE`] and on.
    pub fn account(&self, index: u32) -> Result<Signer, Error> {
        Ok(Signer::from_secret(&self.wallet.key(index)?.secret())?)
    }
}

/// `open` has checked them, `generate` made them.
fn bytes(key: &str) -> Zeroizing<[u8; 32]> {
    secret(key).unwrap_or_default()
}

fn secret(key: &str) -> Option<Zeroizing<[u8; 32]>> {
    let raw = Zeroizing::new(B64.decode(key).ok()?);
    raw.as_slice().try_into().ok().map(Zeroizing::new)
}

/// Where a passphrase comes from; never from the command line itself.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    #[error("passphrase file {path}: {reason}")]
    File { path: String, reason: std::io::Error },
    #[error("the passphrase is empty")]
    Empty,
    #[error("the two passphrases differ")]
    Differ,
    #[error("no terminal to ask for the passphrase: give --passphrase-file: {0}")]
    Terminal(std::io::Error),
}

/// From a file (first line), or asked on the terminal, twice when it is a new one.
pub fn passphrase(file: Option<&Path>, new: bool) -> Result<SecretString, PassphraseError> {
    let text = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map(Zeroizing::new)
                .map_err(|reason| PassphraseError::File { path: path.display().to_string(), reason })?;
            Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
        }
        None => {
            let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new);
            let first = ask("Passphrase of the keystore: ").map_err(PassphraseError::Terminal)?;
            if new && ask("Once more: ").map_err(PassphraseError::Terminal)? != first {
                return Err(PassphraseError::Differ);
            }
            first
        }
    };
    if text.is_empty() { Err(PassphraseError::Empty) } else { Ok(SecretString::from(text.as_str())) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_opens_with_its_passphrase_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.age");
        let made = Keystore::generate().unwrap();
        let mut recipient = age::scrypt::Recipient::new("correct horse".to_owned().into());
        recipient.set_work_factor(4);
        made.create_with(&path, recipient).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(made.create(&path, "x".to_owned().into()), Err(Error::Exists { .. })));

        let opened = Keystore::open(&path, "correct horse".to_owned().into()).unwrap();
        assert_eq!(opened.account(0).unwrap().address(), made.account(0).unwrap().address());
        assert_ne!(made.account(0).unwrap().address(), made.account(1000).unwrap().address());
        assert_eq!(opened.signing_key().to_bytes(), made.signing_key().to_bytes());
        assert_eq!(*opened.store_key(), *made.store_key());
        assert_ne!(opened.signing_key().to_bytes(), opened.log_key().to_bytes());
        let wrong = Keystore::open(&path, "battery staple".to_owned().into());
        assert!(matches!(wrong, Err(Error::Passphrase { .. })));
    }

    #[test]
    fn a_passphrase_is_the_first_line_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passphrase");
        std::fs::write(&path, "correct horse\n").unwrap();
        use secrecy::ExposeSecret;
        assert_eq!(passphrase(Some(&path), true).unwrap().expose_secret(), "correct horse");
        std::fs::write(&path, "\nsecond").unwrap();
        assert!(matches!(passphrase(Some(&path), true), Err(PassphraseError::Empty)));
    }
}

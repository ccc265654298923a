//! Secrets in one file, encrypted under a passphrase (age, scrypt), mode 0600; and where the passphrase comes from.

mod content;

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use secrecy::SecretString;
use zeroize::Zeroizing;

pub use content::{Key, create_content, open_content};

/// A file that asks for more work is refused: it may have been made on a faster machine, but not on such a one.
const MAX_WORK_FACTOR: u8 = 22;
/// Lowers scrypt's cost (log2 of N); for tests only.
const WORK_FACTOR_ENV: &str = "MEDREC_TEST_SCRYPT_LOG_N";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("keystore {path}: {reason}")]
    File { path: String, reason: std::io::Error },
    #[error("keystore {path} exists already: it holds keys and is never overwritten")]
    Exists { path: String },
    #[error("keystore {path}: wrong passphrase, or the file was altered")]
    Passphrase { path: String },
    #[error("keystore {path}: its content is not what this version writes: {reason}")]
    Content { path: String, reason: String },
    #[error("keystore: encrypt: {0}")]
    Encrypt(String),
}

/// Writes a new file; an existing one is left as it is.
pub fn create(path: &Path, passphrase: SecretString, secret: &[u8]) -> Result<(), Error> {
    let mut recipient = age::scrypt::Recipient::new(passphrase);
    let given = std::env::var(WORK_FACTOR_ENV).ok().and_then(|text| text.parse().ok());
    if let Some(log_n) = given.filter(|log_n| (1..=MAX_WORK_FACTOR).contains(log_n)) {
        recipient.set_work_factor(log_n);
    }
    create_with(path, &recipient, secret)
}

fn create_with(path: &Path, recipient: &age::scrypt::Recipient, secret: &[u8]) -> Result<(), Error> {
    let sealed = age::encrypt(recipient, secret).map_err(|e| Error::Encrypt(e.to_string()))?;
    let shown = || path.display().to_string();
    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map_err(
        |e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists { path: shown() },
            _ => Error::File { path: shown(), reason: e },
        },
    )?;
    let written = file.write_all(&sealed).and_then(|()| file.sync_all());
    written.map_err(|reason| Error::File { path: shown(), reason })
}

pub fn open(path: &Path, passphrase: SecretString) -> Result<Zeroizing<Vec<u8>>, Error> {
    let shown = || path.display().to_string();
    let sealed = std::fs::read(path).map_err(|reason| Error::File { path: shown(), reason })?;
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let secret = age::decrypt(&identity, &sealed).map_err(|_| Error::Passphrase { path: shown() })?;
    Ok(Zeroizing::new(secret))
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_written_opens_with_its_passphrase_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.age");
        let mut recipient = age::scrypt::Recipient::new("correct horse".to_owned().into());
        recipient.set_work_factor(4);
        create_with(&path, &recipient, b"secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(create_with(&path, &recipient, b"other"), Err(Error::Exists { .. })));
        assert_eq!(open(&path, "correct horse".to_owned().into()).unwrap().as_slice(), b"secret");
        let wrong = open(&path, "battery staple".to_owned().into());
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

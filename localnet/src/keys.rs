//! Keys of the consortium's operators and of the sponsor: random, in files only their owner reads.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use medrec_clients::Signer;
use zeroize::Zeroizing;

use crate::{Error, error::FileContext};

/// Draws a key from the system's generator and stores it as hex. Refuses to replace one.
pub(crate) fn create(path: &Path) -> Result<Signer, Error> {
    let mut secret = Zeroizing::new([0u8; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| Error::Start {
        what: "the random generator".into(),
        source: std::io::Error::other(error.to_string()),
    })?;
    let signer = Signer::from_secret(&secret)?;
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).doing("create", path)?;
    let text = Zeroizing::new(hex::encode(secret.as_slice()));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).doing("write", path)?;
    Ok(signer)
}

pub(crate) fn load(path: &Path) -> Result<Signer, Error> {
    let text = Zeroizing::new(fs::read_to_string(path).doing("read", path)?);
    let mut secret = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(text.trim(), secret.as_mut_slice()).map_err(|error| Error::Content {
        what: "a key (64 hex digits)",
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Signer::from_secret(&secret)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_comes_back_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        let made = create(&path).unwrap();
        assert_eq!(load(&path).unwrap().address(), made.address());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(create(&path).is_err(), "a key is never replaced");
        assert_ne!(create(&dir.path().join("b.key")).unwrap().address(), made.address());
    }

    #[test]
    fn a_damaged_key_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        fs::write(&path, "0011zz").unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("a.key") && !error.contains("0011"), "{error}");
    }
}

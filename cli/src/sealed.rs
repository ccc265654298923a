//! Files of the wallet's folder that are sealed to the wallet itself (wire.md section 1): the words open them, and the
//! folder tells nobody what is in them.

use medrec_wallet::{SecretKey, Wallet, seal};
use rand_core::OsRng;
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;
use crate::home::Home;

/// HPKE info.
const DOMAIN: &str = "medrec/wallet-file/v1";
/// The last index there is; no card is ever made of it.
const INDEX: u32 = u32::MAX >> 1;

/// What the file of that name holds; none if it is not there. One that is torn, altered or another wallet's is refused.
pub fn read<T: DeserializeOwned>(home: &Home, wallet: &Wallet, name: &str) -> Result<Option<T>, Error> {
    let Some(sealed) = home.read_file(name)? else { return Ok(None) };
    let opened = seal::open("the wallet's file", &key(wallet)?, DOMAIN.as_bytes(), name.as_bytes(), &sealed);
    let opened =
        opened.map_err(|_| unreadable(home, name, "it was cut off or altered, or is of another wallet"))?;
    let read = serde_json::from_slice(&opened);
    read.map(Some).map_err(|_| unreadable(home, name, "another version of this program wrote it"))
}

/// Replaces the file at once.
pub fn write<T: Serialize>(home: &Home, wallet: &Wallet, name: &str, value: &T) -> Result<(), Error> {
    let plain = serde_json::to_vec(value).map_err(|e| Error::Failed(e.to_string()))?;
    let (info, aad) = (DOMAIN.as_bytes(), name.as_bytes());
    let sealed = seal::seal(&mut OsRng, "the wallet's file", &key(wallet)?.public()?, info, aad, &plain)?;
    home.write_file(name, &sealed)
}

fn key(wallet: &Wallet) -> Result<SecretKey, Error> {
    Ok(wallet.key(INDEX)?.encryption_key()?)
}

fn unreadable(home: &Home, name: &str, why: &str) -> Error {
    let file = home.file(name);
    Error::Failed(format!(
        "{} cannot be read: {why}. Remove it; the chain and the hospitals have the rest",
        file.display()
    ))
}
